"""What `pip install .` gives on a laptop: the toolbelt, without the services' packages, and quick to start."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.integration.toolbelt_stand import ROOT

SERVICES = {"fastapi", "starlette", "sqlalchemy", "psycopg", "alembic", "uvicorn", "pylxd", "redis", "argon2"}


@pytest.fixture(scope="module")
def laptop(tmp_path_factory) -> Path:
    """The programs of a fresh virtual environment with the wheel of this tree and what it asks for."""
    made = tmp_path_factory.mktemp("laptop")
    tree = made / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "hokku", tree / "hokku", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(made), str(tree)], check=True, timeout=300)
    venv.create(made / "venv", with_pip=True)
    programs = made / "venv" / "bin"
    wheel = next(made.glob("*.whl"))
    install = [str(programs / "pip"), "--quiet", "--disable-pip-version-check", "install", str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    return programs


def said(*argv: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, argv)), text=True, capture_output=True, check=False, timeout=60)


def test_the_toolbelt_needs_none_of_the_services_packages(laptop):
    listed = said(laptop / "pip", "list", "--format=freeze").stdout.lower().splitlines()
    assert {line.split("==")[0] for line in listed} & (SERVICES | {"argon2-cffi"}) == set()
    assert said(laptop / "hokku", "version").stdout.strip() == "0.2.0"


def test_help_tells_what_works_on_a_laptop_and_what_needs_more(laptop):
    told = said(laptop / "hokku", "--help")
    assert told.returncode == 0, told.stderr
    for word in ("login", "logout", "whoami", "heroku", "version", "manifold", "package extra: server"):
        assert word in told.stdout


@pytest.mark.parametrize("words", [["api"], ["logplex"], ["admin", "roll-stacks"]])
def test_a_services_command_says_what_is_missing(laptop, words):
    told = said(laptop / "hokku", *words)
    assert told.returncode == 1
    assert told.stderr.startswith(" !    This is a command of a platform's hosts, and its package ")
    assert told.stderr.endswith("Install them all, in Hokku's source tree, with: pip install '.[server]'\n")
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], ["version"], ["heroku"], ["git-credentials", "get"]])
def test_no_command_of_the_toolbelt_loads_a_service(words, tmp_path):
    """Here all packages are there, so that they could be loaded."""
    program = (
        f"import sys; sys.argv = {['hokku', *words]!r}\nfrom hokku.toolbelt.start import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        input="",
        text=True,
        capture_output=True,
        check=True,
        timeout=60,
    )
    loaded = set(eval(told.stderr.splitlines()[-1]))
    assert loaded & SERVICES == set()
    if words[0] in ("heroku", "git-credentials"):
        assert "typer" not in loaded
