"""Real data for every route: one owner's app with one of everything, and how to ask each route for something sensible.

A route that is new needs a maker for each new parameter of its path (MAKERS) and, if it takes a body, one (BODIES).
Without them the walks fail and name it.
"""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from urllib.parse import quote, urlsplit

from hokku.store import accounts, phases
from hokku.store.engine import session
from hokku.store.tables import Build, Dyno, DynoState, now
from tests.integration import hooks, operated
from tests.integration.contract import document
from tests.integration.test_api_access import as_bearer, new_key, person
from tests.integration.test_api_apps import slug_of
from tests.integration.test_api_builds import uploaded
from tests.integration.test_api_certificates import body as certificate
from tests.integration.test_api_slugs import GOOD

_PYTHON = "heroku/python"

# routes that answer nothing but a sentence: what is not there
REFUSED = {
    "DELETE /oauth/sessions/{session}": 404,
    "DELETE /apps/{app}/acm": 422,
    "GET /account/features/{feature}": 404,
    "PATCH /apps/{app}/acm": 422,
    "POST /apps/{app}/acm": 422,
    "PATCH /account/features/{feature}": 404,
}


@dataclass(frozen=True)
class Call:
    """One request: what `api.request` takes."""

    method: str
    path: str
    more: dict = field(default_factory=dict)


def unique(prefix: str = "n") -> str:
    """A name that nothing else has."""
    return f"{prefix}{uuid.uuid4().hex[:12]}"


class World:
    """The people, and the things of the owner; `app` is the app that things are made for."""

    def __init__(self, api):
        self.api = api
        self.admin = dict(api.headers)
        tag = unique("w")
        self.emails = {who: f"{who}.{tag}@example.com" for who in ("owner", "collaborator", "stranger")}
        self.people = {who: person(api, email) for who, email in self.emails.items()}
        self._kept: dict[tuple[str, str], str] = {}

    def ask(self, method, path, who="owner", **more):
        """A request of one of the people that must succeed; its JSON."""
        headers = self.people[who] | more.pop("headers", {})
        answer = self.api.request(method, path, headers=headers, **more)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json()

    def new_app(self):
        """An app of the owner, shared with the collaborator, with a release that runs."""
        app = self.ask("POST", "/apps", json={"name": unique("a")})
        path = f"/apps/{app['name']}"
        self.ask("POST", f"{path}/collaborators", json={"user": self.emails["collaborator"]})
        self.ask("PATCH", f"{path}/config-vars", json={"GREETING": "hello"})
        self.ask("POST", f"{path}/releases", json={"slug": slug_of(app, web="run", worker="work")})
        return app

    def furnished(self):
        """A new app of the owner, with one of everything."""
        app = self.new_app()
        things = (_dyno, _build, _domain, _coupled_app, _drain, _offered, _certificate)
        for made in (*things, MAKERS["key"], MAKERS["delivery"]):
            made(self, app)
        self.ask("PUT", f"/apps/{app['name']}/buildpack-installations", json={"updates": [{"buildpack": _PYTHON}]})
        return app

    @cached_property
    def app(self):
        """The app that is only looked at."""
        return self.furnished()

    @cached_property
    def other(self):
        """Another app of the same owner."""
        return self.new_app()

    def account_id(self, who="owner"):
        """The id of one of the people."""
        return self.ask("GET", "/account", who)["id"]

    def token(self, *, expired=False, app=None):
        """Headers with another token of the owner: one that has expired, or one limited to an app."""
        with session() as opened:
            owner = accounts.by_email(opened, self.emails["owner"])
            row, token = accounts.authorize(
                opened, owner.id, expires_in=3600, app_id=uuid.UUID(app["id"]) if app else None
            )
            if expired:
                row.expires_at = now() - timedelta(seconds=1)
        return as_bearer(token)

    def revoked(self):
        """Headers with a token of the owner that was taken back."""
        made = self.ask("POST", "/oauth/authorizations", json={})
        self.ask("DELETE", f"/oauth/authorizations/{made['id']}")
        return as_bearer(made["access_token"]["token"])

    def value(self, name, parameter, app, fresh):
        """What to fill into the path of route `name`: something new, or what is there already."""
        maker = MAKERS.get((name, parameter)) or MAKERS[parameter]
        key = (app["id"], str(maker))
        if fresh or key not in self._kept:
            self._kept[key] = str(maker(self, app))
        return self._kept[key]

    def call(self, name, app=None, fresh=False):
        """How to ask route `name` for something sensible about an app."""
        assert lacks(name) == [], f"{name}: tests/integration/world.py lacks {', '.join(lacks(name))} of it"
        method, path = name.split(" ")
        app = app or self.app
        if name in PATHS:
            path = PATHS[name](self, app)
        for parameter in re.findall(r"{(\w+)}", path):
            value = app["name"] if parameter == "app" else self.value(name, parameter, app, fresh)
            path = path.replace(f"{{{parameter}}}", quote(value, safe="~:@"))
        return Call(method, path, BODIES[name](self, app) if name in BODIES else {})


