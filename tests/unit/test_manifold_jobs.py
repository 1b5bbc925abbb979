"""What is told of jobs that failed."""

from __future__ import annotations

import queue

import pytest
from sqlalchemy.exc import IntegrityError

from hokku.manifold.hosts import Cluster
from hokku.manifold.jobs import Jobs
from hokku.manifold.lxd import LxdError, members
from hokku.settings import Host, Settings

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
