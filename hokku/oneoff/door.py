"""The first line of a client: the secret, as each of Heroku's clients sends it, and the answer to it.

`SECRET[?q]` ends with CRLF (Heroku CLI), with LF (older ones), or with nothing (heroku3).
"""

from __future__ import annotations

import asyncio

from hokku.store.terminals import SECRET_LENGTH

PATIENCE = 10.0  # seconds that a client has to say its secret
PAUSE = 0.3  # seconds after which a whole secret without an end of line is taken for one
ANSWER = b"rendezvous\r\n"
_MOST = 1024


async def secret(reader: asyncio.StreamReader) -> tuple[str, bytes] | None:
    """The secret and what came after its line; None for anything else, and for silence."""
    got = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while b"\n" not in got and len(got) < _MOST:
                try:
                    async with asyncio.timeout(PAUSE if len(got) >= SECRET_LENGTH else None):
                        data = await reader.read(_MOST)
                except TimeoutError:
                    break
                if not data:
                    break
                got += data
    except (TimeoutError, OSError):
        return None
    line, _, rest = got.partition(b"\n")
    word, _, _ = line.rstrip(b"\r").partition(b"?")
    word = word.removeprefix(b"/")
    if len(word) != SECRET_LENGTH or not word.isascii():
        return None
    return word.decode(), rest


async def answer(writer: asyncio.StreamWriter) -> None:
    """Say that the secret is good: a TLS record of its own, all of which the clients throw away."""
    writer.write(ANSWER)
    await writer.drain()
