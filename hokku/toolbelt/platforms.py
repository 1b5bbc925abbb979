"""The platforms this user logged in to, in ~/.config/hokku/platforms.json (mode 0600: it holds the tokens)."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from hokku.errors import HokkuError

LOGIN_FIRST = "Log in to a platform first: hokku login https://api.example.com"


class ToolbeltError(HokkuError):
    """What a user of the toolbelt is told, in one sentence with its remedy."""

    id, status = "toolbelt", 400


@dataclass(frozen=True)
class Platform:
    """Where a platform is and how it is entered. `ca_file` is our copy of its CA; without a token one is logged out."""

    url: str
    email: str | None = None
    token: str | None = None
    ca_file: str | None = None

    @property
    def host(self) -> str:
        """Name and, unless it is 443, port: as git and the CLI write it."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> tuple[str, int]:
        """Name and port to connect to."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 443


def address(text: str) -> str:
    """`https://HOST[:PORT]` of what a user typed; raises ToolbeltError with what is expected."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.username or port == -1:
        raise ToolbeltError(f"{text!r} is not a platform's address. Give it as https://HOST or https://HOST:PORT.")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{name}" if port in (None, 443) else f"https://{name}:{port}"


def folder() -> Path:
    """The toolbelt's own folder."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "hokku"


def stored() -> tuple[str | None, dict[str, Platform]]:
    """The default platform's URL, and all platforms by URL."""
    path = folder() / "platforms.json"
    try:
        found = json.loads(path.read_text())
        platforms = {url: Platform(url, **fields) for url, fields in found["platforms"].items()}
        return found["default"], platforms
    except FileNotFoundError:
        return None, {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ToolbeltError(f"{path} cannot be read. Remove it, and log in again.") from None


def chosen() -> Platform | None:
    """The platform that HOKKU_PLATFORM or --platform names, or the last login's; None when there is none at all."""
    default, platforms = stored()
    wanted = os.environ.get("HOKKU_PLATFORM")
    if wanted:
        url = address(wanted)
        if url not in platforms:
            raise ToolbeltError(f"You are not logged in to {url}. Log in with: hokku login {url}")
        return platforms[url]
    return platforms.get(default or "")


def logged_in() -> Platform:
    """The chosen platform; raises ToolbeltError unless there is a token for it."""
    platform = chosen()
    if platform is None:
        raise ToolbeltError(f"You are not logged in. {LOGIN_FIRST}")
    if platform.token is None:
        raise ToolbeltError(f"You are not logged in. Log in with: hokku login {platform.url}")
    return platform


def keep(platform: Platform, default: bool = True) -> None:
    """Store the platform, as the default one unless told otherwise."""
    before, platforms = stored()
    platforms[platform.url] = platform
    fields = {url: {k: v for k, v in asdict(p).items() if k != "url"} for url, p in platforms.items()}
    text = json.dumps({"default": platform.url if default else before, "platforms": fields}, indent=2)
    write_private(folder() / "platforms.json", text + "\n")


def forget_token(platform: Platform) -> None:
    """Log out here: where the platform is stays known."""
    keep(replace(platform, token=None), default=False)


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(new, path)
