"""Tests against the lab share these fixtures. `make test` leaves out what is marked long; `make test-all` has all.

Most tests have apps of their own and nothing else, so several run at once. Those marked alone do not: they restart or
kill what all apps share, count what hosts hold, or take a computer's whole strength.
"""

from __future__ import annotations

import pytest
from lab_fixtures import new_app, platform, pytest_runtest_makereport  # noqa: F401

# Of the CLI's two versions v11 is tried with every kind of command in `make test`. v8, which asks the API almost the
# same, is tried there with what differs most between the two: how it logs in, and how git gets its password.
OF_BOTH_VERSIONS = {
    "test_login_at_a_terminal_whoami_token_and_logout",
    "test_push_over_https_with_the_clis_credentials",
    "test_the_table_has_every_command_of_the_cli_once",
}

# What takes minutes each time, for what seldom breaks alone: a machine is added and taken away; more modules of a kind.
LONG_FILES = {
    "test_host_playbooks", "test_certificate_module", "test_deploy_modules", "test_drain_module", "test_people_modules",
}  # fmt: skip

# Of tests that take long, those whose promise others of their file, or of tests/integration, keep watch on, too.
LONG_TESTS = {
    "test_a_collaborator_sees_and_pushes_and_does_nothing_else",
    "test_a_domain_is_given_another_certificate",
    "test_a_drain_that_is_taken_back_replaces_nothing_more",
    "test_a_drained_host_has_no_dyno_left_and_can_be_taken_back",
    "test_a_hanging_command_is_ended_by_stopping_its_dyno",
    "test_a_jvm_takes_the_dynos_memory_into_account",
    "test_a_manifold_that_is_killed_while_a_release_command_starts_fails_no_release",
    "test_a_one_off_dyno_is_waited_for_and_the_host_says_so",
    "test_a_pipeline_is_given_away_with_its_apps",
    "test_a_sample_is_pushed_served_logged_and_built_again_from_the_cache[go]",
    "test_a_sample_is_pushed_served_logged_and_built_again_from_the_cache[java]",
    "test_a_sample_is_pushed_served_logged_and_built_again_from_the_cache[ruby]",
    "test_a_sample_is_served_and_its_later_pushes_take_what_the_first_one_kept[node]",
    "test_add_list_receive_deliveries_update_and_remove",
    "test_an_app_changes_hands",
    "test_both_web_servers_before_php_keep_what_is_not_public_to_themselves",
    "test_create_info_update_rotate_and_revoke",
    "test_diff_finds_the_commits_that_it_would_compare_on_github",
    "test_each_stack_runs_its_own_python_without_a_compiler[debian-12-3.11]",
    "test_features_are_listed_and_one_that_is_not_there_is_refused",
    "test_heroku_client_lists_creates_scales_logs_and_runs",
    "test_it_survives_a_deploy_on_its_release_and_not_the_apps_end",
    "test_labs_are_listed_told_of_and_switched",
    "test_no_layer_alone_puts_another_key_in_the_place_of_the_platforms",
    "test_one_that_nobody_comes_for_ends_with_r13",
    "test_php_is_built_again_where_composer_runs_more_than_frameworks_have_it_run",
    "test_ps_is_dyno_and_filters_hold_together",
    "test_push_over_ssh_with_an_added_key_and_no_more_after_its_removal",
    "test_several_types_more_or_less_and_a_wait_until_they_are_up",
    "test_single_steps_scale_roll_back_and_run",
    "test_stacks_and_regions_are_listed_and_a_stack_is_set_for_the_next_build",
    "test_stop_of_a_type_starts_others_and_leaves_other_types_alone",
    "test_stop_of_one_off_dynos_by_name_and_by_type_ends_them",
    "test_the_release_phase_is_shown_by_output_and_tried_again",
    "test_types_are_scaled_and_sized_in_one_command_and_all_are_sized_by_one_word",
    "test_values_up_to_64_kb_are_kept_and_more_is_refused",
    "test_what_is_written_from_a_running_app_changes_nothing_when_it_is_deployed",
    "test_what_lxd_forgets_to_close_does_not_pile_up",
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
        old_cli = params.get("cli") == "v8" and name not in OF_BOTH_VERSIONS
        later_page = "page" in params and params["page"].name not in FIRST_PAGES
        listed = item.path.stem in LONG_FILES or not LONG_TESTS.isdisjoint({name, item.name})
        if old_cli or later_page or listed:
            item.add_marker(pytest.mark.long)
