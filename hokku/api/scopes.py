"""What a token may do by its scope, with Heroku's names and meanings.

`global` opens everything; `identity` who the account is; `read` and `write` apps and other resources, but no secrets;
`read-protected` and `write-protected` those with their secrets. A scope that may write may also read.
"""

from __future__ import annotations

import re

GLOBAL = "global"
ALL = (GLOBAL, "identity", "read", "write", "read-protected", "write-protected")
_IDENTITY = re.compile(r"/(account|account/rate-limits|users/{user}|accounts/{account}/actions/get-quota)")
_ACCOUNT = re.compile(r"/(account|accounts|oauth)(/.*)?|/users/{user}")
_SECRET = re.compile(r".*/(config-vars|config)(/.*)?")
_INSIDE = re.compile(r"/apps/{app}/dynos(/{dyno})?")  # POST: a command in a dyno reads the config vars
_ASKS = re.compile(r"/filters/.*|/actions/.*/resolve|/apps/{app}/log-sessions")  # POST that only reads


def fitting(method: str, path: str) -> tuple[str, ...]:
    """The scopes that open a route, each alone; `path` is the route's pattern, such as /apps/{app}."""
    reads = method in ("GET", "HEAD") or (method == "POST" and _ASKS.fullmatch(path) is not None)
    if _ACCOUNT.fullmatch(path):
        return (GLOBAL, "identity") if reads and _IDENTITY.fullmatch(path) else (GLOBAL,)
    if _SECRET.fullmatch(path) or (method == "POST" and _INSIDE.fullmatch(path)):
        return (GLOBAL, "read-protected", "write-protected") if reads else (GLOBAL, "write-protected")
    if reads:
        return (GLOBAL, "read", "write", "read-protected", "write-protected")
    return (GLOBAL, "write", "write-protected")