def lacks(name) -> list[str]:
    """What this file does not say of a route: a maker for a parameter of its path, a body that it must have."""
    method, path = name.split(" ")
    parameters = [] if name in PATHS else re.findall(r"{(\w+)}", path)
    known = [each for each in parameters if each == "app" or each in MAKERS or (name, each) in MAKERS]
    missing = [f"a maker of {each}" for each in parameters if each not in known]
    operation = document()["paths"].get(path, {}).get(method.lower(), {})
    if operation.get("requestBody", {}).get("required") and name not in BODIES:
        missing.append("a body")
    return missing


def json(maker):
    """A body of JSON."""
    return lambda world, app: {"json": maker(world, app)}


def _dyno(world, app, kind="web", number=1):
    release = world.ask("GET", f"/apps/{app['name']}/releases/4")
    with session() as opened:
        row = Dyno(
            app_id=uuid.UUID(app["id"]),
            release_id=uuid.UUID(release["id"]),
            type=kind,
            number=number,
            size="basic",
            command="run",
            state=DynoState.UP,
            instance=f"d-{uuid.uuid4().hex}",
            host="dyno1",
            slot=1,
            address="10.99.1.1",
        )
        opened.add(row)
    return f"{kind}.{number}"


def _build(world, app):
    body = {"source_blob": {"url": uploaded(world.api)}}
    return world.ask("POST", f"/apps/{app['name']}/builds", json=body)


def _output_path(world, app):
    build = _build(world, app)
    world.ask("DELETE", f"/apps/{app['name']}/builds/{build['id']}")
    with session() as opened:
        row = opened.get(Build, uuid.UUID(build["id"]))
        row.output_done = True
    return urlsplit(build["output_stream_url"]).path


def _release_output_path(world, app):
    slug = slug_of(app, web="run", release="migrate")
    made = world.ask("POST", f"/apps/{app['name']}/releases", json={"slug": slug})
    with session() as opened:
        phases.end(opened, uuid.UUID(made["id"]), None, "It does not run here.")
    return urlsplit(made["output_stream_url"]).path


def _pipeline(world, app):
    """A pipeline of the owner, which the collaborator sees for an app in it."""
    pipeline = world.ask("POST", "/pipelines", json={"name": unique("p")})["id"]
    _couple(world, world.new_app(), pipeline, "development")
    return pipeline


def _couple(world, app, pipeline, stage):
    body = {"app": app["id"], "pipeline": pipeline, "stage": stage}
    return world.ask("POST", "/pipeline-couplings", json=body)["id"]


def _coupling(world, app):
    return _couple(world, world.new_app(), _pipeline(world, app), "staging")


def _promotion_body(world, app):
    source, target, pipeline = world.new_app(), world.new_app(), _pipeline(world, app)
    for each, stage in ((source, "staging"), (target, "production")):
        _couple(world, each, pipeline, stage)
    settle(source)
    return {
        "pipeline": {"id": pipeline},
        "source": {"app": {"id": source["id"]}},
        "targets": [{"app": {"id": target["id"]}}],
    }


def settle(app) -> None:
    """The app's newest release serves, as the manifold would tell."""
    from hokku.store import releases, rollouts
    from hokku.store.tables import ReleaseStatus

    with session() as opened:
        newest = releases.newest(opened, uuid.UUID(app["id"]))
        rollouts.decide(opened, newest.id, ReleaseStatus.SUCCEEDED, None)


def _one_off(world, app):
    """A command for an app that was deployed."""
    settle(app)
    return {"command": "bash", "attach": True, "env": {"TERM": "xterm", "COLUMNS": 80}}


def _coupled_app(world, app):
    _couple(world, app, _pipeline(world, app), "production")


