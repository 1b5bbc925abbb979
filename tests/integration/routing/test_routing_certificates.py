"""Host names are served with certificates of their own, on every router, without a reload."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import ssl
import stat
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from hokku.routing import Certificate, Mesh
from tests.integration.loopback import wait_for
from tests.integration.routing.certificates import Bundles
from tests.integration.routing.conftest import HOST, app, table
from tests.integration.routing.dyno import Dynos
from tests.integration.routing.load import Load, Verified
from tests.integration.routing.router import Router

SHOP, WILD = "www.shop.example", "*.shop.example"


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    directory = tmp_path / "bundles"
    directory.mkdir()
    return Bundles(directory)


@pytest.fixture
def mesh(mesh_of: Callable[..., Mesh], router: Router, bundles: Bundles) -> Mesh:
    return mesh_of(router, bundles=bundles)


def shown(router: Router, hostname: str) -> tuple[str, str]:
    """Name and fingerprint of the certificate that a new connection gets for the host name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((router.address, router.https), 5) as plain,
        context.wrap_socket(plain, server_hostname=hostname) as stream,
    ):
        found = x509.load_der_x509_certificate(stream.getpeercert(binary_form=True))
    return str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value), f"{found.serial_number:x}"


def serial(bundles: Bundles, certificate: Certificate) -> str:
    return f"{x509.load_pem_x509_certificate(bundles.pem[certificate.digest].encode()).serial_number:x}"


def test_each_host_name_gets_its_certificate_on_every_router_and_others_the_default(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], dynos: Dynos, bundles: Bundles
) -> None:
    routers = router_of(), router_of()
    mesh = mesh_of(*routers, bundles=bundles)
    web, hostnames = dynos.start("web.1", "mark"), (HOST, SHOP, "plain.example")
    assert mesh.converge(table(app(web, hostnames=hostnames))).ok
    assert {shown(router, SHOP)[0] for router in routers} == {"apps"}
    first = bundles.add(SHOP)
    assert mesh.converge_app(app(web, hostnames=hostnames, certificates=(first,))).changes == 2
    for router in routers:
        assert shown(router, SHOP) == (SHOP, serial(bundles, first))
        assert [shown(router, name)[0] for name in (HOST, "plain.example", "nobody.example")] == ["apps"] * 3
        connection = Verified(router.address, router.https, SHOP, bundles.context())
        connection.request("GET", "/", headers={"Host": SHOP})
        assert connection.getresponse().read() == b"mark"
        assert "x-forwarded-proto: https" in dynos.heads[-1].lower()
        connection.close()
    second = bundles.add(SHOP)
    assert mesh.converge_app(app(web, hostnames=hostnames, certificates=(second,))).changes == 2
    assert {shown(router, SHOP) for router in routers} == {(SHOP, serial(bundles, second))}
    assert mesh.converge_app(app(web, hostnames=hostnames, certificates=(second,))).changes == 0
    assert mesh.converge_app(app(web, hostnames=hostnames)).changes == 2
    assert {shown(router, SHOP)[0] for router in routers} == {"apps"}
    assert sorted(bundles.asked) == sorted([first.digest, second.digest] * 2), "each router is sent each once"


