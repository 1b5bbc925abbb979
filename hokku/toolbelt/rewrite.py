"""The URLs in the platform's answers that the CLI then connects to: they are made to lead through the listener."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_URLS = {"logplex_url", "output_stream_url", "put_url", "get_url"}
_TERMINAL = "attach_url"
_PATHS = re.compile(
    r"/(apps/[^/]+/(log-sessions|dynos|builds|releases|sources)(/[^/]+)?|sources|app-setups(/[^/]+)?)(\?.*)?"
)


def concerns(path: str) -> bool:
    """Whether answers at this path have such URLs."""
    return _PATHS.fullmatch(path) is not None


def rewritten(body: bytes, carry: Callable[[str], str], carry_terminal: Callable[[str], str]) -> bytes:
    """The JSON with its URLs replaced; untouched, byte for byte, when it has none or is no JSON."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    before = json.dumps(found)
    after = json.dumps(_walk(found, carry, carry_terminal))
    return body if after == before else after.encode()


def _walk(value: Any, carry: Callable[[str], str], carry_terminal: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_walk(item, carry, carry_terminal) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, item in value.items():
        if name in _URLS and isinstance(item, str) and item.startswith("https://"):
            made[name] = carry(item)
        elif name == _TERMINAL and isinstance(item, str) and item.startswith("rendezvous://"):
            made[name] = carry_terminal(item)
        else:
            made[name] = _walk(item, carry, carry_terminal)
    return made
