"""heroku/python on small apps: versions, package managers, the cache, hooks and Django. Packages come from PyPI."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hokku.build import bundle
from tests.integration.buildpack_stand import Stand, detects

LOCKS = Path(__file__).parent / "python_locks"
SERIES = ".".join(platform.python_version_tuple()[:2])
SIX = ("python", "-c", "import six; print(six.__version__)")
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
import os
SECRET_KEY = "only for a test"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "static/"
STATICFILES_DIRS = [os.path.join(os.path.dirname(__file__), "assets")]
if "NO_ROOT" not in os.environ:
    STATIC_ROOT = os.path.join(os.path.dirname(__file__), "collected")
"""


@pytest.fixture
def stand(tmp_path):
    return Stand(tmp_path, "python")


@pytest.mark.parametrize(
    "name", ["requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "manage.py", "setup.py"]
)
def test_an_app_is_python_by_each_of_its_files(tmp_path, name):
    assert detects("python", tmp_path / "with", {name: ""})
    assert not detects("python", tmp_path / "without", {f"other-{name}": ""})


def test_an_app_without_requirements_gets_the_standard_library(stand):
    assert stand.build({"Procfile": "web: python x.py\n", "x.py": ""}) == 0, stand.said
    assert "the standard library is all there is" in stand.said
    assert f"Using Python {platform.python_version()} of the stack debian-13" in stand.said
    assert stand.run("python", "-c", "print(6 * 7)") == "42\n"
    assert stand.declared == "---\ndefault_process_types: {}\n"


def test_pip_installs_once_for_unchanged_requirements(stand):
    files = {"requirements.txt": "six==1.16.0\n"}
    odd = {"build": "/nowhere", "kept": "/nowhere", "UID": "0", "name": "x", "PYTHONHOME": "/nowhere"}
    assert stand.build(files, odd) == 0, stand.said
    assert "-----> Installing dependencies using 'pip install -r requirements.txt'" in stand.said
    assert stand.run(*SIX) == "1.16.0\n"
    assert stand.build(files, odd) == 0, stand.said
    assert "Using the packages of the last build" in stand.said
    assert stand.run(*SIX) == "1.16.0\n"
    assert stand.repeatable
    assert stand.build({"requirements.txt": "six==1.17.0\n"}) == 0, stand.said
    assert stand.run(*SIX) == "1.17.0\n"


def test_kept_packages_whose_archive_is_broken_are_installed_anew(stand):
    files = {"requirements.txt": "six==1.16.0\n"}
    assert stand.build(files) == 0, stand.said
    (stand.work / "cache/python/venv.tar").write_bytes(b"no archive")
    assert stand.build(files) == 0, stand.said
    assert "-----> Installing dependencies using 'pip install -r requirements.txt'" in stand.said
    assert stand.run(*SIX) == "1.16.0\n"


def test_a_change_in_a_file_that_requirements_name_is_installed(stand):
    files = {"requirements.txt": "-r deep/er/reqs/base.in\n", "deep/er/reqs/base.in": "six\n-c ../pins\n"}
    for version in ("1.16.0", "1.17.0"):
        assert stand.build(files | {"deep/er/pins": f"six=={version}\n"}) == 0, stand.said
        assert stand.run(*SIX) == f"{version}\n"
    assert stand.build(files | {"deep/er/pins": "six==1.17.0\n", "other.txt": "no requirements\n"}) == 0, stand.said
    assert "Using the packages of the last build" in stand.said


def test_packages_that_were_compiled_for_another_image_are_not_used(stand, tmp_path, monkeypatch):
    image = tmp_path / "status"
    monkeypatch.setenv("HOKKU_PACKAGES", str(image))
    for version in ("libpq5 17", "libpq5 18"):
        image.write_text(version)
        assert stand.build({"requirements.txt": "six==1.16.0\n"}) == 0, stand.said
        assert "Installing dependencies using 'pip" in stand.said


def packages_key(app: Path, manager: str, files: dict[str, str], **variables: str) -> str | None:
    """What the packages of this app go by; None if that cannot be known."""
    shutil.rmtree(app, ignore_errors=True)
    for name, text in files.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text)
    program = bundle.DIRECTORY / "python/lib/packages_key.py"
    done = subprocess.run(
        [sys.executable, "-I", program, manager, "3.13.5"], cwd=app, env=variables, capture_output=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    return done.stdout.decode() if done.returncode == 0 else None


ROOT = {"requirements.txt": "-r a/one.txt\nsix\n", "a/one.txt": "--constraint=two.pins\nmarkupsafe ; extra == 'x/y'\n"}
PIPENV = {"Pipfile": "[packages]\n", "Pipfile.lock": '{"_meta": {}, "default": {"six": {"version": "==1.16.0"}}}'}
POETRY = {"pyproject.toml": "[tool.poetry]\n", "poetry.lock": '[[package]]\nname = "six"\n', "site/__init__.py": ""}
UV = {
    "pyproject.toml": "[project]\n",
    "uv.lock": '[[package]]\nname = "one"\nsource = { virtual = "parts/deep/one" }\n',
    "parts/deep/one/pyproject.toml": "[project]\n",
}


@pytest.mark.parametrize(
    ("manager", "files", "change"),
    [
        ("pip", ROOT | {"a/two.pins": "six==1.16.0\n"}, {"a/two.pins": "six==1.17.0\n"}),
        ("pip", ROOT | {"a/two.pins": "-c ../b/three\n", "b/three": "a==1\n"}, {"b/three": "a==2\n"}),
        ("pip", {"requirements.txt": "-rx\\\n.in\n", "x.in": "a==1"}, {"x.in": "a==2"}),
        ("pip", {"requirements.txt": "--find-links wheels\nsix\n", "wheels/six.whl": "1"}, {"wheels/six.whl": "2"}),
        ("pip", {"requirements.txt": "six\n"}, {"requirements.txt": "six\n\nmarkupsafe\n"}),
        ("pipenv", PIPENV, {"Pipfile.lock": PIPENV["Pipfile.lock"].replace("16", "17")}),
        ("pipenv", PIPENV, {"Pipfile": "[packages]\nsix = '*'\n"}),
        ("poetry", POETRY, {"poetry.lock": '[[package]]\nname = "attrs"\n'}),
        ("poetry", POETRY, {"src/site/__init__.py": ""}),
        ("uv", UV, {"parts/deep/one/pyproject.toml": "[project]\nname='other'\n"}),
        ("uv", UV, {"uv.toml": "no-binary = true\n"}),
    ],
)
def test_packages_go_by_every_file_that_decides_what_is_installed(tmp_path, manager, files, change):
    first = packages_key(tmp_path / "app", manager, files)
    assert first is not None
    assert packages_key(tmp_path / "app", manager, files | {"page.py.txt": "", "notes.toml": ""}) == first
    assert packages_key(tmp_path / "app", manager, files | change) not in (first, None)


def test_packages_go_by_variables_and_the_files_that_these_name(tmp_path):
    files = {"requirements.txt": "six @ https://${TOKEN}@example.com/six.whl#sha256=0\n", "pins": "attrs==1\n"}
    named = {"PIP_CONSTRAINT": "pins", "TOKEN": "a"}
    keys = [
        packages_key(tmp_path / "app", "pip", files | more, **variables)
        for more, variables in [
            ({}, named),
            ({"pins": "attrs==2\n"}, named),
            ({}, named | {"TOKEN": "b"}),
            ({}, named | {"PIP_PRE": "1"}),
        ]
    ]
    assert None not in keys
    assert len(set(keys)) == 4
    assert packages_key(tmp_path / "app", "pip", files, **named, DYNO="web.1") == keys[0]


@pytest.mark.parametrize(
    ("manager", "files"),
    [
        ("pip", {"requirements.txt": f"six\n{line}\n"}) for line in (
            "-e .", "--editable=lib", ".", "./lib", "lib/one", "one-1.0-py3-none-any.whl", "one @ file:///app/lib",
            "git+https://example.com/one.git@main", "one @ git+ssh://git@example.com/one", "https://example.com/one.zip",
            "one @ https://example.com/one.zip", "-r https://example.com/x.txt", "-r none.txt",
        )
    ] + [
        ("pip", {"requirements.txt": "-r a.txt\n", "a.txt": "-e lib\n"}),
        ("pipenv", PIPENV | {"Pipfile.lock": '{"_meta": {}, "default": {"x": {"path": "."}}}'}),
        ("poetry", POETRY | {"poetry.lock": '[[package]]\n[package.source]\ntype = "directory"\n'}),
        ("poetry", POETRY | {"pyproject.toml": '[tool.poetry.build]\nscript = "b.py"\n'}),
        ("uv", UV | {"uv.lock": '[[package]]\nsource = { editable = "." }\n'}),
        ("uv", UV | {"uv.lock": "{"}),
    ],
)  # fmt: skip
def test_packages_that_files_cannot_tell_of_are_installed_anew(tmp_path, manager, files):
    assert packages_key(tmp_path / "app", manager, files) is None


@pytest.mark.parametrize(
    ("manager", "words"),
    [
        ("uv", "uv sync --locked --no-default-groups"),
        ("poetry", "poetry sync --only main"),
        ("pipenv", "pipenv install --deploy"),
    ],
)
def test_a_lockfile_is_installed_from_and_the_tool_is_not_in_the_slug(stand, manager, words):
    files = {path.name: path.read_text() for path in (LOCKS / manager).iterdir()}
    assert stand.build(files) == 0, stand.said
    assert f"-----> Installing dependencies using '{words}'" in stand.said
    assert stand.run(*SIX) == "1.16.0\n"
    installed = {path.name for path in (stand.app / ".heroku/python/bin").iterdir()}
    assert not installed & {"uv", "poetry", "pipenv"}
    assert stand.build(files) == 0, stand.said
    assert "Using the packages of the last build" in stand.said
    assert stand.run(*SIX) == "1.16.0\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"requirements.txt": "", "uv.lock": ""}, ["Multiple Python package manager files", "uv.lock (uv)", "(pip)"]),
        ({"Pipfile": ""}, ["No 'Pipfile.lock' found"]),
        ({"requirements.txt": "six==0.0.999\n"}, ["Unable to install dependencies using pip"]),
        ({"requirements.txt": "", ".python-version": "3.4\n"}, ["3.11 on debian-12", "heroku stack:set", "3.4 (from"]),
        ({"requirements.txt": "", ".python-version": "$(id)\n"}, [".python-version has no Python version", "$(id)"]),
        ({"requirements.txt": "", ".python-version": "3.11\n3.12\n"}, ["has no Python version that is understood"]),
        ({"requirements.txt": "", ".python-version": "# none\n"}, ["No Python version stands in"]),
        ({"requirements.txt": "", "runtime.txt": "python-2.7.18\n"}, ["has no Python version", "deprecated"]),
        ({"requirements.txt": "", "bin/pre_compile": "#!/bin/bash\necho no; exit 3\n"}, ["run the bin/pre_compile"]),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_remedy(stand, files, words):
    assert stand.build(files) == 1, stand.said
    for word in words:
        assert word in stand.said, stand.said
    assert " !     " in stand.said


@pytest.mark.parametrize("asked", [SERIES, platform.python_version(), f"{SERIES}.0", f"# series\n{SERIES}  "])
def test_a_version_of_the_stack_is_taken_in_each_form(stand, asked):
    assert stand.build({"requirements.txt": "", ".python-version": f"{asked}\n"}) == 0, stand.said
    assert f"Using Python {platform.python_version()}" in stand.said


def test_runtime_txt_works_with_a_warning(stand):
    assert stand.build({"requirements.txt": "", "runtime.txt": f"python-{SERIES}\n"}) == 0, stand.said
    assert "The runtime.txt file is deprecated" in stand.said


def test_django_collects_its_static_files_between_the_hooks(stand):
    hook = "#!/bin/bash\npython -c 'import django; print(\"{} sees Django\")' 2>/dev/null || echo {} alone\n"
    files = {
        "requirements.txt": "django==5.2.*\n",
        "site/manage.py": MANAGE,
        "site/settings.py": SETTINGS,
        "site/assets/a.css": "a",
        "bin/pre_compile": hook.format("before", "before"),
        "bin/post_compile": hook.format("after", "after"),
    }
    assert stand.build(files) == 0, stand.said
    at = [stand.said.index(part) for part in ("before alone", "collectstatic --noinput", "1 static file", "after sees")]
    assert at == sorted(at), stand.said
    assert (stand.app / "site/collected/a.css").read_text() == "a"
    assert not stand.repeatable, "its hooks run in every build"
    assert stand.build(files, {"NO_ROOT": "1", "DEBUG_COLLECTSTATIC": "1", "PASSWORD": "hunter2"}) == 1
    assert "Error: Unable to generate Django static files." in stand.said
    assert "heroku config:set DISABLE_COLLECTSTATIC=1" in stand.said
    assert "hunter2" not in stand.said
    assert stand.build(files, {"NO_ROOT": "1", "DISABLE_COLLECTSTATIC": "1"}) == 0, stand.said
    assert "Skipping Django collectstatic since the env var DISABLE_COLLECTSTATIC is set." in stand.said
    unhooked = {name: text for name, text in files.items() if not name.startswith("bin/")}
    assert stand.build(unhooked) == 0, stand.said
    assert stand.repeatable
    backend = "from django.core.files.storage import Storage\n\n\nclass Bucket(Storage):\n    {}\n"
    there = "exists = delete = lambda self, name: False; _save = lambda self, name, content: name"
    remote = {
        "src/elsewhere.py": backend.format(there),
        "site/settings.py": SETTINGS + 'STORAGES = {"staticfiles": {"BACKEND": "elsewhere.Bucket"}}\n',
    }
    assert stand.build(unhooked | remote, {"PYTHONPATH": str(stand.app / "src")}) == 0, stand.said
    assert "1 static file" in stand.said
    assert not stand.repeatable, "they lie in a bucket, and not in the slug"


def test_servers_believe_the_router_who_asked(stand):
    assert stand.build({"requirements.txt": "", "x.py": ""}) == 0, stand.said
    script = '. "$0"; echo "$FORWARDED_ALLOW_IPS"'
    profile = stand.app / ".profile.d/python.sh"
    for env, told in (({}, "*"), ({"FORWARDED_ALLOW_IPS": "127.0.0.1"}, "127.0.0.1")):
        done = subprocess.run(
            ["bash", "-c", script, profile],
            env={"PATH": "/usr/bin:/bin"} | env,
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout == f"{told}\n"
