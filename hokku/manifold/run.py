"""The service: one manifold acts, others wait to take over. The election is a lock that dies with its connection."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Collection, Mapping

import psycopg

from hokku.manifold import metrics
from hokku.manifold.control import Control
from hokku.routing import Mesh
from hokku.settings import settings
from hokku.store import sni
from hokku.store.engine import MANIFOLD, WANTED, check, connect, listen, session, try_lock

log = logging.getLogger(__name__)
logging.getLogger("ws4py").setLevel(logging.CRITICAL)  # a broken connection is ours to tell

RETRY = 2.0  # seconds between two tries to be elected
CHECK = 2.0  # seconds between two checks that the lock is still held


def main() -> None:
    """Wait to be elected, then work until the database or the lock is lost: the process ends, and is started again.

    Ending is the safe answer: no worker of this process can act beside its successor's for longer than one LXD call.
    """
    held = _elected()
    log.info("elected")
    checked = time.monotonic()

    def alive() -> None:
        nonlocal checked
        if time.monotonic() - checked >= CHECK:
            check(held)
            checked = time.monotonic()

    chosen = settings()
    mesh = Mesh(
        chosen.routers,
        chosen.router_runtime_port,
        chosen.manifold_cert_file,
        chosen.manifold_key_file,
        chosen.ca_file,
        chosen.backends,
        chosen.servers_per_backend,
        _bundles,
    )
    control = Control(chosen, mesh, alive)
    threading.Thread(target=_listen, args=(control,), name="listen", daemon=True).start()
    metrics.follow(chosen)
    try:
        control.run()
    except Exception:
        log.exception("the database is lost, or something unforeseen happened: ending, to be started again")
    os._exit(1)


def _listen(control: Control) -> None:
    """Let changes of what is wanted wake the loop, for ever."""
    while True:
        try:
            for note in listen((WANTED,), timeout=30.0):
                if note is None:
                    continue
                try:
                    control.wake(uuid.UUID(note.payload))
                except ValueError:
                    control.wake(None)
        except Exception as error:  # whatever it is, the next look at everything is seconds away
            log.warning("not listening to the database: %s", error)
            time.sleep(1.0)
            control.wake(None)


def _bundles(digests: Collection[str]) -> Mapping[str, str]:
    """Certificates with their keys, for the routers that lack them; what cannot be read now is asked for again."""
    try:
        with session() as opened:
            return sni.bundles(opened, digests)
    except Exception as error:  # whatever it is, it must not keep the routers from their routes
        log.warning("certificates cannot be read: %s", type(error).__name__)
        return {}


def _elected() -> psycopg.Connection:
    """A connection that holds the lock."""
    waited = False
    while True:
        try:
            connection = connect()
            while True:
                if try_lock(connection, MANIFOLD):
                    return connection
                if not waited:
                    log.info("another manifold is elected: waiting")
                    waited = True
                time.sleep(RETRY)
        except psycopg.OperationalError as error:
            log.warning("waiting for the database: %s", error)
            time.sleep(RETRY)
