"""A platform for the toolbelt: the API, a git receiver and the logplex behind TLS with a CA of their own, and users'
computers with `hokku` and Heroku's official CLI.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration import git_stand
from tests.integration.conftest import ADMIN, PASSWORD
from tests.integration.loopback import free_port, wait_for
from tests.integration.test_api_serving import self_signed

ROOT = Path(__file__).resolve().parents[2]


def official_cli(version: str) -> Path:
    """The program of Heroku's CLI of this major version (v8, v11), which `make heroku-cli` installs."""
    program = ROOT / ".cache" / "heroku_cli" / version / "node_modules" / ".bin" / "heroku"
    if not program.exists():
        subprocess.run(["make", "-C", str(ROOT), "heroku-cli"], check=True, timeout=900)
    return program


@dataclass
class Computer:
    """A user's: a home of its own, and the CLI."""

    home: Path
    cli: Path
    more: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        made = {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": programs,
            "HOKKU_HEROKU_CLI": str(self.cli),
            "LC_ALL": "C.UTF-8",
        }
        return made | {"GIT_TERMINAL_PROMPT": "0"} | self.more

    def run(self, *argv: str | Path, stdin: str = "", cwd: Path | None = None, seconds: float = 60) -> Said:
        """Run a program there; what it said on both streams, and its exit status."""
        done = subprocess.run(
            list(map(str, argv)), env=self.environment(), input=stdin, cwd=cwd or self.home, text=True, check=False,
            capture_output=True, timeout=seconds,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def hokku(self, *words: str | Path, **more: object) -> Said:
        return self.run("hokku", *words, **more)

    def heroku(self, *words: str | Path, **more: object) -> Said:
        return self.hokku("heroku", *words, **more)

    @contextlib.contextmanager
    def terminal(self, *argv: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """The program on a terminal of its own, and the terminal's other end."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            argv, env=self.environment() | {"TERM": "xterm"}, cwd=self.home, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def left_over(self) -> list[Path]:
        """What runs that are over left among the temporary files."""
        return [path for path in (self.home / "tmp").iterdir() if path.name.startswith("hokku-")]

    def files(self) -> str:
        """Everything that lies in the home, names and contents."""
        found = (path for path in sorted(self.home.rglob("*")) if path.is_file() and not path.is_symlink())
        return "\n".join(f"{path}\n{path.read_text(errors='replace')}" for path in found)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@dataclass(frozen=True)
class Said:
    """What a program said, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class Place:
    """The platform: its URLs, its CA, and the stand behind it."""

    url: str
    logs_url: str
    ca: Path
    stand: git_stand.Stand

    def computer(self, cli: Path) -> Computer:
        """A computer of somebody who never logged in."""
        home = self.stand.home / f"computer-{os.urandom(4).hex()}"
        (home / "tmp").mkdir(parents=True)
        return Computer(home, cli)

    def logged_in(self, cli: Path) -> Computer:
        """A computer of the first account, logged in."""
        made = self.computer(cli)
        said = made.hokku("login", self.url, "--email", ADMIN, "--ca-file", self.ca, stdin=PASSWORD + "\n")
        assert said.code == 0, said.all
        return made


@contextlib.contextmanager
def place(workdir: Path) -> Iterator[Place]:
    """The platform on the settings of the fixture `platform`, with services in processes of their own."""
    logs = free_port()
    more = {
        "public_url": '"https://localhost:{api_port}"',
        "logs_url": f'"https://localhost:{logs}"',
        "logs_port": str(logs),
    }
    with contextlib.ExitStack() as stack:
        stand = stack.enter_context(git_stand.stand(workdir, self_signed, **more))
        argv = [sys.executable, "-c", "from hokku.cli import main; main()", "logplex"]
        git_stand.start(stack, stand.home, "logplex", argv)
        wait_for("the logplex listens", lambda: _listens(logs), 20)
        yield Place(f"https://localhost:{stand.api_port}", f"https://localhost:{logs}", stand.ca, stand)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def another_ca(folder: Path) -> Path:
    """A certificate for localhost that no platform has."""
    folder.mkdir(exist_ok=True)
    return self_signed(folder)[0]


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """What a program writes on its terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal, self.text = terminal, ""

    def wait_for(self, text: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, f"{text!r} not within {seconds} s:\n{self.text}"
            self._read(deadline)

    def type(self, text: str, by_key: bool = True, shown: str = "") -> None:
        """Type a line, when the program reads key by key if it does so; Enter when it has `shown` the text."""
        if by_key:
            keys = lambda: not termios.tcgetattr(self._terminal)[3] & termios.ICANON  # noqa: E731
            wait_for("the program reads keys", keys, 15)
        os.write(self._terminal, text.encode())
        self.wait_for(shown, 15)
        os.write(self._terminal, b"\r")

    def until_ended(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            assert time.monotonic() < deadline, f"it runs on:\n{self.text}"
            self._read(time.monotonic() + 0.05)

    def _read(self, deadline: float) -> None:
        if select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                self.text += _COLOURS.sub("", os.read(self._terminal, 65536).decode(errors="replace"))
            except OSError:  # the other end is closed
                time.sleep(0.01)
