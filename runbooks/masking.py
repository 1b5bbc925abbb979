"""No secret leaves: what looks like one is masked, and what is one is looked for in what is about to leave."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

MASK = "********"
SHORT = 8  # characters; what is shorter than that is no secret of ours, and would be found everywhere
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_HEADER = re.compile(r"(?i)\b(authorization|proxy-authorization|cookie|set-cookie|x-api-key)(['\"]?\s*[:=]\s*)[^\r\n]+")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}")
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@'\"]+@")
_DOOR = re.compile(r"(?i)(/streams/|rendezvous://[^\s/]+/|/lines/|/uploads?/)[A-Za-z0-9_-]{16,}")
_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:token|key|secret|signature|sig|password|srv)=)[^&\s'\"]+")
_NAMED = re.compile(
    r"(?i)((?:[\w.-]*(?:passw(?:or)?d|passphrase|requirepass|masterauth|secret|token|credential|api_?key|private_?key"
    r"|config_?key|access_?key)[\w.-]*)['\"]?(?:\s*[:=]\s*|\s+(?=\S{16,})))"
    r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;}\])]+)"
)
_TOKEN = re.compile(r"\b[A-Za-z]{2,6}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_CONFIG = re.compile(r"(?m)^(\s*(?:export\s+)?[A-Z][A-Z0-9_]*_(?:URL|DSN|KEY|TOKEN|SECRET|PASSWORD)=).+$")


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without what is one of `secrets`, and without what looks like a secret. Pure.

    Names of files that hold secrets stay: that is what settings name.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _PEM.sub(f"{MASK} (a private key)", text)
    text = _URL.sub(rf"\1{MASK}@", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _DOOR.sub(rf"\1{MASK}", text)
    text = _QUERY.sub(rf"\1{MASK}", text)
    text = _CONFIG.sub(rf"\1{MASK}", text)
    text = _TOKEN.sub(MASK, text)
    return _NAMED.sub(_value, text)


def _value(found: re.Match[str]) -> str:
    value = found[2].strip("\"'")
    if value.startswith(("/", MASK)) or value.isdigit() or value.lower() in ("true", "false", "null", "none", ""):
        return found[0]
    quoted = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{quoted}{MASK}{quoted}"


def secrets(folder: Path) -> dict[str, tuple[str, ...]]:
    """The secrets in the operator's folder, by file: each in every form in which it may be written.

    Certificates are none; of a key each line is one. Raises OSError.
    """
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in (".crt", ".pub"):
            continue
        text = re.sub(
            r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", "", path.read_text(errors="replace"), flags=re.S
        )
        lines = [line.strip() for line in text.splitlines() if not line.startswith("-----")]
        if forms := tuple(dict.fromkeys(form for line in lines if len(line) >= SHORT for form in _forms(line))):
            found[str(path.relative_to(folder))] = forms
    return found


def _forms(secret: str) -> list[str]:
    raw = secret.encode()
    written = [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(raw).decode().rstrip("=")]
    return [*written, base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.hex()]


def leaks(members: Mapping[str, bytes], known: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """(member, the secret's file) for each secret that stands in a member, or in its name. Pure."""
    return [
        (name, file)
        for name, content in members.items()
        for file, forms in known.items()
        if any(form.encode() in content or form in name for form in forms)
    ]
