"""Playbooks say once where the Platform API is, by an action group: every module over the API must be in it."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_the_group_has_every_module_over_the_api_and_no_other() -> None:
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["api"]
    modules = (ROOT / "plugins" / "modules").glob("*.py")
    assert group == sorted(path.stem for path in modules if "- hokku.platform.api\n" in path.read_text())
