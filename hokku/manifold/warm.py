"""Templates made ahead on a few more hosts than an app runs on: a scale or a lost host then costs clones only."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hokku.manifold import names
from hokku.store.wanted import AppSpec

HOSTS = 3  # at least so many hosts have an app's template, where there are so many


@dataclass(frozen=True)
class Lack:
    """A template to make."""

    host: str
    release_id: uuid.UUID
    app_id: uuid.UUID


def lack(apps: Iterable[AppSpec], templates: Mapping[str, Collection[str]], usable: Collection[str]) -> Lack | None:
    """The next template to make ahead, if any; `templates` are the names of those there are, by host.

    An app gets its template on twice as many hosts as it has dynos, at least on three.
    """
    for app in apps:
        release = app.current
        dynos = sum(spec.quantity for spec in app.formation.values())
        if release is None or app.candidate is not None or app.archived_at is not None or dynos == 0:
            continue
        having = [host for host in usable if names.template(release.id, host) in templates.get(host, ())]
        if len(having) < min(len(usable), max(HOSTS, 2 * dynos)):
            without = [host for host in usable if host not in having]
            return Lack(min(without, key=lambda host: (len(templates.get(host, ())), host)), release.id, app.id)
    return None
