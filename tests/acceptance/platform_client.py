"""The platform as its users meet it: the API over TLS, git, and requests through each router, all on loopback."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

LAB_STATE = Path("/var/lib/hokku-lab")
ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
SAMPLE = ROOT / "samples" / "python"


def wait_for(what: str, condition: Callable[[], T], seconds: float = 60, every: float = 0.1) -> T:
    """The first true answer of `condition`; fails with the last answer once `seconds` are over."""
    deadline = time.monotonic() + seconds
    answer: object = None
    while time.monotonic() < deadline:
        try:
            answer = condition()
        except (OSError, httpx.HTTPError, http.client.HTTPException) as error:
            answer = error
        else:
            if answer:
                return answer
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds:.0f} s; last seen: {answer!r}")


@dataclass(frozen=True)
class Answer:
    """What a router answered."""

    status: int
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Push:
    """What `git push` said, and whether it was accepted."""

    accepted: bool
    output: str
    seconds: float


@dataclass(frozen=True)
class Platform:
    """A running platform: addresses, the first account's token, and what its users do with them."""

    api_url: str
    token: str = field(repr=False)
    ca: str
    routers: tuple[str, ...]
    routers_tls: tuple[str, ...]
    apps_domain: str
    git_host: str
    git_ssh: str
    ssh_key: Path
    scratch: Path
    http: httpx.Client = field(repr=False)

    @classmethod
    def from_environment(cls, scratch: Path, environment: dict[str, str]) -> Platform:
        """The platform that `make env` points at."""
        ca = environment["NODE_EXTRA_CA_CERTS"]
        client = httpx.Client(
            base_url=environment["HEROKU_HOST"],
            verify=ssl.create_default_context(cafile=ca),
            timeout=60,
            headers={
                "Authorization": f"Bearer {environment['HEROKU_API_KEY']}",
                "Accept": "application/vnd.heroku+json; version=3",
            },
        )
        return cls(
            api_url=environment["HEROKU_HOST"],
            token=environment["HEROKU_API_KEY"],
            ca=ca,
            routers=tuple(environment["HOKKU_HTTP"].split(",")),
            routers_tls=tuple(environment["HOKKU_HTTPS"].split(",")),
            apps_domain=environment["HOKKU_APPS_DOMAIN"],
            git_host=environment["HEROKU_GIT_HOST"],
            git_ssh=environment["HOKKU_GIT_SSH"],
            ssh_key=scratch / "id_ed25519",
            scratch=scratch,
            http=client,
        )

    def call(self, method: str, path: str, body: object = None, status: int | None = None) -> httpx.Response:
        """One API call; with `status`, anything else fails with the whole answer."""
        answer = self.http.request(method, path, json=body)
        if status is not None and answer.status_code != status:
            raise AssertionError(f"{method} {path}: {answer.status_code}, not {status}: {answer.text}")
        return answer

    def create_app(self, name: str | None = None) -> App:
        """A new app of the first account."""
        name = name or f"t-{uuid.uuid4().hex[:10]}"
        self.call("POST", "/apps", {"name": name}, 201)
        return App(self, name)

    def get(self, host: str, path: str = "/", router: int = 0, tls: bool = False) -> Answer:
        """One request for `host` on a connection of its own through one router."""
        address = urlsplit("//" + (self.routers_tls if tls else self.routers)[router])
        if tls:
            context = ssl.create_default_context(cafile=self.ca)
            connection: http.client.HTTPConnection = _HostConnection(host, address.hostname, address.port, context)
        else:
            connection = http.client.HTTPConnection(address.hostname, address.port, timeout=40)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(errors="replace"), dict(answer.getheaders()))
        finally:
            connection.close()

    def git_environment(self) -> dict[str, str]:
        """Environment of a git that trusts the platform's CA, asks nothing, and knows the lab's SSH host key."""
        known = LAB_STATE / "ssh" / "known_hosts"
        parts = urlsplit(self.git_ssh)
        return os.environ | {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSL_CAINFO": self.ca,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_SSH_COMMAND": f"ssh -i {self.ssh_key} -p {parts.port} -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o UserKnownHostsFile={known} -o HostKeyAlias=10.213.77.11",
            "GIT_AUTHOR_NAME": "Matsuo",
            "GIT_AUTHOR_EMAIL": "matsuo@example.com",
            "GIT_COMMITTER_NAME": "Matsuo",
            "GIT_COMMITTER_EMAIL": "matsuo@example.com",
        }

    def git(self, directory: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """git in `directory`."""
        return subprocess.run(
            ["git", *arguments], cwd=directory, env=self.git_environment(), text=True, check=check,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip


class _HostConnection(http.client.HTTPSConnection):
    """HTTPS to an address, with SNI and certificate check for the app's host."""

    def __init__(self, server_name: str, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=40, context=context)
        self._server_name, self._tls = server_name, context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server_name)


@dataclass(frozen=True)
class App:
    """One app on the platform."""

    platform: Platform
    name: str

    @property
    def host(self) -> str:
        return f"{self.name}.{self.platform.apps_domain}"

    def call(self, method: str, path: str = "", body: object = None, status: int | None = None) -> httpx.Response:
        """One API call below /apps/NAME."""
        return self.platform.call(method, f"/apps/{self.name}{path}", body, status)

    def get(self, path: str = "/", router: int = 0, tls: bool = False) -> Answer:
        return self.platform.get(self.host, path, router, tls)

    def repository(self, files: dict[str, str] | Path) -> Path:
        """A git repository whose first commit is `files` (texts by path, or a tree to copy)."""
        directory = self.platform.scratch / f"{self.name}-{uuid.uuid4().hex[:6]}"
        if isinstance(files, Path):
            shutil.copytree(files, directory)
        else:
            directory.mkdir()
        self.platform.git(directory, "init", "-q", "-b", "main")
        self.commit(directory, files if isinstance(files, dict) else {})
        return directory

    def commit(self, repository: Path, files: dict[str, str]) -> None:
        """Write `files` and commit."""
        for path, content in files.items():
            target = repository / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        self.platform.git(repository, "add", "-A")
        self.platform.git(repository, "commit", "-q", "--allow-empty", "-m", "Change")

    def remote(self, via: str) -> str:
        if via == "ssh":
            return f"{self.platform.git_ssh}/{self.name}.git"
        return f"https://heroku:{self.platform.token}@{self.platform.git_host}/{self.name}.git"

    def push(self, repository: Path, via: str = "https", refspec: str = "main") -> Push:
        """`git push` of `refspec`, over https or ssh."""
        started = time.monotonic()
        done = self.platform.git(repository, "push", self.remote(via), refspec, check=False)
        return Push(done.returncode == 0, done.stdout, time.monotonic() - started)

    def deploy(self, files: dict[str, str] | Path, via: str = "https") -> Path:
        """Push that must be accepted; gives the repository."""
        repository = self.repository(files)
        pushed = self.push(repository, via)
        assert pushed.accepted, pushed.output
        return repository

    def scale(self, **quantities: int) -> None:
        """Set quantities of process types and wait until exactly those dynos are up."""
        updates = [{"type": kind, "quantity": number} for kind, number in quantities.items()]
        self.call("PATCH", "/formation", {"updates": updates}, 200)
        for kind, number in quantities.items():
            self.wait_dynos(kind, number)

    def dynos(self, kind: str | None = None) -> list[dict]:
        return [d for d in self.call("GET", "/dynos", status=200).json() if kind in (None, d["type"])]

    def wait_dynos(self, kind: str, number: int, seconds: float = 90) -> list[dict]:
        """Wait until `number` dynos of `kind` are up and there are no others of it."""

        def settled() -> list[dict] | None:
            found = self.dynos(kind)
            up = [d for d in found if d["state"] == "up"]
            return (found or [{}]) if len(found) == len(up) == number else None

        return wait_for(f"{number} {kind} dynos of {self.name} up", settled, seconds)

    def releases(self) -> list[dict]:
        """All of them, oldest first: without a range the API gives 200."""
        answer = self.platform.http.get(f"/apps/{self.name}/releases", headers={"Range": "version ..; max=1000"})
        assert answer.status_code == 200, answer.text[:1000]
        return answer.json()

    def release(self) -> dict:
        """The current release: the newest that succeeded."""
        releases = self.releases()
        return max((r for r in releases if r["status"] == "succeeded"), key=lambda r: r["version"])

    def logs(self, lines: int = 100, **filters: str) -> list[str]:
        """The last lines of the app's log, as the CLI prints them."""
        session = self.call("POST", "/log-sessions", {"lines": lines, "tail": False, **filters}, 201).json()
        answer = httpx.get(
            session["logplex_url"], verify=ssl.create_default_context(cafile=self.platform.ca), timeout=30
        )
        assert answer.status_code == 200, answer.text
        return answer.text.splitlines()

    def describe(self) -> str:
        """What the system looked like, for a failed test."""
        parts = [f"=== app {self.name}"]
        for path in ("/formation", "/dynos", "/releases", "/builds"):
            parts.append(f"{path}: {self.call('GET', path).text[:3000]}")
        try:
            parts += ["last log lines:", *self.logs(60)]
        except (AssertionError, httpx.HTTPError, KeyError) as error:
            parts.append(f"no logs: {error!r}")
        return "\n".join(parts)

    def destroy(self) -> None:
        self.call("DELETE")
