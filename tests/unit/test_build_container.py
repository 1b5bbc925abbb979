"""The build container's watch: begun with it, begun again when it was killed, and never longer than the container."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest

from hokku.build import container
from hokku.build.container import Container, NotReadable
from hokku.manifold import stock
from hokku.manifold.lxd import Image, Instance, LxdError, Unreachable
from hokku.settings import Host, Settings

FREE = 10_000 * 1024**2


class Member:
    """A member whose executions end as `script` says: a status, an error, or bytes for who reads."""

    host = Host(name="dyno1", address="127.0.0.1")

    def __init__(self, *script: int | bytes | LxdError) -> None:
        self.script, self.asked = list(script), []
        self.over = threading.Event()

    def images(self) -> list[Image]:
        return [Image("f" * 64, frozenset(("image", "another image")))]

    def execute(self, name, argv, environment, wrote: Callable[[bytes], None], timeout, user=1000) -> int:
        self.asked.append((argv, user))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, bytes):
            wrote(step)
            step = 0
        if isinstance(step, LxdError):
            raise step
        if step is None:
            self.over.wait(20)
            raise LxdError("it was removed")
        return step

    def delete(self, name: str) -> None:
        self.over.set()

    def instance(self, name: str) -> Instance:
        return Instance(name, "Stopped", "dyno1", {stock.READY: "1"})

    def copy(self, *about: object) -> None:
        pass

    def start(self, name: str) -> None:
        pass

    def instances(self) -> list:
        return []


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container.time, "sleep", lambda seconds: None)


def started(*script: int | bytes | LxdError) -> tuple[Container, Member, list[str], threading.Event]:
    member, ended, told = Member(*script), [], threading.Event()

    def exceeded(sentence: str) -> None:
        ended.append(sentence)
        told.set()

    made = Container(member, uuid.uuid4(), Settings(build_disk=100), exceeded)
    member.delete = lambda name: None  # what was there before
    made.start("image")
    member.delete = Member.delete.__get__(member)
    return made, member, ended, told


def test_a_build_that_takes_too_much_is_told_of_by_the_watch_which_is_root():
    made, member, ended, told = started(f"{200 * 1024**2} 5 {FREE}\n".encode())
    assert told.wait(10)
    assert ended == ["The build wrote more than 100 MB to its disk: have it write less, and push again."]
    assert member.asked[0][1] == 0
    made.remove()


def test_a_watch_that_is_killed_again_and_again_ends_the_build():
    made, member, ended, told = started(137, LxdError("fork failed"), 137, LxdError("fork failed"))
    assert told.wait(10)
    assert "could not be watched" in ended[0]
    assert len(member.asked) == 4
    made.remove()


def test_a_container_that_is_made_anew_is_watched_again_and_does_not_count_as_killed():
    made, member, ended, told = started(137, 137, 137)
    container_up = made._up
    wait = threading.Event()
    member.create = lambda *about: wait.wait(0.2)
    made.start("another image")
    assert container_up.is_set()
    member.script.append(f"{200 * 1024**2} 5 {FREE}\n".encode())
    member.over.set()  # what ran before ends
    member.over = threading.Event()
    assert told.wait(10)
    assert "wrote more" in ended[0]
    made.remove()


def test_a_member_that_does_not_answer_for_a_while_ends_nothing():
    silent = [Unreachable("no answer")] * 20
    made, _, ended, told = started(*silent, f"{200 * 1024**2} 5 {FREE}\n".encode())
    assert told.wait(10)
    assert "wrote more" in ended[0]
    made.remove()


def test_a_container_that_cannot_be_removed_now_is_removed_later():
    member, tries, gone = Member(), [], threading.Event()

    def delete(name: str) -> None:
        tries.append(name)
        if len(tries) < 8:
            raise Unreachable("no answer")
        gone.set()

    member.delete = delete
    Container(member, uuid.uuid4(), Settings()).remove()
    assert gone.wait(10)
    assert len(tries) == 8


@pytest.mark.parametrize(("status", "found"), [(2, None), (b"web: x\n", b"web: x\n")])
def test_a_file_of_the_app_is_read_as_its_user(status, found):
    made = Container(Member(status), uuid.uuid4(), Settings())
    assert made.read_of_app("/app/Procfile", 100) == found
    assert made._host.asked[0][1] == 1000


def test_what_is_no_file_is_not_read():
    with pytest.raises(NotReadable):
        Container(Member(3), uuid.uuid4(), Settings()).read_of_app("/app/Procfile", 100)
