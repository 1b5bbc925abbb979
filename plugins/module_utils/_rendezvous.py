# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""A client of the rendezvous, where a command in a one-off dyno is met: its output and its exit status.

The secret of an attach_url goes over TLS, `rendezvous` comes back, and from then on bytes go both ways (Heroku's way).
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

TELL = '; echo "\uffff heroku-command-exit-status: $?"'  # put after a command, has its exit status told
_TOLD = re.compile(r"\uffff heroku-command-exit-status: (\d{1,3})\s*")
_ANSWER = b"rendezvous\r\n"
_NO_INPUT = b"\x04"  # the end of what a client has to say, where its input is no terminal
_MEET = 120  # seconds in which the rendezvous must answer
MOST = 8 * 1024 * 1024  # bytes of an output that are kept, the last ones


@dataclass(frozen=True)
class Ended:
    """How a command ended: None for the status when nobody was told. `cut`: not all of the output was kept."""

    output: str
    status: int | None
    cut: bool


def attend(url, context, seconds):
    """Meet the command behind `url` over TLS by `context`, give it no input, and wait for its end.

    Raises ApiError when it cannot be met, and when it is not over after `seconds`: closing the connection ends it.
    """
    parts = urlsplit(url)
    if parts.scheme != "rendezvous" or not parts.hostname or not parts.port:
        raise ApiError("The platform gave no rendezvous address for the command: it may be newer than this collection.")
    place, end = f"{parts.hostname}:{parts.port}", time.monotonic() + seconds
    try:
        with (
            socket.create_connection((parts.hostname, parts.port), timeout=_MEET) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as connection,
        ):
            connection.sendall(parts.path.removeprefix("/").encode() + b"\r\n")
            kept, cut = bytearray(_answer(connection, place)), False
            connection.sendall(_NO_INPUT)
            while piece := _more(connection, end, seconds):
                kept += piece
                if len(kept) > 2 * MOST:
                    del kept[:-MOST]
                    cut = True
    except ssl.SSLCertVerificationError as error:
        raise ApiError(
            f"The certificate of {place} is not trusted here ({error.verify_message}): "
            "name the platform's CA in ca_file."
        ) from None
    except OSError as error:
        raise ApiError(
            f"The rendezvous at {place} cannot be reached ({error.strerror or error}): "
            "its port must be open from where the module runs."
        ) from None
    return _judged(bytes(kept[-MOST:]), cut or len(kept) > MOST)


def _answer(connection, place):
    """What came after the answer to the secret."""
    got = b""
    while _ANSWER not in got:
        piece = connection.recv(4096)
        if not piece:
            raise ApiError(
                f"The rendezvous at {place} refused the command's secret, which is good for 60 s: try again."
            )
        got += piece
    return got.partition(_ANSWER)[2]


def _more(connection, end, seconds):
    left = end - time.monotonic()
    try:
        if left > 0:
            connection.settimeout(left)
            return connection.recv(65536)
    except TimeoutError:
        pass
    raise ApiError(f"The command was not over after {seconds:.0f} s, and was ended: raise time_to_live.")


def _judged(kept, cut):
    text = kept.decode("utf-8", "replace")
    found = list(_TOLD.finditer(text))
    if not found:
        return Ended(text, None, cut)
    told = found[-1]  # those before it are the command's own words
    return Ended(text[: told.start()] + text[told.end() :], int(told[1]), cut)
