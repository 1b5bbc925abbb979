"""The first push: samples/python as the app `hello`, and what to type next."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import environment, reach, settings
from lab.command import LabError, run
from lab.progress import say, step, wait_until

APP = "hello"
SAMPLE = settings.REPOSITORY / "samples" / "python"


def ensure() -> None:
    """Have the sample deployed as `hello` and answering on every router; says where, and what to type next."""
    wait_until(reach.api_answers, f"the API at {environment.API_URL} to answer", 120, pause=0.5)
    status, answer = reach.api("GET", f"/apps/{APP}")
    if status == 404:
        status, answer = reach.api("POST", "/apps", {"name": APP})
        say(f"The app {APP} is made")
    if status not in (200, 201):
        raise LabError(f"The API refuses the app {APP} ({status}): {answer}")
    if not _is_deployed():
        with step(f"Pushing samples/python as {APP}"):
            _push()
    _wait_for_answers()
    print(_what_next(), end="")


def _is_deployed() -> bool:
    status, releases = reach.api("GET", f"/apps/{APP}/releases")
    if status != 200 or not isinstance(releases, list):
        raise LabError(f"The API does not list the releases of {APP} ({status}): {releases}")
    return any(release["status"] == "succeeded" and release.get("slug") for release in releases)


def _push() -> None:
    """Push the sample over HTTPS; the token goes to git through its environment, never in an argument."""
    with tempfile.TemporaryDirectory(dir=settings.HOME) as folder:
        work = Path(folder) / APP
        shutil.copytree(SAMPLE, work, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
        git = ["git", "-C", str(work), "-c", "user.name=Hokku", "-c", "user.email=hokku@example.com"]
        run([*git, "init", "--quiet", "--initial-branch=main"])
        run([*git, "add", "--all"])
        run([*git, "commit", "--quiet", "--message=The Python sample"])
        password = base64.b64encode(f"hokku:{environment.admin_token()}".encode()).decode()
        secret = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {password}",
            "GIT_SSL_CAINFO": str(environment.CA_FILE),
            "GIT_TERMINAL_PROMPT": "0",
        }
        argv = [*git, "push", f"{environment.API_URL}/{APP}.git", "main"]
        if subprocess.run(argv, env={**os.environ, **secret}, check=False).returncode != 0:
            raise LabError(f"The push of samples/python to {APP} was refused; the lines above say why.")


def _wait_for_answers() -> None:
    host = f"{APP}.{settings.APPS_DOMAIN}"
    for address in environment.router_addresses(80):
        wait_until(
            lambda address=address: reach.through_router(address, host) == 200,
            f"{host} to answer through {address}",
            120,
            pause=0.3,
        )


def _what_next() -> str:
    ports = [address.rpartition(":")[2] for address in environment.router_addresses(80)]
    answers = "".join(
        f"  {name} answers at    http://{APP}.{settings.APPS_DOMAIN}:{port}/\n"
        for name, port in zip(environment.ROUTERS, ports, strict=True)
    )
    first = f"http://{APP}.{settings.APPS_DOMAIN}:{ports[0]}/"
    return f"""
The platform is up and {APP} (samples/python) is served.
{answers}  the Platform API at   {environment.API_URL}
  git over HTTPS at     {environment.API_URL}/APP.git
  git over SSH at       ssh://git@localhost:2222/APP.git

What to type next:
  curl {first}
  eval "$(make env)"                        # points heroku, git and curl at the lab
  curl --cacert $HOKKU_CA -H "Authorization: Bearer $HEROKU_API_KEY" {environment.API_URL}/apps/{APP}
  heroku logs --app {APP} --num 20          # the official CLI, from npm: npm install --global heroku
  heroku ps:scale web=3 --app {APP}
  make status                               # what runs;  make test: everything CI runs;  make down: no trace left
"""
