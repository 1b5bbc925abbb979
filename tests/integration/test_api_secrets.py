"""Secrets stay where they belong: none in a log line, an error, an event or, in clear, in the database."""

from __future__ import annotations

import base64
import logging
import re
import uuid

import pytest
from sqlalchemy import text

from hokku.api import apps as apps_api
from hokku.store.engine import session
from tests.integration.contract import names
from tests.integration.test_api_access import as_basic, as_bearer
from tests.integration.test_api_builds import uploaded
from tests.integration.test_api_certificates import body as certificate
from tests.integration.world import unique

SPEAKERS = ("hokku", "uvicorn", "sqlalchemy", "fastapi", "psycopg", "redis")


class Marked:
    """Secrets that are found wherever they turn up, in any of the ways they may be written."""

    def __init__(self):
        self.all: dict[str, str] = {}

    def __call__(self, what):
        """A new secret."""
        self.all[what] = f"hush{uuid.uuid4().hex}"
        return self.all[what]

    def add(self, what, secret):
        """A secret that somebody else made."""
        self.all[what] = secret

    def within(self, haystack):
        """What of them stands in a text."""
        found = []
        for what, secret in self.all.items():
            forms = {secret, base64.b64encode(secret.encode()).decode().rstrip("="), secret.encode().hex()}
            if any(form in haystack for form in forms):
                found.append(what)
        return found


