"""Lines as drains get them: RFC 5424 in RFC 6587's octet counting, byte for byte as Heroku's logplex writes. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from hokku.logplex.lines import Line, timestamp

# facility * 8 + severity, as Heroku has them
_APP, _ROUTER, _LOGPLEX, _PLATFORM = 190, 158, 172, 45  # local7.info, local3.info, local5.warning, syslog.notice


def priority(line: Line) -> int:
    """The line's PRI."""
    if line.source == "app":
        return _PLATFORM if line.process == "api" else _APP
    return {"router": _ROUTER, "logplex": _LOGPLEX}.get(line.process, _PLATFORM)


def syslog(line: Line, token: str) -> bytes:
    """A frame of a syslog drain: the drain's token stands for the host name."""
    return _counted(f"<{priority(line)}>1 {line.time} {token} {line.source} {line.process} - - {line.text}\n")


def http(line: Line) -> bytes:
    """A frame of an HTTP drain: the host name is `host`, and there is no structured data (Heroku)."""
    return _counted(f"<{priority(line)}>1 {line.time} host {line.source} {line.process} - {line.text}\n")


def _counted(message: str) -> bytes:
    encoded = message.encode("utf-8", "replace")
    return b"%d %s" % (len(encoded), encoded)


def overflow(lost: int, since: str) -> Line:
    """Heroku's L10: `lost` lines after `since` (RFC 3339) did not reach the drain."""
    began = datetime.fromisoformat(since).astimezone(UTC).isoformat(timespec="seconds")
    return _told(f"Error L10 (output buffer overflow): {lost} messages dropped since {began}.")


def certificate(error: str, where: str) -> Line:
    """Heroku's L14: the receiver's certificate does not verify."""
    return _told(f'Error L14 (certificate validation): error="{error}" uri="{where}"')


def is_overflow(line: Line) -> bool:
    """Whether the line tells of a drain's overflow: each drain is told of its own directly, and of no other's."""
    return line.source == "heroku" and line.process == "logplex" and line.text.startswith("Error L10 ")


def _told(text: str) -> Line:
    return Line(timestamp(datetime.now(UTC)), "heroku", "logplex", text)
