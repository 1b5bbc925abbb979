"""Runs modules of the collection against the lab as operators do: by `ansible-playbook`, on this computer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platform_client import ROOT, Platform

SECONDS = 300


@dataclass(frozen=True)
class Step:
    """One task: `Step("domain", {"app": "shop", "hostname": "www.example.com"}, check=True)`."""

    module: str
    arguments: Mapping[str, Any]
    check: bool = False


@dataclass(frozen=True)
class Runner:
    """Plays tasks with the token of the platform's first account, in files below `directory`.

    `printed` is all that the playbooks printed, with `-vvv`: what must stand nowhere in it is looked for there.
    """

    platform: Platform
    directory: Path
    printed: list[str] = field(default_factory=list)

    def run(self, module: str, arguments: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        """The result of one task, failed or not. Several cost little more in one `play`."""
        return self.play([Step(module, arguments, check)])[0]

    def play(self, steps: Sequence[Step]) -> list[dict[str, Any]]:
        """The results of the tasks, one after the other in one process, each with its diff; failures end nothing."""
        results = self.directory / "results.json"
        results.unlink(missing_ok=True)
        tasks = [self._task(number, step) for number, step in enumerate(steps)]
        told = ", ".join(f"told_{number}" for number in range(len(steps)))
        last = {"content": f"{{{{ [{told}] | to_json }}}}", "dest": str(results), "mode": "0600"}
        tasks.append({"name": "Write results", "ansible.builtin.copy": last, "diff": False})
        book = self.directory / "play.json"
        book.touch(0o600)
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        book.write_text(json.dumps([play]))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "-i", "localhost,", str(book)],
            cwd=ROOT, env=self._environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, timeout=SECONDS, check=False,
        )  # fmt: skip
        self.printed.append(done.stdout)
        assert done.returncode == 0, f"ansible-playbook ended with {done.returncode}:\n{done.stdout}"
        assert self.platform.token not in done.stdout
        return json.loads(results.read_text())

    def says(self, secret: str) -> bool:
        """Whether the text was printed by any playbook, on one line or written as JSON or YAML write it."""
        escaped = json.dumps(secret)[1:-1]
        return any(form in text for text in self.printed for form in (secret, escaped))

    def _task(self, number: int, step: Step) -> dict[str, Any]:
        return {
            "name": f"Step {number}",
            f"hokku.platform.{step.module}": dict(step.arguments),
            "register": f"told_{number}",
            "check_mode": step.check,
            "diff": True,
            "ignore_errors": True,
        }

    def _environment(self) -> dict[str, str]:
        theirs = ("ANSIBLE_", "HEROKU_", "HOKKU_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        return kept | {
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "HOKKU_API_URL": self.platform.api_url,
            "HOKKU_API_TOKEN": self.platform.token,
            "HOKKU_CA_FILE": self.platform.ca,
        }
