"""The private LXD daemon and lxcfs: started by hand where systemd is not PID 1, as a transient unit where it is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from lab import host, settings
from lab.command import LabError, lxd_environment, run, succeeds
from lab.progress import step, wait_until

UNIT = "hokku-lab-lxd.service"


def is_ready() -> bool:
    """Whether the lab's daemon answers."""
    socket = settings.LXD_DIR / "unix.socket"
    return socket.exists() and succeeds(["lxc", "query", "/1.0"], env=lxd_environment(), timeout=20)


def start() -> None:
    """Start lxcfs and the daemon unless they run; raises LabError naming the log when the daemon does not answer."""
    _start_lxcfs()
    if is_ready():
        return
    with step("Starting the lab's LXD daemon"):
        _stop_processes(_daemon_processes(), seconds=10)
        settings.LXD_DIR.mkdir(mode=0o711, exist_ok=True)
        settings.CLIENT_DIR.mkdir(mode=0o700, exist_ok=True)
        _launch(["lxd", "--group", "root", "--logfile", str(settings.DAEMON_LOG)])
        try:
            run(["lxd", "waitready", "--timeout=300"], env=lxd_environment(), timeout=310)
        except LabError as reason:
            raise LabError(f"LXD does not answer; its log is {settings.DAEMON_LOG}. {reason}") from reason


def stop() -> None:
    """Stop the daemon, its helpers (dnsmasq, forkproxies, monitors) and the lxcfs that the lab started."""
    if host.has_systemd():
        run(["systemctl", "stop", UNIT], check=False)
    _stop_processes(_daemon_processes(), seconds=15)
    _stop_processes(_helper_processes(), seconds=5)
    if settings.LXCFS_PID.exists():
        run(["umount", "--lazy", str(settings.LXCFS_MOUNT)], check=False)
        _stop_processes([pid for pid in [_recorded(settings.LXCFS_PID)] if pid and _runs(pid, "lxcfs")], seconds=5)
        settings.LXCFS_PID.unlink()


def _launch(argv: list[str]) -> None:
    """Start the daemon in a session of its own, so that no terminal's end takes it along."""
    if host.has_systemd():
        run(["systemctl", "reset-failed", UNIT], check=False)
        limits = ["TasksMax=infinity", "LimitNOFILE=1048576", "LimitNPROC=infinity"]
        properties = [f"--property={value}" for value in ("Delegate=yes", "KillMode=process", *limits)]
        environment = [f"--setenv={name}={lxd_environment()[name]}" for name in ("LXD_DIR", "LXD_CONF", "PATH")]
        run(["systemd-run", f"--unit={UNIT}", "--collect", *properties, *environment, *argv])
        return
    started = subprocess.Popen(
        argv,
        env=lxd_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    settings.DAEMON_PID.write_text(f"{started.pid}\n")


def _start_lxcfs() -> None:
    """Start lxcfs unless it serves; a mount left by a dead one is taken away first."""
    if _lxcfs_serves():
        return
    while _is_mount(settings.LXCFS_MOUNT):
        run(["umount", "--lazy", str(settings.LXCFS_MOUNT)])
    if host.has_systemd() and succeeds(["systemctl", "start", "lxcfs.service"]):
        with contextlib.suppress(LabError):  # the unit is skipped, without an error, where systemd runs in a container
            wait_until(_lxcfs_serves, "lxcfs to serve", 3)
            return
    settings.LXCFS_MOUNT.mkdir(parents=True, exist_ok=True)
    started = subprocess.Popen(
        ["lxcfs", "--pidfile", str(settings.HOME / "lxcfs.lock"), str(settings.LXCFS_MOUNT)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    settings.LXCFS_PID.write_text(f"{started.pid}\n")
    wait_until(_lxcfs_serves, "lxcfs to serve", 20)


def _lxcfs_serves() -> bool:
    return succeeds(["stat", str(settings.LXCFS_MOUNT / "proc" / "uptime")], timeout=5)


def _is_mount(path: Path) -> bool:
    return any(line.split()[4] == str(path) for line in Path("/proc/self/mountinfo").read_text().splitlines())


def _recorded(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _runs(pid: int, program: str) -> bool:
    """Whether pid is alive and runs `program`: a number left in a file may long be somebody else's."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip() == program
    return False


def _daemon_processes() -> list[int]:
    """The processes that are the lab's own LXD daemon: `lxd` with the lab's log file in its arguments."""
    return [
        pid
        for pid, argv in _processes()
        if Path(argv[0]).name == "lxd" and "--logfile" in argv and str(settings.DAEMON_LOG) in argv
    ]


def _helper_processes() -> list[int]:
    """Processes that the lab's LXD left running: monitors and forkproxies know its folder, dnsmasq is told it."""
    own = f"LXD_DIR={settings.LXD_DIR}".encode()
    found = []
    for pid, argv in _processes():
        program = Path(argv[0].split(" ")[0]).name
        with contextlib.suppress(OSError):
            knows = program in ("lxd", "[lxc", "lxc") and own in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            told = program == "dnsmasq" and any(f"{settings.LXD_DIR}/" in part for part in argv)
            if knows or told:
                found.append(pid)
    return found


def _processes() -> list[tuple[int, list[str]]]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            if argv[0]:
                found.append((int(entry.name), argv))
    return found


def _stop_processes(pids: list[int], seconds: float) -> None:
    """TERM each of pids, wait up to `seconds`, then KILL what is left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        with contextlib.suppress(LabError):
            wait_until(lambda: not [pid for pid in pids if _alive(pid)], "processes to end", seconds)
            return


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False
