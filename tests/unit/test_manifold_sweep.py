"""What the manifold finds on a host that nothing needs."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from hokku.manifold import names, sweep
from hokku.manifold.hosts import Listing
from hokku.manifold.lxd import Instance
from hokku.store.wanted import AppSpec, ReleaseSpec

HOST = "dyno1"


def release(version: int) -> ReleaseSpec:
    return ReleaseSpec(uuid.uuid4(), version, uuid.uuid4(), "0" * 64, "debian-12", {"web": "x"})


def listing(releases) -> Listing:
    made = [names.template(each.id, HOST) for each in releases]
    kind = {"user.hokku.kind": "template"}
    return Listing(0.0, {name: Instance(name, "Stopped", HOST, kind) for name in made})


def test_after_two_hundred_deploys_a_host_has_three_templates_of_the_app():
    made = [release(version) for version in range(1, 201)]
    app = AppSpec(uuid.uuid4(), "a", previous=made[-3], current=made[-2], candidate=made[-1])
    useless = sweep.useless_templates(HOST, listing(made), sweep.needed([app], []), set())
    assert useless == [names.template(each.id, HOST) for each in made[:-3]]


def test_a_template_that_is_being_made_and_those_of_living_dynos_stay():
    made = [release(version) for version in range(1, 5)]
    app = AppSpec(uuid.uuid4(), "a", current=made[-1])
    row = type("Row", (), {"release_id": made[0].id})
    making = {names.template(made[1].id, HOST)}
    useless = sweep.useless_templates(HOST, listing(made), sweep.needed([app], [row]), making)
    assert useless == [names.template(made[2].id, HOST)]


def test_a_deleted_app_keeps_no_template_beyond_its_dynos():
    only = release(1)
    app = AppSpec(uuid.uuid4(), "a", current=only)
    gone = replace(app, archived_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert sweep.useless_templates(HOST, listing([only]), sweep.needed([app], []), set()) == []
    assert len(sweep.useless_templates(HOST, listing([only]), sweep.needed([gone], []), set())) == 1
