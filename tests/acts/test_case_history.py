"""What was known of a case at an earlier time, as it stood then: nothing of it tells what came of it later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, update

from tests.clocks import START
from tests.web import rows
from tsbridge.acts.case_history import history
from tsbridge.store import escalation_tables, inbox_tables, moment_tables, notice_tables
from tsbridge.store.db import Database

CASE = "case_000001"
THEN, LATER = START + timedelta(minutes=30), START + timedelta(hours=1)


def fill(conn: Connection) -> None:
    """A case that was heard of at the start; all else came of it later."""
    rows.case(conn, CASE, START, "1")
    rows.event(conn, 1, START)
    rows.moment(conn, 1, START, "1")
    rows.telling(conn, 1, START)
    rows.escalation(conn, 1, START)
    for table, came in (
        (inbox_tables.inbox, {"status": "ignored", "reason": "no_case", "rang_for": "1", "settled_at": LATER}),
        (moment_tables.moments, {"withdrawn_at": LATER, "withdrawn_by": "sue", "redacted_at": LATER, "replaced_at": LATER}),
        (notice_tables.notifications, {"sent_at": LATER, "acknowledged_at": LATER}),
        (escalation_tables.escalations, {"status": "fired", "ended_at": LATER}),
    ):
        conn.execute(update(table).values(**came))


def test_what_came_of_it_later_is_not_told_as_of_an_earlier_time(database: Database) -> None:
    database.write_now(fill)

    def read(conn: Connection) -> Any:
        return history(conn, CASE, 20), history(conn, CASE, 20, as_of=THEN)

    now, then = database.read_now(read)
    about = {one.kind: one.about for one in then}
    assert {one.kind for one in now} == {*about} == {"delivery", "moment", "link", "notification", "escalation"}
    assert LATER in {one.at for one in now}
    assert LATER not in {one.at for one in then}
    assert not [kind for kind, told in about.items() if LATER in told.values()]
    assert (about["delivery"]["status"], about["delivery"]["reason"], about["delivery"]["rang_for"]) == ("pending", None, None)
    assert about["moment"]["withdrawn_by"] is None
    assert about["notification"]["status"] == "waiting"
    assert about["escalation"]["status"] == "armed"
