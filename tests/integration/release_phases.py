"""Release phases as tests see and play them: what the API and the queue are asked, and commands that no dyno runs."""

from __future__ import annotations

import uuid

from hokku.oneoff.work import Ended
from hokku.release import runner
from hokku.store import phases, wanted
from hokku.store.engine import session
from hokku.store.oneoffs import Oneoff
from hokku.store.tables import Release
from tests.integration.test_api_apps import slug_of


def id_of(app, version):
    with session() as opened:
        query = opened.query(Release.id).filter_by(app_id=uuid.UUID(app["id"]), version=version)
        return query.scalar()


def release(api, app, **types):
    answer = api.post(f"/apps/{app['name']}/releases", json={"slug": slug_of(app, **types)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def spec(app):
    """What the manifold reads of the app."""
    with session() as opened:
        found = wanted.load(opened, "apps.localhost", [uuid.UUID(app["id"])])
    return found[uuid.UUID(app["id"])]


def claim(worker="w"):
    """The version that is claimed, or None."""
    with session() as opened:
        phase = phases.claim(opened, worker, runner._ask)
        return phase.version if phase is not None else None


def end(app, version, error=None, worker="w"):
    with session() as opened:
        return phases.end(opened, id_of(app, version), worker, error)


def phase_of(app, version):
    with session() as opened:
        return phases.of(opened, id_of(app, version))


def played(monkeypatch, *commands):
    """Play the commands of one-off dynos: each gets `wrote` and `wanted`, and gives its exit status."""
    left = list(commands)
    began = []

    def attend(oneoff_id, wrote, *, timeout, wanted):
        began.append(oneoff_id)
        return Ended(left.pop(0)(wrote, wanted))

    monkeypatch.setattr(runner.work, "attend", attend)
    return began


def stop_requested(app, version):
    with session() as opened:
        return opened.get(Oneoff, phases.of(opened, id_of(app, version)).oneoff_id).stop_requested_at
