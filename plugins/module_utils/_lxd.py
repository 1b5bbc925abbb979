# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""A client of this host's LXD over its unix socket, of nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import socket

SOCKET = "/var/lib/lxd/unix.socket"


class LxdError(Exception):
    """LXD refused a request or did not answer; `status` is its HTTP status, 0 where there was no answer."""

    def __init__(self, message, status=0):
        super().__init__(message)
        self.status = status


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("lxd", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Lxd:
    """LXD's REST API. Waits for background operations; every answer is what stands in `metadata`."""

    def __init__(self, path=SOCKET, timeout=60):
        self.path = path
        self.timeout = timeout

    def request(self, method, url, body=None, headers=None, timeout=None):
        """What LXD answers to one request; an operation is waited for, `timeout` seconds at most.

        `body` is sent as JSON, or as it is where it is bytes or an open file. Raises LxdError.
        """
        limit = timeout or self.timeout
        answer = self._send(method, url, body, headers or {}, limit)
        if answer.get("type") != "async":
            return answer.get("metadata")
        operation = answer["operation"].split("?")[0]
        done = self._send("GET", f"{operation}/wait?timeout={limit}", None, {}, limit + 10)["metadata"]
        if done["status_code"] < 200:
            raise LxdError(f"{method} {url.split('?')[0]} was not done after {limit} seconds")
        if done["status_code"] != 200:
            raise LxdError(done["err"] or f"{method} {url.split('?')[0]} failed", done["status_code"])
        return done["metadata"]

    def start(self, method, url, body=None):
        """The operation that a request starts, without waiting for its end."""
        return self._send(method, url, body, {}, self.timeout)["metadata"]

    def find(self, url):
        """What LXD answers to a GET, or None where it has no such thing."""
        try:
            return self.request("GET", url)
        except LxdError as error:
            if error.status == 404:
                return None
            raise

    def _send(self, method, url, body, headers, timeout):
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "read"):
            body, headers = json.dumps(body).encode(), {**headers, "Content-Type": "application/json"}
        connection = UnixConnection(self.path, timeout)
        try:
            connection.request(method, url, body=body, headers=headers)
            answer = json.loads(connection.getresponse().read())
        except TimeoutError:
            what = f"{method} {url.split('?')[0]}"
            raise LxdError(f"LXD on this host did not answer {what} in {timeout} seconds") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LxdError(f"LXD on this host does not answer on {self.path}: {error}") from None
        finally:
            connection.close()
        if answer.get("type") == "error":
            raise LxdError(answer["error"], answer["error_code"])
        return answer
