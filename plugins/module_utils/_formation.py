# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""A formation that is wanted: what is meant, what has to change, and what is not so yet. Pure, but for `Watch`."""

from __future__ import annotations

import re
import time

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path

_TYPE = re.compile(r"[-\w]{1,128}", re.ASCII)
_SIZE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_DIGITS = re.compile(r"[0-9]{1,6}")
_ONCE = "release"  # the type whose command runs once for each release
MOST = 100  # dynos of one process type; platforms may have less for web
STAYS_CRASHED = 5.0  # seconds: a dyno is started again at once after its first crash, later after others
STEADY = 10.0  # seconds at least that a new dyno which serves nothing has to be up: it is so as soon as it runs
EXPLAINED = 3  # dynos of which a failure asks why


def wanted_of(processes):
    """Type → (quantity or None, size or None) of what the user wrote. Raises ApiError for what is no formation."""
    if not processes:
        raise ApiError("processes names no process type: write such as {web: 2, worker: {quantity: 1, size: basic}}.")
    return {str(kind): _one(str(kind), said) for kind, said in processes.items()}


def _one(kind, said):
    if not _TYPE.fullmatch(kind):
        raise ApiError(f"{kind!r} is no process type: it has letters, digits, dashes and underscores, such as web.")
    if not isinstance(said, dict):
        said = {"quantity": said}
    others = sorted(set(said) - {"quantity", "size"})
    if others or not said:
        named = f"{', '.join(map(str, others))} of {kind} is not known" if others else f"Nothing is said of {kind}"
        raise ApiError(f"{named}: a process type has a quantity and a size.")
    quantity = _quantity(kind, said["quantity"]) if "quantity" in said else None
    size = said.get("size")
    if "size" in said and not (isinstance(size, str) and _SIZE.fullmatch(size)):
        raise ApiError(f"size of {kind} is {size!r}: give the name of a dyno size, such as basic.")
    if kind == _ONCE and quantity:
        raise ApiError("release is not scaled: its command runs once for each new release. Leave it out.")
    return quantity, size


def _quantity(kind, said):
    if isinstance(said, str) and _DIGITS.fullmatch(said.strip()):
        said = int(said)  # what templates make of a number
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise ApiError(f"quantity of {kind} is {said!r}: give the number of dynos that is wanted, 0 or more.")
    if said > MOST:
        raise ApiError(f"quantity of {kind} is {said}: an app has at most {MOST} dynos of a process type.")
    return said


def updates(app, found, wanted, purge):
    """What the API is told, type by type: only what is different. `found`: the formation there is.

    Raises ApiError for a type that the app does not have.
    """
    present = {row["type"]: row for row in found}
    for kind in wanted:
        if kind not in present:
            raise ApiError(
                f"{app} has no process type {kind}: its Procfile has {', '.join(sorted(present))}."
                if present
                else f"{app} was not deployed yet, so it has no process type {kind}: deploy it first, then scale it."
            )
    made = []
    for kind, row in sorted(present.items()):
        quantity, size = wanted.get(kind, (0 if purge else None, None))
        update = {"type": kind}
        if quantity is not None and quantity != row["quantity"]:
            update["quantity"] = quantity
        if size is not None and size.lower() != row["size"].lower():
            update["size"] = size
        if len(update) > 1:
            made.append(update)
    return made


def checked_sizes(made, names):
    """The updates with each size as the platform writes it; `names`: those there are. Raises ApiError for another."""
    known = {name.lower(): name for name in names}
    for update in made:
        if "size" in update and update["size"].lower() not in known:
            raise ApiError(f"Dyno size {update['size']} is not known. Choose one of: {', '.join(names)}.")
    return [{**update, "size": known[update["size"].lower()]} if "size" in update else update for update in made]


def after(found, made):
    """The formation once the updates are done."""
    changed = {update["type"]: update for update in made}
    return [{**row, **changed.get(row["type"], {})} for row in found]


def short(rows):
    """Type → `2:Basic`, as a diff tells a formation."""
    return {row["type"]: f"{row['quantity']}:{row['size']}" for row in rows}


