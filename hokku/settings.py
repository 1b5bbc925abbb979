"""One typed settings object for every service, read from /etc/hokku/hokku.toml (or the file named by HOKKU_SETTINGS).

The file is written by the role `control`, whose defaults and argument specs are the one list of what can be set.
Secrets are not in it: it names files with mode 0600 or 0640 that hold them.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_PATH = Path("/etc/hokku/hokku.toml")


class Host(BaseModel):
    """A machine of the inventory: its name there and the address the others reach it by."""

    model_config = ConfigDict(frozen=True)
    name: str
    address: str


class Size(BaseModel):
    """A dyno size: `memory` in MiB (hard limit), `cpu_shares` relative weight, `processes` at most."""

    model_config = ConfigDict(frozen=True)
    memory: int
    cpu_shares: int = 10
    processes: int = 256


class Stack(BaseModel):
    """A Debian release: its name for users, and the aliases of the LXD images that dynos run and builds are made in."""

    model_config = ConfigDict(frozen=True)
    name: str
    image: str
    build_image: str


def _stack(name: str) -> Stack:
    return Stack(name=name, image=f"hokku/{name}", build_image=f"hokku/{name}-build")


class Settings(BaseModel):
    """What the services know of the platform. Durations are seconds, sizes bytes unless said otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # where things answer, as users see them
    public_url: str = "https://localhost:5443"
    logs_url: str = "https://localhost:5601"
    rendezvous_url: str = "rendezvous://localhost:5000"
    apps_domain: str = "apps.localhost"
    apps_url: str = "http://{app}.apps.localhost:8081/"
    region: str = "local"

    # where the services listen
    api_listen: str = "0.0.0.0"
    api_port: int = 443
    logs_port: int = 5601
    rendezvous_port: int = 5000

    # PostgreSQL: a libpq URL without password; the password stands in `pgpass_file`
    database_url: str = "postgresql://hokku@control1/hokku?sslmode=verify-full&sslrootcert=/etc/hokku/tls/ca.crt"
    pgpass_file: Path = Path("/etc/hokku/secrets/pgpass")

    # Redis: rediss://host:6380/0; the password stands in a file, the CA is the platform's
    redis_url: str = "rediss://control1:6380/0"
    redis_password_file: Path | None = Path("/etc/hokku/secrets/redis_password")

    # TLS: the platform's CA, this host's certificate, and the manifold's pinned client certificate
    ca_file: Path = Path("/etc/hokku/tls/ca.crt")
    cert_file: Path = Path("/etc/hokku/tls/host.crt")
    key_file: Path = Path("/etc/hokku/tls/host.key")
    manifold_cert_file: Path = Path("/etc/hokku/tls/manifold.crt")
    manifold_key_file: Path = Path("/etc/hokku/tls/manifold.key")

    # secrets kept outside the database
    config_key_file: Path = Path("/etc/hokku/secrets/config_key")
    git_token_file: Path = Path("/etc/hokku/secrets/git_token")

    # stores on disk
    slugs_dir: Path = Path("/srv/hokku/slugs")
    sources_dir: Path = Path("/srv/hokku/sources")
    git_dir: Path = Path("/srv/hokku/git")

    # the inventory, as the manifold and the builder need it
    dyno_hosts: tuple[Host, ...] = ()
    routers: tuple[Host, ...] = ()
    lxd_port: int = 8443
    lxd_project: str = "default"
    router_runtime_port: int = 9443

    # dynos
    stacks: tuple[Stack, ...] = (_stack("debian-12"), _stack("debian-13"), _stack("debian-14"))
    default_stack: str = "debian-13"
    sizes: dict[str, Size] = Field(
        default_factory=lambda: {
            "eco": Size(memory=512),
            "basic": Size(memory=512),
            "standard-1x": Size(memory=512),
            "standard-2x": Size(memory=1024, cpu_shares=20, processes=512),
        }
    )
    default_size: str = "basic"
    dyno_network: str = "hokkudyno"
    dyno_gateway: str = "10.99.0.1"
    dyno_prefix: int = 16
    dyno_slots: int = 2000
    dyno_first_port: int = 20000
    dyno_port: int = 5000
    slot_quarantine: float = 300.0
    boot_timeout: float = 60.0
    stop_timeout: float = 30.0
    drain_timeout: float = 30.0
    starts_per_host: int = 4

    # routers
    backends: int = 100
    servers_per_backend: int = 30

    # networks that log drains and webhooks may lead into, though they are private or the platform's own
    outbound_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    # builds
    build_timeout: float = 900.0
    slug_max_size: int = 500 * 1024 * 1024
    build_memory: int = 2048  # MiB
    build_disk: int = 8192  # MiB that a build may write
    build_processes: int = 1024
    build_cpu_shares: int = 10  # a weight beside the dynos': it binds only under contention
    build_output_max: int = 300 * 1024 * 1024
    build_cache_max_size: int = 500 * 1024 * 1024
    source_max_size: int = 1024**3  # unpacked
    build_concurrency: int = 2

    # what stays: releases of an app that can be rolled back to, and the trail of who did what
    release_retention: int = Field(default=50, ge=1)
    event_retention: float = 365 * 86400.0

    # release phases
    release_timeout: float = 3600.0
    release_concurrency: int = 20

    def stack(self, name: str) -> Stack:
        """The stack called `name`; raises KeyError when the platform has none of that name."""
        for stack in self.stacks:
            if stack.name == name:
                return stack
        raise KeyError(name)


def load(path: Path | None = None) -> Settings:
    """The settings in `path`, or in the file named by HOKKU_SETTINGS, or in /etc/hokku/hokku.toml."""
    chosen = path or Path(os.environ.get("HOKKU_SETTINGS", DEFAULT_PATH))
    return Settings(**tomllib.loads(chosen.read_text()))


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load()
