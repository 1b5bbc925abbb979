"""SSH into the machines: the lab's own key, and host keys read from the machines themselves through LXD."""

from __future__ import annotations

import fcntl
import os
import socket

from lab import settings
from lab.catalogue import Machine
from lab.command import lxc, run
from lab.progress import wait_until


def ensure_key() -> None:
    """Have the lab's SSH key pair."""
    settings.SSH_DIR.mkdir(mode=0o700, exist_ok=True)
    if not settings.SSH_KEY.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hokku-lab", "-f", str(settings.SSH_KEY)])


def authorize(machine: Machine) -> None:
    """Let the lab's key in as root; the machine must run."""
    ensure_key()
    target = f"{machine.name}/root/.ssh/authorized_keys"
    source = str(settings.SSH_KEY.with_suffix(".pub"))
    lxc("file", "push", "--create-dirs", "--mode=0600", "--uid=0", "--gid=0", source, target)


def answers(machine: Machine) -> bool:
    """Whether the machine's sshd greets."""
    try:
        with socket.create_connection((machine.address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for_ssh(machine: Machine, seconds: float = 120) -> None:
    """Wait until the machine's sshd greets; raises LabError after `seconds`."""
    wait_until(lambda: answers(machine), f"sshd of {machine.name} ({machine.address})", seconds)


def remember_host_key(machine: Machine) -> None:
    """Write the machine's host key, read through LXD, into the lab's known_hosts under each of its addresses."""
    # Not by `lxc exec … cat`: LXD 5.0 now and then loses the output of a short command.
    kind, key = lxc("file", "pull", f"{machine.name}/etc/ssh/ssh_host_ed25519_key.pub", "-").split()[:2]
    names = [machine.name, machine.address]
    for port in machine.ports:
        if port.connect == 22:
            names += [f"[localhost]:{port.listen}", f"[127.0.0.1]:{port.listen}"]
    _rewrite(machine, f"{','.join(names)} {kind} {key}")


def forget_host_key(machine: Machine) -> None:
    """Take the machine's line out of the lab's known_hosts."""
    _rewrite(machine, None)


def _rewrite(machine: Machine, line: str | None) -> None:
    """Put `line` in the place of the machine's line; one writer at a time, and readers see the old file or the new."""
    folder = os.open(settings.SSH_DIR, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        known = settings.KNOWN_HOSTS.read_text().splitlines() if settings.KNOWN_HOSTS.exists() else []
        lines = [other for other in known if other.split(",")[0] != machine.name] + ([line] if line else [])
        part = settings.KNOWN_HOSTS.with_suffix(".part")
        part.write_text("".join(f"{each}\n" for each in sorted(lines)))
        part.replace(settings.KNOWN_HOSTS)
    finally:
        os.close(folder)
