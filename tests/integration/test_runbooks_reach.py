"""Runbooks reach machines over SSH at once, take none but known host keys, and wait for none that is away."""

from __future__ import annotations

import getpass
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runbooks.inventory import Host
from runbooks.reach import CONNECT, Answer, everywhere
from tests.integration.loopback import free_port

ABOUT = {"units": {}}


def key(path: Path) -> str:
    """Make a key; its public half as known_hosts has it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path, str]]:
    """(port, the client's key, the host's public key) of an sshd on loopback."""
    home = tmp_path_factory.mktemp("sshd")
    public = key(home / "host")
    (home / "authorized").write_text(key(home / "client") + "\n")
    port = free_port()
    settings = (
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {home}/host", f"AuthorizedKeysFile {home}/authorized",
        "PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM no", "StrictModes no",
        "PermitRootLogin prohibit-password", f"PidFile {home}/pid",
    )  # fmt: skip
    (home / "config").write_text("\n".join(settings) + "\n")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(home / "config")], stderr=(home / "log").open("w")
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline, (home / "log").read_text()
                time.sleep(0.05)
        yield port, home / "client", public
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def machine(sshd: tuple[int, Path, str], tmp_path: Path) -> Callable[..., Host]:
    """`machine("dyno1", known=…)`: the sshd as a host, with a known_hosts file of that content."""
    port, client, public = sshd

    def make(name: str, known: str | None = None, user: str | None = None, **options: str) -> Host:
        file = tmp_path / f"known-{name}"
        file.write_text(f"[127.0.0.1]:{port} {public}\n" if known is None else known)
        told = {
            "userknownhostsfile": str(file),
            "globalknownhostsfile": "/dev/null",
            "identitiesonly": "yes",
            **options,
        }
        return Host(
            name, "127.0.0.1", frozenset({"logplex"}), user or getpass.getuser(), port, str(client), False, told
        )

    return make


def lost(answers: dict[str, Answer], name: str) -> str:
    reason = answers[name].lost
    assert reason is not None, answers[name]
    return reason


def test_a_machine_with_a_known_key_tells_of_itself(machine: Callable[..., Host]) -> None:
    told = everywhere([machine("one")], "health", ABOUT)["one"]
    assert told.lost is None
    assert told.told["memory"]["total"] > told.told["memory"]["available"] > 0
    assert told.told["disks"][0]["path"] == "/"
    assert told.began - 1 <= told.told["came"] <= told.told["left"] <= told.ended + 1


def test_no_key_but_a_known_one_is_taken(machine: Callable[..., Host], tmp_path: Path, sshd: tuple) -> None:
    other = key(tmp_path / "other")
    alias = machine("alias", known=f"its-name {sshd[2]}\n", hostkeyalias="its-name")
    answers = everywhere(
        [machine("stranger", known=""), machine("changed", known=f"[127.0.0.1]:{sshd[0]} {other}\n"), alias],
        "health", ABOUT,
    )  # fmt: skip
    assert "has a host key that is not known" in lost(answers, "stranger")
    assert "has another host key than the one that is known" in lost(answers, "changed")
    assert answers["alias"].lost is None


def test_a_key_that_the_machine_does_not_take_is_said(machine: Callable[..., Host]) -> None:
    answers = everywhere([machine("one", user="nobody-of-that-name")], "health", ABOUT)
    assert "does not take our key for user nobody-of-that-name" in lost(answers, "one")


def test_machines_that_are_away_cost_their_own_time_once(machine: Callable[..., Host]) -> None:
    with ExitStack() as stack:
        silent = []
        for number in range(4):  # they take the connection, and never greet: machines that hang
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            options = {"userknownhostsfile": "/dev/null"}
            silent.append(
                Host(f"hung{number}", "127.0.0.1", frozenset(), "root", listener.getsockname()[1], options=options)
            )
        closed = Host(
            "closed", "127.0.0.1", frozenset(), "root", free_port(), options={"userknownhostsfile": "/dev/null"}
        )
        began = time.monotonic()
        answers = everywhere([machine("one"), closed, *silent], "health", ABOUT)
        spent = time.monotonic() - began
    assert answers["one"].lost is None
    assert answers["one"].ended - answers["one"].began < CONNECT
    assert "does not answer on SSH's port (Connection refused)" in lost(answers, "closed")
    assert all(lost(answers, f"hung{number}") for number in range(4))
    assert spent < 2.5 * CONNECT, f"{spent:.1f} s for four that hang: one after the other would take {4 * CONNECT} s"
