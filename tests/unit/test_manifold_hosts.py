"""What is seen of a host while other threads find out more."""

from __future__ import annotations

import pytest

from hokku.manifold.hosts import Cluster
from hokku.manifold.lxd import members
from hokku.settings import Host, Settings
from hokku.store.hosts import HostState

SETTINGS = Settings(dyno_hosts=(Host(name="dyno1", address="127.0.0.1"),))


@pytest.mark.parametrize("status", [{"dyno2": "Online"}, {"dyno1": "Offline"}, {"dyno1": "Online"}])
def test_a_host_that_falls_silent_while_its_state_is_told_has_one_state(status, monkeypatch) -> None:
    cluster = Cluster(members(SETTINGS), SETTINGS, lambda: None)
    cluster.status, host = status, cluster.hosts["dyno1"]
    host.asked = True
    answers = iter([True, False, False])
    monkeypatch.setattr(host, "answers", lambda: next(answers))
    state, why = cluster.state("dyno1")
    assert state is (HostState.ONLINE if status == {"dyno1": "Online"} else HostState.UNREACHABLE)
    assert (why is None) == (state is HostState.ONLINE)


@pytest.mark.parametrize(
    ("told", "state"),
    [(None, HostState.OFFLINE), ("Offline", HostState.OFFLINE), ("Evacuated", HostState.UNREACHABLE)],
)
def test_a_silent_host_is_what_the_cluster_says(told, state) -> None:
    cluster = Cluster(members(SETTINGS), SETTINGS, lambda: None)
    cluster.status = {"dyno2": "Online"} | ({"dyno1": told} if told else {})
    cluster.hosts["dyno1"].asked = True
    assert cluster.state("dyno1")[0] is state
    assert cluster.dead("dyno1") == (state is HostState.OFFLINE)
