"""`hokku heroku ARGS…`: Heroku's official CLI, unchanged, against the platform, through a listener of its own.

The CLI is started before the listener's libraries are loaded: they are there when its first request comes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hokku.toolbelt import official, platforms
from hokku.toolbelt.official import Doors
from hokku.toolbelt.platforms import Platform, ToolbeltError

_WITHOUT_PLATFORM = {"", "help", "version", "--help", "-h", "--version", "-v", "local", "autocomplete", "commands"}


def heroku(words: list[str]) -> int:
    """Run the CLI with these words; its exit status. When a signal ended it, the same signal ends this process."""
    program = official.find()
    platform = platforms.chosen()
    if platform is None:
        if (words[0] if words else "").partition(":")[0] not in _WITHOUT_PLATFORM and "--help" not in words:
            raise ToolbeltError(f"You are not logged in. {platforms.LOGIN_FIRST}")
        platform = Platform("https://127.0.0.1:1")
    status, requests = _run(program, platform, words)
    if status and not requests and (sentence := official.too_old(program)):
        print(f" !    {sentence}", file=sys.stderr)
    if status < 0:
        with suppress(OSError):  # SIGKILL has no handler to take away
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


@dataclass
class Running:
    """The CLI's process, and what reaches it of the signals that reach this one."""

    process: subprocess.Popen[bytes] | None = None

    def catch(self) -> None:
        """From now on this process ends when the CLI does, not earlier. What is ignored (nohup) stays so for both."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        # ^C and ^\\ come from the terminal to both of us
        if self.process is not None and not (number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground()):
            self.process.send_signal(number)


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def _run(program: Path, platform: Platform, words: list[str]) -> tuple[int, int]:
    """The CLI's exit status, and how many requests it made."""
    from hokku.toolbelt.admission import Admission
    from hokku.toolbelt.certificate import certificate

    running = Running()
    running.catch()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hokku-")))
        requests, terminals = (stack.enter_context(_loopback()) for _ in range(2))
        admission = Admission(platform, f"http://127.0.0.1:{requests.getsockname()[1]}")
        context = certificate(scratch)
        doors = Doors(
            admission.url,
            admission.key,
            f"{admission.url}/{admission.login}",
            f"{admission.url}/{admission.open}",
            _authorities(scratch, platform),
        )
        environment = official.environment(platform, words, doors, scratch, os.environ)
        running.process = subprocess.Popen([str(program), *words], env=environment)

        from hokku.toolbelt.session import serve

        listener = serve(admission, requests, terminals, context, running.process)
    _remember(platform, words, listener.tokens, listener.refused)
    return running.process.returncode, listener.requests


def _loopback() -> socket.socket:
    """A listening socket: what comes before it is served waits."""
    made = socket.create_server(("127.0.0.1", 0), backlog=64)
    made.setblocking(False)
    return made


def _authorities(scratch: Path, platform: Platform) -> Path:
    """The file of CAs that node trusts besides its own."""
    texts = [(scratch / "run.crt").read_text()]
    for name in (os.environ.get("NODE_EXTRA_CA_CERTS"), platform.ca_file):
        try:
            texts.append(Path(name).read_text() if name else "")
        except (OSError, ValueError):
            continue  # node only warns, and so does the listener when the platform's is missing
    (scratch / "authorities.crt").write_text("\n".join(texts))
    return scratch / "authorities.crt"


def _remember(platform: Platform, words: list[str], tokens: list[tuple[str, str]], refused: bool) -> None:
    """Keep the token that a login brought; forget it after a logout."""
    if tokens and official.is_login(words):
        from dataclasses import replace

        email, token = tokens[-1]
        made = replace(platform, email=email, token=token)
        platforms.keep(made, default=False)
    elif official.is_logout(words) and platform.token is not None:
        from hokku.toolbelt.login import logout

        logout()
    elif refused and platform.token is not None:
        print(f" !    Your login has ended. Log in again: hokku login {platform.url}", file=sys.stderr)
