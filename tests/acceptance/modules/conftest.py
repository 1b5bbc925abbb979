"""Tests of modules against the lab share these fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest
from platform_client import Platform
from runner import Runner


@pytest.fixture
def runner(platform: Platform, tmp_path: Path) -> Runner:
    """Runs modules as the first account; an argument `api_token` makes somebody else of it."""
    return Runner(platform, tmp_path)
