"""Each action leaves an event, and most leave the `app[api]` line that Heroku's users know."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from hokku.api.access import Viewer
from hokku.release import announce
from hokku.store import events, webhooks
from hokku.store.tables import App


def leave(
    opened: Session, viewer: Viewer, action: str, app: App | None = None, line: str | None = None, **data: Any
) -> None:
    """Keep that `viewer` did `action`; `line` goes to the app's log as `LINE by user EMAIL`. No secrets in `data`.

    Webhooks tell that the viewer made this transaction's changes.
    """
    webhooks.act_as(opened, viewer.account.id)
    events.record(
        opened,
        action,
        app_id=app.id if app else None,
        account_id=viewer.account.id,
        address=viewer.address,
        **data,
    )
    if app is not None and line:
        announce(opened, app.id, f"{line} by user {viewer.account.email}")
