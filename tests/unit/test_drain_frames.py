"""What a line looks like in a drain, and how long a drain waits for a receiver that is away."""

from __future__ import annotations

from hokku.logplex.drains import frames
from hokku.logplex.drains.forward import pause
from hokku.logplex.lines import Line

TIME = "2026-01-01T00:00:00.000000+00:00"
TOKEN = "d.01234567-89ab-cdef-0123-456789abcdef"


def test_a_syslog_frame_has_the_token_for_a_host_name_and_counts_octets():
    found = frames.syslog(Line(TIME, "app", "web.1", "grüße"), TOKEN)
    count, _, message = found.partition(b" ")
    assert int(count) == len(message)
    assert message.decode() == f"<190>1 {TIME} {TOKEN} app web.1 - - grüße\n"


def test_an_http_frame_is_herokus_own_example():
    line = Line("2012-11-30T06:45:29+00:00", "heroku", "web.3", "State changed from starting to up")
    assert frames.http(line) == (
        b"86 <45>1 2012-11-30T06:45:29+00:00 host heroku web.3 - State changed from starting to up\n"
    )


def test_priorities_are_herokus():
    expected = {("app", "web.1"): 190, ("app", "api"): 45, ("heroku", "router"): 158, ("heroku", "web.1"): 45}
    for (source, process), priority in (expected | {("heroku", "logplex"): 172}).items():
        assert frames.priority(Line(TIME, source, process, "x")) == priority


def test_an_overflow_reads_as_herokus_l10():
    line = frames.overflow(12, "2026-01-01T02:00:00.123456+02:00")
    assert line.text == "Error L10 (output buffer overflow): 12 messages dropped since 2026-01-01T00:00:00+00:00."
    assert (line.source, line.process) == ("heroku", "logplex")
    assert frames.is_overflow(line)
    assert not frames.is_overflow(Line(TIME, "app", "web.1", line.text)), "an app cannot hide its lines as overflows"


def test_pauses_double_up_to_a_minute_and_vary():
    assert [pause(n, lambda: 0) for n in (1, 2, 3, 7, 5000)] == [1, 2, 4, 60, 60]
    assert pause(7, lambda: 1) == 30
