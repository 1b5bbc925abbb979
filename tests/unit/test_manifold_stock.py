"""Stock: made once by whoever is first, cloned by everybody, and never in the way of a build or a dyno."""

from __future__ import annotations

from hokku.manifold import images, names, stock
from hokku.manifold.images import MADE_FROM
from hokku.manifold.lxd import Image, Instance, LxdError, NotFound
from hokku.settings import Host

IMAGE = "f" * 64
NAME = names.stock(IMAGE, "dyno1")


class Member:
    """A member that knows what it has; `refuses` is a call that fails."""

    host = Host(name="dyno1", address="127.0.0.1")

    def __init__(self, refuses: str = "", ready: str | None = None) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.refuses, self.has = refuses, {}
        if ready is not None:
            self.has[NAME] = ready

    def instance(self, name: str) -> Instance:
        if name not in self.has:
            raise NotFound(name)
        return Instance(name, "Stopped", "dyno1", {stock.READY: self.has[name]})

    def _did(self, *call: str) -> None:
        if call[0] == self.refuses and call[1] == NAME:
            raise LxdError(f"{call[0]} is refused")
        self.calls.append(call)

    def create(self, name, image, config, devices) -> None:
        self._did("create", name, image)
        self.has[name] = config.get(stock.READY, "")

    def copy(self, name, source, config, devices) -> None:
        self._did("copy", name, source, config[stock.READY])

    def start(self, name) -> None:
        self._did("start", name)

    def kill(self, name) -> None:
        self._did("kill", name)

    def delete(self, name) -> None:
        self._did("delete", name)
        self.has.pop(name, None)

    def set_config(self, name, config) -> None:
        self._did("set", name)
        self.has[name] = config[stock.READY]


def test_the_first_one_makes_the_stock_and_clones_it():
    member = Member()
    stock.clone(member, "b-1", IMAGE, {}, {})
    steps = [call[:2] for call in member.calls]
    assert steps == [("create", NAME), ("start", NAME), ("kill", NAME), ("set", NAME), ("copy", "b-1")]
    stock.clone(member, "b-2", IMAGE, {}, {})
    assert member.calls[5:] == [("copy", "b-2", NAME, "")]


def test_a_clone_keeps_its_own_mark():
    member = Member(ready="1")
    stock.clone(member, "t-1", IMAGE, {stock.READY: "false"}, {})
    assert member.calls == [("copy", "t-1", NAME, "false")]


def test_without_stock_it_is_made_from_the_image():
    member = Member(refuses="create")
    stock.clone(member, "b-1", IMAGE, {}, {})
    assert member.calls == [("create", "b-1", IMAGE)]


def test_what_a_killed_maker_left_is_made_anew(monkeypatch):
    moments = iter(range(0, 10_000, 100))
    monkeypatch.setattr(stock.time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(stock.time, "sleep", lambda seconds: None)
    member = Member(ready="false")
    assert stock.ready(member, IMAGE) == NAME
    assert [call[0] for call in member.calls] == ["delete", "create", "start", "kill", "set"]


def test_stock_of_an_image_that_is_gone_is_not_needed():
    def of(name: str, image: str, kind: str = names.STOCK) -> Instance:
        return Instance(name, "Stopped", "dyno1", {"user.hokku.kind": kind, MADE_FROM: image})

    instances = [of("s-a", "a"), of("s-b", "b"), of("t-b", "b", "template")]
    assert stock.unneeded(instances, [Image("a")]) == ["s-b"]


def test_stock_alone_keeps_no_image():
    image = Image("a", frozenset(), {"hokku.stack": "debian-13", "hokku.made": "0"})

    def made(kind: str) -> Instance:
        return Instance("i", "Stopped", "dyno1", names.labels(kind) | {MADE_FROM: "a"})

    assert images.unneeded([image], set(), [made(names.STOCK)], images.JUST_MADE * 2) == [image]
    assert images.unneeded([image], set(), [made("template")], images.JUST_MADE * 2) == []
