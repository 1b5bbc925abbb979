"""Drains end to end: lines through the mover and Redis, a courier process, and receivers on loopback."""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hokku.logplex.consume import Mover
from hokku.logplex.emit import emit, flush
from hokku.logplex.places import Places
from hokku.logplex.redis import DRAINER, DRAINS, HISTORY, client
from hokku.settings import settings
from tests.integration.courier_process import Courier
from tests.integration.logplex_stand import Authority
from tests.integration.loopback import wait_for
from tests.integration.receivers import Got, HttpReceiver, SyslogReceiver, context, lost, texts
from tests.integration.test_api_apps import fresh


class Stand:
    """An app, its drains, and what is in its log."""

    def __init__(self, api: object, courier: Courier, certificates: Path) -> None:
        self.api, self.courier, self.certificates = api, courier, certificates
        self.app = fresh(api)
        self.receivers: list[SyslogReceiver | HttpReceiver] = []
        self.drains: list[str] = []

    def drain(self, url: str, receiver: SyslogReceiver | HttpReceiver | None = None) -> str:
        """Add a drain and wait until the courier serves it; its token."""
        made = self.api.post(f"/apps/{self.app['name']}/log-drains", json={"url": url})
        assert made.status_code == 201, made.text
        if receiver is not None:
            self.receivers.append(receiver)
        self.drains.append(made.json()["id"])
        wait_for("the courier serves the drain", lambda: client().hexists(DRAINS, made.json()["id"]), 30)
        return made.json()["token"]

    def emit(self, *lines: str, process: str = "web.1", source: str = "app") -> None:
        for line in lines:
            emit(self.app["id"], line, process=process, source=source)
        assert flush(10)

    def emit_all(self, count: int, named: str = "line") -> list[str]:
        """Emit so many lines, and wait until they are in the app's log."""
        said = [f"{named} {number}" for number in range(count)]
        at = self.newest()
        self.emit(*said)
        wait_for("the lines are in the log", lambda: self.newest() >= at + count, 30)
        return said

    def newest(self) -> int:
        found = client().xrevrange(f"log:{self.app['id']}", count=1)
        return int(found[0][0].split(b"-")[0]) if found else 0

    def log(self) -> list[Got]:
        """The app's log as it is in Redis."""
        found = client().xrange(f"log:{self.app['id']}")
        return [Got(0, "", *(fields[key].decode() for key in (b"s", b"p", b"m"))) for _, fields in found]


@pytest.fixture(scope="module")
def mover(platform: object) -> Iterator[None]:
    ending = threading.Event()
    moving = Mover(client(), Places(lambda *_: None, settings().slot_quarantine))
    thread = threading.Thread(target=moving.run, args=(ending.is_set,), daemon=True)
    thread.start()
    yield
    ending.set()
    thread.join(10)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    Authority(folder).certify("receiver")
    return folder


@pytest.fixture(scope="module")
def courier(api: object, mover: None, certificates: Path, workdir: Path) -> Iterator[Courier]:
    made = Courier(workdir / "courier.said", certificates)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait(10)
        print((workdir / "courier.said").read_text()[-4000:])


@pytest.fixture
def stand(api: object, courier: Courier, certificates: Path) -> Iterator[Stand]:
    made = Stand(api, courier, certificates)
    yield made
    api.delete(f"/apps/{made.app['name']}")
    for receiver in made.receivers:
        receiver.gone()
        assert receiver.wrong == []


def arrived(receiver: SyslogReceiver | HttpReceiver, count: int) -> Callable[[], bool]:
    return lambda: len(texts(receiver.lines)) >= count or bool(receiver.wrong)


def in_order_without_gaps(received: list[str], sent: list[str]) -> int:
    """Check that all came and in their order but for repeats right after a break; how many were repeats."""
    position, repeated = -1, 0
    numbers = {text: number for number, text in enumerate(sent)}
    for text in received:
        number = numbers[text]
        assert number <= position + 1, f"{text} came too early"
        if number <= position:
            repeated += 1
        position = max(position, number)
    assert position == len(sent) - 1, f"{len(sent) - 1 - position} lines are missing at the end"
    return repeated


