"""`fab …` as an operator runs it: a process of its own, over the inventory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from platform_client import ROOT

FAB = str(Path(sys.executable).with_name("fab"))


def environment() -> dict[str, str]:
    """Without what `make env` exports: the inventory alone says where the platform is."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("HEROKU_", "HOKKU_", "ANSIBLE_"))}


def fab(*words: str, status: int = 0, seconds: float = 180, **more: str) -> str:
    """What `fab` printed; anything but that exit status fails with all it said. `more` is added to the environment."""
    done = subprocess.run(
        [FAB, *words], cwd=ROOT, env=environment() | more, text=True, check=False, timeout=seconds,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    assert done.returncode == status, f"fab {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if status == 0 or done.stdout else done.stderr


def told(*words: str, status: int = 0, **more: Any) -> Any:
    """The JSON that `fab … --json` printed."""
    return json.loads(fab(*words, "--json", status=status, **more))
