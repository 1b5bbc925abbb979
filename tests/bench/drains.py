"""`python -m tests.bench.drains`: how many lines a second one drain of each kind forwards, on this computer.

A private Redis holds the lines; the receiver is a process that only reads. What is measured is the drain, from Redis to
what the receiver has, on a computer that is shared with both.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration")]

from tests.integration.logplex_stand import Server  # noqa: E402
from tests.integration.loopback import free_port  # noqa: E402

LINES = 100_000
TEXT = "x" * 200


def _sink(listening: socket.socket, answer: bool) -> None:
    """Read for ever; answer 204 to each request when `answer`."""
    while True:
        taken, _ = listening.accept()
        rest, missing = b"", 0
        while received := taken.recv(1 << 18):
            if not answer:
                continue
            rest += received
            while rest:
                if not missing:
                    head, ended, body = rest.partition(b"\r\n\r\n")
                    if not ended:
                        break
                    missing = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    rest = body
                took = min(missing, len(rest))
                rest, missing = rest[took:], missing - took
                if not missing:
                    taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


async def _forward(scheme: str, port: int) -> float:
    from hokku.logplex.drains.bell import Bell
    from hokku.logplex.drains.forward import Forward, Wanted
    from hokku.logplex.redis import DRAINS, pooled_client, stream

    redis, wanted = pooled_client(16), Wanted(uuid.uuid4(), uuid.uuid4(), "d.bench", f"{scheme}://127.0.0.1:{port}", 0)
    for start in range(0, LINES, 1000):
        filled = redis.pipeline(transaction=False)
        for number in range(start + 1, start + 1001):
            line = {"t": "2026-01-01T00:00:00.000000+00:00", "s": "app", "p": "web.1", "m": TEXT}
            filled.xadd(stream(str(wanted.app_id)), line, id=f"{number}-0")
        await filled.execute()
    bell = Bell(redis)
    forward = Forward(wanted, redis, bell, lambda *_, **__: None)
    began, cpu = time.monotonic(), time.process_time()
    task = asyncio.create_task(forward.run())
    while f'"number": {LINES},' not in (await redis.hget(DRAINS, str(wanted.id)) or b"").decode():
        await asyncio.sleep(0.01)
    spent, busy = time.monotonic() - began, time.process_time() - cpu
    forward.finish()
    await task
    await bell.close()
    await redis.aclose()
    print(f"{scheme:7} {LINES / spent:9,.0f} lines/s   {busy / LINES * 1e6:5.1f} us of CPU a line")
    return LINES / spent


def main() -> None:
    """Print a line for each kind of drain."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, port = Path(scratch), free_port()
        (folder / "password").write_text("")
        (folder / "hokku.toml").write_text(
            f'redis_url = "redis://127.0.0.1:{port}/0"\nredis_password_file = "{folder}/password"\n'
            'outbound_allowed_networks = ["127.0.0.0/8"]\n'
        )
        os.environ["HOKKU_SETTINGS"] = str(folder / "hokku.toml")
        argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", scratch]
        redis = Server(argv, port, folder / "redis.said")
        redis.start()
        try:
            for scheme in ("syslog", "http"):
                listening = socket.create_server(("127.0.0.1", 0))
                sink = multiprocessing.Process(target=_sink, args=(listening, scheme == "http"), daemon=True)
                sink.start()
                try:
                    asyncio.run(_forward(scheme, listening.getsockname()[1]))
                finally:
                    sink.kill()
                    listening.close()
        finally:
            redis.kill()


if __name__ == "__main__":
    main()
