"""Where dynos run, as the API tells it."""

from __future__ import annotations

import uuid

from hokku.store.engine import session
from hokku.store.tables import Dyno, DynoState
from tests.integration.test_api_apps import fresh, released


def test_every_dyno_that_lives_is_told_with_its_host(api):
    app = released(api, web="run")
    release = api.get(f"/apps/{app['name']}/releases/3").json()
    with session() as opened:
        for number, state in enumerate((DynoState.UP, DynoState.STARTING, DynoState.STOPPED), start=1):
            opened.add(
                Dyno(
                    app_id=uuid.UUID(app["id"]), release_id=uuid.UUID(release["id"]), type="web", number=number,
                    size="basic", command="run", state=state, instance=f"d-{uuid.uuid4().hex}", host=f"dyno{number}",
                    slot=number, address="10.99.1.1",
                )
            )  # fmt: skip
    found = api.get(f"/apps/{app['name']}/placements").json()
    assert {(row["dyno"]["name"], row["host"]) for row in found} == {("web.1", "dyno1"), ("web.2", "dyno2")}
    assert {row["id"] for row in found} == {dyno["id"] for dyno in api.get(f"/apps/{app['name']}/dynos").json()}
    assert api.get(f"/apps/{fresh(api)['name']}/placements").json() == []
