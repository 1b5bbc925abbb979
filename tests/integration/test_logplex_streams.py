"""Log sessions, streams and emit against a real Redis and the real HTTP server."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import logplex_stand
import pytest
import redis
import uvicorn
from logplex_stand import Server, until

from hokku.logplex import emit as emitting
from hokku.logplex import redis as connection
from hokku.logplex import sessions, streams
from hokku.logplex.consume import Mover
from hokku.logplex.places import Places
from hokku.settings import settings
from tests.integration.loopback import free_port

pytestmark = pytest.mark.skipif("redis-server" in logplex_stand.MISSING, reason="redis-server is not installed")


class Logplex:
    """A Redis with a password, the settings that name it, a mover, and the streams on a port."""

    def __init__(self, folder: Path) -> None:
        self.app = uuid.uuid4()
        self.port, self.redis_port = free_port(), free_port()
        argv = ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--requirepass", "secret"]
        argv += ["--save", "", "--dir", str(folder)]
        self.redis = Server(argv, self.redis_port, folder / "redis.said")
        self.redis.start()
        (folder / "password").write_text("secret\n")
        (folder / "hokku.toml").write_text(
            f'redis_url = "redis://127.0.0.1:{self.redis_port}/0"\nredis_password_file = "{folder}/password"\n'
            f'logs_url = "http://127.0.0.1:{self.port}"\n'
        )

    def start(self) -> None:
        self.mover = Mover(connection.client(), Places(lambda *_: None, timedelta(300)))
        self.ending = threading.Event()
        threading.Thread(target=self.mover.run, args=(self.ending.is_set,), daemon=True).start()
        made = streams.application(connection.async_client(), lambda: self.server.should_exit)
        self.server = uvicorn.Server(
            uvicorn.Config(made, host="127.0.0.1", port=self.port, log_level="warning", timeout_graceful_shutdown=5)
        )
        self.serving = threading.Thread(target=lambda: asyncio.run(self.server.serve()), daemon=True)
        self.serving.start()
        until(lambda: self.server.started, "the streams are served")

    def end(self) -> None:
        self.server.should_exit = True
        self.ending.set()
        self.serving.join(10)
        self.redis.kill()

    def stored(self) -> int:
        return connection.client().xlen(f"log:{self.app}")

    def emit(self, *texts: str, process: str = "web.1", source: str = "app") -> None:
        before = self.stored()
        for text in texts:
            emitting.emit(self.app, text, process=process, source=source)
        until(lambda: self.stored() == min(1500, before + len(texts)), "the lines are in the stream")


@pytest.fixture
def logplex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logplex]:
    made = Logplex(tmp_path)
    caches = (settings, connection.client, connection.writer)
    monkeypatch.setenv("HOKKU_SETTINGS", str(tmp_path / "hokku.toml"))
    monkeypatch.setattr(emitting, "_sender", None)
    for cache in caches:
        cache.cache_clear()
    made.start()
    try:
        yield made
    finally:
        made.end()
        monkeypatch.undo()
        for cache in caches:
            cache.cache_clear()


def read(url: str, **headers: str) -> str:
    answer = httpx.get(url, headers=headers, timeout=10)
    assert answer.status_code == 200
    return answer.text


class Tail:
    """An open tail: `events` are (id, data) as they come."""

    def __init__(self, url: str, last: str | None = None) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        self.events: list[tuple[str, str]] = []
        self.comments: list[str] = []
        self.closed_cleanly: bool | None = None
        self._request = httpx.Client(timeout=30).stream("GET", url, headers=headers)
        self.answer = self._request.__enter__()
        assert self.answer.status_code == 200, self.answer.read()
        assert self.answer.headers["content-type"].startswith("text/event-stream")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self.answer.iter_lines():
                if line.startswith(":"):
                    self.comments.append(line)
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                else:
                    if "data" in fields:  # a block without it, such as `retry`, is no event
                        self.events.append((fields.get("id", ""), fields["data"]))
                    fields = {}
            self.closed_cleanly = True
        except (httpx.HTTPError, httpx.StreamClosed):
            self.closed_cleanly = False

    def close(self) -> None:
        self.answer.close()

    @property
    def texts(self) -> list[str]:
        return [data.partition("]: ")[2] for _, data in self.events]


def test_a_session_gives_the_last_lines_in_herokus_format(logplex: Logplex) -> None:
    logplex.emit(*(f"line {i}" for i in range(150)))
    lines = read(sessions.create(logplex.app)).splitlines()
    assert [line.partition("]: ")[2] for line in lines] == [f"line {i}" for i in range(50, 150)]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 app\[web\.1\]: line 50", lines[0])
    assert len(read(sessions.create(logplex.app, lines=7)).splitlines()) == 7
    assert read(sessions.create(logplex.app, lines=0)) == ""


def test_1500_lines_are_kept(logplex: Logplex) -> None:
    logplex.emit(*(f"line {i}" for i in range(2000)))
    lines = read(sessions.create(logplex.app, lines=9999)).splitlines()
    assert [line.partition("]: ")[2] for line in lines] == [f"line {i}" for i in range(500, 2000)]


def test_filters_by_dyno_type_and_source(logplex: Logplex) -> None:
    logplex.emit("of web.1")
    logplex.emit("of worker.1", process="worker.1")
    logplex.emit("of the platform", process="web.1", source="heroku")
    texts = lambda **wanted: re.findall("of [a-z.0-9 ]+", read(sessions.create(logplex.app, **wanted)))  # noqa: E731
    assert texts(process="web") == ["of web.1", "of the platform"]
    assert texts(process="web.1", source="app") == ["of web.1"]
    assert texts(process="worker") == ["of worker.1"]
    assert texts(source="heroku") == ["of the platform"]
    assert texts(process="web.2") == []


def test_an_unknown_secret_is_not_found(logplex: Logplex) -> None:
    answer = httpx.get(f"http://127.0.0.1:{logplex.port}/streams/nothing")
    assert answer.status_code == 404
    assert "ask for a new one" in answer.text


def test_a_session_lasts_five_minutes_and_an_hour_once_connected(logplex: Logplex) -> None:
    url = sessions.create(logplex.app)
    key = "logsession:" + url.rpartition("/")[2]
    assert 290 <= connection.client().ttl(key) <= 300
    read(url)
    assert 3590 <= connection.client().ttl(key) <= 3600
    assert json.loads(connection.client().get(key))["app"] == str(logplex.app)


def test_a_tail_resumes_after_the_last_event_id_without_loss_or_repeat(logplex: Logplex) -> None:
    url = sessions.create(logplex.app, lines=2, tail=True)
    assert "tail=true" in url
    logplex.emit("one", "two", "three")
    first = Tail(url)
    until(lambda: first.texts == ["two", "three"], lambda: str(first.events))
    logplex.emit("four")
    until(lambda: first.texts[-1] == "four", lambda: str(first.events))
    first.close()
    logplex.emit("five", "six")
    again = Tail(url, last=first.events[-1][0])
    logplex.emit("seven")
    until(lambda: again.texts == ["five", "six", "seven"], lambda: str(again.events))
    again.close()


def test_a_tail_survives_a_redis_that_comes_back_empty(logplex: Logplex) -> None:
    logplex.emit("one", "two")
    tail = Tail(sessions.create(logplex.app, tail=True))
    until(lambda: tail.texts == ["one", "two"], lambda: str(tail.events))
    logplex.redis.kill()
    logplex.redis.start()
    emitting.emit(logplex.app, "new", process="web.1")
    until(lambda: tail.texts[-1] == "new", lambda: str(tail.events))
    tail.close()


def test_a_reader_that_is_too_far_behind_is_told_how_many_lines_it_missed(logplex: Logplex) -> None:
    url = sessions.create(logplex.app, tail=True)
    logplex.emit(*(f"line {i}" for i in range(1, 2001)))
    tail = Tail(url, last="100")
    until(lambda: len(tail.events) == 1501, lambda: str(tail.events[:3]))
    assert "Error L11 (Tail buffer overflow): 400 messages dropped" in tail.texts[0]
    assert (tail.events[1][0], tail.texts[1], tail.texts[-1]) == ("501", "line 501", "line 2000")
    tail.close()


def test_tails_are_kept_alive_and_end_cleanly_when_the_service_stops(
    logplex: Logplex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "KEEPALIVE_SECONDS", 2)
    tail = Tail(sessions.create(logplex.app, tail=True))
    until(lambda: tail.comments, "a sign of life comes")
    logplex.server.should_exit = True
    until(lambda: tail.closed_cleanly, "the tail ends with a whole body")


def test_emit_never_raises_and_nothing_is_lost_while_redis_is_away(logplex: Logplex) -> None:
    logplex.emit("before")
    logplex.redis.kill()
    for i in range(20):
        emitting.emit(logplex.app, f"while away {i}\nsecond line", process="api")
    logplex.redis.start()
    found: list[str] = []

    def all_there() -> bool:
        try:
            found[:] = [f[b"m"].decode() for _, f in connection.client().xrange(f"log:{logplex.app}")]
        except redis.RedisError:
            return False
        return len(found) == 40

    until(all_there, lambda: str(found))
    assert found == [text for i in range(20) for text in (f"while away {i}", "second line")]


def test_lines_beyond_what_may_wait_are_counted(logplex: Logplex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitting, "_MOST_WAITING", 10)
    logplex.redis.kill()
    for i in range(30):
        emitting.emit(logplex.app, f"line {i}")
    logplex.redis.start()
    until(lambda: logplex.stored() == 11, "ten lines and the count are there")
    last = [f[b"m"].decode() for _, f in connection.client().xrange(f"log:{logplex.app}")][-1]
    assert last.startswith("Error L12 (local buffer overflow): 20 messages dropped since ")
    assert datetime.fromisoformat(last.rpartition(" ")[2].rstrip(".")) <= datetime.now(UTC)


def test_moving_goes_on_when_redis_is_at_its_limit(logplex: Logplex) -> None:
    client = connection.client()
    logplex.ending.set()
    until(lambda: client.get("logplex:mover") is None, "the mover stopped")
    for i in range(300):
        emitting.emit(logplex.app, f"line {i} " + "x" * 1000)
    until(lambda: client.llen("logplex:in") == 300, "the lines are in the inbox")
    client.config_set("maxmemory", client.info("memory")["used_memory"] - 10_000)
    with pytest.raises(redis.ResponseError):
        client.rpush("logplex:in", "x")
    assert logplex.mover.hold()
    assert logplex.mover.move() == 300
    client.config_set("maxmemory", 0)
    assert logplex.stored() == 300
