"""A router's certificates, through its runtime API: no reload, and connections that are open go on.

The private keys reach the router here, over the manifold's TLS connection, and stay in no command line or log. Each
bundle is also left in the map `keys`, from where the keeper of routes (`router-state`) takes it to a file for the next
start of HAProxy.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from hokku.routing.certificates import Change, Serve, Withdraw
from hokku.routing.runtime import Session
from hokku.routing.table import CERTIFICATES, DropMap, PutMap, Table

KEYS = "keys"  # the map in which bundles wait for the keeper of routes
_REASON = re.compile(r"(unable|can't|cannot|inconsistenc|the private key|no such|not )", re.IGNORECASE)


class Refused(Exception):
    """The router cannot use this certificate; routes and other certificates are not touched by that.

    2.6 closes a connection on which a commit failed, at once or later: `cleaning` are the commands for the next one.
    """

    def __init__(self, reason: str, *cleaning: str) -> None:
        super().__init__(reason)
        self.cleaning = cleaning


class CertificateStore:
    """The certificates of the process that a session talks to."""

    def __init__(self, session: Session, path: str) -> None:
        """`path` is what `session.certificate_list()` gave."""
        self._session = session
        self._list = path
        self._directory = PurePosixPath(path).with_suffix("")

    def do(self, change: Change, table: Table, bundle: str) -> None:
        """Make the change, which `table` then has too. Raises Refused when the router cannot use `bundle` (PEM)."""
        match change:
            case Serve():
                self._serve(change, table, bundle)
            case Withdraw():
                self._withdraw(change)
        change.apply(table)

    def _file(self, hostname: str) -> str:
        """HAProxy's name of a host name's certificate; the keeper of routes has a file of that name for a start."""
        return str(self._directory / f"{hashlib.sha256(hostname.encode()).hexdigest()}.pem")

    def _serve(self, change: Serve, table: Table, bundle: str) -> None:
        file, ask = self._file(change.hostname), self._session.ask
        if change.digest not in table.maps[CERTIFICATES].values():
            one_word = bundle.replace("\n", ",").replace(" ", "_")
            self._session.run([PutMap(KEYS, change.digest, one_word, False)])
        if not change.listed:
            ask(f"new ssl cert {file}")  # it may be there, empty: what matters is told by the next one
        unused = () if change.listed else (f"del ssl cert {file}",)
        _expect(self._transact(file, bundle), f"Transaction created for certificate {file}!", cleaning=unused)
        _expect(ask(f"commit ssl cert {file}"), "Success!", cleaning=(f"abort ssl cert {file}", *unused))
        if not change.listed:
            added = self._session.tell(f"add ssl crt-list {self._list}", f"{file} {change.hostname}")
            _expect(added, "Success!", cleaning=unused)
        self._session.run([PutMap(CERTIFICATES, change.hostname, change.digest, change.known)])

    def _transact(self, file: str, bundle: str) -> str:
        """Begin to change the certificate; there is one transaction at a time, perhaps one that was never ended."""
        answer = self._session.tell(f"set ssl cert {file}", bundle)
        if other := re.search(r"Transaction updated for certificate (/\S+)!", answer):
            self._session.ask(f"abort ssl cert {other[1]}")
            answer = self._session.tell(f"set ssl cert {file}", bundle)
        return answer

    def _withdraw(self, change: Withdraw) -> None:
        """Out of the list is out of use: a certificate that could not be deleted then is only one in memory."""
        file, ask = self._file(change.hostname), self._session.ask
        if change.listed:
            answer = ask(f"del ssl crt-list {self._list} {file}")
            if several := re.search(r"in several entries.*\(([\d, ]+)\)", answer):
                answer = ask(*(f"del ssl crt-list {self._list} {file}:{line}" for line in several[1].split(", ")))
            _expect(answer, "deleted", cleaning=())
            ask(f"del ssl cert {file}")
        if change.known:
            self._session.run([DropMap(CERTIFICATES, change.hostname)])


def _expect(answer: str, told: str, *, cleaning: tuple[str, ...]) -> None:
    """Only HAProxy's own sentences go into the reason: whatever else an answer holds could be of the key."""
    if told not in answer:
        reasons = [line.strip() for line in answer.splitlines() if _REASON.match(line.strip())]
        raise Refused("; ".join(reasons) or "no reason was given", *cleaning)
