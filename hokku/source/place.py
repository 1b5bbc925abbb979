"""The few settings that the small programs of a push need, without the cost of importing all of them."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_DEFAULT = "/etc/hokku/hokku.toml"
_KEYS = ("public_url", "api_listen", "api_port", "ca_file", "git_token_file", "git_dir")


@dataclass(frozen=True)
class Place:
    """Where the API answers on this host, the name its certificate is good for, and where repositories are."""

    address: str
    port: int
    server_name: str
    ca_file: Path
    git_token_file: Path
    git_dir: Path


def place() -> Place:
    """Read from the file of `hokku.settings`; what the file leaves out is asked there, more slowly."""
    path = Path(os.environ.get("HOKKU_SETTINGS", _DEFAULT))
    values = tomllib.loads(path.read_text())
    if any(key not in values for key in _KEYS):
        from hokku.settings import load  # here: it costs a tenth of a second

        found = load(path)
        values = {key: getattr(found, key) for key in _KEYS}
    listen = values["api_listen"]
    return Place(
        address="127.0.0.1" if listen in ("0.0.0.0", "::", "") else listen,
        port=int(values["api_port"]),
        server_name=urlsplit(values["public_url"]).hostname or "localhost",
        ca_file=Path(values["ca_file"]),
        git_token_file=Path(values["git_token_file"]),
        git_dir=Path(values["git_dir"]),
    )
