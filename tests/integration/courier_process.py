"""The courier as a process of its own, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path


class Courier:
    """hokku-courier with the settings of this test session; it trusts the CA in the folder `certificates`, too."""

    def __init__(self, said: Path, certificates: Path) -> None:
        self._said = said
        self._env = os.environ | {"SSL_CERT_FILE": str(certificates / "ca.crt")}
        self.start()

    def start(self) -> None:
        with self._said.open("ab") as output:
            argv = [sys.executable, "-c", "from hokku.cli import main; main()", "courier"]
            self.process = subprocess.Popen(argv, env=self._env, stdout=output, stderr=output)

    def noticed(self, token: str) -> bool:
        """Whether it said that the drain is away."""
        return f"drain {token} is away" in self._said.read_text()

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(15)
