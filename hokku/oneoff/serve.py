"""The service hokku-rendezvous: clients come with a secret over TLS, and are led to a command in a dyno."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
from collections import Counter

from sqlalchemy.exc import SQLAlchemyError

from hokku.logplex.emit import emit
from hokku.manifold.lxd import LxdError
from hokku.oneoff import door
from hokku.oneoff.bridge import Bridge, Outcome
from hokku.oneoff.execution import Execution, TooOld, executors
from hokku.oneoff.reach import Server
from hokku.settings import Settings, settings
from hokku.store.terminals import Over, Terminal

log = logging.getLogger(__name__)

STRANGERS = 200  # clients at most that have not said their secret yet
OF_ONE_ADDRESS = 50  # of them
_HANDSHAKE = 10.0  # seconds
_FLUSH = 300.0  # seconds that a client gets to read the last of the output
_STOP = 8.0  # seconds that terminals get to end when the service stops


class Rendezvous:
    """Serves clients, each in a task of its own; they end with the service."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._strangers: Counter[str] = Counter()  # by address
        self._tasks: set[asyncio.Task[None]] = set()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            writer.transport.set_write_buffer_limits(high=64 * 1024)
            found = await self._admit(reader, str((writer.get_extra_info("peername") or ("",))[0]))
            if found is not None:
                await self._lead(*found, reader, writer)
        except (OSError, SQLAlchemyError) as error:
            log.info("a client is lost: %s", type(error).__name__)
        except asyncio.CancelledError:
            log.info("a terminal ends with the service")
        except Exception:
            log.exception("a terminal broke")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        """End every terminal, as if its client had gone."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP)

    async def _admit(self, reader: asyncio.StreamReader, address: str) -> tuple[Terminal, bytes] | None:
        """The terminal that a client has the secret of, and what it sent after it. Others are told nothing."""
        if self._strangers.total() >= STRANGERS or self._strangers[address] >= OF_ONE_ADDRESS:
            log.warning("%d clients have not said their secret: one more is refused", self._strangers.total())
            return None
        self._strangers[address] += 1
        try:
            said = await door.secret(reader)
            terminal = await self._server.connect(secret=said[0]) if said else None
        finally:
            self._strangers[address] -= 1
            self._strangers += Counter()  # keeps no address with nobody left
        return (terminal, said[1]) if terminal and said else None

    async def _lead(
        self, terminal: Terminal, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        status: int | None = None
        try:
            await door.answer(writer)
            place = await self._server.wait(terminal, lambda: not writer.is_closing())
            execution = await self._server.begin(terminal, place)
            status = await self._serve(terminal, place.name, execution, first, reader, writer)
        except Over as over:
            _tell(writer, f"The dyno could not be reached: {over}")
        except TooOld:
            _tell(writer, "This dyno is from before an upgrade of the platform. Restart it first: heroku ps:restart.")
        except (LxdError, OSError) as error:
            log.warning("terminal %s: %s", terminal.id, error)
            _tell(writer, "The connection to the dyno is lost.")
        finally:
            await asyncio.shield(asyncio.ensure_future(self._server.end(terminal, status)))

    async def _serve(
        self,
        terminal: Terminal,
        name: str,
        execution: Execution,
        first: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> int | None:
        try:
            outcome = await Bridge(reader, writer, execution, tty=terminal.tty, first=first).run()
            if outcome is Outcome.OVER or (outcome is Outcome.GONE and await execution.ends_by_itself()):
                return await execution.status(lambda: not writer.is_closing())
            if outcome is Outcome.SILENT:
                _tell(writer, "Nothing was said for an hour: the connection is closed.")
            emit(terminal.app_id, "Client connection closed. Sending SIGHUP to all processes",
                 process=name, source="heroku")  # fmt: skip
            return await execution.hang_up()
        except asyncio.CancelledError:
            _tell(writer, "The platform is being changed: the connection is closed.")
            await execution.hang_up()
            raise
        finally:
            await execution.close()


def _tell(writer: asyncio.StreamWriter, text: str) -> None:
    with contextlib.suppress(OSError):
        writer.write(f"\r\n !    {text}\r\n".encode())


def context(chosen: Settings) -> ssl.SSLContext:
    """TLS with this host's certificate."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(chosen.cert_file, chosen.key_file)
    return made


async def run(chosen: Settings, server: Server, ready: asyncio.Event, stopping: asyncio.Event) -> None:
    """Serve until `stopping`."""
    await server.begin_anew()
    rendezvous = Rendezvous(server)
    listening = await asyncio.start_server(
        rendezvous.meet,
        chosen.api_listen,
        chosen.rendezvous_port,
        ssl=context(chosen),
        ssl_handshake_timeout=_HANDSHAKE,
        ssl_shutdown_timeout=_FLUSH,
        limit=64 * 1024,
    )
    saying = asyncio.create_task(server.say_for_ever())
    ready.set()
    log.info("clients are awaited on port %d", chosen.rendezvous_port)
    await stopping.wait()
    listening.close()
    await rendezvous.stop()
    saying.cancel()


async def _main() -> None:
    chosen, stopping = settings(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await run(chosen, Server("rendezvous", executors(chosen)), asyncio.Event(), stopping)


def main() -> None:
    """Serve until SIGTERM."""
    asyncio.run(_main())
