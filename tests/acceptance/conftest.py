"""Tests against the lab share these fixtures. `make test` leaves out what is marked long; `make test-all` has all.

Most tests have apps of their own and nothing else, so several run at once. Those marked alone do not: they restart or
kill what all apps share, count what hosts hold, or take a computer's whole strength.
"""

from __future__ import annotations

import pytest
from lab_fixtures import new_app, platform, pytest_runtest_makereport  # noqa: F401

# Of the CLI's two versions v11 is tried with every command in `make test`. v8, which asks the API almost the same, is
# tried there with what differs most between the two: how it logs in, and how git gets its password.
OF_BOTH_VERSIONS = {"test_account", "test_git", "test_table"}

# What takes minutes each time, for what seldom breaks alone: a machine is added and taken away; more modules of a kind.
LONG_FILES = {"test_host_playbooks", "test_certificate_module", "test_drain_module", "test_people_modules"}

# Of tests that take minutes, those whose promise others of their file keep watch on, too.
LONG_TESTS = {
    "test_a_drain_that_is_taken_back_replaces_nothing_more",
    "test_a_one_off_dyno_is_waited_for_and_the_host_says_so",
    "test_what_is_written_from_a_running_app_changes_nothing_when_it_is_deployed",
    "test_several_types_more_or_less_and_a_wait_until_they_are_up",
    "test_a_drained_host_has_no_dyno_left_and_can_be_taken_back",
    "test_both_web_servers_before_php_keep_what_is_not_public_to_themselves",
    "test_a_jvm_takes_the_dynos_memory_into_account",
}

# The page that everybody begins with is run in `make test`, the tutorial and the guides in `make test-all`.
FIRST_PAGES = {"README.md"}

ALONE_FILES = {
    "test_docs_commands", "test_faults", "test_host_drain", "test_host_playbooks", "test_hostile_builds",
    "test_runbooks", "test_scale", "test_stacks",
}  # fmt: skip
ALONE_TESTS = {
    "test_a_dyno_that_is_killed_ends_its_terminal_and_is_not_started_again",
    "test_a_killed_builder_fails_the_phase_and_never_runs_it_twice",
    "test_a_manifold_that_is_killed_begins_nothing_twice",
    "test_a_rendezvous_that_is_killed_ends_its_terminals_only",
    "test_a_tail_that_breaks_off_goes_on_after_the_last_line_it_had",
    "test_the_database_may_restart_under_a_terminal",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long, and what runs alone."""
    for item in items:
        name = item.name.partition("[")[0]
        if item.path.stem in ALONE_FILES or name in ALONE_TESTS:
            item.add_marker(pytest.mark.alone)
        chosen = getattr(item, "callspec", None)
        params = chosen.params if chosen is not None else {}
        old_cli = params.get("cli") == "v8" and item.path.stem not in OF_BOTH_VERSIONS
        later_page = "page" in params and params["page"].name not in FIRST_PAGES
        listed = item.path.stem in LONG_FILES or name in LONG_TESTS
        if old_cli or later_page or listed:
            item.add_marker(pytest.mark.long)
