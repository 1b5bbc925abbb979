"""Webhooks: what real receivers on loopback get when something changes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import signal
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from hokku import courier
from hokku.api.shown import RENDERERS
from hokku.outbound import guard
from hokku.store import builds, dynos, rollouts
from hokku.store.engine import WEBHOOKS, engine, session
from hokku.store.tables import App, Build, BuildStatus, Dyno, DynoState, ReleaseStatus
from hokku.store.webhooks import Webhook, WebhookChange
from hokku.webhooks import deliver
from hokku.webhooks.expand import expand
from tests.integration.contract import against_heroku
from tests.integration.courier_process import Courier
from tests.integration.logplex_stand import Authority
from tests.integration.loopback import wait_for
from tests.integration.receivers import HttpReceiver, context
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused, released
from tests.integration.test_api_builds import uploaded
from tests.integration.test_api_webhooks import added


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    Authority(folder).certify("receiver")
    return folder


@pytest.fixture
def delivering(api: object, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The courier's part that delivers webhooks, in this process, with short pauses."""
    monkeypatch.setattr(deliver, "FIRST_PAUSE", 0.3)
    monkeypatch.setattr(deliver, "ANSWER_SECONDS", 3.0)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.crt"))
    guard.trust.cache_clear()
    with session() as opened:
        opened.query(Webhook).delete()
        opened.query(WebhookChange).delete()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def serve() -> None:
        deliverer = deliver.Deliverer(partial(expand, renderers=RENDERERS))
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        async with asyncio.TaskGroup() as group:
            group.create_task(courier.listen({WEBHOOKS: deliverer.changed}))
            group.create_task(deliverer.run())

    def main() -> None:
        try:
            asyncio.run(serve())
        except asyncio.CancelledError:
            pass

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    wait_for("it runs", lambda: running, 5)
    yield
    loop, task = running[0]
    loop.call_soon_threadsafe(task.cancel)
    thread.join(10)
    assert not thread.is_alive()
    guard.trust.cache_clear()


@pytest.fixture
def receiver(certificates: Path) -> Iterator[HttpReceiver]:
    made = HttpReceiver(context(certificates, "receiver"))
    yield made
    made.gone()
    assert made.wrong == []


def at(receiver):
    """The receiver's URL."""
    return f"https://localhost:{receiver.port}/hooks"


def got(receiver):
    """What the receiver took, in its order."""
    return [json.loads(request.body) for request in list(receiver.taken)]


def told(receiver):
    """(include, action) of what the receiver took."""
    return [(each["webhook_metadata"]["event"]["include"], each["action"]) for each in got(receiver)]


def test_a_notification_is_signed_and_has_herokus_body(api, delivering, receiver):
    app = fresh(api)
    hook, secret = added(api, app, at(receiver), "api:app", authorization="Bearer hello")
    api.patch(f"/apps/{app['name']}", json={"maintenance": True})
    wait_for("the notification", lambda: receiver.taken, 10)
    request = receiver.taken[0]
    digest = base64.b64encode(hmac.digest(secret.encode(), request.body, hashlib.sha256)).decode()
    assert request.headers["Heroku-Webhook-Hmac-SHA256"] == digest
    assert request.headers["Authorization"] == "Bearer hello"
    assert request.headers["Content-Type"] == "application/json"
    found = json.loads(request.body)
    assert (found["action"], found["resource"], found["previous_data"]) == ("update", "app", {"maintenance": False})
    assert found["actor"]["email"] == "admin@example.com"
    assert found["data"] | {"updated_at": ""} == api.get(f"/apps/{app['name']}").json() | {"updated_at": ""}
    assert found["webhook_metadata"]["webhook"] == {"id": hook["id"]}
    path = f"/apps/{app['name']}"
    (delivery,) = api.get(f"{path}/webhook-deliveries", headers={"Range": "seq ..; order=desc,max=1000"}).json()
    assert against_heroku("app-webhook-delivery", delivery) == []
    assert delivery["id"] == found["webhook_metadata"]["delivery"]["id"]
    wait_for(
        "it is told that it went well",
        lambda: api.get(f"{path}/webhook-deliveries/{delivery['id']}").json()["status"] == "succeeded",
        5,
    )
    assert api.get(f"{path}/webhook-deliveries", params={"eq[status]": "failed"}).json() == []
    (event,) = api.get(f"{path}/webhook-events").json()
    assert against_heroku("app-webhook-event", event) == []
    assert event == api.get(f"{path}/webhook-events/{found['id']}").json()
    assert event["payload"]["data"] == found["data"]
    refused(api.get(f"{path}/webhook-deliveries", params={"eq[status]": "x"}), 422, "invalid_params", "'x'")