def test_syslog_gets_the_lines_from_then_on_in_order_and_framed_exactly(stand: Stand) -> None:
    stand.emit_all(3, "before")
    receiver = SyslogReceiver()
    token = stand.drain(f"syslog://127.0.0.1:{receiver.port}", receiver)
    sent = stand.emit_all(1000)
    wait_for("all lines", arrived(receiver, 1000), 20)
    assert [text for text in texts(receiver.lines) if not text.startswith("Add log drain")] == sent
    assert {line.host for line in receiver.lines} == {token}
    assert receiver.connections == 1
    stand.emit("Ünïcödé and % and \x07", process="worker.7")
    stand.emit("at=info method=GET", process="router", source="heroku")
    wait_for("two lines more", lambda: len(receiver.lines) >= 1003, 10)
    last = [(line.priority, line.source, line.process, line.text) for line in receiver.lines[-2:]]
    assert last == [
        (190, "app", "worker.7", "Ünïcödé and % and \x07"),
        (158, "heroku", "router", "at=info method=GET"),
    ]


def test_tls_is_verified_by_the_hosts_name(stand: Stand, certificates: Path) -> None:
    receiver = SyslogReceiver(context(certificates, "receiver"))
    stand.drain(f"syslog+tls://localhost:{receiver.port}", receiver)
    sent = stand.emit_all(300)
    wait_for("all lines", arrived(receiver, 300), 20)
    assert in_order_without_gaps([text for text in texts(receiver.lines) if "log drain" not in text], sent) == 0


def test_a_certificate_that_does_not_verify_gets_nothing_and_is_told_in_the_log(stand: Stand, tmp_path: Path) -> None:
    Authority(tmp_path).certify("stranger")
    receiver = SyslogReceiver(context(tmp_path, "stranger"))
    posted = HttpReceiver(context(tmp_path, "stranger"))
    stand.drain(f"syslog+tls://localhost:{receiver.port}", receiver)
    stand.drain(f"https://user:hunter2@localhost:{posted.port}/", posted)
    stand.emit_all(1)
    for where in (f"syslog+tls://localhost:{receiver.port}", f"https://localhost:{posted.port}"):
        told = f'Error L14 (certificate validation): error="certificate signature failure" uri="{where}"'
        wait_for("L14", lambda told=told: told in [line.text for line in stand.log()], 15)
    assert receiver.lines == posted.lines == []


def test_https_gets_posts_with_logplexs_headers_over_one_connection(stand: Stand, certificates: Path) -> None:
    receiver = HttpReceiver(context(certificates, "receiver"))
    token = stand.drain(f"https://user:pass@localhost:{receiver.port}/in?key=1", receiver)
    sent = stand.emit_all(1200)
    wait_for("all lines", arrived(receiver, 1200), 20)
    assert [text for text in texts(receiver.lines) if "log drain" not in text] == sent
    assert receiver.connections == 1
    first = receiver.requests[0]
    assert first.path == "/in?key=1"
    assert first.headers["Logplex-Drain-Token"] == token
    assert first.headers["Authorization"] == "Basic dXNlcjpwYXNz"
    assert first.headers["Host"] == f"localhost:{receiver.port}"
    assert first.headers["User-Agent"].startswith("Logplex/v")
    assert len({request.headers["Logplex-Frame-Id"] for request in receiver.requests}) == len(receiver.requests)
    assert len(receiver.requests) < 100, "lines go in batches"


