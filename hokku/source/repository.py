"""Repositories on disk: `git_dir`/APP_ID.git, made on first use, shared by the users that serve SSH and HTTPS.

git's configuration is given by the environment alone: a repository cannot change which hooks run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOOKS = (Path("/usr/local/lib/hokku/git-hooks"), Path(__file__).parent / "hooks")  # the role's, or a checkout's
_CONFIG = {
    "safe.directory": "*",  # repositories belong to one of two users, and each serves the other's
    "http.receivepack": "true",
    "transfer.fsckObjects": "false",
    "receive.maxInputSize": str(1024**3),  # Heroku: a checkout has at most 1 GB
    "receive.denyNonFastForwards": "false",  # `git push --force` deploys; a shared repository would refuse it, too late
    "receive.autogc": "true",
    "gc.autoDetach": "true",
    "gc.auto": "1000",  # loose objects: a push of few files leaves some, of 4 KB each at least
    "gc.autoPackLimit": "20",  # a push of many files leaves a pack
    "gc.pruneExpire": "1.day.ago",  # what `git push --force` left behind
}


class Busy(Exception):
    """Another push to the repository is being built."""


def path(git_dir: Path, app_id: str) -> Path:
    """Where the app's repository is, or would be."""
    return git_dir / f"{app_id}.git"


def ensure(git_dir: Path, app_id: str) -> Path:
    """The app's repository, made when it is not there; two who make it at once get the same one."""
    repository = path(git_dir, app_id)
    if repository.is_dir():
        return repository
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=git_dir))
    try:
        argv = ["git", "init", "--quiet", "--bare", "--shared=group", "--initial-branch=main", "--template=", str(made)]
        subprocess.run(argv, check=True, env=environment(), stdin=subprocess.DEVNULL, umask=0o007)
        made.chmod(0o2770)
        os.rename(made, repository)
    except OSError:
        if not repository.is_dir():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return repository


def environment(**more: str) -> dict[str, str]:
    """The whole environment for git: its configuration, and what the hook needs to know."""
    config = _CONFIG | {"core.hooksPath": str(_hooks())}
    values = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(config)),
        "HOKKU_PYTHON": sys.executable,
    }
    for number, (key, value) in enumerate(config.items()):
        values[f"GIT_CONFIG_KEY_{number}"], values[f"GIT_CONFIG_VALUE_{number}"] = key, value
    if "HOKKU_SETTINGS" in os.environ:
        values["HOKKU_SETTINGS"] = os.environ["HOKKU_SETTINGS"]
    return values | more


def _hooks() -> Path:
    """The directory of the hook. git passes over a hook that cannot run and takes every push: so there is none then."""
    for directory in _HOOKS:
        if os.access(directory / "pre-receive", os.X_OK):
            return directory
    raise RuntimeError("no pre-receive hook that can run: the role git_receiver makes it")


@contextmanager
def only_push(repository: Path, patience: float = 0) -> Iterator[None]:
    """Hold the repository's place in the queue of one; raises Busy when another push has it for `patience` seconds."""
    handle = os.open(repository / "hokku.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                raise Busy from None
            time.sleep(0.2)
    try:
        yield
    finally:
        os.close(handle)
