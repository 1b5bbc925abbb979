"""git: the remote, a push over HTTPS with the CLI as credential helper, and one over SSH after keys:add."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from official_cli import HerokuCli
from platform_client import LAB_STATE, App
from sources import web


def git(cli: HerokuCli, directory: Path, *arguments: str, code: int = 0) -> str:
    """git as the CLI's user runs it: nothing but the CLI's settings and helper."""
    environment = cli.environment | {"GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=environment, text=True, check=False, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def repository(cli: HerokuCli, fresh: App) -> Path:
    """A repository of an app's source, without remotes."""
    return fresh.repository(web("pushed"))


def test_push_over_https_with_the_clis_credentials(cli: HerokuCli, fresh: App, repository: Path) -> None:
    told = cli.run("git:remote", app=fresh.name, cwd=repository)
    assert f"set git remote heroku to https://{fresh.platform.git_host}/{fresh.name}.git" in told.text
    # v11 makes itself git's helper for the host; for v8 a user writes the line that `make env` tells of
    helper = f"credential.https://{fresh.platform.git_host}.helper"
    if cli.version == "v8":
        answer = f"!f() {{ echo username=heroku; echo password={cli.environment['HEROKU_API_KEY']}; }}; f"
        git(cli, repository, "config", helper, answer)
    else:
        assert git(cli, repository, "config", "--get", helper).strip() == "!heroku git:credentials"
    pushed = git(cli, repository, "push", "heroku", "main")
    for wanted in ("remote: Building source:", "remote: -----> Python app detected", "Verifying deploy... done."):
        assert wanted in pushed
    assert fresh.get().body.startswith("pushed")
    assert "Everything up-to-date" in git(cli, repository, "push", "heroku", "main")
    assert fresh.name in cli.run("info", cwd=repository).stdout  # the app is known by the remote


def test_push_over_ssh_with_an_added_key_and_no_more_after_its_removal(
    cli: HerokuCli, fresh: App, repository: Path, tmp_path: Path
) -> None:
    key = tmp_path / "id_rsa"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{cli.version}@haiku", "-f", str(key)], check=True
    )
    cli.run("keys:add", f"{key}.pub")
    try:
        assert f"{cli.version}@haiku" in cli.run("keys").stdout
        assert key.with_suffix(".pub").read_text().split()[1] in cli.run("keys", "--long").stdout
        ssh = (
            f"ssh -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={LAB_STATE / 'ssh/known_hosts'}"
            " -o HostKeyAlias=10.213.77.11"
        )
        user = cli.having(GIT_SSH_COMMAND=ssh)
        remote = f"{fresh.platform.git_ssh}/{fresh.name}.git"
        assert "Verifying deploy... done." in git(user, repository, "push", remote, "main")
        assert fresh.get().body.startswith("pushed")
    finally:
        removed = cli.run("keys:remove", f"{cli.version}@haiku")
    assert "Removing" in removed.text
    assert f"{cli.version}@haiku" not in cli.run("keys", code=None).stdout
    fresh.commit(repository, {"more": "x"})
    assert "Permission denied" in git(user, repository, "push", remote, "main", code=128)


def test_clone_gives_the_source_back(cli: HerokuCli, shop: App, tmp_path: Path) -> None:
    helper = f"credential.https://{shop.platform.git_host}.helper"
    answer = f"!f() {{ echo username=heroku; echo password={cli.environment['HEROKU_API_KEY']}; }}; f"
    git(cli, tmp_path, "config", "--global", helper, answer)
    try:
        cli.run("git:clone", "twin", app=shop.name, cwd=tmp_path)
    finally:
        git(cli, tmp_path, "config", "--global", "--unset-all", helper)
    assert (tmp_path / "twin" / "server.py").is_file()
