"""Machines over SSH, all at once: fixed commands of ours, on connections whose host keys are checked."""

from __future__ import annotations

import json
import shlex
import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric import Config, Connection
from invoke.exceptions import CommandTimedOut
from paramiko import HostKeys, RejectPolicy
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    NoValidConnectionsError,
    SSHException,
)

from runbooks.inventory import Host
from runbooks.refusal import Refused

CONNECT = 5  # seconds for each of: TCP, ssh's greeting, authentication, a channel
AT_ONCE = 32
REMOTE = Path(__file__).with_name("remote")  # programs that run on machines, of the standard library alone


@dataclass(frozen=True)
class Answer:
    """What a machine's program told (JSON), or `lost`: why it was not reached. `began`, `ended`: by our clock."""

    host: Host
    told: dict[str, Any]
    lost: str | None
    began: float
    ended: float


def everywhere(hosts: Iterable[Host], program: str, about: dict[str, Any], seconds: float = 30) -> dict[str, Answer]:
    """The answers of all hosts to the program of that name in `remote`, by host.

    It is given `about`, with the host's `groups` added, and gets `seconds`. A host that is away costs no other's time.
    """
    wanted = tuple(hosts)
    source = (REMOTE / f"{program}.py").read_text()
    config = Config()
    with ThreadPoolExecutor(max(1, min(AT_ONCE, len(wanted))), "ssh") as pool:
        return {
            answer.host.name: answer for answer in pool.map(lambda h: _ask(h, config, source, about, seconds), wanted)
        }


def _ask(host: Host, config: Config, source: str, about: dict[str, Any], seconds: float) -> Answer:
    argv = ["python3", "-I", "-c", source, json.dumps({**about, "groups": sorted(host.groups)})]
    began = time.time()
    try:
        with connection(host, config) as opened:
            opened.open()
            began = time.time()
            text = run(opened, host, argv, seconds)
        return Answer(host, json.loads(text), None, began, time.time())
    except (OSError, SSHException, CommandTimedOut, EOFError, Refused, ValueError) as error:
        return Answer(host, {}, reason(host, error), began, time.time())


def connection(host: Host, config: Config | None = None) -> Connection:
    """A connection that is not open yet and takes none but a known host key. Raises Refused."""
    jump = host.options.get("proxyjump", "none")
    made = Connection(
        host.address,
        user=host.user,
        port=host.port,
        config=config or Config(),
        connect_timeout=CONNECT,
        gateway=host.options.get("proxycommand")
        or (Connection(jump, connect_timeout=CONNECT) if jump != "none" else None),
        connect_kwargs={
            "banner_timeout": CONNECT,
            "auth_timeout": CONNECT,
            "channel_timeout": CONNECT,
            **({"key_filename": host.key_file} if host.key_file else {}),
            **({"allow_agent": False, "look_for_keys": False} if _only_this_key(host) else {}),
        },
    )
    link: Any = made
    while isinstance(link, Connection):  # Fabric alone would take any key, also a jump host's
        _check_keys(link, host)
        link = link.gateway
    return made


def _only_this_key(host: Host) -> bool:
    return bool(host.key_file) and host.options.get("identitiesonly", "").lower() == "yes"


def _check_keys(link: Connection, host: Host) -> None:
    link.client.set_missing_host_key_policy(RejectPolicy())
    for file in host.known_hosts:
        if not Path(file).exists():
            continue
        try:
            link.client.load_system_host_keys(file)
        except (OSError, SSHException) as error:
            raise Refused(f"The known host keys in {file} cannot be read: {error}") from None
        if (alias := host.options.get("hostkeyalias")) and link.host == host.address:
            name = host.address if host.port == 22 else f"[{host.address}]:{host.port}"
            for kind, key in (HostKeys(file).lookup(alias) or {}).items():
                link.client.get_host_keys().add(name, kind, key)


def run(opened: Connection, host: Host, argv: Sequence[str], seconds: float) -> str:
    """What a command wrote, as root. Raises Refused when it failed, CommandTimedOut after `seconds`."""
    root = [] if host.user == "root" or not host.become else ["sudo", "-n", "--"]
    done = opened.run(
        shlex.join([*root, *argv]), hide=True, warn=True, in_stream=False, timeout=seconds, encoding="utf-8"
    )
    if done.exited != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.exited}"])[-1]
        raise Refused(f"{argv[0]} failed there ({last[:200]})")
    return done.stdout


def reason(host: Host, error: Exception) -> str:
    """Why a host was not reached, in words that an operator can act on. Pure."""
    at = host.address if host.port == 22 else f"{host.address} port {host.port}"
    if isinstance(error, BadHostKeyException):
        return f"{at} has another host key than the one that is known: it is another machine, or was installed anew"
    if isinstance(error, AuthenticationException):
        return f"{at} does not take our key for user {host.user}"
    if isinstance(error, NoValidConnectionsError):
        first = next(iter(error.errors.values()))
        return f"{at} does not answer on SSH's port ({first.strerror or first})"
    if isinstance(error, CommandTimedOut):
        return f"{at} is reached, and does not answer within {error.timeout:.0f} s"
    if isinstance(error, TimeoutError | socket.timeout):
        return f"{at} does not answer within {CONNECT} s"
    if isinstance(error, SSHException) and "not found in known_hosts" in str(error):
        return f"{at} has a host key that is not known: collect it by a way that you trust, into the known_hosts file"
    if isinstance(error, ValueError):
        return f"{at} answered something that is not ours ({error})"
    return f"{at}: {str(error).strip().rstrip('.') or type(error).__name__}"
