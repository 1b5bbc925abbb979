"""Ansible understands every playbook: its roles, its modules and what they are given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def plays(path: Path) -> list[dict]:
    """The plays of a file; none where it is a list of tasks or something else."""
    found = yaml.safe_load(path.read_text())
    return [play for play in found if "hosts" in play or any("import_playbook" in key for key in play)] if found else []


PLAYBOOKS = [path for path in sorted((ROOT / "playbooks").rglob("*.yml")) if plays(path)]
SCENARIOS = [path for path in sorted((ROOT / "molecule").glob("*/*.yml")) if path.name != "molecule.yml"]


def check(inventory: str, *paths: Path) -> None:
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", inventory, "--syntax-check"]
    done = subprocess.run(
        [*command, *map(str, paths)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_there_are_playbooks_to_check() -> None:
    names = {str(path.relative_to(ROOT)) for path in PLAYBOOKS}
    assert {"playbooks/site.yml", "playbooks/layers/00_check.yml", "playbooks/ops/rebuild_stacks.yml"} <= names


@pytest.mark.parametrize("inventory", ["inventory/example", "inventory/lab", "inventory/single"])
def test_every_playbook_passes_ansibles_syntax_check(inventory: str) -> None:
    check(inventory, *PLAYBOOKS)


def test_every_play_of_the_scenarios_passes_too() -> None:
    check("molecule/shared/inventory/one.yml", *SCENARIOS)


def test_a_playbook_with_a_module_that_is_not_there_does_not_pass(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("- hosts: all\n  tasks:\n    - hokku.platform.no_such_module:\n")
    with pytest.raises(AssertionError, match="no_such_module"):
        check("inventory/example", broken)


def test_each_role_has_a_scenario() -> None:
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    scenarios = {path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")}
    assert scenarios == roles | {"site"}


def test_make_runs_every_scenario() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    named = [word for line in lines if line.startswith(("ROLES_FAST :=", "ROLES_SLOW :=")) for word in line.split()[2:]]
    assert sorted(named) == sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
