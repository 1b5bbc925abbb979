"""An app as data: a file is deployed, edited, looked at before, and written from what runs."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible_runs import Ran, must, run
from lab_fixtures import lab_environment, watched
from platform_client import ROOT, SAMPLE, App, Platform

PASSWORD = "a-vault-password"


@dataclass(frozen=True)
class Folder:
    """A folder of apps with one app in it, and the vault password of its secrets."""

    path: Path
    app: App
    password: Path

    def write(self, secrets: dict[str, str], **changes: object) -> None:
        """The app's file: that of apps/hello.yml under another name, with `changes`; its secrets encrypted."""
        content = yaml.safe_load((ROOT / "apps" / "hello.yml").read_text())
        content |= {"name": self.app.name, "secrets": sorted(secrets), "source": {"path": str(SAMPLE)}, **changes}
        (self.path / f"{self.app.name}.yml").write_text(yaml.safe_dump(content))
        vault = self.path / f"{self.app.name}.vault.yml"
        vault.write_text(yaml.safe_dump(secrets))
        argv = [
            Path(sys.executable).with_name("ansible-vault"),
            "encrypt",
            "--vault-password-file",
            self.password,
            vault,
        ]
        subprocess.run(argv, check=True, capture_output=True)

    def deploy(self, *arguments: str) -> Ran:
        given = ("-e", f"app={self.app.name}", "-e", f"apps_dir={self.path}", "--vault-password-file", self.password)
        return must("deploy.yml", *given, *arguments, **lab_environment())

    def changed(self, *arguments: str) -> int:
        """How many steps of the app changed something."""
        return self.deploy(*arguments).changed[f"{self.app.name}.app"]


@pytest.fixture
def folder(platform: Platform, tmp_path: Path) -> Iterator[Folder]:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    apps = tmp_path / "apps"
    apps.mkdir()
    app = App(platform, f"t-{uuid.uuid4().hex[:10]}")
    with watched(app):
        yield Folder(apps, app, password)
    app.destroy()


def test_a_file_is_deployed_once_and_an_edit_is_told_before_without_its_secrets(folder: Folder) -> None:
    app = folder.app
    folder.write({"KEY": "s3cret-one"}, domains=[f"{app.name}.example.com"])
    told = folder.deploy("--check", "--diff")
    assert "KEY: '********'" in told.said
    assert f"{app.name}.example.com" in told.said
    assert "s3cret" not in told.output
    assert app.call("GET").status_code == 404
    assert folder.changed() > 0
    assert len(app.wait_dynos("web", 2)) == 2
    assert "Hello from" in app.get().body
    assert app.call("GET", "/config-vars").json() == {"GREETING": "Hello", "KEY": "s3cret-one"}
    releases = app.call("GET", "/releases").json()
    assert folder.changed() == 0
    assert app.call("GET", "/releases").json() == releases

    folder.write({"KEY": "s3cret-two"}, formation={"web": 3, "worker": 0}, domains=[])
    told = folder.deploy("--check", "--diff")
    assert app.call("GET", "/config-vars").json()["KEY"] == "s3cret-one"
    assert app.call("GET", "/releases").json() == releases
    assert len(app.dynos("web")) == 2
    assert "KEY: '******** (after)'" in told.said
    assert "web: 3:Basic" in told.said
    assert f"- {app.name}.example.com: null" in told.said
    assert "s3cret" not in told.output
    assert told.changed[f"{app.name}.app"] == 3

    edited = folder.deploy("--diff", "-vvv")
    assert edited.changed[f"{app.name}.app"] == 3
    assert "s3cret" not in edited.output
    assert app.call("GET", "/config-vars").json()["KEY"] == "s3cret-two"
    assert len(app.wait_dynos("web", 3)) == 3
    assert folder.changed() == 0

    folder.write({"KEY": "s3cret-two"}, formation={"web": 3, "worker": 0}, domains=[], buildpacks=["heroku/python"])
    assert folder.changed("--check") == 3, "the buildpacks, a slug, and its release"
    assert folder.changed() == 3


def test_what_is_written_from_a_running_app_changes_nothing_when_it_is_deployed(folder: Folder, tmp_path: Path) -> None:
    app, written = folder.app, tmp_path / "written"
    folder.write({"KEY": "s3cret"}, drains=["https://someone:pass-word@127.0.0.1/in"])
    folder.deploy()
    to = written / f"{app.name}.yml"
    must("export.yml", "-e", f"app={app.name}", "-e", f"to={to}", "--vault-password-file", folder.password,
         **lab_environment())  # fmt: skip
    vault = to.with_name(f"{app.name}.vault.yml").read_text()
    assert vault.startswith("$ANSIBLE_VAULT;")
    assert yaml.safe_load(to.read_text())["source"] == {"slug": app.release()["slug"]["id"]}
    assert "pass-word" not in to.read_text()
    assert Folder(written, app, folder.password).changed() == 0
    again = must("export.yml", "-e", f"app={app.name}", "-e", f"to={to}", "--vault-password-file", folder.password,
                 **lab_environment())  # fmt: skip
    assert set(again.changed.values()) == {0}


def test_without_a_vault_password_secrets_are_for_the_owner_alone_and_that_is_said(
    folder: Folder, tmp_path: Path
) -> None:
    folder.app.platform.create_app(folder.app.name)
    folder.app.call("PATCH", "/config-vars", {"KEY": "s3cret"}, 200)
    to = tmp_path / f"{folder.app.name}.yml"
    ran = must("export.yml", "-e", f"app={folder.app.name}", "-e", f"to={to}", "-vvv", **lab_environment())
    vault = to.with_name(f"{folder.app.name}.vault.yml")
    assert "NOT encrypted, because no vault password is configured" in ran.said
    assert "s3cret" not in ran.output
    assert (vault.stat().st_mode & 0o777, yaml.safe_load(vault.read_text())) == (0o600, {"KEY": "s3cret"})


def test_a_file_that_is_wrong_is_refused_before_anything_is_asked(folder: Folder) -> None:
    folder.write({}, formation={"web": "many"}, buildpack="heroku/python")
    refused = run("deploy.yml", "-e", f"app={folder.app.name}", "-e", f"apps_dir={folder.path}",
                  "--vault-password-file", folder.password, **lab_environment())  # fmt: skip
    assert not refused.good
    assert "formation.web.quantity is 'many': give a number of dynos, 0 or more." in refused.said
    assert "buildpack: there is no such key, use one of" in refused.said
    assert folder.app.call("GET").status_code == 404


def test_single_steps_scale_roll_back_and_run(folder: Folder) -> None:
    app, named = folder.app, ("-e", f"app={folder.app.name}")
    folder.write({}, formation={"web": 1})
    folder.deploy()
    must("scale.yml", *named, "-e", "web=2", "-e", "worker=1", **lab_environment())
    assert len(app.dynos("web")) == 2
    assert set(must("scale.yml", *named, "-e", "web=2", **lab_environment()).changed.values()) == {0}
    first = app.release()["version"]
    app.call("PATCH", "/config-vars", {"GREETING": "Good day"}, 200)
    must("rollback.yml", *named, "-e", f"to=v{first}", **lab_environment())
    assert app.call("GET", "/config-vars").json()["GREETING"] == "Hello"
    said = must("run.yml", *named, "-e", "command='echo $GREETING to you'", **lab_environment())
    assert "- Hello to you" in said.said
    assert not run("run.yml", *named, "-e", "command='exit 7'", **lab_environment()).good
