"""Tests against the lab share these fixtures. `make test` leaves out what is marked long; `make test-all` has all."""

from __future__ import annotations

import pytest
from lab_fixtures import new_app, platform, pytest_runtest_makereport  # noqa: F401

# Of the CLI's two versions v11 is tried with every command in `make test`. v8, which asks the API almost the same, is
# tried there with what differs most between the two: how it logs in, and how git gets its password.
OF_BOTH_VERSIONS = {"test_account", "test_git", "test_table"}

# What takes minutes each time, for what seldom breaks alone: a machine is added and taken away; more modules of a kind.
LONG_FILES = {"test_host_playbooks", "test_certificate_module", "test_drain_module"}

# The pages that everybody begins with are run in `make test`, the guides in `make test-all`.
FIRST_PAGES = {"README.md", "tutorial.md"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long."""
    for item in items:
        chosen = getattr(item, "callspec", None)
        params = chosen.params if chosen is not None else {}
        old_cli = params.get("cli") == "v8" and item.path.stem not in OF_BOTH_VERSIONS
        later_page = "page" in params and params["page"].name not in FIRST_PAGES
        if old_cli or later_page or item.path.stem in LONG_FILES:
            item.add_marker(pytest.mark.long)
