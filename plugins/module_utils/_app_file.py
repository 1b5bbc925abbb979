# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Files that hold all an app is (`apps/NAME.yml`): what may stand in one, and the app that it means.

A key that a file does not have leaves what the app has of it as it is. Everything here is of plain values: who reads
files, and decrypts them, gives them as dicts.
"""

from __future__ import annotations

import re

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError
from ansible_collections.hokku.platform.plugins.module_utils._app import NAME, masked
from ansible_collections.hokku.platform.plugins.module_utils._buildpacks import NEITHER, canonical
from ansible_collections.hokku.platform.plugins.module_utils._domains import hostname
from ansible_collections.hokku.platform.plugins.module_utils._drains import checked
from ansible_collections.hokku.platform.plugins.module_utils._drains import where as shown_drain
from ansible_collections.hokku.platform.plugins.module_utils._formation import MOST
from ansible_collections.hokku.platform.plugins.module_utils._platform import MASK

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TYPE = re.compile(r"[A-Za-z0-9_-]{1,63}")
SLUG = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHOWN = 60  # characters of a wrong value that are told

KEYS = (
    "name", "stack", "buildpacks", "config", "secrets", "formation", "domains", "certificates", "drains",
    "collaborators", "maintenance", "source",
)  # fmt: skip


class AppFileError(Exception):
    """All that is wrong with a file, a sentence a line; each names the file, the key, the value and the remedy."""


class Reader:
    """One file's checks: what is found wrong is kept, so that all of it is told at once."""

    def __init__(self, file, secrets, secrets_from):
        self.file = file
        self.wrong = []
        self._secrets, self._from = secrets, secrets_from

    def refuse(self, key, value, remedy):
        """Keep a sentence; `value` is left out where it is None, as secrets are."""
        told = "" if value is None else f" is {_shown(value)}"
        self.wrong.append(f"{self.file}: {key}{told}: {remedy}.")

    def text(self, key, value, remedy, fits=None):
        """Whether the value is a text that is not empty and that `fits`."""
        good = isinstance(value, str) and bool(value.strip()) and (fits is None or bool(fits.fullmatch(value)))
        if not good:
            self.refuse(key, value, remedy)
        return good

    def checked(self, key, value, check):
        """The value, if `check(value)` raises no ApiError; its sentence tells nothing that is secret."""
        try:
            check(value)
        except ApiError as error:
            self.wrong.append(f"{self.file}: {key}: {error}")
        return value

    def several(self, key, value, remedy):
        """The value's elements with their own keys; none where it is no list. What stands there twice is refused."""
        if not isinstance(value, list):
            self.refuse(key, value, remedy)
            return []
        for number, each in enumerate(value):
            if each in value[:number]:
                self.refuse(f"{key}[{number}]", None, "it stands there twice, leave one out")
        return [(f"{key}[{number}]", each) for number, each in enumerate(value)]

    def table(self, key, value, remedy, known=None):
        """The value's items with their own keys; none where it is no mapping. Unknown names are refused."""
        if not isinstance(value, dict):
            self.refuse(key, value, remedy)
            return []
        for name in value if known else ():
            if name not in known:
                where = f"{key}.{name}" if key else str(name)
                self.refuse(where, None, f"there is no such key, use one of {', '.join(known)}")
        return [(f"{key}.{name}", name, each) for name, each in value.items() if not known or name in known]

    def secret(self, key, name):
        """The value that the vault has for a name, or None."""
        value = self._secrets.get(name) if isinstance(name, str) else None
        if not isinstance(value, str):
            missing = "has no such name" if value is None else "has no text under it: write it in quotes"
            self.refuse(key, name, f"{self._from} {missing}, or take it out here")
            return None
        return value


def app(content, stem, file, secrets, secrets_from):
    """The app that a file's `content` means, with every key of KEYS but `secrets`, None for what is not there.

    `stem` is the file's name without .yml, `file` what it is called in sentences; `secrets` are values by name, and
    `secrets_from` says where they stand. Raises AppFileError.
    """
    reader = Reader(file, secrets, secrets_from)
    if not isinstance(content, dict):
        raise AppFileError(f"{file}: it is no mapping: begin with `name: {stem}`, docs/apps.md tells the rest.")
    reader.table("", content, "", KEYS)
    meant = dict.fromkeys(key for key in KEYS if key != "secrets")
    meant["name"] = content.get("name")
    rule = "use 3 to 30 small letters, digits and dashes, first a letter"
    if reader.text("name", meant["name"], rule, NAME) and meant["name"] != stem:
        reader.refuse("name", meant["name"], f"the file is called {stem}.yml, give both one name")
    for key in [key for key in KEYS if key in content and key not in ("name", "config", "secrets")]:
        meant[key] = _MEANINGS[key](reader, key, content[key])
    if "config" in content or "secrets" in content:
        meant["config"] = _config(reader, content.get("config", {}), content.get("secrets", []))
    if reader.wrong:
        raise AppFileError("\n".join(reader.wrong))
    return meant


def told(app):
    """What may be told of an app: all of it but values of config vars, keys, and what is secret in URLs."""
    found = {key: value for key, value in app.items() if value is not None}
    if "config" in found:
        found["config"] = dict.fromkeys(found["config"], MASK)
    if "buildpacks" in found:
        found["buildpacks"] = [_place(name) for name in found["buildpacks"]]
    if "drains" in found:
        found["drains"] = [shown_drain(url) for url in found["drains"]]
    if "certificates" in found:
        found["certificates"] = [{"domains": each["domains"]} for each in found["certificates"]]
    return found


