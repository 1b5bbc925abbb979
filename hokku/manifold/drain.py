"""Which dynos of draining hosts are replaced elsewhere now: a few at a time, so that the other hosts are not flooded.

Level-triggered, as the plan is: a dyno whose replacement exists keeps its turn whatever else happens, so nothing is
begun and given up again; the others get theirs in the order of their age. `hokku.manifold.plan` has the replacement
made, and retires the dyno once that serves.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping

from hokku.manifold.placement import Load

OF_A_HOST = 8  # dynos of one draining host that are being replaced at once
OF_AN_APP = 2  # of them, of one app

Place = tuple[uuid.UUID, str, int]  # app, type, number


def turns(
    loads: Mapping[uuid.UUID, Load],
    draining: Collection[str],
    *,
    usable: bool,
    stuck: Collection[Place] = (),
    rolling: Collection[uuid.UUID] = (),
) -> set[uuid.UUID]:
    """The ids of the dynos on draining hosts that are to be replaced now.

    `usable`: whether any host could take a replacement; without one none is begun. `stuck`: places whose dyno could not
    be made lately. They have turns of their own, and a replacement that crashed takes none of the host's, nor of the
    app's until it is started again: neither may ever end, and nothing else is to wait for that. `rolling`: apps with a
    rollout under way, which moves nothing. A place has one turn, wherever its dynos are.
    """
    if not draining:
        return set()
    leaving = {
        key: load for key, load in loads.items()
        if load.host in draining and not load.leaving and not load.oneoff and load.app_id not in rolling
    }  # fmt: skip
    successors: dict[Place, Load] = {}
    for load in sorted(loads.values(), key=lambda load: load.created_at):
        if load.host not in draining and not load.oneoff and (load.crashed or not load.leaving):
            successors[_place(load)] = load
    found: set[uuid.UUID] = set()
    taken: Counter[object] = Counter()
    waiting = []
    for dyno_id, load in sorted(leaving.items(), key=lambda pair: (pair[1].created_at, pair[0])):
        successor = successors.get(_place(load))
        if successor is None or successor.created_at < load.created_at:
            waiting.append((dyno_id, load))
            continue
        found.add(dyno_id)
        taken[load.host, load.app_id] += not successor.crashed
        if not successor.crashes:
            taken[load.host, False] += 1
    moving = {_place(loads[dyno_id]) for dyno_id in found}
    for dyno_id, load in waiting if usable else ():
        if _place(load) in moving:
            continue
        tried = _place(load) in stuck
        of_host, of_app = (load.host, tried), (load.host, load.app_id)
        if taken[of_host] < OF_A_HOST and taken[of_app] < OF_AN_APP:
            found.add(dyno_id)
            moving.add(_place(load))
            taken.update([of_host, of_app])
    return found


def _place(load: Load) -> Place:
    return load.app_id, load.type, load.number
