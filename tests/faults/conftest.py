"""Tests against the lab share these fixtures."""

from lab_fixtures import new_app, platform, pytest_runtest_makereport  # noqa: F401
