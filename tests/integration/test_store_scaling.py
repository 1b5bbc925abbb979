"""What users ask for often costs the same whatever other apps there are: rows touched, as PostgreSQL counts them."""

from __future__ import annotations

import itertools
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import event, insert, select, text

from hokku.store import accounts, slugs
from hokku.store.engine import engine, session
from hokku.store.tables import (
    App,
    Authorization,
    Base,
    Build,
    Collaborator,
    Domain,
    Dyno,
    DynoState,
    Key,
    Release,
    Slug,
    Source,
)
from tests.bench import crowd
from tests.integration.test_api_apps import fresh, slug_of

SLACK = 5  # rows: a plan for a small table may read a page's neighbours


@dataclass
class Touched:
    """Statements of one request, and the rows that their plans read."""

    statements: list[tuple[str, object]] = field(default_factory=list)

    def rows(self) -> dict[str, int]:
        """Rows read by each statement when it is run again, by its text without the length of its lists."""
        found: dict[str, int] = {}
        with engine().connect() as connection:
            for statement, parameters in self.statements:
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
                plan = connection.exec_driver_sql(explain, parameters).scalar_one()[0]["Plan"]
                alike = re.sub(r"IN \(%[^()]*(\(\w+\)[^()]*)+\)", "IN (…)", statement)
                found[alike] = found.get(alike, 0) + _read(plan)
            connection.rollback()
        return found


def _read(plan: dict) -> int:
    """Rows that the plan's scans read, those among them that a filter threw away."""
    rows = 0
    if "Scan" in plan["Node Type"] and "Relation Name" in plan:
        dropped = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        rows = round((plan["Actual Rows"] + dropped) * plan["Actual Loops"])
    return rows + sum(_read(part) for part in plan.get("Plans", ()))


@contextmanager
def watched() -> Iterator[Touched]:
    """What SQL is sent in the meantime."""
    made = Touched()

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE") and "pg_notify" not in statement:
            made.statements.append((statement, parameters))

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(engine(), "before_cursor_execute", note)


@pytest.fixture(scope="module")
def app(api):
    """An app that has what apps have."""
    made = fresh(api)
    slug_id = slug_of(made, web="true")
    assert api.post(f"/apps/{made['name']}/releases", json={"slug": slug_id}).status_code == 201
    for number in range(8):
        assert api.patch(f"/apps/{made['name']}/config-vars", json={"NUMBER": str(number)}).status_code == 200
    return made["name"]


def crowd_with_everything(apps: int) -> None:
    """Others' apps, each with what the lab's crowd must not have, because a manifold would act on it."""
    query = select(Release.id, App.id, App.owner_id).join(App).where(Release.version == 1, App.name.like("crowd-%"))
    with session() as opened:
        before = {app_id for _, app_id, _ in opened.execute(query)}
    crowd.seed(apps)
    with session() as opened:
        made = [found for found in opened.execute(query) if found[1] not in before]
        rows: dict[type[Base], list[dict]] = defaultdict(list)
        for release_id, app_id, owner_id in made:
            unique, stack = uuid.uuid4().hex, {"app_id": app_id, "stack": "debian-12"}
            rows[Authorization].append({"account_id": owner_id, "token_hash": unique})
            rows[Key].append({"account_id": owner_id, "fingerprint": unique, "public_key": "none"})
            rows[Source].append({"account_id": owner_id, "secret_hash": "none"})
            rows[Build].append(stack)
            rows[Slug].append(stack | {"sha256": "0" * 64, "size": 1, "process_types": {}})
            rows[Domain].append({"app_id": app_id, "hostname": f"{unique}.example.com"})
            rows[Collaborator].append({"app_id": app_id, "account_id": owner_id})
            for state in (DynoState.UP, DynoState.STOPPED):
                dyno = {"app_id": app_id, "release_id": release_id, "type": "web", "number": 1, "size": "basic"}
                dyno |= {"command": "true", "host": "dyno1", "slot": 1, "address": "", "state": state}
                rows[Dyno].append(dyno | {"instance": f"crowd-{uuid.uuid4()}"})
        slugs.note(opened, "0" * 64)
        for table, values in rows.items():
            opened.execute(insert(table), values)


def requests(api, app):
    size = itertools.cycle(("standard-1X", "basic"))
    path = f"/apps/{app}"
    return {
        "info": lambda: api.get(path),
        "config": lambda: api.get(f"{path}/config-vars"),
        "scale": lambda: api.patch(f"{path}/formation", json={"updates": [{"type": "web", "size": next(size)}]}),
        "formation": lambda: api.get(f"{path}/formation"),
        "logs": lambda: api.post(f"{path}/log-sessions", json={"lines": 10}),
        "releases": lambda: api.get(f"{path}/releases"),
        "ps": lambda: api.get(f"{path}/dynos"),
        "domains": lambda: api.get(f"{path}/domains"),
        "config:set": lambda: api.patch(f"{path}/config-vars", json={"AGAIN": next(size)}),
        "account": lambda: api.get("/account"),
    }


def touched(api, app) -> dict[str, dict[str, int]]:
    """By request and statement: rows read."""
    with session() as opened:
        opened.execute(text("ANALYZE"))
    found = {}
    for name, ask in requests(api, app).items():
        with watched() as seen:
            answer = ask()
        assert answer.is_success, f"{name}: {answer.text}"
        found[name] = seen.rows()
    return found


def test_no_request_for_an_app_reads_more_rows_because_there_are_other_apps(api, app):
    crowd.remove()
    try:
        crowd_with_everything(10)
        few = touched(api, app)
        crowd_with_everything(4000)  # of small tables PostgreSQL rather reads all than ten rows by their ids
        many = touched(api, app)
    finally:
        crowd.remove()
    grown = {
        f"{name}: {few[name].get(statement)} rows, then {rows}: {statement}"
        for name, statements in many.items()
        for statement, rows in statements.items()
        if rows > few[name].get(statement, 0) + SLACK
    }
    assert not grown, "\n".join(sorted(grown))
    assert all(sum(statements.values()) < 150 for statements in many.values()), many


def test_a_token_is_found_without_the_work_that_a_password_is_worth(api, app, monkeypatch):
    """argon2 takes tens of milliseconds: only a login pays for it."""
    monkeypatch.setattr(accounts, "password_fits", None)
    assert api.get(f"/apps/{app}").status_code == 200
