"""Certificates: what a router shows of them in a TLS handshake."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from official_cli import HerokuCli
from platform_client import App, wait_for


def certificate(directory: Path, hostname: str) -> tuple[str, str, int]:
    """Files with a new self-signed certificate of `hostname` and its key, and its serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    chain, secret = directory / f"{made.serial_number}.crt", directory / f"{made.serial_number}.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return str(chain), str(secret), made.serial_number


def shown(app: App, hostname: str, router: int) -> int:
    """The serial number of the certificate that a router shows for `hostname`."""
    host, _, port = app.platform.routers_tls[router].rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=hostname) as tls,
    ):
        return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True)).serial_number


def test_add_info_update_and_remove_are_seen_on_every_router(cli: HerokuCli, shop: App, tmp_path: Path) -> None:
    hostname = f"secure.{shop.name}.example.org"
    cli.run("domains:add", hostname, app=shop.name)
    try:
        chain, key, serial = certificate(tmp_path, hostname)
        with cli.terminal("certs:add", chain, key, app=shop.name) as terminal:
            terminal.expect(rf"(Select|domains)[^❯]*❯\S*\s*{hostname}")
            terminal.send(" ")
            terminal.expect("◉")
            terminal.send("\r")
            assert terminal.wait() == 0, terminal.shown
        endpoint = shop.call("GET", "/sni-endpoints").json()[0]["name"]
        for router in range(len(shop.platform.routers_tls)):
            wait_for("the certificate", lambda router=router: shown(shop, hostname, router) == serial, 60)
        assert endpoint in cli.run("certs", app=shop.name).stdout
        assert hostname in cli.run("certs:info", "--name", endpoint, app=shop.name).text
        chain, key, newer = certificate(tmp_path, hostname)
        cli.run("certs:update", chain, key, "--name", endpoint, "--confirm", shop.name, app=shop.name)
        for router in range(len(shop.platform.routers_tls)):
            wait_for("the new certificate", lambda router=router: shown(shop, hostname, router) == newer, 60)
        cli.run("certs:remove", "--name", endpoint, "--confirm", shop.name, app=shop.name)
        assert shop.call("GET", "/sni-endpoints").json() == []
        for router in range(len(shop.platform.routers_tls)):
            wait_for("it is gone", lambda router=router: shown(shop, hostname, router) != newer, 60)
    finally:
        for endpoint in shop.call("GET", "/sni-endpoints").json():
            shop.call("DELETE", f"/sni-endpoints/{endpoint['id']}")
        shop.call("DELETE", f"/domains/{hostname}")


def test_a_domain_is_given_another_certificate(cli: HerokuCli, shop: App, tmp_path: Path) -> None:
    hostname, other = (f"{label}.{shop.name}.example.org" for label in ("changes", "begins"))
    names, serials = [], []
    try:
        for _ in range(2):
            chain, key, serial = certificate(tmp_path, hostname)
            body = {"certificate_chain": Path(chain).read_text(), "private_key": Path(key).read_text()}
            names.append(shop.call("POST", "/sni-endpoints", body, 201).json()["name"])
            serials.append(serial)
        cli.run("domains:add", hostname, "--cert", names[0], app=shop.name)
        cli.run("domains:add", other, "--cert", names[1], app=shop.name)
        for name, serial in zip([names[0], *names[::-1]], [serials[0], *serials[::-1]], strict=True):
            told = cli.run("domains:update", hostname, "--cert", name, app=shop.name)
            assert f"Updating {hostname} to use {name} certificate... done" in told.text
            for router in range(len(shop.platform.routers_tls)):
                wait_for("it", lambda router=router, serial=serial: shown(shop, hostname, router) == serial, 60)
        assert shown(shop, other, 0) == serials[1]
        assert "SNI endpoint" in cli.refused("domains:update", hostname, "--cert", "nobody-12345", app=shop.name)
        assert shown(shop, hostname, 0) == serials[0]
    finally:
        for name in names:
            shop.call("DELETE", f"/sni-endpoints/{name}")
        for domain in (hostname, other):
            shop.call("DELETE", f"/domains/{domain}")


def test_a_key_that_does_not_fit_is_refused(cli: HerokuCli, shop: App, tmp_path: Path) -> None:
    chain, _, _ = certificate(tmp_path, "a.example.org")
    _, key, _ = certificate(tmp_path, "a.example.org")
    assert "key" in cli.refused("certs:add", chain, key, app=shop.name).lower()
    assert shop.call("GET", "/sni-endpoints").json() == []
