"""The collection is built, installed into an empty place, and what is in it works from there alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*argv: str, cwd: Path, **environment: str) -> str:
    """Standard output of a program of the project's environment that knows no collection but those it is told of."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        [str(BIN / argv[0]), *argv[1:]],
        cwd=cwd,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that `ansible-galaxy collection build` makes of what git knows."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    subprocess.run(
        ["xargs", "-0", "cp", "--no-dereference", "--parents", f"--target-directory={source}"],
        cwd=ROOT,
        input=listed.stdout,
        check=True,
    )
    folder = tmp_path_factory.mktemp("built")
    run("ansible-galaxy", "collection", "build", str(source), "--output-path", str(folder), cwd=source)
    return next(folder.glob("hokku-platform-*.tar.gz"))


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place with nothing but the collection in it."""
    place = tmp_path_factory.mktemp("place")
    run("ansible-galaxy", "collection", "install", str(built), "--collections-path", str(place), cwd=place)
    return place


def test_it_bears_the_version_of_galaxy_yml(built: Path) -> None:
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert built.name == f"hokku-platform-{about['version']}.tar.gz"


def test_it_has_what_a_user_needs_and_nothing_of_this_workplace(built: Path) -> None:
    with tarfile.open(built) as archive:
        names = archive.getnames()
    top = {name.split("/")[0] for name in names}
    assert {"plugins", "roles", "playbooks", "meta", "hokku", "pyproject.toml", "README.md", "LICENSE"} <= top
    assert top & {"lab", "tests", "molecule", "samples", ".cache", ".venv", ".git", ".collections", "build"} == set()
    assert [
        name for name in names if "__pycache__" in name or name.startswith(("inventory/lab", "docs/generate"))
    ] == []


def test_a_module_runs_from_there(installed: Path, tmp_path: Path) -> None:
    said = run(
        *("ansible", "localhost", "-c", "local", "-m", "hokku.platform.files"),
        *("-a", json.dumps({"directories": [{"path": str(tmp_path / "made")}]}), "-o"),
        cwd=installed,
        ANSIBLE_COLLECTIONS_PATH=str(installed),
        ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false",
    )
    assert "CHANGED" in said
    assert (tmp_path / "made").is_dir()


def test_its_documentation_is_shown_from_there(installed: Path) -> None:
    options = {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    listed = json.loads(run("ansible-doc", "--list", "--json", "hokku.platform", cwd=installed, **options))
    assert sorted(listed) == [f"hokku.platform.{path.stem}" for path in sorted((ROOT / "plugins/modules").glob("*.py"))]
    role = run("ansible-doc", "--type", "role", "hokku.platform.base", cwd=installed, **options)
    assert "base_journal_size" in role


def test_the_site_playbook_is_understood_from_there(installed: Path) -> None:
    run(
        *("ansible-playbook", "-i", str(ROOT / "inventory/example"), "--syntax-check", "hokku.platform.site"),
        cwd=installed,
        ANSIBLE_COLLECTIONS_PATH=str(installed),
        ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false",
    )


def test_the_package_can_be_built_from_there(installed: Path, tmp_path: Path) -> None:
    """Role control builds the platform's own package out of the collection that it is in."""
    collection = installed / "ansible_collections/hokku/platform"
    arguments = {"source": str(collection), "cache": str(tmp_path / "wheels")}
    said = run(
        *("ansible", "localhost", "-c", "local", "-m", "hokku.platform.wheel", "-a", json.dumps(arguments), "-o"),
        *("-e", f"ansible_python_interpreter={sys.executable}"),
        cwd=installed,
        ANSIBLE_COLLECTIONS_PATH=str(installed),
    )
    assert "CHANGED" in said
    assert len(list((tmp_path / "wheels").rglob("hokku-*.whl"))) == 1
