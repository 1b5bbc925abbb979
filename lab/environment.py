"""Shell exports that point the official Heroku CLI, git and curl at the lab."""

from __future__ import annotations

import shlex

from lab import settings
from lab.catalogue import machine_named
from lab.command import LabError

API_URL = "https://localhost:5443"
CA_FILE = settings.SECRETS_DIR / "ca.crt"
TOKEN_FILE = settings.SECRETS_DIR / "admin_token"
ROUTERS = ("router1", "router2")


def router_addresses(machine_port: int) -> tuple[str, ...]:
    """Loopback addresses (`127.0.0.1:PORT`), one for each router, that lead to `machine_port` of it."""
    return tuple(
        f"127.0.0.1:{port.listen}"
        for name in ROUTERS
        for port in machine_named(name).ports
        if port.connect == machine_port
    )


def admin_token() -> str:
    """The first account's token; raises LabError while the platform is not deployed."""
    if not TOKEN_FILE.exists():
        raise LabError("The platform is not deployed yet: run `make up`.")
    return TOKEN_FILE.read_text().strip()


def variables() -> dict[str, str]:
    """Names and values of what `make env` exports."""
    return {
        "HEROKU_HOST": API_URL,
        "HEROKU_API_KEY": admin_token(),
        "HEROKU_GIT_HOST": "localhost:5443",
        "HEROKU_DATA_HOST": "localhost",
        "HEROKU_PARTICLEBOARD_URL": API_URL,
        "HEROKU_BUILDPACK_REGISTRY_URL": API_URL,
        "HEROKU_LOGIN_HOST": API_URL,
        "NODE_EXTRA_CA_CERTS": str(CA_FILE),
        "GIT_SSL_CAINFO": str(CA_FILE),
        "HOKKU_CA": str(CA_FILE),
        "DISABLE_TELEMETRY": "true",
        "HEROKU_SKIP_ANALYTICS": "1",
        "HEROKU_DISABLE_AUTOUPDATE": "1",
        "HEROKU_SKIP_NEW_VERSION_CHECK": "true",
        "HOKKU_APPS_DOMAIN": settings.APPS_DOMAIN,
        "HOKKU_HTTP": ",".join(router_addresses(80)),
        "HOKKU_HTTPS": ",".join(router_addresses(443)),
        "HOKKU_GIT_SSH": "ssh://git@localhost:2222",
        "GIT_SSH_COMMAND": f"ssh -o UserKnownHostsFile={settings.KNOWN_HOSTS}",
    }


def exports() -> str:
    """`export NAME=VALUE` lines for a shell's eval."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables().items())
