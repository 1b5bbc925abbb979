"""dyno-init's mode enter as an ordinary process: a session's command, in a terminal or between pipes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.unit.test_dyno_init_run import DEADLINE, Dyno, binary, dyno, stat_of, until  # noqa: F401

SESSION = "0f3a-77"
PIDS = pytest.mark.skipif(
    subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode != 0,
    reason="needs the right to make a PID namespace",
)


def prepare(dyno: Dyno, command: str, session: bytes = b"", env: bytes = b"") -> dict[str, str]:  # noqa: F811
    """Write what the platform writes; the environment of the executed process."""
    (dyno.root / "etc/hokku/dyno.env").write_bytes(env)
    (dyno.root / f"var/lib/hokku/session-{SESSION}").write_bytes(b"command=" + command.encode() + b"\0" + session)
    given = dyno.env | {"ASAN_OPTIONS": "detect_leaks=0", "HOKKU_ROOT": str(dyno.root), "HOKKU_MODE": "enter"}
    return given | {"HOKKU_SESSION": SESSION}


def piped(dyno: Dyno, command: str, **what: bytes) -> subprocess.Popen[bytes]:  # noqa: F811
    """The command between pipes."""
    given = prepare(dyno, command, **what)
    pipe = subprocess.PIPE
    return subprocess.Popen([str(dyno.binary)], env=given, stdin=pipe, stdout=pipe, stderr=pipe)


class Terminal:
    """The command in a pseudo-terminal, as LXD gives it one: it leads a session whose terminal that is."""

    def __init__(self, dyno: Dyno, command: str, **what: bytes) -> None:  # noqa: F811
        given = prepare(dyno, command, **what)
        self.side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))

        def own() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(dyno.binary)], env=given, stdin=other, stdout=other, stderr=other, preexec_fn=own
        )
        os.close(other)
        self.seen = b""

    def until(self, text: bytes) -> None:
        """Read until the text was seen, after what was seen before."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert select.select([self.side], [], [], max(0.0, deadline - time.monotonic()))[0], self.seen
            try:
                self.seen += os.read(self.side, 4096)
            except OSError:
                assert text in self.seen, self.seen
        self.seen = self.seen.partition(text)[2]

    def until_nobody_has_it(self) -> None:
        """Read to its end, as whoever gave the terminal does."""
        while select.select([self.side], [], [], DEADLINE)[0]:
            try:
                self.seen += os.read(self.side, 4096)
            except OSError:
                return
        raise AssertionError(f"somebody holds the terminal; read: {self.seen!r}")


def test_between_pipes_output_and_errors_are_one_and_the_status_is_the_commands(dyno: Dyno) -> None:  # noqa: F811
    process = piped(dyno, "cat; echo err >&2; exit 7")
    out, err = process.communicate(b"in\n", timeout=DEADLINE)
    assert (out, err, process.returncode) == (b"in\nerr\n", b"", 7)


def test_the_request_goes_over_the_release_and_the_dynos_own_over_both(dyno: Dyno) -> None:  # noqa: F811
    (dyno.root / "app/.profile").write_text("export PROFILE=read")
    process = piped(dyno, "env -0", env=b"A=release\0B=kept\0", session=b"A=request\0DYNO=fake.1\0C=a=b\nc\0")
    out, _ = process.communicate(timeout=DEADLINE)
    seen = dict(entry.split(b"=", 1) for entry in out.split(b"\0") if entry)
    assert (seen[b"A"], seen[b"B"], seen[b"C"]) == (b"request", b"kept", b"a=b\nc")
    assert (seen[b"DYNO"], seen[b"PROFILE"], seen[b"HOME"]) == (b"web.1", b"read", str(dyno.root / "app").encode())
    assert not {b"HOKKU_SESSION", b"HOKKU_MODE", b"LEAK"} & seen.keys()