def lacking(rows, dynos):
    """Name → what is not so yet, of each dyno that the formation's rows want, and of each that they want no longer."""
    found = {}
    living = [dyno for dyno in dynos if dyno["state"] != "down"]
    for row in rows:
        fit = [each for each in living if each["type"] == row["type"] and each["size"] == row["size"]]
        for number in range(1, row["quantity"] + 1):
            name = f"{row['type']}.{number}"
            states = [dyno["state"] for dyno in fit if dyno["name"] == name]
            if "up" not in states:
                found[name] = states[0] if states else "not there"
        for dyno in living:
            number = dyno["name"].rpartition(".")[2]
            if dyno["type"] == row["type"] and (dyno not in fit or int(number) > row["quantity"]):
                found.setdefault(dyno["name"], "not gone")
    return found


class Watch:
    """Looks whether the dynos of an app are as these rows of its formation want. `look()` is for `until`."""

    def __init__(self, api, app, rows, dynos):
        self.api, self.app, self.rows = api, app, rows
        self._dynos = dynos  # gives those there are
        self._lacking = {}
        self._crashed = {}  # name → since when, on the clock that never jumps
        self._seen, self._up = {}, None  # the same of ids of dynos; those up at the first look were so before
        self._slowest = STEADY  # seconds, of the starts that were seen

    def look(self):
        """`{"dynos": [...]}`, once all is so. Raises ApiError when one of them stays crashed."""
        found = self._dynos(self.api, self.app)
        self._lacking = lacking(self.rows, found)
        now = time.monotonic()
        self._note(found, now)
        if not self._lacking:
            types = {row["type"] for row in self.rows}
            wanted = [dyno for dyno in found if dyno["type"] in types and dyno["state"] != "down"]
            young = [dyno["name"] for dyno in wanted if not self._steady(dyno, now)]
            self._lacking = dict.fromkeys(young, "up only just now")
            return None if young else {"dynos": wanted}
        crashed = [name for name, what in self._lacking.items() if what == "crashed"]
        self._crashed = {name: self._crashed.get(name, now) for name in crashed}
        stays = [name for name, since in self._crashed.items() if now - since >= STAYS_CRASHED]
        if stays:
            raise ApiError(
                f"{self.app} is scaled, but its dynos crash: {self._told(stays)}. "
                f"`heroku logs -a {self.app}` says what they wrote."
            )
        return None

    def _note(self, found, now):
        """Keep since when each dyno is seen, and is up."""
        up = [dyno["id"] for dyno in found if dyno["state"] == "up"]
        before = dict.fromkeys(up) if self._up is None else self._up
        self._up = {each: before.get(each, now) for each in up}
        self._seen = {dyno["id"]: self._seen.get(dyno["id"], now) for dyno in found}
        starts = [since - self._seen[each] for each, since in self._up.items() if since is not None]
        self._slowest = max(self._slowest, *starts) if starts else self._slowest

    def _steady(self, dyno, now):
        """Whether a dyno that is up has been so for as long as the slowest start took: on busy hosts all is slow."""
        since = self._up[dyno["id"]]
        return since is None or dyno["type"] == "web" or now - since >= self._slowest

    def state(self):
        """What was not so when it was looked at last, and why, for the sentence of a failure."""
        told = self._told(sorted(self._lacking)) or "how its dynos are is not known"
        return f"{self.app} is scaled, but {told}; see `heroku ps -a {self.app}`. The waiting for it ended"

    def _told(self, names):
        said = [f"{name} is {self._lacking[name]}{self._why(name)}" for name in names[:EXPLAINED]]
        if len(names) > EXPLAINED:
            said.append(f"and {len(names) - EXPLAINED} more")
        return ", ".join(said)

    def _why(self, name):
        """What the manifold decided for it last, in brackets; nothing where the platform does not tell."""
        try:
            found = decisions(self.api, self.app, name)
        except ApiError:  # the failure that is told is another
            found = None
        return f" ({found[0]['reason'].rstrip('.')})" if found else ""


def decisions(api, app, dyno):
    """What the manifold decided for a dyno and why, newest first; None where the platform does not tell."""
    return api.find(path("apps", app, "dynos", dyno, "decisions"))
