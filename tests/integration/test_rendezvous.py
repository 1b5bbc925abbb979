"""Clients at the rendezvous: the secret and its answer, bytes both ways, and every way in which it can end."""

from __future__ import annotations

import os
import resource
import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from hokku.oneoff import ask, bridge
from hokku.store import oneoffs, terminals
from hokku.store.engine import session
from hokku.store.oneoffs import Order
from hokku.store.tables import App, Dyno, DynoState, Release, now
from hokku.store.terminals import Terminal
from tests.integration.loopback import wait_for
from tests.integration.rendezvous_stand import Stand, everything, exchanged
from tests.integration.test_api_apps import released
from tests.integration.world import settle

ANSWER = b"rendezvous\r\n"


@pytest.fixture(scope="module")
def stand(platform, tmp_path_factory):
    made = Stand(tmp_path_factory.mktemp("rendezvous"), platform)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def app(api):
    made = released(api, web="x")
    settle(made)
    return made


def asked(app, command, *, up=True, tty=False):
    """An attached one-off of the app, up unless told otherwise: its id and its secret."""
    with session() as opened:
        row = opened.get(App, uuid.UUID(app["id"]))
        release = opened.scalar(select(Release).where(Release.app_id == row.id, Release.version == 3))
        made = ask.ask(opened, row, release, Order(command), account_id=None, attach=True, tty=tty)
    if up:
        bring_up(made.oneoff)
    return made.oneoff.id, made.secret


def bring_up(wish, state=DynoState.UP):
    """As if the manifold had begun it."""
    with session() as opened:
        oneoffs.claim(opened, wish.id)
        opened.add(
            Dyno(
                id=wish.id, app_id=wish.app_id, release_id=wish.release_id, type="run", number=wish.number,
                size="basic", command="", state=state, instance=f"d-{wish.id.hex}", host="dyno1", slot=wish.number,
                address="10.99.1.1",
            )
        )  # fmt: skip


def terminal(oneoff_id):
    with session() as opened:
        return opened.get(Terminal, oneoff_id)


def ended(oneoff_id):
    """The exit status that is written down, once the end is."""
    wait_for("the end is written down", lambda: terminal(oneoff_id).ended_at, 20)
    return terminal(oneoff_id).status


@pytest.fixture(autouse=True)
def _no_leftovers(app):
    """The next test may have as many one-offs as it likes."""
    yield
    with session() as opened:
        for wish in oneoffs.living(opened, uuid.UUID(app["id"])):
            oneoffs.end(opened, wish.id, None, "the test is over")


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"?x=1\r\n", b""])
def test_each_client_of_herokus_is_understood(stand, app, end):
    oneoff, secret = asked(app, "echo hello; exit 3")
    with stand.connect() as client:
        client.sendall(secret.encode() + end)
        assert client.recv(65536) == ANSWER  # a record of its own: clients throw the whole first chunk away
        assert everything(client) == b"hello\n"
    assert ended(oneoff) == 3


@pytest.mark.parametrize("said", ["x" * terminals.SECRET_LENGTH, "", "GET / HTTP/1.1", "é" * 40])
def test_a_stranger_is_told_nothing(stand, said):
    with stand.connect() as client:
        client.sendall(said.encode() + b"\r\n")
        assert everything(client) == b""


def test_a_secret_is_good_for_one_connection(stand, app):
    oneoff, secret = asked(app, "read line; echo $line")
    with stand.connect() as client, stand.connect() as second:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        second.sendall(secret.encode() + b"\r\n")
        assert everything(second) == b""
        client.sendall(b"mine\n")
        assert everything(client) == b"mine\n"
    assert ended(oneoff) == 0


def test_what_is_typed_before_the_dyno_is_up_is_not_lost(stand, app):
    oneoff, secret = asked(app, "cat", up=False)
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\nearly\n")
        assert client.recv(100) == ANSWER
        client.sendall(b"bird\n\x04")
        with session() as opened:
            wish = opened.get(oneoffs.Oneoff, oneoff)
        bring_up(wish, DynoState.STARTING)
        with session() as opened:
            opened.get(Dyno, oneoff).state = DynoState.UP
        assert everything(client) == b"early\nbird\n"
    assert ended(oneoff) == 0


def test_a_dyno_that_does_not_come_is_said(stand, app):
    oneoff, secret = asked(app, "cat", up=False)
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        with session() as opened:  # as the manifold gives a wish up
            oneoffs.end(opened, oneoff, None, "no host")
            terminals.end_id(opened, oneoff)
        assert b"could not be reached" in everything(client)


