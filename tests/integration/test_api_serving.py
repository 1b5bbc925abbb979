"""The API as it really runs: uvicorn with TLS, started and stopped by signals; migrations; the first account; races."""

from __future__ import annotations

import datetime
import os
import signal
import ssl
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hokku.api.bootstrap import bootstrap
from hokku.errors import InvalidParams
from hokku.store import migrate
from hokku.store.engine import engine
from hokku.store.tables import Base
from tests.integration.conftest import ADMIN, PASSWORD, TOKEN
from tests.integration.loopback import free_port, wait_for
from tests.integration.test_api_apps import fresh
from tests.integration.test_api_builds import TARBALL


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "host.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (directory / "host.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return directory / "host.crt", directory / "host.key"


@pytest.fixture(scope="module")
def served(api, tmp_path_factory):
    """A client of `hokku api` running as a process of its own, and the process."""
    directory = tmp_path_factory.mktemp("served")
    cert, key = self_signed(directory)
    port = free_port()
    text = Path(os.environ["HOKKU_SETTINGS"]).read_text()
    text += f'api_port = {port}\ncert_file = "{cert}"\nkey_file = "{key}"\n'
    (directory / "hokku.toml").write_text(text)
    log = (directory / "log").open("w+")
    argv = [sys.executable, "-c", "from hokku.cli import main; main()", "api"]
    process = subprocess.Popen(argv, env=os.environ | {"HOKKU_SETTINGS": str(directory / "hokku.toml")}, stderr=log)
    context = ssl.create_default_context(cafile=str(cert))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=context) as client:
        try:
            wait_for(f"the API answers ({directory}/log)", lambda: _up(client, process), 20)
            yield client, process, directory / "log"
        finally:
            process.kill()
            process.wait()


def _up(client, process):
    assert process.poll() is None
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_server_answers_what_is_hardly_a_request(served):
    client, _, log = served
    headers = {"Authorization": f"Bearer {TOKEN}", "Request-Id": ",".join(str(uuid.uuid4()) for _ in range(190))}
    for path in ("/apps/%00", "/apps/%FF%FE", "/apps/%2e%2e%2f", "/apps?a=%00", "/apps/" + "x" * 8000):
        answer = client.get(path, headers=headers)
        assert 400 <= answer.status_code < 500, path
        assert answer.json()["id"] in ("bad_request", "not_found")
        assert uuid.UUID(answer.headers["Request-Id"])
    for junk in (b"\xff\xfe", b"[" * 200_000, b'{"name": "\\ud800"}'):
        answer = client.post("/apps", headers=headers, content=junk)
        assert answer.status_code in (400, 422)
    app = client.post("/apps", headers=headers).json()["name"]
    source = client.post("/sources", headers=headers).json()["source_blob"]["get_url"]
    client.put(httpx.URL(source).path, content=TARBALL)
    body = {"source_blob": {"url": source}}
    build = client.post(f"/apps/{app}/builds", headers=headers, json=body).json()
    head = client.head(httpx.URL(build["output_stream_url"]).path, timeout=5)  # the build is pending: a GET would wait
    assert (head.status_code, head.content) == (200, b"")
    assert client.get("/account", headers=headers).status_code == 200
    assert "Traceback" not in log.read_text()


def test_the_api_serves_over_tls_and_stops_soon_even_with_an_idle_client(served):
    client, process, log = served
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/account", headers=headers).json()["email"] == ADMIN
    made = client.post("/sources", headers=headers).json()["source_blob"]["put_url"]
    path = httpx.URL(made).path
    assert client.put(path, content=iter([TARBALL] * 4)).json() == {"size": 4 * len(TARBALL)}
    assert client.get(path).content == TARBALL * 4
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) in (0, -signal.SIGTERM)
    text = log.read_text()
    assert "route=/sources/{source}/{secret}" in text
    assert path.rsplit("/", 1)[1] not in text
    assert TOKEN not in text
    assert "Traceback" not in text


def test_migrating_again_changes_nothing_and_gives_the_tables(platform):
    assert migrate.upgrade() is False
    with engine().connect() as connection:
        ours = {"include_name": lambda name, kind, _: kind != "table" or name in Base.metadata.tables}
        context = MigrationContext.configure(connection, opts={"compare_type": True, **ours})
        assert compare_metadata(context, Base.metadata) == []


def test_the_first_account_is_made_once_and_brought_up_to_date(api):
    assert bootstrap(ADMIN, PASSWORD, TOKEN) is False
    assert bootstrap("second@example.com", PASSWORD, TOKEN + "-2") is True
    assert bootstrap("second@example.com", PASSWORD + "!", TOKEN + "-3") is True
    assert bootstrap("second@example.com", PASSWORD + "!", TOKEN + "-3") is False
    assert api.get("/account", headers={"Authorization": f"Bearer {TOKEN}-2"}).status_code == 401
    assert api.get("/account", headers={"Authorization": f"Bearer {TOKEN}-3"}).json()["email"] == "second@example.com"
    with pytest.raises(InvalidParams):
        bootstrap("no email", PASSWORD, TOKEN)


def test_versions_have_no_holes_and_no_twins_and_no_change_is_lost_in_a_race(api):
    name = fresh(api)["name"]

    def put(n):
        return api.patch(f"/apps/{name}/config-vars", json={f"V{n}": "x"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, range(20))) == {200}
    assert len(api.get(f"/apps/{name}/config-vars").json()) == 20
    assert [entry["version"] for entry in api.get(f"/apps/{name}/releases").json()] == list(range(1, 23))


def test_of_two_apps_with_one_name_in_a_race_one_is_made(api):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/apps", json={"name": "race-name"}).status_code, range(8)))
    assert sorted(answers) == [201] + [422] * 7


def test_without_its_database_the_api_says_so(api, monkeypatch):
    from sqlalchemy import create_engine

    from hokku.store import engine as store_engine

    away = create_engine("postgresql+psycopg://hokku@127.0.0.1:1/hokku", pool_pre_ping=True)
    monkeypatch.setattr(store_engine, "engine", lambda: away)
    answer = api.get("/apps")
    assert (answer.status_code, answer.json()["id"]) == (503, "service_unavailable")
    assert "database does not answer" in answer.json()["message"]
    assert api.get("/health").status_code == 503


def test_while_the_schema_is_another_versions_the_api_asks_to_try_again(api):
    from sqlalchemy import text

    from hokku.store.engine import engine

    def rename(before: str, after: str) -> None:
        with engine().begin() as connection:
            connection.execute(text(f"ALTER TABLE apps RENAME {before} TO {after}"))

    where = f"/apps/{fresh(api)['name']}"
    rename("maintenance", "of_a_later_version")
    try:
        answer = api.get(where)
    finally:
        rename("of_a_later_version", "maintenance")
    assert (answer.status_code, answer.json()["id"]) == (503, "service_unavailable")
    assert "being upgraded" in answer.json()["message"]
    assert api.get(where).status_code == 200
