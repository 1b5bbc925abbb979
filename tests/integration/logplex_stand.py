"""Private rsyslogd and redis-server processes on loopback, configured by the roles' own templates."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import jinja2
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.loopback import free_port

ROLES = Path(__file__).parents[2] / "roles"
NEEDED = ("rsyslogd", "redis-server")
MISSING = [name for name in NEEDED if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]


def until(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until `true()`, or fail saying `what` did not happen."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)


def answers(port: int) -> bool:
    """True when something listens on that port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Authority:
    """A CA in a folder, and certificates of it: FOLDER/NAME.crt and .key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hokku test CA")])
        self._write("ca", self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), [])

    def certify(self, name: str) -> None:
        """A certificate for `name`, good for localhost too."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        key = ec.generate_private_key(ec.SECP256R1())
        self._write(name, subject, key, x509.BasicConstraints(ca=False, path_length=None), names)

    def _write(self, file: str, subject: x509.Name, key, constraints: x509.BasicConstraints, names: list) -> None:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(constraints, critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        (self.folder / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (self.folder / f"{file}.key").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))


def send_as_router(port: int, app_id: object, termination: str, text: str) -> None:
    """Send an access line as HAProxy's ring does."""
    origin = f'[hokku@32473 app="{app_id}" ts="{termination}"]'
    frame = f"<190>1 2026-01-01T00:00:00.000000+00:00 router1 heroku 12 - {origin} {text}".encode()
    with socket.create_connection(("127.0.0.1", port)) as way:
        way.sendall(b"%d %s" % (len(frame), frame))
        way.shutdown(socket.SHUT_WR)
        way.recv(1)


class Server:
    """A process that can be started, stopped and killed; started again it has what it had."""

    def __init__(self, argv: list[str], port: int, says: Path, env: dict[str, str] | None = None) -> None:
        self.argv, self.port, self.says, self.env = argv, port, says, env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = os.environ | (self.env or {}) | {"INVOCATION_ID": secrets.token_hex(16)}
        with self.says.open("ab") as output:
            self.process = subprocess.Popen(self.argv, env=given, stdout=output, stderr=output)
        until(lambda: answers(self.port), f"{self.argv[0]} does not listen on {self.port}")

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            finally:
                self.process.kill()
            self.process = None

    def kill(self) -> None:
        self.end(signal.SIGKILL)


class Stand:
    """One logplex host and one host that ships lines of dynos and routers, in a folder."""

    password = "correct-horse"

    def __init__(self, folder: Path, single: bool = False) -> None:
        self.folder = folder
        (tls := folder / "tls").mkdir()
        authority = Authority(tls)
        for name in ("logplex1", "dyno1"):
            authority.certify(name)
        self.redis_port, self.relp_port, self.dyno_port, self.router_port = (free_port() for _ in range(4))
        self.redis = Server(self._redis_argv(), self.redis_port, folder / "redis.said")
        self.push = folder / "logplex-push"
        self.single = single
        (folder / "redis-push").symlink_to(ROLES / "logplex/files/redis-push")
        self.push.write_text(self._configured("logplex", "logplex-push.j2", "logplex1"))
        self.push.chmod(0o755)
        ship = self._configured("log_shipper", "ship.conf.j2", "dyno1")
        names = ("push.conf.j2", "receive.conf.j2")
        load, receive = (self._configured("logplex", name, "logplex1") for name in names)
        if single:
            self.central = self.shipper = self._rsyslogd("both", load + ship + receive, self.dyno_port)
        else:
            self.central = self._rsyslogd("logplex", load + receive, self.relp_port)
            self.shipper = self._rsyslogd("log_shipper", ship, self.dyno_port)

    def _redis_argv(self) -> list[str]:
        (data := self.folder / "redis").mkdir()
        (data / "password").write_text(self.password + "\n")
        options = ["--bind", "127.0.0.1", "--port", str(self.redis_port), "--dir", str(data)]
        options += ["--unixsocket", str(data / "socket")]
        options += ["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--requirepass", self.password]
        return ["/usr/bin/redis-server", *options, "--loglevel", "warning"]

    def _rsyslogd(self, name: str, configuration: str, port: int) -> Server:
        (folder := self.folder / name).mkdir()
        (folder / "rsyslog.conf").write_text(f'global(workDirectory="{folder}")\n{configuration}')
        argv = ["/usr/sbin/rsyslogd", "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")]
        return Server(argv, port, self.folder / f"{name}.said")

    def _configured(self, role: str, template: str, host: str) -> str:
        tls = self.folder / "tls"
        files = {"ca_file": tls / "ca.crt", "cert_file": tls / f"{host}.crt", "key_file": tls / f"{host}.key"}
        values: dict[str, object] = {"inventory_hostname": host}
        values |= {f"{role}_{key}": value for key, value in files.items()}
        values |= {
            "logplex_push": self.push,
            "logplex_redis_socket": self.folder / "redis/socket",
            "logplex_redis_password_file": self.folder / "redis/password",
            "logplex_relp_port": self.relp_port,
            "logplex_senders": ["dyno1", "router1"],
            "log_shipper_dynos": True,
            "log_shipper_routes": True,
            "log_shipper_here": self.single,
            "log_shipper_push": self.push,
            "log_shipper_target": "127.0.0.1",
            "log_shipper_port": self.relp_port,
            "log_shipper_peer": "logplex1",
            "log_shipper_disk": "200m",
            "log_shipper_patience": 600000,
            "log_shipper_dyno_address": "127.0.0.1",
            "log_shipper_dyno_port": self.dyno_port,
            "log_shipper_router_port": self.router_port,
        }
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(ROLES / role / "templates"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters["dirname"] = os.path.dirname
        return environment.get_template(template).render(values)

    def client(self, **options: object) -> redis.Redis:
        return redis.Redis(port=self.redis_port, password=self.password, **options)

    def start(self) -> None:
        for server in dict.fromkeys((self.redis, self.central, self.shipper)):
            server.start()

    def end(self) -> None:
        for server in (self.shipper, self.central, self.redis):
            server.kill()

    def said(self) -> str:
        """What the servers said of themselves, newest last."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.said")))


def send_as_dyno(port: int, lines: list[bytes], rate: float = 0, slot: int = 0) -> None:
    """Send lines framed as dyno-init does, at most `rate` a second, from the loopback address that means `slot`."""
    with socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.1.{slot + 1}", 0)) as way:
        began = time.monotonic()
        for start in range(0, len(lines), 50):
            batch = [b"%d <14>%s" % (len(line) + 4, line) for line in lines[start : start + 50]]
            way.sendall(b"".join(batch))
            if rate:
                time.sleep(max(0, began + (start + 50) / rate - time.monotonic()))
        way.shutdown(socket.SHUT_WR)
        way.recv(1)
