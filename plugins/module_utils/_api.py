# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""A client of the Platform API, of the standard library alone: for modules, lookups, inventory and runbooks."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from contextlib import contextmanager
from urllib.parse import quote, unquote, urlsplit

ACCEPT = "application/vnd.heroku+json; version=3"
PAGE = 1000  # rows of a list that are asked for at once: the most that the API gives
TRIES = 3  # of a GET that got no answer; nothing else is ever sent twice
LONGEST = 86400  # seconds: of one answer
_NO_APP = "Couldn't find that app."


class ApiError(Exception):
    """The API refused or did not answer, in one sentence. `status` is HTTP's (0: no answer), `id` the API's."""

    def __init__(self, message, status=0, error_id=""):
        super().__init__(message)
        self.status = status
        self.id = error_id


class NoApp(ApiError):
    """There is no such app, or none that this account may use."""


class NoAnswer(ApiError):
    """Nothing answered, or what did cannot now (5xx), as while the API restarts: another try may be answered."""


def path(*parts):
    """A path of the API: `path("apps", name, "dynos")`. Each part is quoted, so that no name can lead elsewhere.

    Raises ApiError for a part that names nothing.
    """
    for part in parts:
        if str(part).strip() in ("", ".", ".."):
            raise ApiError(f"{str(part)!r} is the name of nothing: give a name or an id.")
    return "/" + "/".join(quote(str(part), safe="~") for part in parts)


_NOT_NOW = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED


def _unreachable(url, error, timeout):
    """Why there was no answer, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError) and "mismatch" in error.verify_message:
        return f"{url} has a certificate for another name ({error.verify_message}): use the platform's own address."
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _NOT_NOW:
        return (
            f"The certificate of {url} is not valid now ({error.verify_message}): see that this computer's clock is "
            "right, and run playbooks/site.yml, which renews it."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {url} is not trusted here ({error.verify_message}): name the platform's CA in ca_file "
            "or HOKKU_CA_FILE."
        )
    if isinstance(error, ssl.SSLError):
        return f"{url} does not speak TLS ({error.reason}): check its address and port."
    if isinstance(error, socket.gaierror):
        return f"{url} is not known to the name service: check the platform's address."
    if isinstance(error, TimeoutError):
        return f"{url} did not answer within {timeout:.0f} s: check that it runs and can be reached from here."
    reason = (error.strerror if isinstance(error, OSError) else None) or "the connection broke off"
    return f"{url} does not answer ({reason}): check the platform's address, and that it runs."


def _address(url):
    """Host and port of the platform's address. Raises ApiError, which repeats no password."""
    good = "give the platform's address alone, such as https://api.example.com"
    if "@" in (url or ""):
        raise ApiError(f"api_url holds a user or a password: {good}, and the token in api_token.")
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname, parts.port or 443
        (host or "").encode("idna")  # as a socket does
    except ValueError:
        raise ApiError(f"api_url is {url!r}, whose host or port cannot be read: {good}.") from None
    if parts.scheme != "https" or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ApiError(f"api_url is {url!r}: {good}.")
    return host, port