def _offered(world, app):
    """A transfer that the owner offers."""
    body = {"app": app["name"], "recipient": _spare_account(world, app)}
    return world.ask("POST", "/account/app-transfers", json=body)["id"]


def _offered_to_the_owner(world, app):
    """A transfer that the owner may accept."""
    giver = person(world.api, f"{unique('giver')}@example.com")
    theirs = world.ask("POST", "/apps", headers=giver, json={})
    body = {"app": theirs["name"], "recipient": world.emails["owner"]}
    return world.ask("POST", "/account/app-transfers", headers=giver, json=body)["id"]


def _drain(world, app):
    body = {"url": f"syslog://127.0.0.1:{1024 + secrets.randbelow(60_000)}/{unique()}"}
    return world.ask("POST", f"/apps/{app['name']}/log-drains", json=body)["token"]


def _certificate(world, app):
    answer = world.ask("POST", f"/apps/{app['name']}/sni-endpoints", json=certificate(f"{unique('www')}.example.com"))
    return answer["name"]


def _spare_account(world, app):
    email = f"{unique('spare')}@example.com"
    person(world.api, email)
    return email


def _guest(world, app):
    email = _spare_account(world, app)
    world.ask("POST", f"/apps/{app['name']}/collaborators", json={"user": email})
    return email


def _domain(world, app):
    hostname = f"{unique('www')}.example.com"
    world.ask("POST", f"/apps/{app['name']}/domains", json={"hostname": hostname})
    return hostname


def _slug(world, app, content):
    """Path of a slug's content: where to put it, or where it is."""
    path = f"/apps/{app['name']}/slugs"
    made = world.ask("POST", path, json={"process_types": {"web": "run"}})
    if content:
        put = world.api.put(urlsplit(made["blob"]["url"]).path, content=GOOD, headers={"Authorization": ""})
        assert put.is_success, put.text
        made = world.ask("GET", f"{path}/{made['id']}")
    return urlsplit(made["blob"]["url"]).path


# paths whose parts belong together
PATHS = {
    "GET /slugs/{slug}/blob/{until}/{signature}": lambda world, app: _slug(world, app, True),
    "PUT /slugs/{slug}/blob/{until}/{signature}": lambda world, app: _slug(world, app, False),
    "GET /builds/{build}/output/{signature}": _output_path,
    "GET /releases/{release}/output/{signature}": _release_output_path,
    "GET /sources/{source}/{secret}": lambda world, app: urlsplit(uploaded(world.api)).path,
    "PUT /sources/{source}/{secret}": lambda world, app: urlsplit(uploaded(world.api)).path,
}

MAKERS = {
    "authorization": lambda world, app: world.ask("POST", "/oauth/authorizations", json={})["id"],
    "build": lambda world, app: _build(world, app)["id"],
    "coupling": _coupling,
    "delivery": lambda world, app: hooks.told(world, app, "deliveries"),
    "domain": _domain,
    "drain": _drain,
    "endpoint": _certificate,
    "dyno": _dyno,
    "event": lambda world, app: hooks.told(world, app, "events"),
    "feature": lambda world, app: "runtime-dyno-metadata",
    "host": lambda world, app: "dyno1",
    "key": lambda world, app: world.ask("POST", "/account/keys", json={"public_key": new_key()})["fingerprint"],
    "kind": lambda world, app: "web",
    "name": lambda world, app: "python",
    "namespace": lambda world, app: "heroku",
    "pipeline": _pipeline,
    "promotion": lambda world, app: world.ask("POST", "/pipeline-promotions", json=_promotion_body(world, app))["id"],
    "region": lambda world, app: "local",
    "release": lambda world, app: "4",
    "session": lambda world, app: "~",
    "slug": lambda world, app: slug_of(app, web="run"),
    "stack": lambda world, app: "debian-12",
    "transfer": _offered,
    "user": lambda world, app: "~",
    "webhook": hooks.made,
    ("PATCH /account/app-transfers/{transfer}", "transfer"): _offered_to_the_owner,
    ("GET /apps/{app}/dynos/{dyno}/decisions", "dyno"): operated.decided,
    ("DELETE /hosts/{host}", "host"): operated.gone_host,
    ("GET /apps/{app}/collaborators/{user}", "user"): _guest,
    ("DELETE /apps/{app}/collaborators/{user}", "user"): _guest,
}

