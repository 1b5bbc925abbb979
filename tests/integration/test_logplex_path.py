"""A line's way from a dyno host to its app's stream, with the real rsyslogd and Redis, while parts are killed."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import logplex_stand
import pytest
from logplex_stand import Server, Stand, send_as_dyno, send_as_router, until

pytestmark = pytest.mark.skipif(bool(logplex_stand.MISSING), reason=f"not installed: {logplex_stand.MISSING}")
APPS = [uuid.uuid4(), uuid.uuid4()]
ROOT = Path(__file__).parents[2]


class Mover(Server):
    def __init__(self, stand: Stand) -> None:
        program = [sys.executable, str(ROOT / "tests/integration/logplex_mover.py")]
        argv = [*program, str(stand.redis_port), stand.password, *map(str, APPS)]
        super().__init__(argv, stand.redis_port, stand.folder / "mover.said", {"PYTHONPATH": str(ROOT)})


@pytest.fixture
def stand(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stand]:
    made = Stand(tmp_path, getattr(request, "param", None) == "one machine")
    made.start()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def mover(stand: Stand) -> Iterator[Mover]:
    made = Mover(stand)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def texts(stand: Stand, app: int = 0) -> list[bytes]:
    """Every line that ever came into the stream, in its order."""
    return [fields[b"m"] for _, fields in stand.client().xrange(f"log:{APPS[app]}")]


def lost(stand: Stand, lines: list[bytes]) -> str:
    """What did not come."""
    came = set(texts(stand))
    missing = [line for line in lines if line not in came]
    return f"{len(missing)} of {len(lines)} lines did not come, from {missing[:1]} to {missing[-1:]}"


def numbered(count: int) -> list[bytes]:
    return [
        b"line %06d with some text so that it is as long as the lines of logs are on average, more or less" % i
        for i in range(count)
    ]


def while_sending(stand: Stand, count: int, fault: Callable[[], None], rate: float = 2000) -> list[bytes]:
    """Send lines at that rate, let the fault happen a second later; what was sent."""
    lines = numbered(count)
    sending = threading.Thread(target=send_as_dyno, args=(stand.dyno_port, lines, rate))
    sending.start()
    time.sleep(1)
    fault()
    sending.join()
    return lines


def arrived(stand: Stand, lines: list[bytes], late: int = 0) -> None:
    """Wait until as many lines came, and check that they are exactly these, in this order but for `late` of them."""
    said = lambda: f"{stand.client().xlen(f'log:{APPS[0]}')} of {len(lines)} lines came\n{stand.said()}"  # noqa: E731
    until(lambda: stand.client().xlen(f"log:{APPS[0]}") >= len(lines), said, 60)
    found = texts(stand)
    assert len(found) == len(lines)
    assert sorted(found) == sorted(lines)
    newest, behind = b"", []
    for line in found:
        newest, behind = max(newest, line), behind + [line] * (line < newest)
    assert len(behind) <= late, behind[:5]


@pytest.mark.parametrize("stand", ["two machines", "one machine"], indirect=True)
def test_lines_of_dynos_and_routers_come_into_their_apps_streams(stand: Stand, mover: Mover) -> None:
    strange = [b"hello %s%s%n %d", b'"quotes" \\ back', b"\x1b[31mred\x1b[0m\ttab", b"", b"17 looks framed", b"<13>pri"]
    send_as_dyno(stand.dyno_port, [*strange, b"not \xff utf-8", "grüße 詩".encode(), b"x" * 10000])
    send_as_dyno(stand.dyno_port, [b"of the other"], slot=1)
    text = 'at=info method=GET path="/?q=%s%n" host=a.localhost dyno=web.1 status=200 bytes=5 protocol=http'
    send_as_router(stand.router_port, APPS[1], "SD", text)
    until(lambda: len(texts(stand)) == 9 and len(texts(stand, 1)) == 2, lambda: f"{texts(stand)}\n{stand.said()}")
    assert texts(stand) == [*strange, "not \ufffd utf-8".encode(), "grüße 詩".encode(), b"x" * 10000]
    lines = [fields for _, fields in stand.client().xrange(f"log:{APPS[1]}")]
    assert {(fields[b"s"], fields[b"p"]) for fields in lines} == {(b"app", b"web.2"), (b"heroku", b"router")}
    router = next(fields[b"m"].decode() for fields in lines if fields[b"p"] == b"router")
    assert router == text.replace("at=info", 'at=error code=H18 desc="Server Request Interrupted"')
    assert not stand.client().exists("logplex:in")


def test_nothing_is_lost_or_repeated_when_the_central_rsyslog_is_killed(stand: Stand, mover: Mover) -> None:
    def fault() -> None:
        stand.central.kill()
        time.sleep(2)
        stand.central.start()

    arrived(stand, while_sending(stand, 12000, fault))


def test_nothing_is_lost_or_repeated_when_the_central_rsyslog_is_restarted(stand: Stand, mover: Mover) -> None:
    def fault() -> None:
        for _ in range(5):
            stand.central.end()
            stand.central.start()
            time.sleep(0.5)

    arrived(stand, while_sending(stand, 12000, fault))


def test_nothing_is_lost_when_the_central_rsyslog_stops_while_redis_is_away(stand: Stand, mover: Mover) -> None:
    def fault() -> None:
        stand.redis.kill()
        time.sleep(0.5)
        for _ in range(3):
            stand.central.end()
            stand.central.start()
            time.sleep(1)
        stand.redis.start()

    arrived(stand, while_sending(stand, 12000, fault))


def test_nothing_is_lost_or_repeated_when_redis_is_killed(stand: Stand, mover: Mover) -> None:
    def fault() -> None:
        stand.redis.kill()
        time.sleep(2)
        stand.redis.start()

    arrived(stand, while_sending(stand, 12000, fault))


def test_a_killed_mover_loses_nothing_and_repeats_nothing(stand: Stand, mover: Mover) -> None:
    def fault() -> None:
        for _ in range(4):
            until(lambda: stand.client().get("logplex:mover"), "it moves lines")
            mover.kill()
            stand.client().delete("logplex:mover")  # as its time would, ten seconds later
            mover.start()

    arrived(stand, while_sending(stand, 12000, fault))


@pytest.mark.parametrize("stand", ["one machine"], indirect=True)
def test_restarting_one_rsyslog_with_both_roles_under_load_loses_nothing(stand: Stand, mover: Mover) -> None:
    lines = numbered(20000)
    for start in range(0, len(lines), 5000):
        send_as_dyno(stand.dyno_port, lines[start : start + 5000])
        stand.shipper.end()
        stand.shipper.start()
    until(lambda: len(texts(stand)) >= len(lines), lambda: f"{lost(stand, lines)}\n{stand.said()}", 60)
    arrived(stand, lines, late=4)  # in each restart, the one that was on its way


def test_two_movers_never_move_the_same_line(stand: Stand, mover: Mover) -> None:
    other = Mover(stand)
    other.start()
    try:
        arrived(stand, while_sending(stand, 6000, lambda: stand.client().delete("logplex:mover")))
    finally:
        other.kill()


def test_a_restart_of_the_shipper_keeps_what_it_had_not_sent(stand: Stand, mover: Mover) -> None:
    stand.central.end()
    lines = numbered(5000)
    send_as_dyno(stand.dyno_port, lines[:3000])
    stand.shipper.end()
    stand.shipper.start()
    send_as_dyno(stand.dyno_port, lines[3000:])
    stand.central.start()
    arrived(stand, lines, late=1)  # the one that was on its way


def test_a_host_without_a_certificate_of_the_platform_cannot_send(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    tls = tmp_path / "tls"
    stranger = logplex_stand.Authority(tmp_path / "other")
    stranger.certify("dyno1")
    stand.shipper.end()
    for name in ("dyno1.crt", "dyno1.key"):
        os.replace(tmp_path / "other" / name, tls / name)
    stand.shipper.start()
    send_as_dyno(stand.dyno_port, [b"from a stranger"])
    until(lambda: "certificate" in stand.said(), lambda: f"the refusal is not logged:\n{stand.said()}")
    assert not stand.client().exists("logplex:in")
