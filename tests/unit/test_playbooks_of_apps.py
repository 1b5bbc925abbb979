"""What the playbooks of apps print and decide, with no platform to ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NOBODY = {"HOKKU_API_URL": "https://127.0.0.1:1", "HOKKU_API_TOKEN": "a-token-of-a-test", "ANSIBLE_FORCE_COLOR": "0"}


def play(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The end of a playbook whose platform does not answer."""
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(path), *more]
    return subprocess.run(argv, cwd=ROOT, env=os.environ | NOBODY, text=True, capture_output=True, check=False)


def task_of(playbook: str, module: str) -> dict[str, Any]:
    """The playbook's only task with that module."""
    plays = yaml.safe_load((ROOT / "playbooks" / playbook).read_text())
    [found] = [task for each in plays for task in each["tasks"] if f"hokku.platform.{module}" in task]
    return found


def written(folder: Path, tasks: list[dict[str, Any]], **known: Any) -> Path:
    """A playbook of these tasks alone."""
    path = folder / "play.yml"
    content = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": known, "tasks": tasks}
    path.write_text(yaml.safe_dump([content], sort_keys=False))
    return path


def test_a_private_key_is_not_printed_when_its_certificate_is_refused(tmp_path: Path) -> None:
    certificate = {"certificate": "no certificate", "key": "a-key-of-a-test", "domains": ["a.example.com"]}
    wanted, skipped = {"name": "shop", "certificates": [certificate]}, {"changed": False, "skipped": True}
    done = play(
        written(tmp_path, [task_of("deploy.yml", "certificate")], wanted=wanted, deploy_present=skipped), "-vvv"
    )
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    assert "a.example.com" in told
    assert "PEM" in told
    assert "a-key-of-a-test" not in told


@pytest.mark.parametrize(
    ("compiled", "released", "asked"),
    [
        ({"changed": True}, {"changed": False, "skipped": True}, True),
        ({"changed": False, "skipped": True}, {"changed": True}, True),
        ({"changed": False}, {"changed": False}, False),
        ({"changed": False, "skipped": True}, {"changed": False, "skipped": True}, False),
    ],
    ids=["would be built", "would be released", "serves already", "no source"],
)
def test_a_check_asks_what_runs_when_another_slug_would_serve(
    tmp_path: Path, compiled: dict, released: dict, asked: bool
) -> None:
    told = {"ansible.builtin.debug": {"msg": "they are asked"}, "when": task_of("deploy.yml", "formation_info")["when"]}
    known = {"deploy_compiled": compiled, "deploy_released": released}
    done = play(written(tmp_path, [told], **known), "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("they are asked" in done.stdout) is asked


def test_an_export_says_why_the_app_cannot_be_read(tmp_path: Path) -> None:
    done = play(ROOT / "playbooks" / "export.yml", "-e", "app=hello", "-e", f"to={tmp_path}/hello.yml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "https://127.0.0.1:1 does not answer" in done.stdout
    assert "Nothing was written." in done.stdout
    assert list(tmp_path.iterdir()) == []
