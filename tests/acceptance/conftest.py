"""Tests against the lab share these fixtures. `make test` leaves out what is marked long; `make test-all` has all."""

from __future__ import annotations

import pytest
from lab_fixtures import new_app, platform, pytest_runtest_makereport  # noqa: F401

# Of the CLI's two versions v11 is tried with every command in `make test`. v8, which asks the API almost the same, is
# tried there with what differs most between the two: how it logs in, and how git gets its password.
OF_BOTH_VERSIONS = {"test_account", "test_git", "test_table"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as long what `make test` has with v11 alone."""
    for item in items:
        chosen = getattr(item, "callspec", None)
        if chosen is not None and chosen.params.get("cli") == "v8" and item.path.stem not in OF_BOTH_VERSIONS:
            item.add_marker(pytest.mark.long)
