"""The commands that a page of docs/ shows, and what it says that they answer.

A block fenced as ```console has commands behind `$ `; lines that begin with `> ` right behind one go on with it; all
else is what it prints. There `…` stands for anything within a line, and a line of `…` alone for any lines. Spaces
count as one, whatever their number: columns are as wide as names are. A block whose last line is `^C` is interrupted
once it has printed what stands there.

HTML comments right before a block say what is special about it:

    <!-- not run: REASON -->        nobody runs it
    <!-- file: PATH -->             it is no command, but what PATH has, below the directory that the page is in by then
    <!-- exits with: N -->          its last command ends with N, not with 0
    <!-- repeated for: N s -->      each command is run again until it prints what stands there, for N seconds at most

Anywhere, `<!-- apps: NAME … -->` says which names of apps the page uses, which are made unique for a run, and
`<!-- accounts: EMAIL … -->` which accounts must be there besides the first one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# Blocks that show data and no commands.
DATA = frozenset({"apache", "ini", "json", "python", "text", "toml", "yaml"})
ANYTHING = "…"
INTERRUPT = "^C"
_FENCE = re.compile(r"(`{3,})(\S*)\s*")
_COMMENT = re.compile(r"<!--\s*([a-z ]+):\s*(.*?)\s*-->")
_PROMPT = re.compile(r"\$ (.*)")


def pages() -> list[Path]:
    """README.md, the tutorial and every how-to guide."""
    return [_ROOT / "README.md", _ROOT / "docs" / "tutorial.md", *sorted((_ROOT / "docs" / "how-to").glob("*.md"))]


class PageError(Exception):
    """A page whose blocks cannot be understood: says where, and what to write."""


@dataclass(frozen=True)
class Command:
    """One command (with line ends, when it goes over several lines) and the lines that it prints."""

    line: int
    text: str
    output: tuple[str, ...] = ()
    code: int = 0
    interrupted: bool = False
    seconds: float = 0
    """For how long it is repeated; 0: it is run once."""


@dataclass(frozen=True)
class Content:
    """A file that the page tells its reader to write; `path` is relative to where the page is by then."""

    line: int
    path: str
    text: str


@dataclass(frozen=True)
class Left:
    """A block of commands that is not run, and why."""

    line: int
    reason: str
    commands: int


@dataclass(frozen=True)
class Page:
    """What a page shows, in its order."""

    path: str
    apps: tuple[str, ...]
    accounts: tuple[str, ...]
    steps: tuple[Command | Content | Left, ...]

    @property
    def commands(self) -> tuple[Command, ...]:
        """What is run."""
        return tuple(step for step in self.steps if isinstance(step, Command))

    @property
    def left(self) -> tuple[Left, ...]:
        """What is not."""
        return tuple(step for step in self.steps if isinstance(step, Left))

    def named(self, suffix: str) -> Page:
        """The same page with `suffix` behind the names of its apps, in commands, files and what is printed."""
        if not self.apps:
            return self
        names = re.compile(rf"\b({'|'.join(map(re.escape, self.apps))})\b(?!-)")

        def renamed(text: str) -> str:
            return names.sub(lambda found: found.group() + suffix, text)

        def step(of: Command | Content | Left) -> Command | Content | Left:
            if isinstance(of, Command):
                return replace(of, text=renamed(of.text), output=tuple(map(renamed, of.output)))
            return replace(of, path=renamed(of.path), text=renamed(of.text)) if isinstance(of, Content) else of

        return replace(self, apps=tuple(name + suffix for name in self.apps), steps=tuple(map(step, self.steps)))


def read(path: Path, name: str | None = None) -> Page:
    """The page at `path`; raises PageError."""
    return parse(path.read_text(), name or path.name)


def parse(text: str, name: str) -> Page:
    """The page whose Markdown is `text`; raises PageError for a block of which it is not said whether it is run."""
    needs: dict[str, list[str]] = {"apps": [], "accounts": []}
    steps: list[Command | Content | Left] = []
    marks: dict[str, str] = {}
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line, number = lines[number], number + 1
        if mark := _COMMENT.fullmatch(line.strip()):
            if mark[1] in needs:
                needs[mark[1]] += mark[2].split()
            else:
                marks[mark[1]] = mark[2]
        elif fence := _FENCE.fullmatch(line.strip()):
            indent = len(line) - len(line.lstrip())
            begin = number
            while number < len(lines) and lines[number].strip() != fence[1]:
                number += 1
            if number == len(lines):
                raise PageError(f"{name}:{begin}: the block has no end: close it with {fence[1]}")
            block = [inner[indent:] if not inner[:indent].strip() else inner for inner in lines[begin:number]]
            number += 1
            steps += _block(f"{name}:{begin}", begin, fence[2], block, marks)
            marks = {}
        elif line.strip() and marks:
            raise PageError(
                f"{name}:{number}: {', '.join(marks)} is said before a text: it belongs right before a block"
            )
    return Page(name, tuple(needs["apps"]), tuple(needs["accounts"]), tuple(steps))


def _block(
    where: str, line: int, language: str, block: list[str], marks: dict[str, str]
) -> list[Command | Content | Left]:
    known = {"not run", "file", "exits with", "repeated for"}
    if unknown := sorted(marks.keys() - known):
        raise PageError(f"{where}: {unknown[0]!r} says nothing about a block: use one of {', '.join(sorted(known))}")
    if "file" in marks:
        return [Content(line, marks["file"], "".join(inner + "\n" for inner in block))]
    if language == "console":
        commands = _commands(where, line, block, marks)
        if "not run" not in marks:
            return list(commands)
        if not marks["not run"]:
            raise PageError(f"{where}: say why it is not run: <!-- not run: REASON -->")
        return [Left(line, marks["not run"], len(commands))]
    if language not in DATA:
        raise PageError(
            f"{where}: a block of {language or 'nothing'}: fence commands as console, and what is none as one of "
            f"{', '.join(sorted(DATA))}, or say with <!-- file: PATH --> that it is a file"
        )
    if any(inner.startswith("$ ") for inner in block):
        raise PageError(f"{where}: a block of {language} has commands: fence it as console")
    return []


def _commands(where: str, line: int, block: list[str], marks: dict[str, str]) -> list[Command]:
    found: list[Command] = []
    goes_on = False
    for offset, inner in enumerate(block, start=1):
        if prompt := _PROMPT.fullmatch(inner):
            found.append(Command(line + offset, prompt[1], seconds=_seconds(where, marks)))
            goes_on = True
        elif not found:
            raise PageError(f"{where}: it begins without a command: put `$ ` before it")
        elif goes_on and inner.startswith("> "):
            found[-1] = replace(found[-1], text=f"{found[-1].text}\n{inner[2:]}")
        else:
            goes_on = False
            found[-1] = replace(found[-1], output=(*found[-1].output, inner))
    if not found:
        raise PageError(f"{where}: it has no command")
    if found[-1].output[-1:] == (INTERRUPT,):
        found[-1] = replace(found[-1], output=found[-1].output[:-1], interrupted=True)
    if "exits with" in marks:
        found[-1] = replace(found[-1], code=int(marks["exits with"]))
    return found


def _seconds(where: str, marks: dict[str, str]) -> float:
    if "repeated for" not in marks:
        return 0
    if not (said := re.fullmatch(r"(\d+) s", marks["repeated for"])):
        raise PageError(f"{where}: {marks['repeated for']!r} is no time: write <!-- repeated for: 60 s -->")
    return float(said[1])


def differs(expected: tuple[str, ...], printed: str) -> str | None:
    """None when `printed` is what `expected` says; else the first expected line that was not found."""
    wanted = [" ".join(line.split()) for line in expected]
    while wanted and not wanted[-1]:
        wanted.pop()
    found = [" ".join(line.split()) for line in printed.rstrip().splitlines()]
    return _differs(wanted, found)


def _differs(wanted: list[str], found: list[str]) -> str | None:
    """Match line by line; a line of `…` takes as few lines as the next expected line allows."""
    at = 0
    gap = False
    for line in wanted:
        if line == ANYTHING:
            gap = True
            continue
        pattern = re.compile(".*?".join(map(re.escape, line.split(ANYTHING))))
        while True:
            if at == len(found):
                return line
            at += 1
            if pattern.fullmatch(found[at - 1]):
                break
            if not gap:
                return line
        gap = False
    return None if gap or at == len(found) else f"(nothing more) before {found[at]!r}"