def trust(ca_file=None):
    """A context that verifies by this computer's CAs and the one in `ca_file`. Raises ApiError where that is none."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except FileNotFoundError:
            raise ApiError(f"There is no file {ca_file}: ca_file is the platform's CA, in PEM.") from None
        except OSError:
            raise ApiError(f"{ca_file} holds no certificate in PEM: ca_file is the platform's CA.") from None
    return context


class Api:
    """The Platform API at `url`, asked with an account's token. `timeout`: seconds for one answer."""

    def __init__(self, url, token, ca_file=None, timeout=30):
        self._address = _address(url)
        if not 1 <= timeout <= LONGEST:
            raise ApiError(f"timeout is {timeout}: give a number of seconds from 1 to {LONGEST}.")
        if not token or not token.isascii() or not token.isprintable():
            raise ApiError(
                "api_token is empty or holds characters that no token has: `heroku auth:token` prints yours, and the "
                "first run of playbooks/site.yml makes that of the inventory's first account."
            )
        self.url = f"https://{urlsplit(url).netloc}"
        self.timeout = timeout
        self._token = token
        self._context = trust(ca_file)
        self._connection = None

    def get(self, where, headers=None):
        """What is there. Raises ApiError, with status 404 where nothing is."""
        return self.request("GET", where, headers=headers)[0]

    def find(self, where):
        """What is there, or None. Raises ApiError for anything else."""
        try:
            return self.get(where)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, where, order="", most=None):
        """All rows of a list, or `most`, page by page; `order` is the field to go by: `version ..; order=desc`."""
        rows, wanted = [], f"{order or 'id ..'}{',' if ';' in order else ';'} max={min(most or PAGE, PAGE)}"
        while wanted:
            page, headers = self.request("GET", where, headers={"Range": wanted})
            rows += page
            wanted = headers.get("next-range")
            if most is not None and len(rows) >= most:
                return rows[:most]
        return rows

    def request(self, method, where, body=None, headers=None, timeout=None):
        """The answer's JSON and its headers (names in small letters). Raises ApiError for every refusal.

        A GET is tried again where the connection broke; anything else is sent once, as it may have been done.
        """
        sent = {"Accept": ACCEPT, "Authorization": f"Bearer {self._token}", "User-Agent": "hokku.platform"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        for left in range(TRIES - 1 if method == "GET" else 0, -1, -1):
            try:
                answer, text = self._send(method, where, content, sent, timeout or self.timeout)
                break
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not left or isinstance(error, (ssl.SSLError, socket.gaierror)):
                    raise NoAnswer(_unreachable(self.url, error, timeout or self.timeout)) from None
                time.sleep(0.2)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return self._judged(method, where, answer.status, text), found

    def upload(self, url, chunks, size, timeout=600):
        """PUT a file's `size` bytes at a URL that the API gave, which is its own secret. Raises ApiError."""
        parts = urlsplit(url)
        connection = self._connect(timeout, (parts.hostname, parts.port or 443))
        try:
            where = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("PUT", where, chunks, {"Content-Length": str(size), "User-Agent": "hokku.platform"})
            answer = connection.getresponse()
            return self._judged("PUT", "of the upload", answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(_unreachable(self.url, error, timeout)) from None
        finally:
            connection.close()

    @contextmanager
    def stream(self, url, headers=None, timeout=90):
        """The answer to a GET of a URL that the API gave, to be read as it comes; `timeout`: seconds of silence."""
        parts = urlsplit(url)
        connection = self._connect(timeout, (parts.hostname, parts.port or 443))
        try:
            where = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("GET", where, headers={"User-Agent": "hokku.platform", **(headers or {})})
            answer = connection.getresponse()
            if answer.status >= 400:
                self._judged("GET", "of the stream", answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(_unreachable(self.url, error, timeout)) from None
        except ApiError:
            connection.close()
            raise
        try:
            yield _Stream(answer, lambda error: NoAnswer(_unreachable(self.url, error, timeout)))
        finally:
            connection.close()

    def close(self):
        """End the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self, timeout, address=None):
        host, port = address or self._address
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)

    def _send(self, method, where, content, headers, timeout):
        if self._connection is None:
            self._connection = self._connect(timeout)
        self._connection.timeout = timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        if method != "GET":
            self._fresh()
        self._connection.request(method, where, content, headers)
        answer = self._connection.getresponse()
        return answer, answer.read()

    def _fresh(self):
        """A connection that the server closed meanwhile is not used for what cannot be sent twice."""
        if self._connection.sock is None:
            return
        self._connection.sock.setblocking(False)
        try:
            readable = self._connection.sock.recv(1)
        except (ssl.SSLWantReadError, BlockingIOError):
            readable = None
        except OSError:
            readable = b""
        if readable is not None:
            self._connection.close()  # it connects again by itself
        else:
            self._connection.sock.settimeout(self._connection.timeout)

    @staticmethod
    def _judged(method, where, status, text):
        try:
            answer = json.loads(text) if text else None
        except ValueError:
            answer = None
        if status < 400:
            return answer
        told = answer if isinstance(answer, dict) else {}
        message = told.get("message") or f"the platform answered {status} to {method} {where}, and gave no reason."
        if message == _NO_APP and where.startswith("/apps/"):
            name = unquote(where.split("/")[2])
            message = f"There is no app {name} that this account may use: check the name, and whose token it is."
            raise NoApp(message, status, told.get("id", ""))
        if status == 401:
            message = f"{message} Check api_token: `heroku auth:token` prints yours."
        raise (NoAnswer if status >= 500 else ApiError)(message, status, told.get("id", ""))


class _Stream:
    """An answer that is read as it comes; where the connection breaks off, `broken(error)` is raised.

    What its reader does meanwhile may fail in its own ways.
    """

    def __init__(self, answer, broken):
        self._answer = answer
        self._broken = broken

    def read1(self, most):
        """What has come, `most` bytes of it; b"" at the end."""
        return self._read(self._answer.read1, most)

    def read(self):
        """All that is to come."""
        return self._read(self._answer.read)

    def __iter__(self):
        while line := self._read(self._answer.readline):
            yield line

    def _read(self, read, *words):
        try:
            return read(*words)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from None


def from_environment(name, *others):
    """The first of the environment's variables that is set, or None."""
    return next((os.environ[each] for each in (name, *others) if os.environ.get(each)), None)


def until(deadline, what, look, pause=0.25):
    """The first true value of `look()`, asked again until `deadline` seconds are over.

    Raises ApiError that says `what`, a text or a function that gives one then; `look` may raise one too, to end the
    waiting at once. Only NoAnswer ends nothing: it is told at the deadline, if the last look got none.
    """
    end = time.monotonic() + deadline
    while True:
        found, unanswered = None, ""
        try:
            found = look()
        except NoAnswer as error:
            unanswered = f" The last look was not answered: {error}"
        if found:
            return found
        if time.monotonic() >= end:
            raise ApiError(f"{what() if callable(what) else what} after {deadline:.0f} s.{unanswered}")
        time.sleep(pause)
        pause = min(2.0, pause * 1.3)
