"""The checksum that a client may give with an archive: `SHA256:` and 64 hexadecimal digits (Heroku)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_FORM = re.compile(r"SHA256:(?P<digits>[0-9a-f]{64})", re.IGNORECASE)


def normal(text: str) -> str | None:
    """The checksum as it is kept, or None when it is none."""
    found = _FORM.fullmatch(text.strip())
    return f"SHA256:{found['digits'].lower()}" if found else None


def of(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return f"SHA256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
