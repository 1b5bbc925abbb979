"""Which of a computer's apt sources the lab's machines get."""

from __future__ import annotations

from lab.sources import Source, debian_sources

DEB822 = """\
# a snapshot
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://deb.nodesource.com/node_20.x
Suites: nodistro
Components: main
"""


def lines(*texts: tuple[str, str]) -> list[str]:
    return [source.line() for source in debian_sources("bookworm", texts)]


def test_debians_archives_are_taken_and_other_vendors_are_not() -> None:
    assert lines(("debian.sources", DEB822)) == [
        "deb http://mirror.example/debian bookworm main contrib",
        "deb http://mirror.example/debian bookworm-updates main contrib",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]


def test_one_line_sources_with_options_are_understood() -> None:
    content = "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main # why\n#deb http://b.example x y"
    assert lines(("sources.list", content)) == ["deb http://a.example/debian bookworm main"]


def test_a_disabled_source_is_left_out() -> None:
    assert "mirror.example" not in " ".join(lines(("debian.sources", DEB822.replace("Types", "Enabled: no\nTypes"))))


def test_without_a_debian_archive_the_machines_get_debians_own() -> None:
    other = ("docker.list", "deb https://download.example/linux/debian bookworm stable")
    assert lines(other)[0] == "deb http://deb.debian.org/debian bookworm main"
    assert len(lines(other)) == 3


def test_a_source_said_twice_is_taken_once() -> None:
    once = Source("http://a.example/debian", "bookworm", ("main",))
    assert debian_sources("bookworm", [("a.list", once.line()), ("b.list", once.line())]) == (once,)