def test_changes_fail_no_request_and_leave_open_connections_alone(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    web = dynos.start("web.1", "mark")
    other = app(dynos.start("web.1", "other"), name="other", backend="pool002", hostnames=("other.example",))
    start = bundles.add(SHOP)
    assert mesh.converge(table(app(web, hostnames=(SHOP,), certificates=(start,)), other)).ok
    kept = Verified(router.address, router.https, SHOP, bundles.context())
    with Load(router.address, router.https, SHOP, tls=bundles.context()) as load:
        for turn in range(20):
            current = app(web, hostnames=(SHOP,), certificates=(bundles.add(SHOP),))
            more = (bundles.add("other.example"),) if turn % 2 else ()
            assert mesh.converge(table(current, type(other)(**{**vars(other), "certificates": more}))).ok
            kept.request("GET", "/", headers={"Host": SHOP})
            assert kept.getresponse().read() == b"mark"
            load.more(12)
    assert load.failures == []
    assert shown(router, SHOP)[1] == serial(bundles, current.certificates[0])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_certificates_are_there_from_the_first_connection_after_a_restart(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles, how: signal.Signals
) -> None:
    web = dynos.start("web.1", "mark")
    gone, first, wild = bundles.add(SHOP), bundles.add(SHOP), bundles.add(WILD)
    hostnames = (SHOP, WILD)
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(gone,)))).ok
    routes = app(web, hostnames=hostnames, certificates=(first, wild))
    assert mesh.converge(table(routes)).ok
    keys = router.state / "keys"
    names = {f"{first.digest}.pem", f"{wild.digest}.pem"}
    wait_for(
        "both are kept, and what is no longer served is not",
        lambda: {path.name for path in keys.glob("*")} == names,
        10,
    )
    wait_for("the list is there", lambda: WILD in (router.state / "certs.list").read_text(), 10)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    assert router.ask(f"show map {router.state}/maps/keys.map").strip() == "", "no key stays in a map"
    router.stop(how)
    for path in router.state.rglob("*"):
        if path.parent != keys and path.is_file() and not path.is_symlink():
            assert "PRIVATE" not in path.read_text(), path
    router.start()
    assert shown(router, SHOP) == (SHOP, serial(bundles, first))
    assert shown(router, "any.shop.example") == (WILD, serial(bundles, wild))
    report = mesh.converge(table(routes))
    assert (report.ok, report.changes) == (True, 0), "nothing is sent again"
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(wild,)))).changes == 1
    assert shown(router, SHOP) == (WILD, serial(bundles, wild))
    assert mesh.converge(table(app(web, hostnames=hostnames))).changes == 1
    assert shown(router, SHOP)[0] == "apps"


def test_a_router_that_lost_its_certificates_is_made_right(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    first, second = bundles.add(SHOP), bundles.add("two.example")
    routes = app(dynos.start("web.1", "mark"), hostnames=(SHOP, "two.example"), certificates=(first, second))
    assert mesh.converge(table(routes)).ok
    kept = router.state / "keys" / f"{first.digest}.pem"
    wait_for("it is kept", kept.exists, 10)
    router.stop()
    kept.write_text(kept.read_text()[:-40])
    router.start()
    assert [shown(router, name)[0] for name in (SHOP, "two.example")] == ["apps", "two.example"]
    assert mesh.converge(table(routes)).changes == 1
    assert shown(router, SHOP)[0] == SHOP
    router.stop()
    (router.state / "routes.json").unlink()
    router.start()
    assert shown(router, SHOP)[0] == "apps"
    assert mesh.converge(table(routes)).ok
    assert [shown(router, name)[0] for name in (SHOP, "two.example")] == [SHOP, "two.example"]


def test_old_routes_are_refused_but_certificates_stay(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    routes = app(dynos.start("web.1", "mark"), hostnames=(SHOP,), certificates=(bundles.add(SHOP),))
    assert mesh.converge(table(routes)).ok
    router.stop()
    saved = time.time() - 301
    os.utime(router.state / "routes.json", (saved, saved))
    router.start()
    assert router.get(SHOP)[2]["hokku-error-code"] == "H99"
    assert shown(router, SHOP)[0] == SHOP


def test_reloads_under_load_keep_certificates(router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles) -> None:
    web = dynos.start("web.1", "mark")
    assert mesh.converge(table(app(web, hostnames=(SHOP,), certificates=(bundles.add(SHOP),)))).ok
    with Load(router.address, router.https, SHOP, tls=bundles.context()) as load:
        for _ in range(3):
            router.reload()
            load.more(20)
            newest = bundles.add(SHOP)
            assert mesh.converge(table(app(web, hostnames=(SHOP,), certificates=(newest,)))).ok
            load.more(20)
            assert shown(router, SHOP)[1] == serial(bundles, newest)
    assert load.failures == []


def test_what_a_router_cannot_use_is_told_once_and_holds_up_nothing(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    good = bundles.add("good.example")
    one, two = bundles.pair(SHOP).pem.read_text(), bundles.pair("two.example").pem.read_text()
    at = one.index("-----BEGIN PRIVATE KEY-----")
    foreign = bundles.add(SHOP, one[:at] + two[two.index("-----BEGIN PRIVATE KEY-----") :])
    garbage = bundles.add("garbage.example", "garbage\nshow info\n")
    hostnames = ("good.example", SHOP, "garbage.example")
    web = dynos.start("web.1", "mark")
    routes = app(web, hostnames=hostnames, certificates=(foreign, garbage, good))
    for _ in range(2):
        report = mesh.converge(table(routes))
        assert report.ok
        told = report.routers["router1"].refused
        assert set(told) == {SHOP, "garbage.example"}
        assert "PRIVATE" not in str(told)
        assert two.splitlines()[-3] not in str(told)
    assert bundles.asked.count(foreign.digest) == 1
    assert shown(router, "good.example")[0] == "good.example"
    assert [shown(router, name)[0] for name in (SHOP, "garbage.example")] == ["apps"] * 2
    assert router.get(SHOP)[:2] == (200, "mark")
    assert len(router.ask("show ssl cert").split("\n/")) == 4, "nothing is left of them"
    right = app(web, hostnames=hostnames, certificates=(bundles.add(SHOP, one), good))
    assert mesh.converge(table(right)).routers["router1"].refused == {}
    assert shown(router, SHOP)[0] == SHOP
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(foreign, good)))).ok
    assert shown(router, SHOP)[0] == SHOP, "what was served goes on when its successor is no good"
    router.stop()
    router.start()
    assert shown(router, SHOP)[0] == SHOP