def _place(buildpack):
    """A buildpack's name, or of its URL the host: the rest may be a secret."""
    scheme, separator, rest = masked(buildpack).partition("://")
    return f"{scheme}://{rest.split('/')[0]}/{MASK}" if separator else buildpack


def _shown(value):
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _config(reader, plain, names):
    found = {}
    for where, name, value in reader.table("config", plain, "give names and values"):
        if not isinstance(name, str) or not VARIABLE.fullmatch(name):
            reader.refuse(where, None, "use letters, digits and _ in a config var's name, and no digit first")
        elif not isinstance(value, str):
            kind = {bool: "true or false", int: "a number", float: "a number", type(None): "empty"}.get(type(value))
            reader.refuse(where, None, f"it is {kind or 'no text'}, and config vars are text, write it in quotes")
        else:
            found[name] = value
    for where, name in reader.several("secrets", names, "give a list of config vars' names"):
        if reader.text(where, name, "use letters, digits and _ in a config var's name, and no digit first", VARIABLE):
            if name in found:
                reader.refuse(where, name, "it stands under config, too, leave one out")
            found[name] = reader.secret(where, name)
    return found


def _stack(reader, key, value):
    reader.text(key, value, "give a stack's name such as debian-13")
    return value


def _texts(remedy):
    def read(reader, key, value):
        return [each for where, each in reader.several(key, value, remedy) if reader.text(where, each, remedy)]

    return read


def _formation(reader, key, value):
    found = {}
    for where, name, wanted in reader.table(key, value, "give process types and quantities, such as `web: 2`"):
        if not isinstance(name, str) or not TYPE.fullmatch(name):
            reader.refuse(where, None, "use letters, digits, _ and - in a process type's name")
            continue
        wanted = wanted if isinstance(wanted, dict) else {"quantity": wanted}
        reader.table(where, wanted, "", ("quantity", "size"))
        quantity, size = wanted.get("quantity"), wanted.get("size")
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 0:
            reader.refuse(f"{where}.quantity", quantity, "give a number of dynos, 0 or more")
        elif quantity > MOST:
            reader.refuse(f"{where}.quantity", quantity, f"give at most {MOST} dynos of a process type")
        if name == "release" and quantity:
            reader.refuse(where, None, "it is not scaled, as its command runs once for each release, take it out")
        if size is not None:
            reader.text(f"{where}.size", size, "give a size such as standard-1x, or leave it out")
        found[name] = {"quantity": quantity} | ({} if size is None else {"size": size})
    return found


def _certificates(reader, key, value):
    found, keys = [], ("domains", "certificate_file", "key_file")
    remedy = f"give a mapping of {', '.join(keys)}"
    for where, each in reader.several(key, value, f"give a list, each {remedy[5:]}"):
        reader.table(where, each, remedy, keys)
        each = each if isinstance(each, dict) else {}
        domains = _texts("give the domains that it is for")(reader, f"{where}.domains", each.get("domains"))
        files = {name: each.get(name) for name in keys[1:]}
        for name, path in files.items():
            reader.text(f"{where}.{name}", path, "give the path of a file in PEM, from this file's folder on")
        found.append({"domains": domains, **files})
    return found


def _maybe_secret(remedy, check):
    """A list of texts that `check` accepts, of which each may be `{secret: NAME}` instead; none is told."""

    def read(reader, key, value):
        found = []
        for where, each in reader.several(key, value, f"make a list of it, and {remedy}"):
            if isinstance(each, dict):
                reader.table(where, each, "", ("secret",))
                value = reader.secret(f"{where}.secret", each.get("secret"))
                found.append(value if value is None else reader.checked(where, value, check))
            elif not isinstance(each, str) or not each.strip():
                reader.refuse(where, None, f"{remedy}, or {{secret: NAME}}")
            else:
                found.append(reader.checked(where, each, check))
        return found

    return read


def _buildpack(name):
    try:
        canonical(name)
    except ApiError:  # which tells the name, that may be a secret
        raise ApiError(f"it {NEITHER}") from None


def _domains(reader, key, value):
    found = _texts("give a list of hostnames such as www.example.com")(reader, key, value)
    return [reader.checked(key, each, hostname) for each in found]


def _maintenance(reader, key, value):
    if not isinstance(value, bool):
        reader.refuse(key, value, "use true or false")
    return value


def _source(reader, key, value):
    remedy = "give `path` (with `ref` for a commit of that repository), or `slug`"
    reader.table(key, value, remedy, ("path", "ref", "slug"))
    value = value if isinstance(value, dict) else {}
    if isinstance(value, dict) and ("path" in value) == ("slug" in value):
        reader.refuse(key, value, f"{remedy}, one of the two")
    if "path" in value:
        reader.text(f"{key}.path", value["path"], "give a folder, from this file's folder on")
    if "ref" in value:
        reader.text(f"{key}.ref", value["ref"], "give a branch, tag or commit, in quotes")
        if "slug" in value:
            reader.refuse(f"{key}.ref", value["ref"], "it goes with path and not with slug, take it out")
    if "slug" in value:
        reader.text(f"{key}.slug", value["slug"], "give a slug's id, as `slug_info` tells it", SLUG)
    return {name: value.get(name) for name in ("path", "ref", "slug")}


_MEANINGS = {
    "stack": _stack,
    "buildpacks": _maybe_secret("give a buildpack's name such as heroku/python, or its URL", _buildpack),
    "formation": _formation,
    "domains": _domains,
    "certificates": _certificates,
    "drains": _maybe_secret("give a URL such as syslog+tls://logs.example.com:6514", checked),
    "collaborators": _texts("give a list of accounts' emails"),
    "maintenance": _maintenance,
    "source": _source,
}
