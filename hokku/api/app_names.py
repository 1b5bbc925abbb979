"""Names of apps: the rule, its sentences, and the small poems given to apps without one (all Heroku's)."""

from __future__ import annotations

import re
import secrets

from hokku.errors import InvalidParams

SHORTEST, LONGEST = 3, 30
_NAME = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
_HOW = "autumn hidden bitter misty silent empty dry dark icy delicate quiet white cool spring winter patient twilight "
_HOW += "dawn crimson wispy weathered blue billowing broken cold damp falling frosty green late lingering morning "
_HOW += "muddy old proud restless rough shy snowy solitary sparkling still throbbing wandering withered wild young"
_WHAT = "waterfall river breeze moon rain wind sea snow lake sunset pine shadow leaf glitter forest hill cloud meadow "
_WHAT += (
    "sun glade bird brook butterfly bush dew dust field fire flower firefly feather grass haze mountain night pond "
)
_WHAT += "darkness snowflake silence sound sky shape surf thunder violet water wildflower wave resonance dream cherry"


def check(name: str) -> str:
    """The name, if an app may have it; raises InvalidParams with Heroku's sentence."""
    if len(name) < SHORTEST:
        raise InvalidParams(f"Name is too short (minimum is {SHORTEST} characters)")
    if len(name) > LONGEST:
        raise InvalidParams(f"Name is too long (maximum is {LONGEST} characters)")
    if not _NAME.fullmatch(name):
        raise InvalidParams(
            "Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, "
            "and dashes."
        )
    return name


def haiku() -> str:
    """A name such as misty-river-48213: two words and a number, seldom taken."""
    return f"{secrets.choice(_HOW.split())}-{secrets.choice(_WHAT.split())}-{10_000 + secrets.randbelow(90_000)}"