def test_a_hostname_keeps_its_app_and_certificate_beside_a_wildcard_of_another(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    wild = app(
        dynos.start("web.1", "wild"),
        name="wild",
        backend="pool002",
        hostnames=(WILD,),
        certificates=(bundles.add(WILD),),
    )
    exact = app(dynos.start("web.1", "exact"), hostnames=(SHOP,), certificates=(bundles.add(SHOP),))
    assert mesh.converge(table(wild)).ok
    assert router.get(SHOP)[1] == "wild"
    assert mesh.converge_app(exact).ok
    for _ in range(5):
        assert [router.get(name)[1] for name in (SHOP, "x.shop.example")] == ["exact", "wild"]
    assert [shown(router, name)[0] for name in (SHOP, "x.shop.example")] == [SHOP, WILD]
    assert router.get("a.b.shop.example")[0] == 404
    assert [shown(router, name)[0] for name in ("a.b.shop.example", "shop.example")] == ["apps"] * 2
    assert mesh.converge(table(wild)).ok
    assert router.get(SHOP)[1] == "wild"
    assert shown(router, SHOP)[0] == WILD


def test_two_hundred_certificates_come_in_parts_and_only_what_changes_is_sent(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], dynos: Dynos, bundles: Bundles
) -> None:
    routers = router_of(), router_of()
    mesh = mesh_of(*routers, bundles=bundles)
    web = dynos.start("web.1", "mark")
    hostnames = tuple(f"h{n}.many.example" for n in range(200))
    certificates = [bundles.add(name) for name in hostnames]
    began, pending = time.monotonic(), []
    while pending[-1:] != [0]:
        report = mesh.converge(table(app(web, hostnames=hostnames, certificates=tuple(certificates))))
        assert report.ok
        pending.append(report.pending)
    assert pending == [200, 0], "100 at once on each router"
    assert time.monotonic() - began < 30
    assert all(shown(router, name)[0] == name for router in routers for name in hostnames[::40])
    bundles.asked.clear()
    certificates[7] = bundles.add(hostnames[7])
    report = mesh.converge(table(app(web, hostnames=hostnames, certificates=tuple(certificates))))
    assert (report.changes, bundles.asked) == (2, [certificates[7].digest] * 2)
    began = time.monotonic()
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=tuple(certificates)))).changes == 0
    assert time.monotonic() - began < 1
    for router in routers:
        router.stop()
        router.start()
    assert all(shown(router, name)[0] == name for router in routers for name in hostnames[::40])
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=tuple(certificates)))).changes == 0


