"""`fab why`: what the manifold decided about a dyno, and why."""

from __future__ import annotations

from runbooks.refusal import Refused
from runbooks.runbook import needed, runbook

LINES = 20


@runbook(
    help={
        "dyno": "APP/web.1; or web.1, or a dyno's id, with --app",
        "app": "the application's name",
        "lines": "so many decisions, the newest first",
    }
)
def why(context, dyno="", app="", lines=LINES, inventory="", json=False):
    """Say what the manifold decided about a dyno, and why: fab why --dyno APP/web.1."""
    from runbooks import access, screen

    needed(dyno, "dyno", "fab why --dyno APP/web.1")
    if lines < 1:
        raise Refused(f"--lines is {lines}: give 1 or more.")
    app, dyno = which(app, dyno)
    client = access.api(inventory)
    where = access.path("apps", app, "dynos", dyno)
    try:
        decisions = client.get(f"{where}/decisions")
    except access.ApiError as error:
        raise access.since(error, "why a dyno is where it is") from None
    now = client.find(where)
    decisions = decisions[:lines]
    if json:
        screen.document({"app": app, "dyno": now, "decisions": decisions})
        return
    if now:
        screen.say(
            f"{app}/{now['name']} is {now['state']} since {now['updated_at']}, of release v{now['release']['version']}."
        )
    else:
        screen.say(f"{app}/{dyno} is not there now.")
    if decisions:
        columns = ("at", "dyno", "host", "decision", "why")
        screen.table(columns, [(d["created_at"], d["dyno"], d["host"], d["decision"], d["reason"]) for d in decisions])
    else:
        screen.say("The manifold has decided nothing about it that is still kept.")


def which(app: str, dyno: str) -> tuple[str, str]:
    """(application, dyno) of APP/DYNO, or of both apart. Pure. Raises Refused."""
    named, slash, rest = dyno.partition("/")
    if slash and app and named != app:
        raise Refused(f"--app is {app}, and --dyno is of {named}: name one application.")
    app, dyno = (named, rest) if slash else (app, dyno)
    if not app or not dyno or "/" in dyno:
        raise Refused(f"{dyno or named!r} names no application: write --dyno APP/web.1, or give --app.")
    return app, dyno
