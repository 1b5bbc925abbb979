"""The package that control hosts get, as module `wheel` builds it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.hokku.platform.plugins.modules import wheel

ROOT = Path(__file__).parents[2]
PARTS = ["pyproject.toml", "README.md", "LICENSE", "hokku"]


class Module:
    """What `build` needs of an AnsibleModule."""

    def run_command(self, argv: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        done = subprocess.run(argv, env=os.environ | environ_update, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def fail_json(self, msg: str) -> None:
        raise AssertionError(msg)


def built(source: Path, target: Path) -> Path:
    wheel.build(Module(), source, wheel.package_files(source, PARTS), target)
    (made,) = target.glob("*.whl")
    return made


def test_two_checkouts_make_the_same_bytes(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in wheel.package_files(ROOT, PARTS):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, other / name)
        (other / name).chmod(0o600)
    one, two = built(ROOT, tmp_path / "a" / "one"), built(other, tmp_path / "b" / "two")
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()
