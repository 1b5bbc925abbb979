"""Where the Platform API is, and with which token it is asked: from the environment, else from the inventory."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from runbooks import inventory
from runbooks.refusal import Refused

# the collection's one client of the API, which Ansible's modules use too
sys.path.insert(0, str(inventory.ROOT / ".collections"))
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError, path, until
from ansible_collections.hokku.platform.plugins.module_utils._formation import lacking

__all__ = ["Access", "Api", "ApiError", "api", "known", "lacking", "missing", "path", "since", "until"]
TIMEOUT = 30  # seconds for one answer
PAIRS = (("HOKKU_API_URL", "HOKKU_API_TOKEN"), ("HEROKU_HOST", "HEROKU_API_KEY"))  # a platform in the environment


@dataclass(frozen=True)
class Access:
    """The API's address, a token, and the CA of its certificate where it is none that this computer trusts anyway."""

    url: str
    token: str = field(repr=False)
    ca_file: str | None

    def open(self, timeout: int = TIMEOUT) -> Api:
        """A client; `timeout`: seconds for one answer."""
        return Api(self.url, self.token, self.ca_file, timeout)


def known(given: str = "") -> Access:
    """How the API is reached. An inventory that is named wins over the environment's platform. Raises Refused.

    Address and token come from one place: a token is never sent to a platform that it is not of.
    """
    if not given and not os.environ.get("HOKKU_INVENTORY") and (found := _of_environment()):
        return found
    source = inventory.chosen(given)
    names = ("hokku_public_url", "hokku_secrets_dir")
    settings = inventory.glance(source, *names) or inventory.read(source).settings
    if missing := [name for name in names if not settings.get(name)]:
        raise Refused(f"{source} does not set {' and '.join(missing)}: inventory/example shows them.")
    secrets = Path(settings["hokku_secrets_dir"]).expanduser()
    try:
        token = (secrets / "admin_token").read_text().strip()
    except OSError as error:
        raise Refused(
            f"The token in {secrets}/admin_token cannot be read ({error.strerror}): the first run of "
            "playbooks/site.yml makes it; or set HOKKU_API_URL and HOKKU_API_TOKEN."
        ) from None
    authority = secrets / "ca.crt"
    return Access(settings["hokku_public_url"], token, str(authority) if authority.exists() else None)


def _of_environment() -> Access | None:
    for pair in PAIRS:
        url, token = (os.environ.get(name) for name in pair)
        if url and token:
            return Access(url, token, os.environ.get("HOKKU_CA_FILE") or os.environ.get("HOKKU_CA") or None)
        if url or token:
            there, absent = pair if url else pair[::-1]
            raise Refused(f"The environment has {there} and no {absent}: set both, or neither to go by the inventory.")
    return None


def api(given: str = "") -> Api:
    """A client of the platform's API. Raises Refused and ApiError."""
    return known(given).open()


def missing(error: ApiError) -> bool:
    """Whether the API has no such route, as that of an older version has not; what is not found on a route differs."""
    return error.status in (404, 405) and "API endpoint was not found" in str(error)


def since(error: ApiError, what: str) -> Refused | ApiError:
    """The error to tell: where the API has no such route, that the platform must be brought up to date first."""
    if missing(error):
        return Refused(f"This platform's API does not know {what} yet: run playbooks/site.yml, which updates it.")
    return error
