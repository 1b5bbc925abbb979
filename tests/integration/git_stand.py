"""A git receiver to push to: `hokku api` behind TLS in a process of its own, sshd on loopback, a scripted builder."""

from __future__ import annotations

import contextlib
import os
import pwd
import ssl
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hokku.store import builds
from hokku.store.engine import session
from hokku.store.tables import BuildStatus
from tests.integration.conftest import TOKEN
from tests.integration.loopback import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stand:
    """Where things are, and what the builder shall say: `script` gets the build's id and gives its status."""

    home: Path
    client: httpx.Client
    api_port: int
    ssh_port: int
    ca: Path
    key: Path
    script: Callable[..., BuildStatus] | None = None
    built: list[str] = field(default_factory=list)
    apps: set[uuid.UUID] = field(default_factory=set)

    def app(self, name: str) -> str:
        """Make an app; its name."""
        answer = self.client.post("/apps", json={"name": name})
        assert answer.status_code == 201, answer.text
        self.apps.add(uuid.UUID(answer.json()["id"]))
        return name

    def repository(self, files: dict[str, str]) -> Path:
        """A repository with one commit on main."""
        where = self.home / f"work-{os.urandom(4).hex()}"
        where.mkdir()
        self.git(where, "init", "-q", "-b", "main")
        self.commit(where, files)
        return where

    def commit(self, where: Path, files: dict[str, str]) -> None:
        for name, text in files.items():
            (where / name).write_text(text)
        self.git(where, "add", "-A")
        done = self.git(where, "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "-m", "A change")
        assert done.returncode == 0, done.stdout

    def git(self, where: Path, *words: str, key: Path | None = None, token: str = TOKEN) -> subprocess.CompletedProcess:
        """Run git as a client of this stand; stdout holds both streams."""
        return subprocess.run(
            ["git", *words], cwd=where, env=self.environment(key, token), text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )  # fmt: skip

    def environment(self, key: Path | None = None, token: str = TOKEN) -> dict[str, str]:
        options = (
            "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR", "PreferredAuthentications=publickey",
        )  # fmt: skip
        ssh = " ".join(["ssh", "-F", "none", "-i", str(key or self.key), "-p", str(self.ssh_port)])
        ssh += "".join(f" -o {option}" for option in options)
        helper = self.home / "askpass"
        helper.write_text('#!/bin/sh\nprintf "%s\\n" "$HOKKU_TEST_TOKEN"\n')
        helper.chmod(0o755)
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_SSH_COMMAND": ssh, "GIT_SSL_CAINFO": str(self.ca),
            "GIT_ASKPASS": str(helper), "GIT_TERMINAL_PROMPT": "0", "HOKKU_TEST_TOKEN": token, "NO_PROXY": "*",
        }  # fmt: skip

    def remote(self, app: str, via: str) -> str:
        """The app's git URL."""
        if via == "ssh":
            return f"{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{app}.git"
        return f"https://hokku@localhost:{self.api_port}/{app}.git"

    def push(self, where: Path, app: str, via: str, *refs: str, **more: object) -> subprocess.CompletedProcess:
        """Push (main, unless told)."""
        return self.git(where, "push", self.remote(app, via), *(refs or ("main",)), **more)


@contextlib.contextmanager
def stand(workdir: Path, certificate: Callable[[Path], tuple[Path, Path]], **more: str) -> Iterator[Stand]:
    """A stand on the settings of the fixture `platform`; ends everything it started.

    `more` are further settings, in which `{api_port}` stands for the API's port.
    """
    home = workdir / f"git-{os.urandom(4).hex()}"
    home.mkdir()
    ca, key = certificate(home)
    api_port, ssh_port = free_port(), free_port()
    lines = Path(os.environ["HOKKU_SETTINGS"]).read_text().splitlines()
    lines = [line for line in lines if line.split(" = ")[0] not in more]
    lines += [f"api_port = {api_port}", f'ca_file = "{ca}"', f'cert_file = "{ca}"', f'key_file = "{key}"']
    lines += [f"{name} = {value.format(api_port=api_port)}" for name, value in more.items()]
    (home / "hokku.toml").write_text("\n".join(lines) + "\n")
    with contextlib.ExitStack() as stack:
        start(stack, home, "api", [sys.executable, "-c", "from hokku.cli import main; main()", "api"])
        files = _ssh_files(home, ssh_port)
        start(stack, home, "sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", str(files)])
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/vnd.heroku+json; version=3"}
        trusted = ssl.create_default_context(cafile=str(ca))
        client = httpx.Client(base_url=f"https://localhost:{api_port}", verify=trusted, headers=headers)
        stack.callback(client.close)
        made = Stand(home, client, api_port, ssh_port, ca, home / "id")
        wait_for("the API answers", lambda: _answers(client), 20)
        public = (home / "id.pub").read_text()
        answer = client.post("/account/keys", json={"public_key": public})
        assert answer.status_code in (200, 201), answer.text
        over = threading.Event()
        thread = threading.Thread(target=_build, args=(made, over))
        thread.start()
        try:
            yield made
        finally:
            over.set()
            thread.join()
            client.delete(f"/account/keys/{answer.json()['id']}")


def start(stack: contextlib.ExitStack, home: Path, name: str, argv: list[str]) -> None:
    environment = os.environ | {"HOKKU_SETTINGS": str(home / "hokku.toml")}
    log = stack.enter_context((home / f"{name}.log").open("w"))
    process = subprocess.Popen(argv, env=environment, stderr=log, stdout=log)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def _ssh_files(home: Path, port: int) -> Path:
    """sshd as the role sets it up, but for this user and without PAM."""
    for name in ("host_key", "id", "stranger"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name), "-C", name]
        subprocess.run(argv, check=True)
    # sshd runs programs only from directories that root alone may write, and with an environment of its own.
    programs = Path("/run") / f"hokku-test-{home.name}"
    programs.mkdir()
    for name, task in (("keys", "authorized-keys"), ("shell", "receive")):
        (programs / name).write_text(
            f"#!{sys.executable}\nimport os, sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"os.environ['HOKKU_SETTINGS'] = {str(home / 'hokku.toml')!r}\n"
            f"from hokku.source.program import main\nraise SystemExit(main({task!r}, sys.argv[1:]))\n"
        )
        (programs / name).chmod(0o755)
    user = pwd.getpwuid(os.geteuid()).pw_name
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {home / 'host_key'}", "PidFile none", "UsePAM no",
        "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
        "AuthorizedKeysFile none", f"AuthorizedKeysCommand {programs / 'keys'} %f %t %k",
        f"AuthorizedKeysCommandUser {user}", "ExposeAuthInfo yes",
        f"ForceCommand {programs / 'shell'}", "DisableForwarding yes", "PermitTTY no", "PermitUserRC no",
    ]  # fmt: skip
    (home / "sshd_config").write_text("\n".join(lines) + "\n")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return home / "sshd_config"


def _build(made: Stand, over: threading.Event) -> None:
    """The builder: claims what waits, and does what the script says."""
    while not over.wait(0.05):
        with session() as opened:
            build = builds.claim(opened, "the-test")
        if build is None:
            continue
        status = BuildStatus.SUCCEEDED
        if made.script is not None and build.app_id in made.apps:  # others' tests leave builds too
            status = made.script(build.id)
        with session() as opened:
            builds.finish(opened, builds.mine(opened, build.id, "the-test"), status)
        made.built.append(build.commit)