def test_a_bundle_that_is_not_to_be_had_is_asked_for_again(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    certificate = bundles.add(SHOP)
    pem = bundles.pem.pop(certificate.digest)
    routes = app(dynos.start("web.1", "mark"), hostnames=(SHOP,), certificates=(certificate,))
    assert mesh.converge(table(routes)).ok
    assert router.get(SHOP)[1] == "mark"
    bundles.pem[certificate.digest] = pem
    assert mesh.converge(table(routes)).changes == 1
    assert shown(router, SHOP)[0] == SHOP


def test_a_router_of_before_certificates_keeps_its_routes_right(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control plane may be newer than a router, until the playbook has come to it."""
    now = router.render()
    old = re.sub(r"(?m)^.*/(certs|keys)[.]map.*\n", "", re.sub(r" crt-list \S+", "", now))
    assert (now.count("certs.list"), old.count("certs.")) == (1, 0)
    router.stop()
    with monkeypatch.context() as patched:
        patched.setattr(router, "render", lambda: old)
        router.start()
    routes = app(dynos.start("web.1", "mark"), hostnames=(SHOP,), certificates=(bundles.add(SHOP),))
    report = mesh.converge(table(routes))
    assert report.ok
    assert "run the playbook" in report.routers["router1"].refused[SHOP]
    assert router.get(SHOP)[:2] == (200, "mark")
    router.config.write_text(now)
    router.reload()
    assert mesh.converge(table(routes)).routers["router1"].refused == {}
    assert shown(router, SHOP)[0] == SHOP
    assert router.get(SHOP)[:2] == (200, "mark")


def test_a_transaction_that_was_never_ended_does_not_go_to_another_host_name(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    """HAProxy has one transaction at a time, and takes any certificate for the one it is about."""
    one, two = bundles.add(SHOP), bundles.add("two.example")
    web, hostnames = dynos.start("web.1", "mark"), (SHOP, "two.example")
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(one,)))).ok
    file = router.ask(f"show ssl crt-list {router.state}/certs.list").splitlines()[1].split()[0]
    assert "created" in router.ask(f"set ssl cert {file} <<\n{bundles.pem[two.digest]}\n")
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(one, two)))).ok
    assert [shown(router, name)[0] for name in hostnames] == list(hostnames)
    assert "No ongoing transaction" in router.ask(f"commit ssl cert {file}")
    assert "created" in router.ask(f"set ssl cert {file} <<\n{bundles.pem[two.digest]}\n")
    assert "Success" in router.ask(f"add ssl crt-list {router.state}/certs.list <<\n{file} {SHOP}\n")
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(two,)))).routers["router1"].refused == {}
    assert [shown(router, name)[0] for name in hostnames] == ["apps", "two.example"], (
        "twice in the list, out of it twice"
    )
    assert mesh.converge(table(app(web, hostnames=hostnames, certificates=(one, two)))).routers["router1"].refused == {}
    assert [shown(router, name)[0] for name in hostnames] == list(hostnames)


def test_a_certificate_of_an_apps_own_is_served_as_the_default_one_is(
    router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles
) -> None:
    """Protocols and versions are the frontend's, whether HAProxy was told of the certificate or started with it."""
    routes = app(dynos.start("web.1", "mark"), hostnames=(SHOP,), certificates=(bundles.add(SHOP),))
    assert mesh.converge(table(routes)).ok
    for _ in range(2):
        assert shown(router, SHOP)[0] == SHOP
        context = bundles.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection((router.address, router.https), 5) as plain,
            context.wrap_socket(plain, server_hostname=SHOP) as stream,
        ):
            assert (stream.selected_alpn_protocol(), stream.version()) == ("h2", "TLSv1.3")
        old = bundles.context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection((router.address, router.https), 5) as plain,
            pytest.raises(ssl.SSLError, match=r"(?i)version"),
        ):
            old.wrap_socket(plain, server_hostname=SHOP)
        router.stop()
        router.start()


def test_http_asks_no_certificate(router: Router, mesh: Mesh, dynos: Dynos, bundles: Bundles) -> None:
    routes = app(dynos.start("web.1", "mark"), hostnames=(SHOP,), certificates=(bundles.add(SHOP),))
    assert mesh.converge(table(routes)).ok
    connection = http.client.HTTPConnection(router.address, router.http, timeout=5)
    connection.request("GET", "/", headers={"Host": SHOP, "X-Forwarded-Proto": "https"})
    assert connection.getresponse().read() == b"mark"
    assert "x-forwarded-proto: http\r\n" in dynos.heads[-1].lower()
