"""`hokku.platform.certificate` on the lab, and what routers show of it in a TLS handshake."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from platform_client import App, wait_for
from runner import Runner, Step


def pair(hostname: str) -> tuple[str, str, str]:
    """A new self-signed certificate of the hostname and its key in PEM, and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)]), datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    made = built.not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256())
    form = serialization.Encoding.PEM
    secret = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(form).decode(), secret.decode(), made.fingerprint(hashes.SHA256()).hex(":").upper()


def shown(app: App, hostname: str, router: int) -> str:
    """The fingerprint of the certificate that a router shows for the hostname."""
    host, _, port = app.platform.routers_tls[router].rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=hostname) as tls,
    ):
        got = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
    return got.fingerprint(hashes.SHA256()).hex(":").upper()


def test_a_certificate_is_added_renewed_and_removed(runner: Runner, new_app: Callable[..., App]) -> None:
    app = new_app()
    www, art = f"www.{app.name}.example.org", f"art.{app.name}.example.org"
    (chain, key, mark), (chain2, key2, print2) = pair(www), pair(www)
    (runner.directory / "key").write_text(key2)
    one = {"app": app.name, "certificate_chain": chain, "private_key": key, "domains": [www]}
    two = {"app": app.name, "certificate_chain": chain2, "private_key_file": str(runner.directory / "key")}
    two["domains"] = [www, art]
    _, would, added, again, other, stranger, told = runner.play(
        [
            Step("domain", {"app": app.name, "hostnames": [www, art]}),
            Step("certificate", one, check=True),
            Step("certificate", one),
            Step("certificate", one),
            Step("certificate", one | {"private_key": key2}),
            Step("certificate", one | {"domains": ["www.example.org"]}),
            Step("certificate_info", {"app": app.name}),
        ]
    )
    name = added["certificate"]["name"]
    assert would["actions"] == ["certificate added", f"domain {www} served with the new certificate"]
    assert added["diff"] == would["diff"] == {"before": {"domains": []}, "after": {"chain": [mark], "domains": [www]}}
    assert (again["changed"], again["certificate"]) == (False, added["certificate"])
    assert "is for none of the certificates" in other["msg"]
    assert "www.example.org is no domain of" in stranger["msg"]
    assert told["certificates"] == [added["certificate"] | {"certificate_chain": chain}]
    for router in range(len(app.platform.routers_tls)):
        wait_for("the certificate", lambda router=router: shown(app, www, router) == mark)

    would, renewed, again, served = runner.play(
        [
            Step("certificate", two, check=True),
            Step("certificate", two),
            Step("certificate", two),
            Step("domain", {"app": app.name, "hostname": art, "certificate": ""}),
        ]
    )
    assert renewed["actions"] == would["actions"] == [
        f"certificate {name} renewed", f"domain {art} served with certificate {name}"
    ]  # fmt: skip
    assert renewed["diff"] == would["diff"]
    assert (renewed["certificate"]["fingerprint"], again["changed"]) == (print2, False)
    assert served["actions"] == [f"domain {art} served with the platform's own certificate"]
    for router in range(len(app.platform.routers_tls)):
        wait_for("the new certificate", lambda router=router: shown(app, www, router) == print2)

    gone = {"app": app.name, "certificate_chain": chain2, "state": "absent"}
    steps = [Step("certificate", gone, check=True), Step("certificate", gone), Step("certificate", gone)]
    would, removed, again = runner.play(steps)
    assert (would["actions"], removed["actions"], again["changed"]) == ([f"certificate {name} removed"],) * 2 + (False,)
    assert app.call("GET", "/sni-endpoints", status=200).json() == []
    assert not any(runner.says(line) for line in (key + key2).splitlines() if "PRIVATE" not in line)
