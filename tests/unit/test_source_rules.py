"""What may be asked over SSH, which keys are whose, and which branches deploy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokku.source import refs, request
from hokku.source.place import place

ZERO, ONE, TWO = "0" * 40, "1" * 40, "2" * 40


@pytest.mark.parametrize(
    ("command", "service", "app"),
    [
        ("git-receive-pack 'hello.git'", "receive-pack", "hello"),
        ("git-receive-pack '/hello.git'", "receive-pack", "hello"),
        ("git receive-pack '/hello.git/'", "receive-pack", "hello"),
        ("git-upload-pack hello", "upload-pack", "hello"),
    ],
)
def test_git_is_understood(command, service, app):
    assert request.parse(command) == request.Request(service, app)


@pytest.mark.parametrize(
    "command",
    ["", "bash -i", "git-receive-pack", "git-receive-pack 'a' 'b'", "git-receive-pack 'a';id", "git-upload-archive 'a'",
     "git-receive-pack 'a\n'", "git-shell -c x", "git-receive-pack 'a'b", "GIT-receive-pack 'a'"],
)  # fmt: skip
def test_everything_else_is_not(command):
    assert request.parse(command) is None


@given(st.text(max_size=60))
def test_only_names_of_apps_pass(text):
    asked = request.parse(f"git-receive-pack '{text}.git'")
    if asked is not None and request.names_an_app(asked.app):
        assert asked.app.isascii()
        assert "/" not in asked.app
    assert request.no_such_app(text).isprintable()


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    argv = ["ssh-keygen", "-lf", str(key)]
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[1]
    kind, blob, *_ = key.with_suffix(".pub").read_text().split()
    assert request.fingerprint(blob) == printed
    assert request.fingerprint_of_session(f"publickey {kind} {blob}\n") == printed
    assert request.fingerprint_of_session("password\n") is None
    assert request.fingerprint("not base64!") is None


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/master"])
def test_main_and_master_deploy(ref):
    update = refs.to_deploy(refs.parse([f"{ZERO} {ONE} {ref}\n"]))
    assert update == refs.Update(ZERO, ONE, ref)
    assert update.creates


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([f"{ZERO} {ONE} refs/heads/feature/x"], "Pushed to 'feature/x': only main or master deploys"),
        ([f"{ZERO} {ONE} refs/heads/main", f"{ZERO} {ONE} refs/heads/dev"], "Pushed to 'dev'"),
        ([f"{ONE} {ZERO} refs/heads/main"], "The branch main cannot be deleted"),
        ([f"{ZERO} {ONE} refs/tags/v1"], "Pushed the tag 'v1'"),
        ([f"{ZERO} {ONE} refs/heads/main", f"{ZERO} {TWO} refs/heads/master"], "at once: push one of them"),
        ([f"{ZERO} {ONE} refs/notes/x"], "Pushed to 'refs/notes/x'"),
    ],
)
def test_what_does_not_deploy_is_refused_as_a_whole(lines, told):
    with pytest.raises(refs.NotDeployed) as raised:
        refs.to_deploy(refs.parse(lines))
    assert told in str(raised.value)


def test_the_place_is_read_without_the_platforms_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "hokku.toml"
    file.write_text('public_url = "https://platform.example.com:5443"\napi_port = 443\ngit_dir = "/srv/x"\n')
    monkeypatch.setenv("HOKKU_SETTINGS", str(file))
    found = place()
    assert (found.address, found.port, found.server_name) == ("127.0.0.1", 443, "platform.example.com")
    assert found.git_dir == Path("/srv/x")
    assert found.ca_file == Path("/etc/hokku/tls/ca.crt")
