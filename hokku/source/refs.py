"""Which updates of a repository deploy, and the sentences for those that do not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hokku.source.request import printable

_BRANCHES = {"refs/heads/main": "main", "refs/heads/master": "master"}


class NotDeployed(Exception):
    """The push is refused as a whole; the text is the sentence for the user."""


@dataclass(frozen=True)
class Update:
    """One line that git gives the hook: ids before and after (all zeros: none), and the ref."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Whether the ref is to go."""
        return set(self.new) == {"0"}

    @property
    def creates(self) -> bool:
        """Whether the ref was not there."""
        return set(self.old) == {"0"}


def parse(lines: Iterable[str]) -> list[Update]:
    """The updates in the hook's standard input."""
    return [Update(*line.rstrip("\n").split(" ", 2)) for line in lines if line.strip()]


def to_deploy(updates: list[Update], remote: str = "heroku") -> Update:
    """The one update of main or master; raises NotDeployed when there is none, or anything beside it."""
    for update in updates:
        name = printable(update.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))
        if update.ref.startswith("refs/tags/"):
            raise NotDeployed(f"Pushed the tag '{name}': only the branches main and master deploy, leave tags out.")
        if update.ref not in _BRANCHES:
            raise NotDeployed(f"Pushed to '{name}': only main or master deploys, use `git push {remote} {name}:main`.")
        if update.deletes:
            raise NotDeployed(f"The branch {name} cannot be deleted: use `heroku apps:destroy` to remove the app.")
    if len(updates) != 1:
        raise NotDeployed("Pushed to main and master at once: push one of them, it is what deploys.")
    return updates[0]


MOST_SUBMODULES = 50


def submodules(tree: bytes) -> list[tuple[str, str]]:
    """(commit, path) of each submodule in what `git ls-tree -r -z` says of a commit; raises NotDeployed."""
    found = []
    for entry in tree.split(b"\0"):
        about, _, name = entry.partition(b"\t")
        if not about.startswith(b"160000 "):
            continue
        path = name.decode("utf-8", "replace")
        if not path.isprintable():
            raise NotDeployed(f"The submodule '{printable(path)}' has a path that cannot be printed: rename it.")
        found.append((about.split()[2].decode(), path))
    if len(found) > MOST_SUBMODULES:
        raise NotDeployed(f"The commit has {len(found)} submodules: {MOST_SUBMODULES} are fetched at most.")
    return found
