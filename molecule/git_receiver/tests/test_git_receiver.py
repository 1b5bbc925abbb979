"""What role git_receiver promises: sshd asks the platform, and gives git and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.host import Host

Ask = Callable[..., tuple[int, object]]
KNOWN_HOSTS = "/var/lib/hokku-lab/ssh/known_hosts"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def ssh(key: Path, *command: str) -> subprocess.CompletedProcess[str]:
    options = [f"UserKnownHostsFile={KNOWN_HOSTS}", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"]
    argv = ["ssh", "-F", "none", "-i", str(key), *(word for option in options for word in ("-o", option))]
    return subprocess.run(
        [*argv, "git@10.213.77.51", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_that_is_not_known_is_told_what_to_do(stranger: Path) -> None:
    said = ssh(stranger, "git-receive-pack", "shop.git")
    assert said.returncode != 0
    assert "This SSH key is not known to the platform: add it with `heroku keys:add`" in said.stderr


def test_who_pushes_gets_no_shell_and_no_forwarding(host: Host) -> None:
    shown = host.check_output("sshd -T -C user=git,host=h,addr=10.0.0.1").splitlines()
    for wanted in ("forcecommand /usr/local/lib/hokku/git-shell", "permittty no", "disableforwarding yes"):
        assert wanted in shown
    assert host.user("git").shell == "/usr/local/lib/hokku/git-shell"


def test_nobody_else_is_touched_by_it(host: Host) -> None:
    shown = host.check_output("sshd -T -C user=root,host=h,addr=10.0.0.1").splitlines()
    assert "forcecommand none" in shown
    assert "authorizedkeyscommand none" in shown


def test_a_known_key_is_led_to_git_for_its_own_apps_alone(stranger: Path, ask: Ask) -> None:
    status, said = ask("POST", "/account/keys", {"public_key": stranger.with_suffix(".pub").read_text().strip()})
    assert status == 201, said
    pushed = ssh(stranger, "git-receive-pack", "nobodys.git")
    assert pushed.returncode != 0
    assert "nobodys" in pushed.stderr
    refused = ssh(stranger, "cat", "/etc/passwd")
    assert refused.returncode != 0
    assert "root:" not in refused.stdout
