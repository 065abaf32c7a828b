"""Numbers with a point that are written in more than one way: what is kept with them is the canonical text, of which hashes are made."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from tests.clocks import SettableClock
from tests.readable import opened
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, call
from tsbridge.core.moments import canonical_text
from tsbridge.store import proof
from tsbridge.store.case_tables import cases
from tsbridge.store.columns import json_of
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.moment_tables import moments

SMALL, SMALLER = 0.00001, 0.0000002
COLUMNS = (moments.c.body, cases.c.state, decisions.c.outcome, decisions.c.matched, decisions.c.seen)


def rule(key: str, value: float) -> dict[str, Any]:
    when = {"all": [{"field": "call.talk_seconds", "operator": "less_than", "value": 1}]}
    return {"key": key, "kind": "escalation", "when": when, "on": ["call"], "then": [{"set_custom_field": {"id": 77, "value": value}}]}


def kept(conn: Connection) -> dict[str, list[str]]:
    found = {}
    for column in COLUMNS:
        rows = conn.exec_driver_sql(f"SELECT {column.name} FROM {column.table.name}").scalars().all()  # noqa: S608
        found[str(column)] = [opened(conn, column, one).decode() for one in rows]
    return found


def test_what_is_kept_of_them_is_the_canonical_text(database: Database, clock: SettableClock) -> None:
    clock.advance(86_400)
    walk = Walk(database, clock, {**BOOK, "rules": [rule("small", SMALL), rule("smaller", SMALLER), *BOOK["rules"]]})
    walk.tell([call("call.ended", 3, talk_time="0.00003"), call("call.ended", 4, "c2", talk_time="0.0000004")])
    walk.work()
    texts = database.read_now(kept)
    assert all(canonical_text(json_of(one)) == one for told in texts.values() for one in told)
    told = "".join(texts["decisions.outcome"])
    assert ('"custom_fields":{"77":1e-05}' in told, '"value":2e-07' in told) == (True, True), "set, and overruled"
    for column in ("moments.body", "cases.state", "decisions.seen"):
        assert '"call.talk_seconds":3e-05' in "".join(texts[column])
    assert '"77":[1e-05,' in "".join(texts["cases.state"])
    assert database.read_now(proof.verify)["ok"]
