"""Certificates that are wanted against those that a router serves: what is to be served, and what no longer.

A router keeps one certificate for each host name, under a name that follows from it: a host name that gets another
one is changed in place, so at no moment is it served with the default, and nothing but what changed is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hokku.routing.model import AppRoutes
from hokku.routing.table import CERTIFICATES, HOSTS, Table


@dataclass(frozen=True)
class Serve:
    """The host name is served with the bundle. `listed`: it has a certificate now; `known`: the map has its digest."""

    hostname: str
    digest: str
    listed: bool
    known: bool

    def apply(self, table: Table) -> None:
        table.maps[CERTIFICATES][self.hostname] = self.digest
        table.certified.add(self.hostname)


@dataclass(frozen=True)
class Withdraw:
    """The host name is served with the default certificate."""

    hostname: str
    listed: bool
    known: bool

    def apply(self, table: Table) -> None:
        table.maps[CERTIFICATES].pop(self.hostname, None)
        table.certified.discard(self.hostname)


Change = Serve | Withdraw


def changes(found: Table, wanted: Iterable[AppRoutes], *, whole: bool) -> list[Change]:
    """What makes a router that has `found` serve what is wanted; with `whole`, nothing else. New ones come first.

    `found` is the table before the routes of `wanted` are written: host names that an app had there lose their
    certificates when it wants none for them any more.
    """
    routes = list(wanted)
    digests = {certificate.hostname: certificate.digest for one in routes for certificate in one.certificates}
    backends = {one.backend for one in routes}
    present, listed = found.maps[CERTIFICATES], found.certified
    served: list[Change] = [
        Serve(hostname, digest, hostname in listed, hostname in present)
        for hostname, digest in digests.items()
        if hostname not in listed or present.get(hostname) != digest
    ]
    withdrawn: list[Change] = [
        Withdraw(hostname, hostname in listed, hostname in present)
        for hostname in sorted(listed | present.keys())
        if hostname not in digests and (whole or found.maps[HOSTS].get(hostname) in backends)
    ]
    return served + withdrawn