BODIES = {
    "PATCH /account": json(lambda world, app: {"name": unique("Name ")}),
    "PATCH /account/app-transfers/{transfer}": json(lambda world, app: {"state": "accepted"}),
    "PATCH /account/features/{feature}": json(lambda world, app: {"enabled": True}),
    "PATCH /apps/{app}": json(lambda world, app: {"maintenance": True}),
    "PATCH /apps/{app}/config-vars": json(lambda world, app: {"KEY": unique()}),
    "PATCH /apps/{app}/domains/{domain}": json(lambda world, app: {"sni_endpoint": _certificate(world, app)}),
    "PATCH /apps/{app}/features/{feature}": json(lambda world, app: {"enabled": False}),
    "PATCH /apps/{app}/formation": json(lambda world, app: {"updates": [{"type": "web", "quantity": "+1"}]}),
    "PATCH /apps/{app}/formation/{kind}": json(lambda world, app: {"quantity": 3}),
    "PATCH /apps/{app}/sni-endpoints/{endpoint}": json(lambda world, app: certificate("new.example.com")),
    "PATCH /apps/{app}/webhooks/{webhook}": json(lambda world, app: {"level": "sync", "secret": None}),
    "PATCH /hosts/{host}": json(lambda world, app: {"wanted": "cordoned"}),
    "PATCH /oauth/authorizations/{authorization}": json(lambda world, app: {"description": unique()}),
    "PATCH /pipeline-couplings/{coupling}": json(lambda world, app: {"stage": "production"}),
    "PATCH /pipelines/{pipeline}": json(lambda world, app: {"name": unique("p")}),
    "POST /account/app-transfers": json(
        lambda world, app: {"app": app["name"], "recipient": _spare_account(world, app)}
    ),
    "POST /account/keys": json(lambda world, app: {"public_key": new_key()}),
    "POST /accounts": json(lambda world, app: {"email": f"{unique('new')}@example.com", "password": "long enough"}),
    "POST /apps": json(lambda world, app: {"name": unique("a")}),
    "POST /apps/{app}/builds": json(lambda world, app: {"source_blob": {"url": uploaded(world.api)}}),
    "POST /apps/{app}/collaborators": json(lambda world, app: {"user": _spare_account(world, app)}),
    "POST /apps/{app}/domains": json(lambda world, app: {"hostname": f"{unique('www')}.example.com"}),
    "POST /apps/{app}/dynos": json(_one_off),
    "POST /apps/{app}/dynos/{dyno}": json(lambda world, app: {"command": "bash", "env": {"COLUMNS": 80}}),
    "POST /apps/{app}/log-sessions": json(lambda world, app: {"lines": 10}),
    "POST /apps/{app}/log-drains": json(lambda world, app: {"url": f"syslog://127.0.0.1:6514/{unique()}"}),
    "POST /apps/{app}/webhooks": json(hooks.body),
    "POST /apps/{app}/releases": json(lambda world, app: {"slug": slug_of(app, web="run")}),
    "POST /apps/{app}/slugs": json(lambda world, app: {"process_types": {"web": "run"}}),
    "POST /apps/{app}/sni-endpoints": json(lambda world, app: certificate(f"{unique('www')}.example.com")),
    "POST /filters/apps": json(lambda world, app: {"in": {"id": [app["id"]]}}),
    "POST /internal/git/sessions": json(
        lambda world, app: {"fingerprint": MAKERS["key"](world, app), "app": app["id"]}
    ),
    "POST /oauth/authorizations": json(lambda world, app: {"description": "a token"}),
    "POST /pipeline-couplings": json(
        lambda world, app: {"app": world.new_app()["id"], "pipeline": _pipeline(world, app), "stage": "staging"}
    ),
    "POST /pipeline-promotions": json(_promotion_body),
    "POST /pipeline-transfers": json(
        lambda world, app: {
            "pipeline": {"id": _pipeline(world, app)},
            "new_owner": {"id": world.account_id("collaborator"), "type": "user"},
        }
    ),
    "POST /pipelines": json(lambda world, app: {"name": unique("p")}),
    "PUT /apps/{app}/buildpack-installations": json(lambda world, app: {"updates": [{"buildpack": _PYTHON}]}),
    "PUT /slugs/{slug}/blob/{until}/{signature}": lambda world, app: {"content": GOOD},
    "PUT /sources/{source}/{secret}": lambda world, app: {"content": b"\x1f\x8b tarball"},
    "GET /internal/git/keys": lambda world, app: {"params": {"fingerprint": MAKERS["key"](world, app)}},
}
