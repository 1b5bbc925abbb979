"""Texts at rest that may hold a secret: encrypted with the key of the config vars, and only if they need it."""

from __future__ import annotations

from hokku.store import configs

_MARK = "sealed:"


def seal(text: str) -> str:
    """`text`, encrypted, as printable text."""
    return _MARK + configs.cipher().encrypt(text.encode()).decode()


def unseal(text: str) -> str:
    """What `seal` got; a text that was never sealed is given back as it is."""
    return configs.cipher().decrypt(text.removeprefix(_MARK)).decode() if text.startswith(_MARK) else text
