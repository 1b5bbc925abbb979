"""/hosts and decisions: what operators want of hosts, and why dynos are where they are."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from hokku.store import decisions, hosts
from hokku.store.engine import session
from hokku.store.hosts import HostState, Seen, Wanted
from hokku.store.tables import Dyno, DynoState, Event, now
from tests.integration.test_api_apps import refused, released

pytestmark = pytest.mark.usefixtures("forgotten_hosts")
HOSTS = ("dyno1", "dyno2", "dyno3")


def want(api, name, wanted):
    return api.patch(f"/hosts/{name}", json={"wanted": wanted})


def report(**states):
    """What the manifold sees, of hosts by name."""
    with session() as opened:
        hosts.report(opened, {name: states.get(name, Seen(HostState.ONLINE)) for name in HOSTS})


def test_hosts_are_those_of_the_settings_and_unknown_until_the_manifold_reports(api):
    found = api.get("/hosts").json()
    assert [(each["name"], each["address"], each["state"], each["wanted"]) for each in found] == [
        (name, "127.0.0.1", "unknown", "active") for name in HOSTS
    ]
    assert "hokku-manifold" in found[0]["reason"]
    report(dyno2=Seen(HostState.OFFLINE, "it does not answer", memory_total=4096))
    one, two = api.get("/hosts/dyno1").json(), api.get("/hosts/dyno2").json()
    assert (one["state"], one["reason"], one["memory_total"]) == ("online", None, None)
    assert (two["state"], two["reason"], two["memory_total"]) == ("offline", "it does not answer", 4096)
    refused(api.get("/hosts/dyno9"), 404, "not_found", "dyno9", "dyno1, dyno2, dyno3")


def test_a_host_tells_what_is_on_it(api):
    app = released(api, web="x")
    release = api.get(f"/apps/{app['name']}/releases/3").json()
    before = api.get("/hosts/dyno2").json()
    with session() as opened:
        for number, (state, size) in enumerate(
            [(DynoState.UP, "standard-2x"), (DynoState.STOPPING, "basic"), (DynoState.CRASHED, "basic")], 1
        ):
            opened.add(
                Dyno(
                    app_id=uuid.UUID(app["id"]), release_id=uuid.UUID(release["id"]), type="web", number=number,
                    size=size, command="x", state=state, instance=f"d-{uuid.uuid4().hex}", host="dyno2", slot=number,
                    address="10.99.1.1",
                )
            )  # fmt: skip
    after = api.get("/hosts/dyno2").json()
    assert after["dynos"] - before["dynos"] == 2
    assert after["memory_committed"] - before["memory_committed"] == 1024 + 512


def test_what_is_wanted_is_kept_and_leaves_a_trace_once(api):
    first = want(api, "dyno1", "cordoned")
    assert (first.status_code, first.json()["wanted"]) == (200, "cordoned")
    again = want(api, "dyno1", "cordoned")
    assert again.json() == first.json()
    with session() as opened:
        events = [each for each in opened.query(Event) if each.action == "host.cordoned" and each.created_at]
    assert events[-1].data == {"host": "dyno1", "before": "active"}
    assert want(api, "dyno1", "active").json()["wanted"] == "active"
    refused(want(api, "dyno1", "closed"), 422, "invalid_params", "`wanted`", "cordoned")
    refused(want(api, "dyno9", "active"), 404, "not_found", "dyno9")


def test_the_last_host_that_takes_dynos_is_not_closed(api):
    assert want(api, "dyno1", "drained").status_code == 200
    assert want(api, "dyno2", "cordoned").status_code == 200
    for wanted in ("cordoned", "drained"):
        refused(want(api, "dyno3", wanted), 422, "invalid_params", "dyno3", "dyno1 is drained", "dyno2 is cordoned")
    assert want(api, "dyno2", "drained").status_code == 200
    assert want(api, "dyno2", "cordoned").status_code == 200
    assert want(api, "dyno1", "active").status_code == 200
    assert want(api, "dyno3", "drained").status_code == 200


def test_a_host_that_is_not_online_is_no_other_host(api):
    lost = Seen(HostState.UNREACHABLE, "it does not answer")
    report(dyno2=lost, dyno3=lost)
    refused(want(api, "dyno1", "drained"), 422, "invalid_params", "dyno2 is active and unreachable")
    assert want(api, "dyno2", "drained").status_code == 200  # dyno1 is there
    assert want(api, "dyno2", "drained").status_code == 200


def test_operators_who_close_hosts_at_the_same_moment_leave_one(api):
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda name: want(api, name, "drained").status_code, HOSTS))
    assert sorted(answers) == [200, 200, 422]


def test_a_host_is_drained_when_the_manifold_says_so_of_this_wish(api):
    want(api, "dyno3", "drained")
    with session() as opened:
        since = hosts.wishes(opened)["dyno3"].since
    report(dyno3=Seen(HostState.ONLINE, "waits: 1 build to end", wish_at=since))
    found = api.get("/hosts/dyno3").json()
    assert (found["drained"], found["reason"]) == (False, "waits: 1 build to end")
    report(dyno3=Seen(HostState.ONLINE, empty=True, wish_at=since))
    assert api.get("/hosts/dyno3").json()["drained"] is True
    want(api, "dyno3", "active")
    assert api.get("/hosts/dyno3").json()["drained"] is False
    want(api, "dyno3", "drained")
    assert api.get("/hosts/dyno3").json()["drained"] is False  # what was seen was of the time before


def test_what_is_wanted_of_a_host_that_is_gone_can_be_forgotten_and_nothing_else(api):
    name = f"gone{uuid.uuid4().hex[:8]}"
    with session() as opened:
        hosts.want(opened, name, Wanted.DRAINED)
    found = api.get(f"/hosts/{name}").json()
    assert (found["address"], found["wanted"]) == ("", "drained")
    assert "settings" in found["reason"]
    refused(want(api, name, "active"), 422, "invalid_params", name)
    assert api.delete(f"/hosts/{name}").status_code == 200
    refused(api.delete(f"/hosts/{name}"), 404, "not_found", name)
    refused(api.delete("/hosts/dyno1"), 422, "invalid_params", "dyno1", "inventory")


def test_decisions_are_told_newest_first_by_name_and_by_id(api):
    app = released(api, web="x")
    path = f"/apps/{app['name']}/dynos"
    refused(api.get(f"{path}/web.1/decisions"), 404, "not_found", "web.1")
    release = api.get(f"/apps/{app['name']}/releases/3").json()
    with session() as opened:
        row = Dyno(
            app_id=uuid.UUID(app["id"]), release_id=uuid.UUID(release["id"]), type="web", number=1, size="basic",
            command="x", state=DynoState.UP, instance=f"d-{uuid.uuid4().hex}", host="dyno1", slot=1,
            address="10.99.1.1",
        )  # fmt: skip
        opened.add(row)
    assert api.get(f"{path}/web.1/decisions").json() == []
    with session() as opened:
        made = [("start", "dyno1"), ("wait", None), ("up", "dyno1")]
        decisions.keep(
            opened,
            [decisions.Decision(row.app_id, "web", 1, host, said, f"Why {said}.", now()) for said, host in made],
        )
    found = api.get(f"{path}/web.1/decisions").json()
    assert [(each["decision"], each["host"], each["reason"]) for each in found] == [
        ("up", "dyno1", "Why up."), ("wait", None, "Why wait."), ("start", "dyno1", "Why start."),
    ]  # fmt: skip
    assert api.get(f"{path}/{row.id}/decisions").json() == found
    with session() as opened:
        opened.get_one(Dyno, row.id).state = DynoState.STOPPED
    assert api.get(f"{path}/{row.id}/decisions").json() == found
    refused(api.get(f"{path}/{uuid.uuid4()}/decisions"), 404, "not_found")
    refused(api.get(f"{path}/web.2/decisions"), 404, "not_found")
    refused(api.get(f"{path}/web/decisions"), 404, "not_found")