def test_a_session_is_read_once(dyno: Dyno) -> None:  # noqa: F811
    assert piped(dyno, "true").wait(DEADLINE) == 0
    assert not (dyno.root / f"var/lib/hokku/session-{SESSION}").exists()
    given = prepare(dyno, "true")
    (dyno.root / f"var/lib/hokku/session-{SESSION}").unlink()
    again = subprocess.run([str(dyno.binary)], env=given, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert again.returncode == 126
    assert b"cannot read the session" in again.stderr


@pytest.mark.parametrize("session", ["", "../commands", "A"])
def test_a_session_that_is_no_id_is_refused(dyno: Dyno, session: str) -> None:  # noqa: F811
    given = prepare(dyno, "true") | {"HOKKU_SESSION": session}
    assert subprocess.run([str(dyno.binary)], env=given, capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_when_who_executed_it_is_gone_the_whole_command_goes(dyno: Dyno, number: int) -> None:  # noqa: F811
    process = piped(dyno, "sleep 1000 & echo $! $$; wait; sleep 1000")
    assert process.stdout is not None
    pids = process.stdout.readline().decode().split()
    process.send_signal(number)
    process.wait(DEADLINE)
    until(lambda: all(stat_of(pid) in ("", "Z") for pid in pids), "the command is gone")


def test_one_that_ignores_the_hang_up_is_killed(dyno: Dyno) -> None:  # noqa: F811
    process = piped(dyno, "trap '' HUP; echo $$; while :; do sleep 0.1; done")
    assert process.stdout is not None
    pid = process.stdout.readline().decode().strip()
    process.send_signal(signal.SIGHUP)
    until(lambda: stat_of(pid) in ("", "Z"), "the command is gone")


def test_what_a_command_left_behind_holds_no_output_open(dyno: Dyno) -> None:  # noqa: F811
    process = piped(dyno, "sleep 1000 & echo done")
    assert process.communicate(timeout=DEADLINE)[0] == b"done\n"
    assert process.returncode == 0


def test_in_a_terminal_it_has_its_size_and_the_interrupt_key(dyno: Dyno) -> None:  # noqa: F811
    waiting = "trap 'echo interrupted; hit=1' INT; echo ready; while [ -z $hit ]; do sleep 0.05; done; exit 5"
    there = Terminal(dyno, f"stty size; {waiting}")
    there.until(b"33 101")
    there.until(b"ready")
    os.write(there.side, b"\x03")
    there.until(b"interrupted")
    assert there.process.wait(DEADLINE) == 5


def test_a_shell_in_a_terminal_survives_the_interrupt_of_its_job(dyno: Dyno) -> None:  # noqa: F811
    there = Terminal(dyno, "bash --norc", session=b"TERM=dumb\0")
    there.until(b"bash-")
    os.write(there.side, b"sh -c 'echo run''ning; exec sleep 1000'\r")
    there.until(b"running")  # by the job itself, in the foreground
    os.write(there.side, b"\x03")
    there.until(b"bash-")
    os.write(there.side, b"echo st''ill; exit 4\r")
    there.until(b"still")
    assert there.process.wait(DEADLINE) == 4


def test_a_terminal_that_is_closed_hangs_up(dyno: Dyno) -> None:  # noqa: F811
    there = Terminal(dyno, "echo ready; sleep 1000; sleep 1000")
    there.until(b"ready")
    os.close(there.side)
    assert there.process.wait(DEADLINE) == -signal.SIGHUP


@pytest.mark.parametrize("left", ["sleep 1000 &", "trap '' HUP; sleep 1000 & trap - HUP;", "setsid sleep 1000 &"])
def test_what_a_command_left_behind_does_not_keep_the_terminal(dyno: Dyno, left: str) -> None:  # noqa: F811
    there = Terminal(dyno, f"set -m; {left} echo pid $!.; exit 3")
    there.until(b"pid ")
    there.until_nobody_has_it()
    assert there.process.wait(DEADLINE) == 3
    pid = there.seen.partition(b".")[0].decode()
    until(lambda: stat_of(pid) in ("", "Z"), "what was left behind is gone")


def test_what_let_go_of_the_terminal_goes_on_without_it(dyno: Dyno) -> None:  # noqa: F811
    command = "set -m; nohup sleep 1000 < /dev/null > /dev/null 2>&1 &"
    begun = 'until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done'  # nohup has told the kernel to ignore the hang-up
    there = Terminal(dyno, f"{command} {begun}; echo pid $!.")
    there.until(b"pid ")
    there.until_nobody_has_it()
    assert there.process.wait(DEADLINE) == 0
    pid = there.seen.partition(b".")[0].decode()
    assert stat_of(pid) in ("S", "R")
    os.kill(int(pid), signal.SIGKILL)


@PIDS
def test_idle_waits_for_what_was_executed_and_ends_with_it(dyno: Dyno, tmp_path: Path) -> None:  # noqa: F811
    process = dyno.start("true", "127.0.0.1:9", mode="idle", under=("unshare", "--pid", "--fork", "--kill-child"))
    until(lambda: children(process.pid), "init runs")
    init = children(process.pid)[0]
    until(lambda: "SigBlk:\tfff" in Path(f"/proc/{init}/status").read_text(), "init, not unshare, hears signals")
    script = f"trap 'sleep 0.5; echo ended > {tmp_path}/told; exit' TERM; echo; while :; do sleep 0.05; done"
    entered = subprocess.Popen(
        ["nsenter", "--target", init, "--pid", "--", "bash", "-c", script], stdout=subprocess.PIPE
    )
    assert entered.stdout is not None
    entered.stdout.readline()
    os.kill(int(init), signal.SIGTERM)
    assert process.wait(DEADLINE) == 0
    assert (tmp_path / "told").read_text() == "ended\n"
    entered.wait(DEADLINE)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
