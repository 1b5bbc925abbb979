"""Who may do what: every route for every kind of person and token, compared with the one table in tests/rights.py."""

from __future__ import annotations

import uuid
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from hokku.store.engine import engine
from tests.integration.conftest import GIT_TOKEN
from tests.integration.contract import document, names
from tests.integration.test_api_access import as_bearer
from tests.integration.test_api_apps import refused, slug_of
from tests.integration.world import REFUSED, Call
from tests.rights import RIGHTS, Right

IN, NOT_KNOWN, NOT_ALLOWED, MISSING = "in", 401, 403, 404

# right: what owner, collaborator, stranger, admin, and the owner's token limited to this app or to another one get;
# nobody, a revoked and an expired token are not known wherever a token is wanted
OUTCOMES = {
    Right.OPEN: (IN, IN, IN, IN, IN, IN),
    Right.SECRET: (IN, IN, IN, IN, IN, IN),
    Right.PLATFORM: (NOT_KNOWN,) * 6,
    Right.ACCOUNT: (IN, IN, IN, IN, IN, IN),
    Right.FULL: (IN, IN, IN, IN, NOT_ALLOWED, NOT_ALLOWED),
    Right.MINE: (IN, MISSING, MISSING, MISSING, NOT_ALLOWED, NOT_ALLOWED),
    Right.ADMIN: (NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED, IN, NOT_ALLOWED, NOT_ALLOWED),
    Right.SEE: (IN, IN, MISSING, IN, IN, MISSING),
    Right.PUSH: (IN, IN, MISSING, IN, IN, MISSING),
    Right.OWN: (IN, NOT_ALLOWED, MISSING, IN, NOT_ALLOWED, MISSING),
    Right.SEE_FULL: (IN, IN, MISSING, IN, NOT_ALLOWED, NOT_ALLOWED),
    Right.OWN_FULL: (IN, NOT_ALLOWED, MISSING, IN, NOT_ALLOWED, NOT_ALLOWED),
}
WHO = ("owner", "collaborator", "stranger", "admin", "limited", "elsewhere")
UNKNOWN = ("nobody", "revoked", "expired")
OF_AN_APP = [name for name in names() if "/apps/{app}" in name and RIGHTS[name] in (Right.SEE, Right.PUSH, Right.OWN)]

# what the table cannot say: who differs from the right, and why
ODD = {
    # a collaborator may leave, but not send another away; a token limited to the app takes nobody's rights
    ("DELETE /apps/{app}/collaborators/{user}", "collaborator"): NOT_ALLOWED,
    ("DELETE /apps/{app}/collaborators/{user}", "limited"): NOT_ALLOWED,
    # looks `~` up, which is the viewer
    ("GET /users/{user}", "limited"): IN,
}


@pytest.fixture(scope="module")
def headers(world):
    """Headers of everybody."""
    return world.people | {
        "admin": world.admin,
        "limited": world.token(app=world.app),
        "elsewhere": world.token(app=world.other),
        "nobody": {"Authorization": ""},
        "revoked": world.revoked(),
        "expired": world.token(expired=True),
    }


def expected(name, who):
    """What somebody gets from a route."""
    right = RIGHTS[name]
    if (name, who) in ODD:
        return ODD[name, who]
    if who in UNKNOWN:
        return IN if right in (Right.OPEN, Right.SECRET) else NOT_KNOWN
    return OUTCOMES[right][WHO.index(who)]


def is_as_expected(name, who, answer):
    """Compare an answer with the table."""
    wanted = expected(name, who)
    if wanted is IN:
        status = REFUSED.get(name)
        good = answer.is_success if status is None else answer.status_code == status
        assert good, f"{name} for {who}: {answer.status_code} {answer.text[:300]}"
        return
    assert answer.status_code == wanted, f"{name} for {who}: {answer.status_code} {answer.text[:300]}"
    ids = {NOT_KNOWN: "unauthorized", NOT_ALLOWED: "forbidden", MISSING: "not_found"}
    assert answer.json()["id"] == ids[wanted]
    assert ("WWW-Authenticate" in answer.headers) is (wanted == NOT_KNOWN)


@pytest.mark.parametrize("name", names())
def test_everybody_gets_what_the_table_says(api, world, headers, name):
    call = world.call(name)
    for who in UNKNOWN + WHO:
        if expected(name, who) is IN:
            continue
        answer = api.request(call.method, call.path, headers=headers[who], **call.more)
        is_as_expected(name, who, answer)
    changes = call.method != "GET"
    for who in UNKNOWN + WHO:
        if expected(name, who) is not IN:
            continue
        sent = headers[who]
        if changes:
            app = world.new_app()
            call = world.call(name, app, fresh=True)
            sent = world.token(app=app) if who == "limited" else sent
        is_as_expected(name, who, api.request(call.method, call.path, headers=sent, **call.more))


@pytest.mark.parametrize("name", [name for name in names() if RIGHTS[name] is Right.PLATFORM])
def test_the_platforms_own_token_opens_its_own_routes(api, world, name):
    call = world.call(name)
    assert api.request(call.method, call.path, headers=as_bearer(GIT_TOKEN), **call.more).is_success