def test_a_frame_is_sent_again_with_its_id_until_it_is_taken_and_a_redirect_is_not_followed(stand: Stand) -> None:
    receiver = HttpReceiver(answer=lambda request, number: {1: 500, 2: 302, 3: 0}.get(number, 200))
    stand.drain(f"http://127.0.0.1:{receiver.port}/", receiver)
    sent = stand.emit_all(10)
    wait_for("all lines", arrived(receiver, 10), 30)
    assert [text for text in texts(receiver.lines) if "log drain" not in text] == sent
    again = receiver.requests[:4]
    assert len({(request.headers["Logplex-Frame-Id"], request.body) for request in again}) == 1
    assert "/elsewhere" not in [request.path for request in receiver.requests]
    assert lost(receiver.lines) == 0


def test_lines_that_are_declined_are_counted_in_the_drain_and_the_log(stand: Stand) -> None:
    receiver = HttpReceiver(answer=lambda request, number: 400 if number == 1 else 200)
    stand.drain(f"http://127.0.0.1:{receiver.port}/", receiver)
    stand.emit("refused 1", "refused 2")
    wait_for("the first request", lambda: len(receiver.requests) == 1, 10)
    declined = len(receiver.requests[0].lines)
    stand.emit("taken")
    wait_for("the next lines", lambda: "taken" in texts(receiver.lines), 15)
    assert lost(receiver.lines) == declined
    wait_for("L10 in the log", lambda: lost(stand.log()) == declined, 10)


def test_a_receiver_that_is_killed_in_the_middle_misses_nothing(stand: Stand) -> None:
    receiver = HttpReceiver()
    token = stand.drain(f"http://127.0.0.1:{receiver.port}/", receiver)
    sent = stand.emit_all(700)
    receiver.gone()
    sent += stand.emit_all(700, "while it was gone")
    wait_for("the courier notices", lambda: stand.courier.noticed(token), 10)
    receiver.back()
    sent += stand.emit_all(50, "and after")
    wait_for("the last line", lambda: "and after 49" in texts(receiver.lines), 60)
    received = [text for text in texts(receiver.lines) if "log drain" not in text]
    assert in_order_without_gaps(received, sent) <= 500
    assert lost(receiver.lines) == 0


def test_syslog_comes_again_after_the_connection_broke(stand: Stand) -> None:
    receiver = SyslogReceiver()
    token = stand.drain(f"syslog://127.0.0.1:{receiver.port}", receiver)
    sent = stand.emit_all(500)
    wait_for("the first lines", arrived(receiver, 500), 10)
    receiver.gone()
    sent += stand.emit_all(700, "while it was gone")
    wait_for("the courier notices", lambda: stand.courier.noticed(token), 10)
    receiver.back()
    wait_for("the last line", lambda: "while it was gone 699" in texts(receiver.lines), 60)
    received = [text for text in texts(receiver.lines) if "log drain" not in text]
    assert in_order_without_gaps(received, sent) == 0
    assert receiver.connections == 2


def test_a_slow_receivers_overflow_is_counted_exactly(stand: Stand) -> None:
    free = threading.Event()
    receiver = HttpReceiver(answer=lambda request, number: free.wait(60) and 200)
    stand.drain(f"http://127.0.0.1:{receiver.port}/", receiver)
    stand.emit_all(1)
    wait_for("it holds the first batch", lambda: receiver.requests, 10)
    sent = stand.emit_all(4000, "flood")
    free.set()
    wait_for("the last line", lambda: sent[-1] in texts(receiver.lines), 30)
    received = [text for text in texts(receiver.lines) if text.startswith("flood")]
    assert received == sent[-len(received) :], "the oldest are dropped, order is kept"
    assert HISTORY - 100 <= len(received) <= HISTORY + 1
    assert lost(receiver.lines) == 4000 - len(received)
    wait_for("L10 in the log", lambda: lost(stand.log()) == 4000 - len(received), 10)


def test_a_drain_that_hangs_holds_up_no_other(stand: Stand) -> None:
    never = threading.Event()
    stuck, good = HttpReceiver(answer=lambda request, number: never.wait(40) and 200), SyslogReceiver()
    stand.drain(f"http://127.0.0.1:{stuck.port}/", stuck)
    stand.drain("syslog://no-such-host.invalid:514")
    stand.drain(f"syslog://127.0.0.1:{good.port}", good)
    sent = stand.emit_all(1000)
    wait_for("all lines at the other", arrived(good, 1000), 10)
    assert [text for text in texts(good.lines) if "log drain" not in text] == sent
    never.set()


