"""What was taken in and nobody needs any more goes away: uploaded sources after a day, tokens when they expired."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

from sqlalchemy import delete, select

from hokku.settings import settings
from hokku.store import sources
from hokku.store.engine import session
from hokku.store.tables import Authorization, Build, BuildStatus, Source, now

log = logging.getLogger(__name__)
KEPT = timedelta(days=1)  # that an uploaded source is kept, and longer while a build of it is pending
_EVERY = 3600.0  # seconds


def sweep() -> int:
    """Remove what is over; how many files were removed. Several API processes may do it at once."""
    oldest = now() - KEPT
    needed = select(Build.source_id).where(Build.status == BuildStatus.PENDING, Build.source_id.is_not(None))
    with session() as opened:
        over = opened.scalars(select(Source).where(Source.created_at < oldest, Source.id.not_in(needed))).all()
        paths = [sources.path(source.id) for source in over]
        for source in over:
            opened.delete(source)
        opened.execute(delete(Authorization).where(Authorization.expires_at < oldest))
    # half an upload that was killed has no row
    paths += [
        p for p in settings().sources_dir.glob("*.part") if time.time() - p.stat().st_mtime > KEPT.total_seconds()
    ]
    found = [path for path in paths if path.exists()]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


async def for_ever() -> None:
    """Sweep every hour, until cancelled."""
    while True:
        try:
            gone = await asyncio.to_thread(sweep)
            if gone:
                log.info("removed %d sources that nobody needs", gone)
        except Exception:
            log.exception("sweeping sources")
        await asyncio.sleep(_EVERY)
