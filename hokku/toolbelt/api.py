"""One request to a platform, its certificate verified: what login, logout and whoami need."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from typing import Any

from hokku import __version__
from hokku.toolbelt.platforms import Platform, ToolbeltError

_PATIENCE = 20.0  # seconds


def trust(ca_file: str | None) -> ssl.SSLContext:
    """A context that trusts the computer's CAs and the one in `ca_file`. There is none that does not verify."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except FileNotFoundError:
            raise ToolbeltError(f"There is no file {ca_file}. --ca-file is the platform's CA, in PEM.") from None
        except (ssl.SSLError, OSError):
            raise ToolbeltError(f"{ca_file} holds no certificate in PEM. --ca-file is the platform's CA.") from None
    return context


def unreachable(url: str, error: Exception) -> str:
    """What to tell when connecting to `url` failed: why, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message.rstrip(".")
        return (
            f"The certificate of {url} is not trusted here ({reason}). If the platform has a CA of its own, give it: "
            f"hokku login {url} --ca-file ca.crt"
        )
    if isinstance(error, ssl.SSLError):
        return f"{url} does not speak TLS ({error.reason}). Check the address and the port."
    if isinstance(error, socket.gaierror):
        return f"{url} is not known to this computer's name service. Check the address."
    if isinstance(error, TimeoutError):
        return f"{url} does not answer. Check the address, and that you can reach its network."
    reason = (error.strerror if isinstance(error, OSError) else None) or "the connection broke off"
    return f"{url} does not answer ({reason}). Check the address, and that the platform runs."


def ask(platform: Platform, method: str, path: str, body: Any = None, password: str | None = None) -> tuple[int, Any]:
    """Status and JSON (None when it is none) of the answer to a request with the platform's token.

    With `password`, email and password are sent instead of the token. Raises ToolbeltError when it does not answer.
    """
    headers = {"Accept": "application/vnd.heroku+json; version=3", "User-Agent": f"hokku/{__version__}"}
    if password is not None:
        pair = base64.b64encode(f"{platform.email}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    elif platform.token is not None:
        headers["Authorization"] = f"Bearer {platform.token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    host, port = platform.origin
    connection = http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=trust(platform.ca_file))
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise ToolbeltError(unreachable(platform.url, error)) from None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, None
