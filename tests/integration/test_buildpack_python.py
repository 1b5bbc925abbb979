"""heroku/python on small apps: versions, package managers, the cache, hooks and Django. Packages come from PyPI."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

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
    assert stand.build({"requirements.txt": "six==1.17.0\n"}) == 0, stand.said
    assert stand.run(*SIX) == "1.17.0\n"


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
    assert stand.build(files, {"NO_ROOT": "1", "DEBUG_COLLECTSTATIC": "1", "PASSWORD": "hunter2"}) == 1
    assert "Error: Unable to generate Django static files." in stand.said
    assert "heroku config:set DISABLE_COLLECTSTATIC=1" in stand.said
    assert "hunter2" not in stand.said
    assert stand.build(files, {"NO_ROOT": "1", "DISABLE_COLLECTSTATIC": "1"}) == 0, stand.said
    assert "Skipping Django collectstatic since the env var DISABLE_COLLECTSTATIC is set." in stand.said