def test_every_real_change_is_told_in_its_order(api, delivering, receiver):
    app = released(api, web="x")
    path = f"/apps/{app['name']}"
    everything = ("api:app", "api:build", "api:collaborator", "api:domain", "api:dyno", "api:formation", "api:release")
    added(api, app, at(receiver), *everything, "dyno")
    person(api, "hook-friend@example.com")
    api.patch(path, json={"maintenance": True})
    api.post(f"{path}/domains", json={"hostname": f"www.{app['name']}.example.com"})
    api.delete(f"{path}/domains/www.{app['name']}.example.com")
    api.post(f"{path}/collaborators", json={"user": "hook-friend@example.com"})
    api.delete(f"{path}/collaborators/hook-friend@example.com")
    api.patch(f"{path}/formation", json={"updates": [{"type": "web", "quantity": "2"}]})
    api.patch(f"{path}/config-vars", json={"A": "1"})
    release = api.get(f"{path}/releases/4").json()
    with session() as opened:  # as the manifold does
        rollouts.decide(opened, uuid.UUID(release["id"]), ReleaseStatus.SUCCEEDED)
    place = {"instance": f"d-{uuid.uuid4().hex}", "host": "dyno1", "slot": 8, "address": "10.99.1.9", "size": "basic"}
    ids = {"app_id": uuid.UUID(app["id"]), "release_id": uuid.UUID(release["id"])}
    with session() as opened:
        dynos.add(opened, dyno := Dyno(**ids, **place, type="web", number=1, command="x"))
    for change in (DynoState.UP, DynoState.UP, DynoState.STOPPING):
        with session() as opened:
            dynos.change(opened, dyno.id, state=change, reason="test")
    with session() as opened:
        dynos.stopped(opened, dyno.id, "test")
    build = api.post(f"{path}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    with session() as opened:
        row = opened.get_one(Build, uuid.UUID(build["id"]))
        row.timings = {"receive": 1.0}
        opened.flush()
        builds.finish(opened, row, BuildStatus.FAILED, "it is a test")
    api.delete(path)
    expected = [
        ("api:app", "update"),
        ("api:domain", "create"),
        ("api:domain", "destroy"),
        ("api:collaborator", "create"),
        ("api:collaborator", "destroy"),
        ("api:formation", "update"),
        ("api:release", "create"),
        ("api:release", "update"),
        ("dyno", "create"),
        ("api:dyno", "create"),
        ("dyno", "update"),
        ("dyno", "update"),
        ("dyno", "destroy"),
        ("api:build", "create"),
        ("api:build", "update"),
        ("api:app", "destroy"),
    ]
    wait_for("all of it", lambda: len(receiver.taken) >= len(expected), 30)
    assert told(receiver) == expected, [each["previous_data"] for each in got(receiver)]
    by_event = dict(zip(expected, got(receiver), strict=True))
    assert by_event["api:formation", "update"]["previous_data"] == {"quantity": 1}
    assert by_event["api:release", "update"]["previous_data"]["status"] == "pending"
    assert by_event["api:release", "update"]["data"]["version"] == 4
    assert by_event["dyno", "destroy"]["data"]["name"] == "web.1"
    assert by_event["api:build", "update"]["data"]["status"] == "failed"
    assert by_event["api:app", "destroy"]["data"]["name"] == app["name"]
    for include, action in expected:
        kind = include.rpartition(":")[2]
        assert against_heroku(kind, by_event[include, action]["data"]) == [], (include, action)


def test_a_change_that_is_rolled_back_is_not_told(api, delivering, receiver):
    app = fresh(api)
    added(api, app, at(receiver), "api:domain", "api:app")
    refused(api.post(f"/apps/{app['name']}/domains", json={"hostname": "x"}), 422, "invalid_params")
    with Session(engine()) as opened:
        opened.get_one(App, uuid.UUID(app["id"])).maintenance = True
        opened.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        assert opened.query(WebhookChange).filter_by(app_id=uuid.UUID(app["id"])).count() == 1
        opened.rollback()
    api.patch(f"/apps/{app['name']}", json={"maintenance": True})
    wait_for("the change that was made", lambda: receiver.taken, 10)
    assert told(receiver) == [("api:app", "update")]


def test_sync_is_tried_again_after_500_and_a_redirect_and_later_ones_wait_for_their_turn(api, delivering, receiver):
    receiver.answer = lambda request, number: {1: 500, 2: 302}.get(number, 204)
    app = fresh(api)
    added(api, app, at(receiver), "api:app", level="sync")
    for maintenance in (True, False):
        api.patch(f"/apps/{app['name']}", json={"maintenance": maintenance})
    wait_for("both", lambda: len(receiver.taken) == 2, 15)
    assert [each["data"]["maintenance"] for each in got(receiver)] == [True, False]
    first = [json.loads(request.body)["webhook_metadata"] for request in receiver.requests[:3]]
    assert len({each["delivery"]["id"] for each in first}) == 1
    assert len({each["attempt"]["id"] for each in first}) == 3
    assert {request.path for request in receiver.requests} == {"/hooks"}, "no redirect is followed"
    path = f"/apps/{app['name']}/webhook-deliveries"
    wait_for("3 attempts", lambda: [each["num_attempts"] for each in api.get(path).json()] == [3, 1], 5)


def test_notify_is_attempted_once(api, delivering, receiver):
    receiver.answer = lambda request, number: 503
    app = fresh(api)
    added(api, app, at(receiver), "api:app")
    api.patch(f"/apps/{app['name']}", json={"maintenance": True})
    path = f"/apps/{app['name']}/webhook-deliveries"
    wait_for("it failed", lambda: [each["status"] for each in api.get(path).json()] == ["failed"], 10)
    (delivery,) = api.get(path).json()
    assert (delivery["num_attempts"], delivery["next_attempt_at"]) == (1, None)
    assert (delivery["last_attempt"]["code"], delivery["last_attempt"]["status"]) == (503, "failed")
    assert len(receiver.requests) == 1


def test_a_receiver_that_hangs_or_cannot_be_trusted_holds_nothing_else_up(api, delivering, receiver, tmp_path):
    Authority(tmp_path).certify("stranger")
    never = threading.Event()
    hanging = HttpReceiver(answer=lambda request, number: never.wait(30) and 200)
    untrusted = HttpReceiver(context(tmp_path, "stranger"))
    app = fresh(api)
    hooks = {
        "hangs": added(api, app, f"http://127.0.0.1:{hanging.port}/", level="sync")[0]["id"],
        "untrusted": added(api, app, f"https://localhost:{untrusted.port}/")[0]["id"],
        "gone": added(api, app, "https://no-such-host.invalid/")[0]["id"],
    }
    added(api, app, at(receiver))
    for maintenance in (True, False, True):
        api.patch(f"/apps/{app['name']}", json={"maintenance": maintenance})
    wait_for("all at the good one", lambda: len(receiver.taken) == 3, 5)
    path = f"/apps/{app['name']}/webhook-deliveries"

    def errors(name):
        found = [each for each in api.get(path).json() if each["webhook"]["id"] == hooks[name]]
        return {each["last_attempt"] and each["last_attempt"]["error_class"] for each in found}

    wait_for("what was wrong is told", lambda: errors("untrusted") == {"Certificate"}, 10)
    wait_for("and here", lambda: errors("gone") == {"Connection"}, 20)
    wait_for("and that it hangs", lambda: "Timeout" in errors("hangs"), 10)
    never.set()
    assert untrusted.requests == []
    for each in (hanging, untrusted):
        each.gone()


def test_a_private_address_is_refused_at_delivery_too(api, delivering, receiver, monkeypatch):
    app = fresh(api)
    added(api, app, f"http://somewhere.example:{receiver.port}/")  # resolves to nothing yet
    monkeypatch.setattr(guard, "_look_up", lambda host, port: ["10.0.0.7"])
    api.patch(f"/apps/{app['name']}", json={"maintenance": True})
    path = f"/apps/{app['name']}/webhook-deliveries"
    wait_for("it failed", lambda: [each["status"] for each in api.get(path).json()] == ["failed"], 10)
    assert api.get(path).json()[0]["last_attempt"]["error_class"] == "Refused"


def test_a_removed_webhook_is_told_nothing_more(api, delivering, receiver):
    app = fresh(api)
    hook, _ = added(api, app, at(receiver))
    api.patch(f"/apps/{app['name']}", json={"maintenance": True})
    wait_for("the first", lambda: len(receiver.taken) == 1, 10)
    kept, _ = added(api, app, at(receiver))
    assert api.delete(f"/apps/{app['name']}/webhooks/{hook['id']}").status_code == 200
    api.patch(f"/apps/{app['name']}", json={"maintenance": False})
    wait_for("the other's", lambda: len(receiver.taken) == 2, 10)
    assert got(receiver)[1]["webhook_metadata"]["webhook"]["id"] == kept["id"]


def test_a_courier_that_is_killed_goes_on_where_it_was(api, receiver, certificates, workdir):
    app = fresh(api)
    added(api, app, at(receiver), level="sync")
    process = Courier(workdir / "courier.said", certificates)
    try:
        api.patch(f"/apps/{app['name']}", json={"maintenance": True})
        wait_for("the first", lambda: len(receiver.taken) == 1, 20)
        path = f"/apps/{app['name']}/webhook-deliveries"
        wait_for("it is noted", lambda: api.get(path).json()[0]["status"] == "succeeded", 5)
        process.end(signal.SIGKILL)
        api.patch(f"/apps/{app['name']}", json={"maintenance": False})
        process.start()
        wait_for("the second", lambda: [each["data"]["maintenance"] for each in got(receiver)] == [True, False], 20)
    finally:
        process.end()
