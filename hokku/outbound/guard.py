"""Where the platform lets itself be sent by a tenant: public addresses, and what the operator allows.

A host is resolved once, each of its addresses is checked, and the connection goes to a checked address; TLS still
verifies the host's name. Whoever can change a name's addresses between check and connection gains nothing by it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.abc
import certifi

from hokku.errors import InvalidParams
from hokku.settings import settings

_log = logging.getLogger(__name__)
_RESOLVE_SECONDS = 10.0
_CREATE_SECONDS = 3.0  # a name that takes longer is taken for one that cannot be resolved now
_WEB = (80, 443)
_resolvers = ThreadPoolExecutor(128, "resolve")  # of their own: names that resolve slowly hold up nothing else
# IPv6 that leads to IPv4 (6to4, Teredo, NAT64), where what is behind it cannot be told from here; and what Python 3.11
# calls global though IANA set it aside
_TRANSITIONS = ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")
_SET_ASIDE = tuple(map(ip_network, (*_TRANSITIONS, "192.0.0.0/24", "192.88.99.0/24")))


class Refused(OSError):
    """The address is none that the platform sends to for a tenant. The text names the host, never the address."""


def permitted(text: str, port: int) -> bool:
    """Whether the platform sends to this address and port for a tenant."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in settings().outbound_allowed_networks):
        return True
    if not _public(address) or _ours(address):
        return False
    owned = _owned()
    return str(address) not in owned or (owned[str(address)] and port in _WEB)


def _public(address: IPv4Address | IPv6Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_loopback or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _SET_ASIDE)


def _ours(address: IPv4Address | IPv6Address) -> bool:
    """Whether this host has the address itself: then a datagram to it would come from it, too. None is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return ip_address(probe.getsockname()[0].partition("%")[0]) == address
    except OSError:
        return False  # no way there at all: connecting will fail, too


@cache
def _owned() -> dict[str, bool]:
    """The platform's own machines; True for those that are routers only, whose web ports are for everybody."""
    at = settings()
    database, redis = urlsplit(at.database_url), urlsplit(at.redis_url)
    inner = [host.address for host in at.dyno_hosts]
    inner += [*parse_qs(database.query).get("hostaddr", ()), database.hostname or "", redis.hostname or ""]
    found = {host.address: True for host in at.routers}
    return found | dict.fromkeys(inner, False)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _checked(host: str, port: int, addresses: list[str]) -> list[str]:
    good = [address for address in addresses if permitted(address, port)]
    if not good:
        raise Refused(f"{host} leads to a private or reserved address, which this platform does not send to.")
    return good


def check(host: str, port: int) -> None:
    """Raises InvalidParams when the host leads nowhere that is permitted. One that does not resolve (yet) passes."""
    try:
        _checked(host, port, _resolvers.submit(_look_up, host, port).result(_CREATE_SECONDS))
    except Refused as error:
        raise InvalidParams(str(error)) from None
    except (Late, OSError, UnicodeError):
        return


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host that may be connected to. Raises Refused, OSError or TimeoutError."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await loop.run_in_executor(_resolvers, _look_up, host, port)
    except UnicodeError:
        raise OSError(f"{host} cannot be resolved") from None
    return _checked(host, port, found)


async def connect(host: str, port: int, seconds: float) -> anyio.abc.SocketStream:
    """A TCP connection to a checked address of the host. Raises Refused, OSError or TimeoutError."""
    async with asyncio.timeout(seconds):
        failed: OSError | None = None
        for address in await resolve(host, port):
            try:
                return await anyio.connect_tcp(address, port)
            except OSError as error:
                failed = error
        raise failed or OSError(f"{host} has no address")


@cache
def trust(protocol: str) -> ssl.SSLContext:
    """Verifies names and certificates by the public CAs and those that the host trusts; never by the platform's own.

    One for each `protocol` (http, syslog): HTTP's offers HTTP.
    """
    made = ssl.create_default_context()
    made.load_verify_locations(certifi.where())
    return made
