"""A shell as a reader of the docs has it open: directory, variables and jobs stay from one command to the next."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from official_cli import plain

# Each command is a file that the shell sources; INT ends what it runs and not the shell itself.
_LOOP = """
trap : INT
shopt -s expand_aliases
while read -r docs_step; do
  source "$docs_step.sh" < /dev/null > "$docs_step.out" 2>&1
  docs_code=$?
  pwd > "$docs_step.pwd"
  echo "$docs_code" > "$docs_step.new" && mv "$docs_step.new" "$docs_step.code"
done
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed, both streams as on a terminal, without colours."""

    code: int | None
    """None when it was not over in time; it has been killed then, and the shell with it."""
    printed: str


class Shell:
    """The shell; `directory` is where it is."""

    def __init__(self, process: subprocess.Popen[str], scratch: Path, directory: Path) -> None:
        self._process, self._scratch, self._steps = process, scratch, 0
        self.directory = directory

    def run(self, text: str, seconds: float, until: Callable[[str], bool] | None = None) -> Ran:
        """Run `text`. With `until` it is interrupted, as by ^C, once that says so of what it has printed."""
        self._steps += 1
        step = self._scratch / str(self._steps)
        files = {kind: step.with_suffix(f".{kind}") for kind in ("sh", "out", "code", "pwd")}
        files["sh"].write_text(text + "\n")
        assert self._process.stdin is not None
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + seconds
        while not files["code"].exists():
            if self._process.poll() is not None:  # the command was `exit`, or it was killed
                return Ran(self._process.returncode, self._printed(files["out"]))
            if until is not None and until(self._printed(files["out"])):
                os.killpg(self._process.pid, signal.SIGINT)
                until = None
            if time.monotonic() > deadline:
                os.killpg(self._process.pid, signal.SIGKILL)
                return Ran(None, self._printed(files["out"]))
            time.sleep(0.02)
        self.directory = Path(files["pwd"].read_text().rstrip("\n"))
        return Ran(int(files["code"].read_text()), self._printed(files["out"]))

    @staticmethod
    def _printed(file: Path) -> str:
        return plain(file.read_text(errors="replace")) if file.exists() else ""


@contextlib.contextmanager
def opened(directory: Path, scratch: Path, environment: dict[str, str]) -> Iterator[Shell]:
    """A shell in `directory`; it and all that it started end with the block. `scratch` takes what it writes down."""
    scratch.mkdir()
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-c", _LOOP], cwd=directory, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield Shell(process, scratch, directory)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
