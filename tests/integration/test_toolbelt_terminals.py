"""Terminals through the listener, over TLS on both sides."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from hokku.toolbelt.api import trust
from hokku.toolbelt.certificate import certificate
from hokku.toolbelt.terminals import Terminals
from tests.integration.test_api_serving import self_signed

SECRET = "the-secret-of-a-terminal"


class Rendezvous:
    """What the platform's end does: takes a secret, answers, and echoes; says how much it was sent."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.got = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.lines.append(await reader.readline())
            writer.write(b"rendezvous\r\n$ ")  # in one record, unlike a platform's: the listener parts them
            while data := await reader.read(65536):
                self.got += len(data)
                if data == b"flood":
                    writer.write(b"x" * 8_000_000)
                    await writer.drain()
                    break
                writer.write(data.upper())
        except OSError:
            pass
        finally:
            writer.close()


async def stand(folder: Path, ca: Path | None = None):
    """The platform's end, the listener's, and a context that trusts the listener."""
    theirs = Rendezvous()
    chain, key = self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server = await asyncio.start_server(theirs.serve, "127.0.0.1", 0, ssl=context)
    ours = certificate(folder)
    assert not (folder / "run.key").exists()
    listening = await asyncio.start_server(lambda r, w: terminals.serve(r, w), "127.0.0.1", 0, ssl=ours)
    terminals = Terminals(listening.sockets[0].getsockname()[1], trust(str(ca or chain)))
    url = terminals.carry(f"rendezvous://localhost:{server.sockets[0].getsockname()[1]}/{SECRET}?v=1")
    port = listening.sockets[0].getsockname()[1]
    assert url == f"rendezvous://127.0.0.1:{port}/{SECRET}?v=1"
    return theirs, port, ssl.create_default_context(cafile=str(folder / "run.crt")), (server, listening)


async def opened(port, trusted, line):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
    writer.write(line)
    return reader, writer


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def run(made):
    return asyncio.run(asyncio.wait_for(made, 20))


def test_bytes_go_both_ways_and_the_greeting_is_a_record_of_its_own(folder):
    def converse(port, trusted):
        """With a plain socket: it gives what one record has."""
        plain = socket.create_connection(("127.0.0.1", port), 10)
        with trusted.wrap_socket(plain, server_hostname="127.0.0.1") as terminal:
            terminal.sendall(f"{SECRET}?v=1\r\n".encode())
            records = [terminal.recv(65536), terminal.recv(65536)]
            terminal.sendall(b"echo\x03")
            return [*records, terminal.recv(65536)]

    async def told():
        theirs, port, trusted, _servers = await stand(folder)
        assert await asyncio.to_thread(converse, port, trusted) == [b"rendezvous\r\n", b"$ ", b"ECHO\x03"]
        assert theirs.lines == [f"{SECRET}?v=1\r\n".encode()]

    run(told())


def test_a_long_output_arrives_whole_before_the_end(folder):
    async def told():
        _, port, trusted, _servers = await stand(folder)
        reader, writer = await opened(port, trusted, f"{SECRET}?v=1\r\n".encode())
        await reader.readexactly(len(b"rendezvous\r\n$ "))
        writer.write(b"flood")
        assert len(await reader.read(-1)) == 8_000_000
        writer.close()

    run(told())


@pytest.mark.parametrize(
    "line", [b"\r\n", b"guess\r\n", SECRET.encode() + b"\r\n", b"y" * 100_000, b"GET / HTTP/1.1\r\n\r\n"]
)
def test_who_has_no_secret_is_closed_without_a_word(folder, line):
    async def told():
        theirs, port, trusted, _servers = await stand(folder)
        reader, writer = await opened(port, trusted, line)
        try:
            assert await reader.read(-1) == b""
        except ConnectionError:
            pass
        assert theirs.lines == []
        writer.close()

    run(told())


def test_a_platform_with_another_certificate_gets_no_secret(folder):
    async def told():
        (folder / "other").mkdir()
        theirs, port, trusted, _servers = await stand(folder, self_signed(folder / "other")[0])
        reader, writer = await opened(port, trusted, f"{SECRET}?v=1\r\n".encode())
        assert await reader.read(-1) == b""
        assert theirs.lines == []
        writer.close()

    run(told())
