"""Tests against the lab share these fixtures. `make test` leaves out what is marked long; `make test-all` has all."""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long."""
    for item in items:
        chosen = getattr(item, "callspec", None)
        params = chosen.params if chosen is not None else {}
        old_cli = params.get("cli") == "v8" and item.path.stem not in OF_BOTH_VERSIONS
        later_page = "page" in params and params["page"].name not in FIRST_PAGES
        listed = item.path.stem in LONG_FILES or item.name.partition("[")[0] in LONG_TESTS
        if old_cli or later_page or listed:
            item.add_marker(pytest.mark.long)
