"""The buildpacks of this platform, in the package, and those that an app names by URL. What they are called; pure.

A URL is a git repository (https, http or git, `#REF` for a branch, tag or commit) or a gzipped tarball (`.tgz`,
`.tar.gz`). It is fetched inside the build container alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

DIRECTORY = Path(__file__).parent / "buildpacks"
COMMON = "common.sh"  # what they share; each has a copy where it runs
MOST = 20  # buildpacks of one app
_ORDER = ("ruby", "nodejs", "python", "java", "php", "go", "static")  # Heroku's, in which they detect; static is last
_KNOWN = tuple(name for name in _ORDER if (DIRECTORY / name / "bin").is_dir())
FOUND_BY = {  # for the user whose app is found by none: the files that each bin/detect looks for
    "ruby": "Gemfile",
    "nodejs": "package.json",
    "python": "requirements.txt, uv.lock, poetry.lock, Pipfile, pyproject.toml, or a Procfile beside *.py",
    "java": "pom.xml, gradlew, build.gradle, or a jar that the Procfile runs",
    "php": "composer.json or index.php",
    "go": "go.mod",
    "static": "static.json or index.html",
}
_ALIASES = {"gradle": "java"}  # names of Heroku's whose work another one does
_URN = "urn:buildpack:"  # before a name of the registry, as Heroku shows it
_LONGEST = 1000  # characters of a URL
_SCHEMES = ("https", "http", "git")
_REGISTRY = re.compile(r"https://buildpack-registry\.s3\.amazonaws\.com/buildpacks/(heroku/[\w-]+)\.tgz")
_GITHUB = re.compile(r"https?://github\.com/heroku/heroku-buildpack-([\w-]+?)(?:\.git)?/?")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}")


class BadBuildpack(Exception):
    """One sentence that names the buildpack, what is wrong with it, and what there is."""


@dataclass(frozen=True)
class Buildpack:
    """`name` is heroku/NAME, or the URL as the app gave it; only one of `short` and `url` is set."""

    name: str
    short: str = ""
    url: str = ""
    ref: str = ""

    @property
    def tarball(self) -> bool:
        """Whether the URL is a tarball's, and not a git repository's."""
        return urlsplit(self.url).path.endswith((".tgz", ".tar.gz"))

    @property
    def shown(self) -> str:
        """The name without user and password: what may stand in an output, an event or a log."""
        return shown(self.name)


def known() -> tuple[str, ...]:
    """Their short names, in the order in which they detect."""
    return _KNOWN


def shown(name: str) -> str:
    """`name` without the user and password that a URL may carry."""
    scheme, separator, rest = name.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}" if separator else name


def parse(name: str) -> Buildpack:
    """The buildpack called so: `heroku/python`, `python`, `urn:buildpack:heroku/python`, or a URL. Raises BadBuildpack.

    A URL of Heroku's own (github.com/heroku/heroku-buildpack-python, without a #REF) is the platform's of that name.
    `heroku/gradle` is `heroku/java`, which finds out itself what builds an app.
    """
    github = _GITHUB.fullmatch(name)  # Heroku's own know Heroku's stacks alone
    if github and _ALIASES.get(github[1], github[1]) in _KNOWN:
        name = f"heroku/{github[1]}"
    registered = _REGISTRY.fullmatch(name)
    short = (registered[1] if registered else name.removeprefix(_URN)).removeprefix("heroku/")
    short = _ALIASES.get(short, short)
    if short in _KNOWN:
        return Buildpack(f"heroku/{short}", short=short)
    if "://" in name and not registered:
        return _by_url(name)
    have = ", ".join(f"heroku/{pack}" for pack in _KNOWN)
    raise BadBuildpack(
        f"Buildpack {_printable(name.removeprefix(_URN))} is not there. This platform has: {have}. "
        "Others are named by URL: a git repository or a .tgz over https."
    )


def chosen(names: Iterable[str]) -> list[Buildpack]:
    """The buildpacks an app names, in their order. Raises BadBuildpack."""
    return [parse(name) for name in names]


def _by_url(text: str) -> Buildpack:
    seen = _printable(shown(text))
    if len(text) > _LONGEST:
        raise BadBuildpack(f"Buildpack {seen}… has a URL of more than {_LONGEST} characters: use a shorter one.")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise BadBuildpack(f"Buildpack {seen} has a character that a URL cannot have: write it as %XX.")
    parts = _split(text, seen)
    if parts.scheme not in _SCHEMES:
        raise BadBuildpack(f"Buildpack {seen} is not fetched over {parts.scheme}: use https, http or git.")
    if not parts.hostname:
        raise BadBuildpack(f"Buildpack {seen} has no host: write it like https://example.com/buildpack.git.")
    if parts.fragment and not _REF.fullmatch(parts.fragment):
        raise BadBuildpack(f"Buildpack {seen} has a #REF that is no branch, tag or commit.")
    pack = Buildpack(text, url=text.partition("#")[0], ref=parts.fragment)
    if pack.tarball and (pack.ref or parts.scheme == "git"):
        raise BadBuildpack(f"Buildpack {seen} is a tarball: it is fetched over https or http, and has no #REF.")
    return pack


def _split(text: str, seen: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  raises when it is no number
    except ValueError:
        raise BadBuildpack(f"Buildpack {seen} is not a URL: write it like https://example.com/buildpack.git.") from None
    return parts


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:200])
