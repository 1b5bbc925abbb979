"""This computer's own way to Debian and its extra certificates: the machines reach the registries as it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.command import run

EXTRA_CA_DIR = Path("/usr/local/share/ca-certificates")
_CARRIED_OPTIONS = tuple(
    f"Acquire::{name}" for name in ("Check-Valid-Until", "Check-Date", "http::Proxy", "https::Proxy")
)


@dataclass(frozen=True)
class Source:
    """One apt source: an archive's address, a suite and its components."""

    uri: str
    suite: str
    components: tuple[str, ...]

    def line(self) -> str:
        """The source in apt's one-line form."""
        return f"deb {self.uri} {self.suite} {' '.join(self.components)}"


def debian_sources(suite: str, texts: Iterable[tuple[str, str]]) -> tuple[Source, ...]:
    """Debian's own archives of `suite` among (file name, content) pairs; those of deb.debian.org if none is.

    Other vendors' archives are left out: a bare machine has none.
    """
    suites = (suite, f"{suite}-updates", f"{suite}-security")
    found: list[Source] = []
    for name, content in texts:
        parsed = _deb822(content) if name.endswith(".sources") else _one_line(content)
        found += [source for source in parsed if source.suite in suites and "main" in source.components]
    if not any(source.suite == suite for source in found):
        found = [
            Source("http://deb.debian.org/debian", suite, ("main",)),
            Source("http://deb.debian.org/debian", f"{suite}-updates", ("main",)),
            Source("http://deb.debian.org/debian-security", f"{suite}-security", ("main",)),
        ]
    return tuple(dict.fromkeys(found))


def this_computers_sources(suite: str) -> tuple[Source, ...]:
    """The Debian archives of `suite` that this computer's apt uses."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = [(path.name, path.read_text()) for path in files if path.is_file() and path.suffix in (".list", ".sources")]
    return debian_sources(suite, texts)


def apt_options() -> str:
    """Those apt settings of this computer that decide whether its archives are reachable, as an apt.conf fragment."""
    dump = run(["apt-config", "dump"])
    kept = [line for line in dump.splitlines() if line.startswith(_CARRIED_OPTIONS) and not line.endswith('"";')]
    return "".join(f"{line}\n" for line in kept)


def extra_certificates() -> tuple[Path, ...]:
    """The CA certificates that this computer trusts besides Debian's."""
    return tuple(sorted(EXTRA_CA_DIR.rglob("*.crt")))


def _one_line(content: str) -> list[Source]:
    found = []
    for line in content.splitlines():
        words = line.split("#")[0].split()
        if not words or words[0] != "deb":
            continue
        if len(words) > 1 and words[1].startswith("["):
            end = next(index for index, word in enumerate(words) if word.endswith("]"))
            del words[1 : end + 1]
        if len(words) >= 4:
            found.append(Source(words[1], words[2], tuple(words[3:])))
    return found


def _deb822(content: str) -> list[Source]:
    found = []
    for stanza in content.replace("\r", "").split("\n\n"):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields: dict[str, list[str]] = {}
        key = ""
        for line in lines:
            if line[0] in " \t":
                fields.setdefault(key, []).extend(line.split())
            else:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        components = tuple(fields.get("components", []))
        uris, suites = fields.get("uris", []), fields.get("suites", [])
        found += [Source(uri, suite, components) for uri in uris for suite in suites]
    return found
