"""dyno-init as an ordinary process (built with -DHOKKU_TEST): what the application sees, what reaches the log way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "roles/stack_image/files"
DEADLINE = 20.0


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("dyno-init") / "dyno-init"
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-DHOKKU_TEST", "-fsanitize=address,undefined"]
    subprocess.run(["gcc", *flags, "-o", str(built), str(FILES / "dyno-init.c")], check=True)
    return built


class LogWay:
    """A listener that reads octet-counted frames, as rsyslog does; `lines` are the texts after the priority."""

    def __init__(self, port: int = 0) -> None:
        self.server = socket.create_server(("127.0.0.1", port))
        self.connections: list[socket.socket] = []
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.lines: list[bytes] = []
        self.reading = threading.Event()
        self.reading.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while self.reading.wait():
                length = b""
                while (byte := stream.read(1)) not in (b" ", b""):
                    length += byte
                if not byte:
                    return
                frame = stream.read(int(length))
                assert frame.startswith(b"<14>"), frame
                self.lines.append(frame[4:])


@pytest.fixture
def way():
    opened = LogWay()
    yield opened
    opened.server.close()


class Dyno:
    """A folder that looks like the inside of a dyno, and the process that runs there."""

    def __init__(self, root: Path, binary: Path) -> None:
        self.root, self.binary = root, binary
        for folder in ("etc/hokku", "var/lib/hokku", "app", "usr/lib/hokku"):
            (root / folder).mkdir(parents=True)
        start = root / "usr/lib/hokku/dyno-start"
        start.write_bytes((FILES / "dyno-start").read_bytes())
        start.chmod(0o755)
        self.env = {"DYNO": "web.1", "HOKKU_PROCESS": "web", "PORT": "5000", "HEROKU_DYNO_ID": "abc", "LEAK": "1"}

    def start(
        self, command: str, log: str, env: bytes = b"", mode: str = "run", under: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        (self.root / "etc/hokku/dyno.env").write_bytes(env)
        (self.root / "etc/hokku/commands").write_bytes(b"web=" + command.encode() + b"\0worker=true\0")
        given = self.env | {"ASAN_OPTIONS": "detect_leaks=0", "HOKKU_ROOT": str(self.root), "HOKKU_LOG": log}
        given["HOKKU_MODE"] = mode
        return subprocess.Popen([*under, str(self.binary)], env=given, stderr=subprocess.PIPE)

    def run(self, command: str, log: str, env: bytes = b"") -> int:
        return self.start(command, log, env).wait(DEADLINE)

    @property
    def exit(self) -> dict:
        return json.loads((self.root / "var/lib/hokku/exit").read_text())


@pytest.fixture
def dyno(tmp_path: Path, binary: Path) -> Dyno:
    return Dyno(tmp_path / "root", binary)


def until(true, what: str = "the condition") -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.02)


def test_lines_of_stdout_and_stderr_arrive_in_order_with_the_unfinished_last_one(dyno: Dyno, way: LogWay) -> None:
    assert dyno.run("for i in 1 2 3; do echo out $i; echo err $i >&2; done; echo; printf last", way.address) == 0
    expected = [b"out 1", b"err 1", b"out 2", b"err 2", b"out 3", b"err 3", b"", b"last"]
    until(lambda: way.lines == expected, f"{way.lines} == {expected}")
    assert dyno.exit == {"status": 0, "signal": None}


def test_the_application_sees_exactly_its_environment(dyno: Dyno, way: LogWay) -> None:
    config = b"A=one\ntwo\0PORT=1\0EMPTY=\0DYNO=fake.9\0PATH=/opt/x:/usr/bin:/bin\0"
    dyno.run("env -0 | tr '\\n\\0' '~\\n'; cat; echo $$ $(ps -o sid= -p $$ 2>/dev/null)", way.address, config)
    until(lambda: len(way.lines) >= 9)
    seen = dict(line.split(b"=", 1) for line in way.lines if b"=" in line)
    shell = {b"PWD", b"SHLVL", b"_", b"OLDPWD"}
    assert {k: v for k, v in seen.items() if k not in shell} == {
        b"A": b"one~two",
        b"EMPTY": b"",
        b"PATH": b"/opt/x:/usr/bin:/bin",
        b"LANG": b"C.UTF-8",
        b"DYNO": b"web.1",
        b"PORT": b"5000",
        b"HEROKU_DYNO_ID": b"abc",
        b"HOME": str(dyno.root / "app").encode(),
    }


def test_profile_files_are_read_before_the_command(dyno: Dyno, way: LogWay) -> None:
    (dyno.root / "app/.profile.d").mkdir()
    (dyno.root / "app/.profile.d/a b.sh").write_text("export FROM_D=d$#")
    (dyno.root / "app/.profile").write_text("export FROM_P=$FROM_D-p")
    dyno.run('echo "$FROM_P"', way.address)
    until(lambda: way.lines == [b"d0-p"], str(way.lines))


def test_a_long_line_is_split_at_10000_bytes_and_not_inside_a_character(dyno: Dyno, way: LogWay) -> None:
    (dyno.root / "app/long").write_bytes(b"x" * 9999 + "é".encode() + b"y" * 10500 + b"\r\nnul\0free\n")
    dyno.run("cat long", way.address)
    until(lambda: len(way.lines) == 4, str([len(x) for x in way.lines]))
    assert way.lines == [b"x" * 9999, "é".encode() + b"y" * 9998, b"y" * 502, b"nulfree"]


def test_a_type_that_the_release_does_not_have_is_said_clearly(dyno: Dyno, way: LogWay) -> None:
    dyno.env["HOKKU_PROCESS"] = "clock"
    assert dyno.run("true", way.address) == 127
    until(lambda: len(way.lines) == 1)
    assert way.lines[0].startswith(b'This release has no process type "clock"')
    assert way.lines[0].endswith(b"web, worker")
    assert dyno.exit == {"status": 127, "signal": None}


@pytest.mark.parametrize(
    ("command", "status", "ended"), [("exit 7", 7, None), ("kill -9 $$", 137, 9), ("no-such-command", 127, None)]
)
def test_the_exit_file_tells_how_the_process_ended(
    dyno: Dyno, way: LogWay, command: str, status: int, ended: int | None
) -> None:
    assert dyno.run(command, way.address) == status
    assert dyno.exit == {"status": status, "signal": ended}


def test_sigterm_reaches_every_process_and_the_end_is_waited_for(dyno: Dyno, way: LogWay) -> None:
    command = (
        "(trap 'echo child ends; exit 0' TERM; echo child; while :; do sleep 0.05; done) & "
        "trap 'echo parent ends; wait; exit 3' TERM; echo parent; while :; do sleep 0.05; done"
    )
    process = dyno.start(command, way.address)
    until(lambda: {b"child", b"parent"} <= set(way.lines), "both started")
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 3
    until(lambda: {b"child ends", b"parent ends"} <= set(way.lines), str(way.lines))


@pytest.mark.skipif(
    subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode != 0,
    reason="needs the right to make a PID namespace",
)
def test_as_pid_1_sigterm_reaches_daemons_and_orphans_are_reaped(dyno: Dyno, way: LogWay) -> None:
    command = (
        "trap '' CHLD; setsid bash -c \"trap 'echo daemon ends; exit' TERM; echo daemon; "
        'while :; do sleep 0.05; done" & (sleep 0.01 &); '
        "trap 'sleep 0.5; echo main ends; exit 4' TERM; echo main $$; while :; do sleep 0.05; done"
    )
    process = dyno.start(command, way.address, under=("unshare", "--pid", "--fork", "--kill-child"))
    until(lambda: b"daemon" in way.lines and any(x.startswith(b"main") for x in way.lines), "both started")
    init = next(iter(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))
    until(lambda: all("Z" not in stat_of(pid) for pid in children(init)), "nothing is left unreaped")
    os.kill(int(init), signal.SIGTERM)
    assert process.wait(DEADLINE) == 4
    until(lambda: {b"daemon ends", b"main ends"} <= set(way.lines), str(way.lines))
    assert dyno.exit == {"status": 4, "signal": None}


def children(pid: str) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def stat_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # gone, or gone while it was read
        return ""


def test_without_a_log_way_the_application_runs_on_and_drops_are_counted_when_it_comes(dyno: Dyno) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = dyno.start("seq -f 'line %09.0f of a flood' 1 200000; touch done; sleep 1000", f"127.0.0.1:{port}")
    until((dyno.root / "app/done").exists, "the application wrote everything")
    late = LogWay(port)
    until(lambda: any(b"L12" in line for line in late.lines), "the drop is told")
    told = [int(x.split(b": ")[1].split()[0]) for x in late.lines if b"Error L12" in x]
    kept = [x for x in late.lines if x.startswith(b"line ")]
    assert sum(told) + len(kept) == 200000
    assert kept == [b"line %09d of a flood" % (i + 1) for i in range(len(kept))]
    process.send_signal(signal.SIGTERM)
    process.wait(DEADLINE)


def test_a_log_way_that_does_not_read_blocks_nothing_and_every_line_is_delivered_or_counted(
    dyno: Dyno, way: LogWay
) -> None:
    way.reading.clear()
    process = dyno.start("seq 1 2000000; touch done; read x < <(sleep 1000)", way.address)
    until((dyno.root / "app/done").exists, "the application wrote everything")
    way.reading.set()
    counted = lambda: sum(int(x.split(b": ")[1].split()[0]) for x in way.lines if b"Error L12" in x)  # noqa: E731
    lines = lambda: [x for x in way.lines if b"Error" not in x]  # noqa: E731
    until(lambda: counted() and counted() + len(lines()) == 2000000, "all lines accounted for")
    assert [int(x) for x in lines()] == sorted({int(x) for x in lines()})
    process.send_signal(signal.SIGTERM)
    process.wait(DEADLINE)


def test_a_way_that_breaks_is_found_again(dyno: Dyno, way: LogWay) -> None:
    process = dyno.start("echo first; until [ -e go ]; do sleep 0.05; done; echo second", way.address)
    until(lambda: way.lines == [b"first"])
    way.connections[0].shutdown(socket.SHUT_RDWR)
    (dyno.root / "app/go").touch()
    assert process.wait(DEADLINE) == 0
    until(lambda: way.lines == [b"first", b"second"], str(way.lines))
    assert len(way.connections) == 2


def test_unpack_puts_the_slug_into_app(dyno: Dyno, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/run").write_text("#!/bin/sh\n")
    (tree / "bin/run").chmod(0o755)
    slug = dyno.root / "var/lib/hokku/slug.tar.zst"
    subprocess.run(["tar", "--zstd", "-C", str(tree), "-cf", str(slug), "."], check=True)
    assert dyno.start("true", "127.0.0.1:9", mode="unpack").wait(DEADLINE) == 0
    assert os.access(dyno.root / "app/bin/run", os.X_OK)
    assert (dyno.root / "var/lib/hokku/unpacked").exists()
    assert not slug.exists()


def test_a_broken_slug_is_not_called_unpacked(dyno: Dyno) -> None:
    (dyno.root / "var/lib/hokku/slug.tar.zst").write_bytes(b"no tar")
    process = dyno.start("true", "127.0.0.1:9", mode="unpack")
    assert process.wait(DEADLINE) == 1
    assert b"cannot unpack the slug" in process.stderr.read()
    assert not (dyno.root / "var/lib/hokku/unpacked").exists()


def test_idle_waits_for_sigterm(dyno: Dyno) -> None:
    process = dyno.start("true", "127.0.0.1:9", mode="idle")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0
