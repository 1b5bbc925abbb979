"""`hokku.platform.account`, `collaborator` and `key` on the lab."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from platform_client import App, Platform
from runner import Runner, Step

# Accounts cannot be removed: each run finds those of the first.
BASHO, SORA = "basho@modules.example.com", "sora@modules.example.com"
PASSWORD, OTHER = "an-old-silent-pond-7381", "a-frog-jumps-into-it-5512"


@contextmanager
def token_of(platform: Platform, email: str, password: str) -> Iterator[str]:
    """A token of the account for the length of the block."""
    asked = platform.http.post(
        "/oauth/authorizations", json={"description": "modules"}, auth=(email, password), headers={"Authorization": ""}
    )
    assert asked.status_code == 201, asked.text
    made = asked.json()
    token = made["access_token"]["token"]
    yield token
    platform.http.delete(f"/oauth/authorizations/{made['id']}", headers={"Authorization": f"Bearer {token}"})


def test_an_account_is_made_once_and_changes_its_own_name_and_password(runner: Runner, platform: Platform) -> None:
    new = {"email": BASHO, "name": "Basho", "password": PASSWORD}
    nobody = "nobody@modules.example.com"
    made, again, would, without, short, told = runner.play(
        [
            Step("account", new),
            Step("account", new),
            Step("account", new | {"email": nobody}, check=True),
            Step("account", {"email": nobody}),
            Step("account", new | {"email": nobody, "password": "short"}),
            Step("account_info", {"email": BASHO}),
        ]
    )
    assert made["account"]["email"] == BASHO
    assert (again["changed"], again["account"], told["accounts"]) == (False, made["account"], [made["account"]])
    assert would["actions"] == [f"account {nobody} made"]
    assert "give the password" in without["msg"]
    assert "8 or more" in short["msg"]
    assert platform.call("GET", f"/users/{nobody}").status_code == 404

    with token_of(platform, BASHO, PASSWORD) as token:
        mine = {"api_token": token, "email": BASHO, "update_password": "always"}
        change = mine | {"name": "Matsuo", "password": OTHER, "current_password": PASSWORD}
        back = mine | {"name": "Basho", "password": PASSWORD, "current_password": OTHER}
        would, changed, again, wrong, stranger, reset = runner.play(
            [
                Step("account", change, check=True),
                Step("account", change),
                Step("account", change),
                Step("account", back | {"current_password": "not-the-password"}),
                Step("account", {"email": BASHO, "name": "Kikaku"}),
                Step("account", back),
            ]
        )
    assert would["actions"] == changed["actions"] == [f"name and password of {BASHO} changed"]
    assert changed["diff"]["after"]["name"] == "Matsuo"
    assert (changed["account"]["name"], again["changed"]) == ("Matsuo", False)
    assert "current_password is not" in wrong["msg"]
    assert "act with a token of theirs" in stranger["msg"]
    assert reset["account"]["name"] == "Basho"
    assert not any(map(runner.says, (PASSWORD, OTHER, token)))


def test_an_app_is_shared_with_whom_one_task_says(runner: Runner, new_app: Callable[..., App]) -> None:
    app = new_app()
    owner = app.platform.call("GET", "/account", status=200).json()["email"]
    both = {"app": app.name, "emails": [SORA, BASHO.upper()], "exact": True}
    *_, would, changed, unchanged, nobody, owned, gone, told = runner.play(
        [
            Step("account", {"email": BASHO, "name": "Basho", "password": PASSWORD}),
            Step("account", {"email": SORA, "password": PASSWORD}),
            Step("collaborator", both, check=True),
            Step("collaborator", both),
            Step("collaborator", both),
            Step("collaborator", {"app": app.name, "emails": ["nobody@modules.example.com"]}, check=True),
            Step("collaborator", {"app": app.name, "email": owner, "state": "absent"}),
            Step("collaborator", {"app": app.name, "email": SORA, "exact": True}),
            Step("collaborator_info", {"app": app.name}),
        ]
    )
    assert would["actions"] == changed["actions"] == [f"collaborator {SORA} added", f"collaborator {BASHO} added"]
    assert would["diff"] == changed["diff"] == {
        "before": {"collaborators": []}, "after": {"collaborators": [BASHO, SORA]}
    }  # fmt: skip
    assert unchanged["changed"] is False
    assert "There is no account nobody@modules.example.com" in nobody["msg"]
    assert "cannot be removed" in owned["msg"]
    assert gone["actions"] == [f"collaborator {BASHO} removed"]
    assert (told["owner"], [each["email"] for each in told["collaborators"]]) == (owner, [SORA])


def test_a_key_is_added_and_removed_once(runner: Runner) -> None:
    file = runner.directory / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "modules", "-f", str(file)], check=True)
    line = file.with_suffix(".pub").read_text()
    printed = subprocess.run(["ssh-keygen", "-l", "-f", str(file)], check=True, text=True, capture_output=True).stdout
    fingerprint = printed.split()[1]
    there, gone = {"public_key": line}, {"public_key": line, "state": "absent"}
    would, added, again, private, told, removed, absent = runner.play(
        [
            Step("key", there, check=True),
            Step("key", there),
            Step("key", there),
            Step("key", {"public_key": file.read_text()}),
            Step("key_info", {}),
            Step("key", gone),
            Step("key", gone),
        ]
    )
    assert would["actions"] == added["actions"] == [f"key {fingerprint} added"]
    assert would["diff"] == added["diff"] == {"before": {}, "after": {"key": fingerprint}}
    assert (again["changed"], absent["changed"]) == (False, False)
    assert "This is a private key." in private["msg"]
    assert added["key"] in told["keys"]
    assert removed["actions"] == [f"key {fingerprint} removed"]
    assert not any(map(runner.says, file.read_text().splitlines()[1:-1]))
