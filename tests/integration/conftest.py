"""Real servers for the tests: a private PostgreSQL cluster and a private Redis, in a directory that goes away.

`platform` is what most tests want: settings that name both servers, with the schema applied and the caches of
`hokku.settings` and `hokku.store.engine` pointing there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.integration.loopback import free_port, wait_for

GIT_TOKEN = "git-token-of-the-tests"


@pytest.fixture(scope="session")
def workdir() -> Iterator[Path]:
    """A directory with a short name (unix sockets need one) that every user can pass."""
    made = Path(tempfile.mkdtemp(prefix="hokku-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(workdir: Path) -> Iterator[str]:
    """The URL of an empty database `hokku` in a private PostgreSQL cluster."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    programs, home = found[-1].parent, workdir / "pg"
    home.mkdir()
    user = None
    if os.geteuid() == 0:
        user = "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"
        shutil.chown(home, user)

    def run(*argv: str | Path) -> None:
        subprocess.run(list(map(str, argv)), user=user, cwd=home, check=True, stdout=subprocess.DEVNULL)

    run(programs / "initdb", "-D", home / "data", "-U", "hokku", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off -c max_connections=60"
    run(programs / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log", "-o", options, "start")
    try:
        run(programs / "createdb", "-h", home, "-U", "hokku", "hokku")
        yield f"postgresql://hokku@/hokku?host={home}"
    finally:
        run(programs / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def redis_url(workdir: Path) -> Iterator[str]:
    """The URL of a private Redis without persistence."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    port = free_port()
    argv = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(workdir),
    ]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        wait_for("redis-server answers", lambda: _answers(port), 20)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def platform(workdir: Path, postgres: str, redis_url: str) -> Iterator[object]:
    """Settings of a platform on the private servers, its database at the newest schema."""
    from hokku.settings import settings
    from hokku.store.engine import engine
    from hokku.store.migrate import upgrade

    for name in ("slugs", "sources", "git"):
        (workdir / name).mkdir()
    (workdir / "config_key").write_bytes(Fernet.generate_key())
    (workdir / "git_token").write_text(GIT_TOKEN + "\n")
    lines = {
        "database_url": postgres,
        "pgpass_file": workdir / "none",
        "redis_url": redis_url,
        "config_key_file": workdir / "config_key",
        "git_token_file": workdir / "git_token",
        "slugs_dir": workdir / "slugs",
        "sources_dir": workdir / "sources",
        "git_dir": workdir / "git",
        "api_listen": "127.0.0.1",
        "public_url": "https://localhost:5443",
    }
    text = "".join(f'{name} = "{value}"\n' for name, value in lines.items())
    (workdir / "redis_password").write_text("")
    text += 'outbound_allowed_networks = ["127.0.0.0/8"]\n'
    hosts = (f'{{name = "dyno{number}", address = "127.0.0.1"}}' for number in (1, 2, 3))  # nothing listens there
    text += f"dyno_hosts = [{', '.join(hosts)}]\nlxd_port = {free_port()}\n"
    text += f'redis_password_file = "{workdir / "redis_password"}"\n'
    (workdir / "hokku.toml").write_text(text)
    os.environ["HOKKU_SETTINGS"] = str(workdir / "hokku.toml")
    settings.cache_clear()
    engine.cache_clear()
    assert upgrade() is True
    yield settings()
    engine().dispose()


ADMIN, PASSWORD, TOKEN = "admin@example.com", "correct horse battery", "HOKKU-token-of-the-first-account"


@pytest.fixture(scope="session")
def api(platform: object) -> Iterator[object]:
    """An HTTP client of the API, in this process, with the first account's token.

    Every answer that it gets is compared with what the API declares of itself.
    """
    from fastapi.testclient import TestClient

    from hokku.api.application import create
    from hokku.api.bootstrap import bootstrap
    from tests.integration import contract

    assert bootstrap(ADMIN, PASSWORD, TOKEN) is True
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/vnd.heroku+json; version=3"}
    with TestClient(create(), headers=headers, raise_server_exceptions=False) as client:
        client.event_hooks = {"response": [contract.check]}
        yield client


@pytest.fixture(scope="session")
def world(api: object) -> object:
    """People, an app with one of everything, and how to ask each route for something sensible."""
    from tests.integration.world import World

    return World(api)


@pytest.fixture
def forgotten_hosts(platform: object) -> Iterator[None]:
    """Nothing is wanted or known of hosts before and after."""
    from hokku.store import hosts
    from hokku.store.engine import session

    def forget() -> None:
        with session() as opened:
            for name in hosts.wishes(opened):
                hosts.forget(opened, name)
            hosts.report(opened, {})

    forget()
    yield
    forget()
