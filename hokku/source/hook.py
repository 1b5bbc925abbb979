"""The pre-receive hook: what is pushed to main or master is built, and the push is accepted when it serves.

git runs it before it moves any branch. When the client goes away (Ctrl-C, or its connection is lost), the build is
cancelled unless its release is made; the branch stays, so that the same commit can be pushed again at once.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

from hokku.source import leaving, refs, repository, request
from hokku.source.door import Door, Refused, Unreachable
from hokku.source.place import place

_PATIENCE = 60.0  # seconds that the API may be away during a build
_QUEUE = 6.0  # seconds in which a push that was broken off makes place for the next
_LEFT = "X-Hokku-Push-Left"  # see hokku.api.builds


def pre_receive() -> int:
    """Build the pushed commit; 0 when it is released, 1 with the reason printed when it is not."""
    try:
        return _build(refs.to_deploy(refs.parse(sys.stdin)))
    except refs.NotDeployed as refused:
        return _refuse(str(refused))
    except repository.Busy:
        return _refuse("Another push to this app is being built: push again when it is done.")
    except Refused as refused:
        return _refuse(refused.message)
    except Unreachable:
        return _refuse(request.UNREACHABLE)
    except (BrokenPipeError, leaving.Left):
        leaving.silence()
        return 1


def _build(update: refs.Update) -> int:
    app_id, app = os.environ["HOKKU_APP_ID"], os.environ["HOKKU_APP"]
    door = Door(place(), os.environ["HOKKU_TOKEN"], client=os.environ.get("HOKKU_CLIENT", ""))
    with repository.only_push(Path(os.environ.get("GIT_DIR", ".")), _QUEUE), leaving.noticed() as client:
        if _current(update.ref) != (None if update.creates else update.old):
            raise refs.NotDeployed("Another push came first: fetch, merge, and push again.")
        _say("Compressing source files... ")
        blob = door.call("POST", "/sources")["source_blob"]
        _upload(door, blob["put_url"], update.new)
        _say("done.\nBuilding source:\n\n")
        body = {"source_blob": {"url": blob["get_url"], "version": update.new, "content": _content(update.new)}}
        with client.waits():  # so that a build that is asked for has a name to cancel it by
            build = door.call("POST", f"/apps/{app_id}/builds", body)
        path = f"/apps/{app_id}/builds/{build['id']}"
        try:
            status = _attend(door, build["output_stream_url"], path, client)
        except leaving.Left:
            leaving.silence()
            _cancel(door, path)
            raise
        if status == "succeeded":
            return 0
        _say(f"\n !     Push rejected to {app}.\n\n")
        return 1


def _attend(door: Door, url: str, build_path: str, client: leaving.Client) -> str:
    """Tell the build's output, and how it ended; raises Left when nobody listens any more."""
    try:
        client.look()
        _follow(door, url, build_path)
        return _verdict(door, build_path)
    except BrokenPipeError:
        client.gone()  # it raises, unless it was raised already
        raise leaving.Left from None


def _cancel(door: Door, build_path: str) -> None:
    """End the build that nobody waits for. One that has made its release goes on."""
    try:
        door.call("DELETE", build_path, more={_LEFT: "yes"})
    except (Refused, Unreachable):
        pass  # it is over, or the API restarts, which ends no build


def _current(ref: str) -> str | None:
    done = subprocess.run(["git", "rev-parse", "--verify", "--quiet", ref], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _upload(door: Door, url: str, commit: str) -> None:
    argv = ["git", "-c", "tar.umask=0022", "archive", "--format=tar.gz", "-1", *_submodules(commit), commit]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as archive:
        door.upload(url, archive.stdout)
    if archive.returncode != 0:
        raise refs.NotDeployed(f"git could not read the commit {commit[:8]}: push again, or push another commit.")


def _content(commit: str) -> str | None:
    """What stands for the commit's source; None where git writes the commit itself into files of it."""
    argv = ["git", "grep", "--quiet", "--fixed-strings", "export-subst", commit, "--", ":(glob)**/.gitattributes"]
    if subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode != 1:
        return None
    tree = _current(f"{commit}^{{tree}}")
    return f"git tree {tree}" if tree else None


def _submodules(commit: str) -> list[str]:
    """Options by which the archive says which commits its submodules are at; it has only their directories itself.

    Raises NotDeployed.
    """
    tree = subprocess.run(["git", "ls-tree", "-r", "-z", commit], capture_output=True, check=False).stdout
    links = refs.submodules(tree)
    text = "".join(f"{link} {path}\n" for link, path in links)
    return [f"--add-virtual-file=.hokku-submodules:{text}"] if links else []


def _follow(door: Door, url: str, build_path: str) -> None:
    """Copy the build's output as it comes; an API that restarts meanwhile is waited for, and nothing is repeated."""
    seen, deadline = 0, time.monotonic() + _PATIENCE
    while True:
        try:
            with door.stream(url) as stream:
                skip = seen
                while data := stream.read1(65536):
                    deadline = time.monotonic() + _PATIENCE
                    data = data.replace(b"\0", b"")  # signs of life, which are no output
                    fresh, skip = data[skip:], max(0, skip - len(data))
                    seen += len(fresh)
                    sys.stdout.buffer.write(fresh)
                    sys.stdout.buffer.flush()
            if door.call("GET", build_path)["status"] != "pending":
                return
        except BrokenPipeError:
            raise
        except (Unreachable, OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise Unreachable("the API stayed away") from error
            time.sleep(0.5)


def _verdict(door: Door, build_path: str) -> str:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return str(door.call("GET", build_path)["status"])
        except Unreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _refuse(sentence: str) -> int:
    _say(f"\n{request.bang(sentence)}\n\n")
    return 1
