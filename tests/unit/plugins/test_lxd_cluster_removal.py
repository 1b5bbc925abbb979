"""A member leaves the LXD cluster only when nothing of an app is on it, or when it is lost for good."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hokku.platform.plugins.module_utils._lxd import LxdError
from ansible_collections.hokku.platform.plugins.module_utils._lxd_cluster import Member


def container(name: str, kind: str, location: str = "dyno4", status: str = "Stopped") -> dict[str, Any]:
    return {"name": name, "location": location, "status": status, "config": {"user.hokku.kind": kind}}


class FakeLxd:
    """A cluster of dyno1 and dyno4: what is asked of it that it does not know fails the test."""

    def __init__(self, *instances: dict[str, Any], status: str = "Online", names: tuple[str, ...] = ("dyno1", "dyno4")):
        self.instances, self.status, self.names = list(instances), status, names
        self.deleted: list[str] = []

    def request(self, method: str, url: str, body: Any = None, **_: Any) -> Any:
        name = url.removeprefix("/1.0/instances/").removesuffix("/state")
        found = next((each for each in self.instances if each["name"] == name), None)
        if method == "PUT" and found and url.endswith("/state"):
            assert (body["action"], body["force"]) == ("stop", True)
            found["status"] = "Stopped"
            return None
        if method == "DELETE":
            if found and found["status"] != "Stopped":
                raise LxdError("Instance is running", 400)
            self.deleted.append(url)
            return None
        return {
            "/1.0/cluster/members?recursion=1": [{"server_name": name, "status": self.status} for name in self.names],
            "/1.0/instances?recursion=1": self.instances,
        }[url]


def member(lxd: FakeLxd, check: bool = False) -> Member:
    return Member(lxd, "dyno1", "10.0.0.31:8443", check=check)


def test_an_empty_member_is_removed_with_the_stock_it_has() -> None:
    lxd = FakeLxd(container("stock-1", "stock"), container("web-1", "dyno", "dyno1"))
    removing = member(lxd)
    removing.remove("dyno4")
    assert lxd.deleted == ["/1.0/instances/stock-1", "/1.0/cluster/members/dyno4"]
    assert removing.actions == ["stock-1: deleted", "dyno4: removed from the cluster"]


def test_stock_that_runs_is_stopped_first() -> None:
    lxd = FakeLxd(container("stock-1", "stock", status="Running"))
    removing = member(lxd)
    removing.remove("dyno4")
    assert lxd.deleted == ["/1.0/instances/stock-1", "/1.0/cluster/members/dyno4"]
    assert removing.actions == ["stock-1: stopped", "stock-1: deleted", "dyno4: removed from the cluster"]


def test_a_member_that_is_gone_already_is_left() -> None:
    lxd = FakeLxd(names=("dyno1",))
    removing = member(lxd)
    removing.remove("dyno4")
    assert (lxd.deleted, removing.actions) == ([], [])


def test_check_mode_removes_nothing() -> None:
    lxd = FakeLxd(container("stock-1", "stock"))
    removing = member(lxd, check=True)
    removing.remove("dyno4")
    assert lxd.deleted == []
    assert "dyno4: removed from the cluster" in removing.actions


@pytest.mark.parametrize("kind", ["dyno", "template", "build", "other"])
def test_a_member_with_anything_of_an_app_stays(kind: str) -> None:
    lxd = FakeLxd(container("stock-1", "stock"), container("left-1", kind))
    with pytest.raises(LxdError, match=r"dyno4 still has 1 containers \(left-1 …\): drain it first"):
        member(lxd).remove("dyno4")
    assert lxd.deleted == []


def test_an_offline_member_leaves_only_when_it_is_said_to_be_lost() -> None:
    lxd = FakeLxd(container("web-1", "dyno"), status="Offline")
    with pytest.raises(LxdError, match="dyno4 is offline: power it on"):
        member(lxd).remove("dyno4")
    member(lxd).remove("dyno4", lost=True)
    assert lxd.deleted == ["/1.0/cluster/members/dyno4?force=1"]


def test_lost_does_not_excuse_a_member_that_is_online_with_dynos() -> None:
    lxd = FakeLxd(container("web-1", "dyno"))
    with pytest.raises(LxdError, match="drain it first"):
        member(lxd).remove("dyno4", lost=True)


def test_a_member_does_not_remove_itself() -> None:
    with pytest.raises(LxdError, match="dyno1 cannot remove itself"):
        member(FakeLxd()).remove("dyno1")