def test_a_file_with_every_byte_comes_through_whole_both_ways(stand, app):
    content = os.urandom(3_000_000) + b"\x04\x04" + bytes(range(256))
    oneoff, secret = asked(app, "cat")
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        assert exchanged(client, content + b"\x04") == content
    assert ended(oneoff) == 0


def test_a_reader_that_does_not_read_holds_the_command_back_and_eats_no_memory(stand, app):
    oneoff, secret = asked(app, "head -c 400000000 /dev/zero; echo end")
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        command = wait_for_command(stand, oneoff)
        last = -1
        while command.taken != last:  # it gets no further
            last = command.taken
            assert not threading.Event().wait(0.5)
        assert 0 < last < 30_000_000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB
        found = 0
        while data := client.recv(1 << 20):
            found += len(data)
        assert found == 400_000_004
    assert ended(oneoff) == 0


def wait_for_command(stand, oneoff):
    wait_for("the command runs", lambda: str(oneoff) in stand.server.commands, 20)
    return stand.server.commands[str(oneoff)]


def test_many_terminals_at_once(stand, app, monkeypatch):
    monkeypatch.setattr(ask, "MOST", 100)
    threads = threading.active_count()
    clients = []
    for _ in range(60):
        _, secret = asked(app, "cat")
        clients.append(stand.connect())
        clients[-1].sendall(secret.encode() + b"\r\n")
        assert clients[-1].recv(100) == ANSWER
    assert threading.active_count() - threads < 20
    for number, client in enumerate(clients):
        client.sendall(b"%d\n" % number)
    for number, client in enumerate(clients):
        assert client.recv(100) == b"%d\n" % number
    for client in clients:
        client.close()


def left(stand, app, command):
    """The exit status of a command whose client goes once it has read the line `up`."""
    oneoff, secret = asked(app, command)
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        assert client.recv(100) == b"up\n"
    return ended(oneoff)


def test_when_the_client_goes_the_command_is_hung_up_on(stand, app):
    assert left(stand, app, "echo up; sleep 1000") == 129


def test_a_client_that_leaves_before_the_very_end_does_not_change_the_exit_status(stand, app):
    assert left(stand, app, "echo up; sleep 0.1; exit 7") == 7


def test_silence_ends_it(stand, app, monkeypatch):
    monkeypatch.setattr(bridge.Bridge.__init__, "__kwdefaults__", {"first": b"", "silence": 0.5})
    oneoff, secret = asked(app, "sleep 1000")
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        assert b"an hour" in everything(client)
    assert ended(oneoff) == 129


def test_a_stop_of_the_service_ends_its_terminals_and_the_next_one_serves(stand, app):
    oneoff, secret = asked(app, "echo up; sleep 1000")
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        assert client.recv(100) == b"up\n"
        stand.stop()
        assert b"being changed" in everything(client)
    ended(oneoff)
    stand.start()
    test_each_client_of_herokus_is_understood(stand, app, b"\r\n")


def test_what_a_killed_service_had_is_ended_by_the_next_one_or_by_the_manifold(stand, app):
    mine, others = asked(app, "sleep 1000"), asked(app, "sleep 1000")
    with session() as opened:
        assert terminals.connect(opened, f"{stand.server.group}1:1", secret=mine[1])
        assert terminals.connect(opened, "rendezvous@elsewhere:1:1", secret=others[1])
    stand.stop()
    stand.start()
    assert ended(mine[0]) is None
    assert terminal(others[0]).ended_at is None
    with session() as opened:
        terminals.end_silent(opened, now() - timedelta(seconds=45))  # and with it what other tests left
        assert opened.get(Terminal, others[0]).ended_at is None
        opened.get(Terminal, others[0]).seen_at = now() - timedelta(seconds=46)
        opened.flush()
        assert terminals.end_silent(opened, now() - timedelta(seconds=45)) == 1
    assert ended(others[0]) is None


def test_it_says_which_terminals_it_serves(stand, app, monkeypatch):
    from hokku.oneoff import reach

    monkeypatch.setattr(reach, "SAY", 0.1)
    stand.stop()
    stand.start()
    oneoff, secret = asked(app, "sleep 1000")
    with stand.connect() as client:
        client.sendall(secret.encode() + b"\r\n")
        assert client.recv(100) == ANSWER
        first = terminal(oneoff).seen_at
        wait_for("a sign of life", lambda: terminal(oneoff).seen_at > first, 20)
    ended(oneoff)
