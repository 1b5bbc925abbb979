"""What is told of jobs that failed."""

from __future__ import annotations

import queue
import threading
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError, NoResultFound

from hokku.manifold import jobs as manifold_jobs
from hokku.manifold import names, sweep, template
from hokku.manifold.hosts import OTHERS, Cluster, Listing
from hokku.manifold.jobs import Jobs
from hokku.manifold.lxd import Instance, LxdError, members
from hokku.settings import Host, Settings
from hokku.store.hosts import Wanted, Wish

SETTINGS = Settings(dyno_hosts=(Host(name="dyno1", address="127.0.0.1"),))


def jobs() -> tuple[Jobs, Cluster, queue.SimpleQueue]:
    posted: queue.SimpleQueue = queue.SimpleQueue()
    cluster = Cluster(members(SETTINGS), SETTINGS, lambda: None)
    return Jobs(cluster, SETTINGS, posted.put), cluster, posted


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (IntegrityError("INSERT", {"env": "secret"}, Exception("DETAIL: secret")), "IntegrityError"),
        (ValueError("secret"), "ValueError"),
        (FileNotFoundError(2, "No such file or directory"), "FileNotFoundError: [Errno 2] No such file or directory"),
        (LxdError("dyno1 does not answer"), "dyno1 does not answer"),
    ],
)
def test_users_read_no_values_in_what_a_job_failed_with(raised, told) -> None:
    work, _, posted = jobs()
    errors: list[LxdError | None] = []

    def fails(_: object) -> None:
        raise raised

    work.on("dyno1", fails, lambda _, error: errors.append(error))
    posted.get(timeout=10)()
    assert [str(error) for error in errors] == [told]


RELEASE = uuid.UUID(int=7)
TEMPLATE = names.template(RELEASE, "dyno1")


class Member:
    """A host whose deletions wait for `go`."""

    host = SETTINGS.dyno_hosts[0]

    def __init__(self) -> None:
        self.go, self.deleted = threading.Event(), []

    def delete(self, instance: str) -> None:
        assert self.go.wait(10)
        self.deleted.append(instance)


def with_template() -> tuple[Jobs, Cluster, queue.SimpleQueue, Member]:
    """Jobs on a host that has the release's template."""
    work, cluster, posted = jobs()
    host, member = cluster.hosts["dyno1"], Member()
    config = {"user.hokku.kind": "template", template.READY: template.WHOLE}
    host.member, host.listing = member, Listing(0.0, {TEMPLATE: Instance(TEMPLATE, "Stopped", "dyno1", config)})
    return work, cluster, posted, member


def wish(wanted: Wanted) -> dict[str, Wish]:
    return {"dyno1": Wish(wanted, datetime(2026, 1, 1, tzinfo=UTC))}


@pytest.mark.parametrize(("then", "left"), [(Wanted.ACTIVE, True), (Wanted.DRAINED, False)])
def test_a_host_that_is_active_again_keeps_the_templates_whose_deletion_did_not_begin(then, left) -> None:
    work, cluster, posted, member = with_template()
    cluster.wishes = wish(Wanted.DRAINED)
    busy = threading.Event()
    for _ in range(OTHERS):
        cluster.hosts["dyno1"].work(lambda: busy.wait(10))
    sweep.hosts(cluster, {"dyno1": cluster.hosts["dyno1"].listing}, work, [], [])
    cluster.wishes = wish(then)
    member.go.set()
    busy.set()
    posted.get(timeout=10)()
    assert member.deleted == ([] if left else [TEMPLATE])


def test_a_template_whose_deletion_is_not_over_is_made_anew_after_it(monkeypatch) -> None:
    work, _, posted, member = with_template()
    found: queue.SimpleQueue = queue.SimpleQueue()

    def payload(*_: object) -> None:
        found.put(list(member.deleted))
        raise NoResultFound

    monkeypatch.setattr(manifold_jobs, "session", nullcontext)
    monkeypatch.setattr(manifold_jobs.wanted, "payload", payload)
    work.delete("dyno1", TEMPLATE)
    work.prepare("dyno1", RELEASE, uuid.UUID(int=1))
    work.prepare("dyno1", RELEASE, uuid.UUID(int=1))
    assert work.making() == {TEMPLATE}
    member.go.set()
    assert found.get(timeout=10) == [TEMPLATE]
    assert found.empty()
    posted.get(timeout=10)()
    assert member.deleted == [TEMPLATE]