@pytest.fixture(scope="module")
def spoken():
    """Everything that was logged in this module, at DEBUG, with tracebacks, as it would be printed."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record):
            if not record.name.startswith(("httpx", "httpcore")):  # the client of these tests
                lines.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root, before = logging.getLogger(), {}
    for name in ("", *SPEAKERS):
        before[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="module")
def driven(api, world, spoken):
    """Marked secrets after all that the API does with such: (secrets, errors that were answered)."""
    secret, errors = Marked(), []

    def ask(method, path, headers=None, **more):
        answer = api.request(method, path, headers=headers or world.people["owner"], **more)
        if answer.status_code >= 400:
            errors.append(answer.text + str(answer.headers))
        return answer

    app = world.new_app()
    path = f"/apps/{app['name']}"
    _config(ask, path, secret)
    _accounts(ask, world, secret)
    _certificates(ask, path, secret)
    _urls(api, ask, path, secret)
    for name in names():  # every route refuses once while a secret is at hand
        method, route = name.split(" ")
        body = {field: [secret.all["config value"]] for field in ("password", "private_key", "secret", "authorization")}
        for headers in (world.people["owner"], as_bearer(secret("bad token"))):
            ask(method, re.sub(r"{\w+}", "x", route), headers, json=body)
    _broken(api, ask, path, secret)
    return secret, errors


def _config(ask, path, secret):
    value = secret("config value")
    assert ask("PATCH", f"{path}/config-vars", json={"SECRET_KEY": value}).is_success
    assert ask("GET", f"{path}/config-vars").json()["SECRET_KEY"] == value
    assert ask("PATCH", f"{path}/config-vars", json={"BAD NAME": value}).status_code == 422
    assert ask("PATCH", f"{path}/config-vars", json={"SECRET_KEY": [value]}).status_code == 422
    assert ask("PATCH", f"{path}/config-vars", json={"SECRET_KEY": value + "\0"}).status_code == 422
    assert ask("PATCH", f"{path}/config-vars", content=b'{"A": "' + value.encode()).status_code == 400
    assert ask("PATCH", f"{path}/config-vars", json=[value]).status_code == 422
    ask("POST", f"{path}/dynos", json={"command": "env", "env": {"A": value}, "attach": "perhaps"})
    ask("POST", f"{path}/dynos", json={"command": "env", "env": {"A": secret("environment of a run")}, "attach": False})


def _accounts(ask, world, secret):
    email, password = f"{unique()}@example.com", secret("password")
    assert ask("POST", "/accounts", world.admin, json={"email": email, "password": password}).is_success
    ask("POST", "/accounts", world.admin, json={"email": "no email", "password": password})
    ask("POST", "/accounts", world.admin, json={"email": email, "password": [password]})
    made = ask("POST", "/oauth/authorizations", as_basic(email, password), json={"description": "x"})
    secret.add("token", made.json()["access_token"]["token"])
    mine = as_bearer(secret.all["token"])
    new = secret("new password")
    assert ask("PATCH", "/account", mine, json={"password": password, "new_password": new}).is_success
    ask("PATCH", "/account", mine, json={"password": secret("wrong password"), "new_password": new})
    ask("GET", "/account", as_basic(email, password))
    ask("GET", "/account", as_basic("", secret("password without a name")))
    ask("GET", "/account", {"Authorization": f"Digest {new}"})
    renewed = ask("POST", f"/oauth/authorizations/{made.json()['id']}/actions/regenerate-tokens", mine)
    secret.add("renewed token", renewed.json()["access_token"]["token"])


def _certificates(ask, path, secret):
    pair = certificate(f"{unique('www')}.example.com")
    lines = pair["private_key"].strip().splitlines()
    secret.add("private key", lines[len(lines) // 2])
    assert ask("POST", f"{path}/sni-endpoints", json=pair).is_success
    ask("POST", f"{path}/sni-endpoints", json=pair | {"certificate_chain": "no certificate"})
    ask("POST", f"{path}/sni-endpoints", json=pair | {"certificate_chain": [pair["private_key"]]})
    ask("POST", f"{path}/sni-endpoints", json={"private_key": pair["private_key"]})
    ask("POST", "/account/keys", json={"public_key": pair["private_key"]})


def _urls(api, ask, path, secret):
    url = f"https://user:{secret('drain password')}@127.0.0.1:6514/logs"
    assert ask("POST", f"{path}/log-drains", json={"url": url}).is_success
    assert ask("POST", f"{path}/log-drains", json={"url": url}).status_code == 422
    ask("POST", f"{path}/log-drains", json={"url": url.replace("https", "gopher")})
    ask("POST", f"{path}/log-drains", json={"url": url.replace("127.0.0.1", "10.0.0.1")})
    pack = f"https://user:{secret('buildpack password')}@example.com/pack.git"
    assert ask("PUT", f"{path}/buildpack-installations", json={"updates": [{"buildpack": pack}]}).is_success
    source = uploaded(api)
    secret.add("source URL", source.rpartition("/")[2])
    assert ask("POST", f"{path}/builds", json={"source_blob": {"url": source}}).is_success
    ask("POST", f"{path}/builds", json={"source_blob": {"url": source + "x"}})
    logs = ask("POST", f"{path}/log-sessions", json={}).json()["logplex_url"]
    secret.add("log session", max(re.split(r"[/?&=]", logs), key=len))
    if "POST /apps/{app}/webhooks" in names():
        hook = {"url": "https://127.0.0.1:1/hook", "level": "notify", "include": ["api:release"]}
        hook |= {"secret": secret("webhook secret"), "authorization": f"Bearer {secret('webhook authorization')}"}
        assert ask("POST", f"{path}/webhooks", json=hook).is_success
        ask("POST", f"{path}/webhooks", json=hook | {"include": [hook["secret"]], "level": hook["authorization"]})


def _broken(api, ask, path, secret):
    """Endpoints that break while they hold a secret."""
    value = secret.all["config value"]

    def breaks(*_, **__):
        raise RuntimeError(f"cannot cope with {value}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apps_api, "shape", breaks)
        assert ask("GET", path).status_code == 500
    with pytest.MonkeyPatch.context() as patch:  # an answer that is not what is declared
        patch.setattr("hokku.api.config_vars.configs.read_id", lambda *_: {"SECRET_KEY": [value]})
        assert ask("GET", f"{path}/config-vars").status_code == 500
    with pytest.MonkeyPatch.context() as patch:  # a statement that the database refuses

        def refused(opened, *_):
            opened.execute(text("SELECT :value::uuid"), {"value": value})

        patch.setattr("hokku.api.config_vars.configs.read_id", refused)
        assert ask("GET", f"{path}/config-vars").status_code >= 422


def test_no_secret_is_in_a_log_line(driven, spoken):
    secret, _ = driven
    assert len(spoken) > 100
    bad = {what: line[:300] for line in spoken for what in secret.within(line)}
    assert bad == {}


def test_no_secret_is_in_an_error(driven):
    """An error may name what it refuses, but not tell a secret that belongs to a field of secrets."""
    secret, errors = driven
    assert len(errors) > 100
    assert {what: error[:300] for error in errors for what in secret.within(error)} == {}
    assert not [error for error in errors if "Traceback" in error or 'File "' in error]


def test_no_secret_is_in_the_database_in_clear(driven):
    """All tables as text, events among them."""
    secret, _ = driven
    with session() as opened:
        tables = opened.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        assert {"events", "configs", "authorizations"} <= set(tables)
        for table in tables:
            for row in opened.execute(text(f'SELECT t::text FROM "{table}" t')).scalars():
                assert secret.within(row) == [], table
            for column in _bytes_of(opened, table):
                for value in opened.execute(text(f'SELECT "{column}" FROM "{table}"')).scalars():
                    kept = bytes(value or b"").decode("latin-1")
                    assert secret.within(kept) == [], (table, column)


def _bytes_of(opened, table):
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = :table AND data_type = 'bytea'"
    return opened.execute(text(query), {"table": table}).scalars().all()