def test_a_removed_drain_gets_nothing_more(stand: Stand) -> None:
    receiver, other = SyslogReceiver(), SyslogReceiver()
    token = stand.drain(f"syslog://127.0.0.1:{receiver.port}", receiver)
    stand.drain(f"syslog://127.0.0.1:{other.port}", other)
    stand.emit_all(1)
    wait_for("the line", arrived(receiver, 1), 10)
    stand.api.delete(f"/apps/{stand.app['name']}/log-drains/{token}")
    wait_for("the courier let it go", lambda: not client().hexists(DRAINS, stand.drains[0]), 10)
    stand.emit_all(10, "later")
    wait_for("the other has them", lambda: "later 9" in texts(other.lines), 10)
    assert not [text for text in texts(receiver.lines) if text.startswith("later")]


def test_a_courier_killed_and_started_again_loses_nothing_and_repeats_one_batch_at_most(stand: Stand) -> None:
    receiver = HttpReceiver()
    stand.drain(f"http://127.0.0.1:{receiver.port}/", receiver)
    sent = stand.emit_all(300)
    stand.courier.end(signal.SIGKILL)
    sent += stand.emit_all(900, "meanwhile")
    stand.courier.start()
    sent += stand.emit_all(100, "and after")
    wait_for("the last line", lambda: "and after 99" in texts(receiver.lines), 40)
    received = [text for text in texts(receiver.lines) if "log drain" not in text]
    assert in_order_without_gaps(received, sent) <= 500
    assert lost(receiver.lines) == 0


def test_one_courier_delivers_and_another_takes_over(stand: Stand, workdir: Path, certificates: Path) -> None:
    receiver = HttpReceiver()
    stand.drain(f"http://127.0.0.1:{receiver.port}/", receiver)
    first = client().get(DRAINER)
    second = Courier(workdir / "courier.said", certificates)
    try:
        sent = stand.emit_all(500)
        wait_for("all lines", arrived(receiver, 500), 20)
        assert client().get(DRAINER) == first
        stand.courier.end()
        wait_for("the other serves", lambda: client().get(DRAINER) not in (first, None), 15)
        sent += stand.emit_all(100, "with the other")
        wait_for("the last line", lambda: "with the other 99" in texts(receiver.lines), 15)
        received = [text for text in texts(receiver.lines) if "log drain" not in text]
        assert in_order_without_gaps(received, sent) == 0
    finally:
        stand.courier.start()
        second.end()


def test_a_stream_that_begins_anew_is_served_from_its_first_line(stand: Stand, monkeypatch) -> None:
    receiver = SyslogReceiver()
    stand.drain(f"syslog://127.0.0.1:{receiver.port}", receiver)
    stand.emit_all(20)
    wait_for("the lines", arrived(receiver, 20), 10)
    client().delete(f"log:{stand.app['id']}")
    stand.emit(*(f"anew {number}" for number in range(3)))
    wait_for("the new lines", lambda: "anew 2" in texts(receiver.lines), 45)
    assert [text for text in texts(receiver.lines) if text.startswith("anew")] == ["anew 0", "anew 1", "anew 2"]
    assert lost(receiver.lines) == 0


def test_ids_of_drains_that_are_gone_are_forgotten(stand: Stand) -> None:
    gone = str(uuid.uuid4())
    client().hset(DRAINS, gone, '{"number": 1, "since": "2026-01-01T00:00:00+00:00"}')
    stand.drain("syslog://no-such-host.invalid:514")
    wait_for("it is forgotten", lambda: not client().hexists(DRAINS, gone), 10)
    assert {key.decode() for key in client().hkeys(DRAINS)} >= set(stand.drains)