@contextmanager
def statements():
    """The SQL that is run meanwhile, without its values."""
    found = []

    def note(_, __, statement, *___):
        found.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def told(answer):
    """All that a client can see of an answer, but what differs between any two."""
    changing = ("request-id", "ratelimit-remaining", "date")
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k not in changing}


@pytest.mark.parametrize("name", OF_AN_APP)
def test_a_stranger_cannot_tell_an_app_that_exists_from_one_that_does_not(api, world, headers, name):
    """Answers are alike, and the database is asked the same: time tells nothing either."""
    call = world.call(name)
    missing = Call(call.method, call.path.replace(world.app["name"], "no-such-app"), call.more)
    by_id = Call(call.method, call.path.replace(world.app["name"], world.app["id"]), call.more)
    no_id = Call(call.method, call.path.replace(world.app["name"], str(uuid.uuid4())), call.more)
    for who in ("stranger", "elsewhere"):
        for theirs, nones in ((call, missing), (by_id, no_id)):
            with statements() as asked:
                answer = api.request(theirs.method, theirs.path, headers=headers[who], **theirs.more)
            with statements() as asked_for_none:
                none = api.request(nones.method, nones.path, headers=headers[who], **nones.more)
            assert told(answer) == told(none), name
            assert asked == asked_for_none, name


@pytest.mark.parametrize("name", OF_AN_APP)
def test_nobody_can_tell_it_from_broken_requests_either(api, world, headers, name):
    """Bodies that are no JSON, or the wrong one, are refused alike for any app that one may not see."""
    call = world.call(name)
    for content in (b"{", b"[]", b'{"x": 1}', b""):
        sent = {"content": content, "headers": headers["stranger"] | {"Content-Type": "application/json"}}
        answer = api.request(call.method, call.path, **sent)
        none = api.request(call.method, call.path.replace(world.app["name"], "no-such-app"), **sent)
        assert told(answer) == told(none), (name, content)
        assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_no_method_tells_more(api, world, headers, method):
    for path in ("", "/releases", "/no/such/thing", "/formation/web"):
        answers = [
            told(api.request(method, f"/apps/{name}{path}", headers=headers["stranger"], json={"x": 1}))
            for name in (world.app["name"], "no-such-app")
        ]
        assert answers[0] == answers[1], (method, path)


def things():
    """(route, its collection, the parameter, what follows) for each route of one thing of an app."""
    for name in names():
        path = name.split(" ")[1]
        collection, _, last = path.partition("/apps/{app}")[2].rpartition("/{")
        parent = f"/apps/{{app}}{collection}"
        if not collection or "{" in collection or not path.startswith("/apps/{app}"):
            continue
        yield name, parent, *last.split("}")


def test_what_is_another_apps_is_not_found_under_ones_own(api, world, headers):
    """The owner's other app has the thing; under this app it does not exist."""
    other, seen = world.furnished(), set()
    for name, parent, parameter, action in things():
        listing = api.get(parent.replace("{app}", other["name"]), headers=headers["owner"])
        if parameter == "slug":
            identity = slug_of(other, web="run")
        else:
            found = listing.json() if listing.is_success else []
            identity = found[-1].get("id") if found else None
        if identity is None:
            continue
        method, _ = name.split(" ")
        path = f"{parent.replace('{app}', world.app['name'])}/{identity}{action}"
        seen.add(parent)
        call = world.call(name)
        answer = api.request(method, path, headers=headers["owner"], **call.more)
        refused(answer, 404, "not_found")
    least = {"builds", "domains", "dynos", "releases", "slugs", "formation", "collaborators"}
    assert {f"/apps/{{app}}/{each}" for each in least} <= seen


def test_the_table_covers_what_is_declared(api):
    """A route that lets anyone in without a token says so in the OpenAPI document, and no other does."""
    for name in names():
        method, path = name.split(" ")
        operation = document()["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            assert (operation["security"] == []) is (RIGHTS[name] in (Right.OPEN, Right.SECRET)), name


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
def test_git_lets_in_who_may_push_and_tells_others_what_it_tells_of_a_missing_app(api, world, headers, service):
    """git over HTTPS stands beside the API, behind the same door."""

    def asked(who, name):
        path = f"/{name}.git/info/refs"
        answer = api.get(path, params={"service": service}, headers=headers[who] | {"Accept": "*/*"})
        assert uuid.UUID(answer.headers["Request-Id"])
        return answer.status_code, answer.text.replace(name, "APP")

    for who in ("owner", "collaborator", "admin", "limited"):
        assert asked(who, world.app["name"])[0] == 200, who
    for who in ("stranger", "elsewhere"):
        assert asked(who, world.app["name"]) == asked(who, "no-such-app"), who
        assert asked(who, world.app["name"])[0] == 404
    for who in UNKNOWN:
        assert asked(who, world.app["name"])[0] == 401, who
