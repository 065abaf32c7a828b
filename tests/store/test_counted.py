"""The tables count their rows by state as these come, change and go; so every figure costs the same however long the history."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, inspect, select, text, update

from tests.clocks import START
from tests.seeds import examples
from tests.store.counting import rows_are_as_counted
from tsbridge.store import counted, inbox, notification_log, schema
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox import Delivery
from tsbridge.store.inbox_tables import inbox as deliveries
from tsbridge.store.notice_tables import notifications
from tsbridge.store.work_tables import assignments
from tsbridge.store.writing_tables import desired

CHANGING = ("inbox", "cases", "escalations", "desired", "notifications")
CASE = {"acknowledged": False, "opened_at": START, "last_at": START, "tags": [], "state": {}}
STEP = {"policy": "p", "step": 1, "armed_at": START, "due_at": START}
WISH = {"case_id": "c", "wish": {}, "asked_at": START, "due_at": START, "ours": {}}
TELLING = {"notice": "n", "case_id": "c", "kind": "step", "made_at": START, "failed": False}
GIVEN = {
    **{name: "x" for name in ("case_id", "thread", "ticket", "queue", "agent", "zendesk_user_id", "channel", "moment")},
    **{"at": START, "candidates": [], "roster_version": 1, "rulebook_version": 1},
}
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("case"), st.integers(0, 3), st.sampled_from(["open", "resolved", None])),
        st.tuples(st.just("judged"), st.integers(0, 3), st.sampled_from(["1", "4", None])),
        st.tuples(st.just("routed"), st.integers(0, 3), st.sampled_from(["safety", "a queue", None])),
        st.tuples(st.just("taken"), st.integers(0, 3), st.sampled_from(["taken", None])),
        st.tuples(st.just("step"), st.integers(0, 3), st.sampled_from(["armed", "fired", "acknowledged", None])),
        st.tuples(st.just("wish"), st.integers(0, 3), st.sampled_from(["waiting", "sending", "confirmed", "parked"])),
        st.tuples(st.just("telling"), st.integers(0, 3), st.sampled_from(["waiting", "sent", "failed"])),
        st.tuples(st.just("reason"), st.integers(0, 3), st.sampled_from([None, "rule_paused", *notification_log.NOBODY])),
        st.tuples(st.just("given"), st.integers(0, 99), st.none()),
        st.tuples(st.just("all"), st.just(0), st.sampled_from(["waiting", "parked"])),
    ),
    max_size=20,
)


def change(conn: Connection, what: str, number: int, to: str | None) -> None:
    id_, tables = f"x{number}", {"case": (cases, CASE), "step": (escalations, {**STEP, "case_id": f"c{number}"})}
    if what in tables:
        table, values = tables[what]
        if to is None:
            conn.execute(delete(table).where(table.c.id == id_))
        elif not conn.execute(update(table).where(table.c.id == id_).values(status=to)).rowcount:
            conn.execute(table.insert().values(id=id_, status=to, **values))
    elif what in ("judged", "routed", "taken"):
        column = {"judged": cases.c.severity, "routed": cases.c.queue, "taken": cases.c.acknowledged}[what]
        value = to is not None if what == "taken" else int(to) if to is not None and what == "judged" else to
        conn.execute(update(cases).where(cases.c.id == id_).values({column: value}))
    elif what == "wish":
        if not conn.execute(update(desired).where(desired.c.ticket == id_).values(status=to)).rowcount:
            conn.execute(desired.insert().values(ticket=id_, id=id_, status=to, **WISH))
    elif what == "telling":
        if not conn.execute(update(notifications).where(notifications.c.id == id_).values(status=to)).rowcount:
            conn.execute(notifications.insert().values(id=id_, status=to, **TELLING))
    elif what == "reason":
        conn.execute(update(desired).where(desired.c.ticket == id_).values(reason=to))
        conn.execute(update(notifications).where(notifications.c.id == id_).values(reason=to))
    elif what == "all":
        conn.execute(update(desired).values(status=to))
    elif conn.execute(select(assignments.c.id).where(assignments.c.id == id_)).first() is None:
        conn.execute(assignments.insert().values(id=id_, **GIVEN))


@examples(8, 30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_whatever_happens_to_rows_they_are_as_counted(make_database: Callable[[], Database], changes: list[tuple[str, int, str]]) -> None:
    with make_database() as database:
        for one in changes:
            database.write_now(functools.partial(lambda conn, one: change(conn, *one), one=one))
            database.read_now(rows_are_as_counted)


def test_open_cases_are_told_by_queue_and_severity(database: Database) -> None:
    for number, (severity, queue, taken) in enumerate(
        (("1", "the safety team", None), ("1", "the safety team", "taken"), (None, None, None))
    ):
        for what, to in (("case", "open"), ("judged", severity), ("routed", queue), ("taken", taken)):
            database.write_now(functools.partial(change, what=what, number=number, to=to))
    database.write_now(lambda conn: change(conn, "case", 7, "resolved"))
    found = database.read_now(lambda conn: counted.open_cases(counted.load(conn)["case"]))
    assert set(found) == {(None, None, 1, 1), ("the safety team", 1, 2, 1)}


def test_what_is_undone_was_not_counted(database: Database) -> None:
    def breaks(conn: Connection) -> None:
        change(conn, "case", 1, "open")
        raise KeyError

    with pytest.raises(KeyError):
        database.write_now(breaks)
    assert database.read_now(counted.load) == {}


def test_a_delivery_that_is_not_kept_any_longer_stays_counted(database: Database) -> None:
    kept = [Delivery(f"evt_{n}", "zendesk", str(n), START, {}, b"{}", quarantined="not_json" if n == 2 else None) for n in (1, 2, 2, 3)]
    database.write_now(lambda conn: inbox.keep(conn, kept) and None)
    before = database.read_now(counted.load)["delivery"]
    assert before == {("zendesk", "pending"): 2, ("zendesk", "quarantined"): 1, ("zendesk", "duplicate"): 1}
    database.write_now(lambda conn: conn.execute(delete(deliveries).where(deliveries.c.status == "quarantined")) and None)
    assert database.read_now(counted.load)["delivery"] == before
    assert sum(before.values()) == database.read_now(inbox.received)["zendesk"] == 4


def test_lanes_are_added_up_and_nothing_is_lost_of_them(database: Database) -> None:
    for number in range(4):
        database.write_now(lambda conn, number=number: change(conn, "case", number, "open"))
    database.write_now(counted.fold)
    database.write_now(lambda conn: change(conn, "case", 1, "resolved"))
    database.write_now(counted.fold)
    database.read_now(rows_are_as_counted)
    lanes = database.read_now(lambda conn: set(conn.execute(select(counted.counted.c.lane)).scalars()))
    assert lanes == ({0} if database.dialect == "sqlite" else {-1})


def before_counting() -> str:
    """The revision that the one of counting is built on."""
    (counting,) = (one for one in ScriptDirectory(str(schema.scripts())).walk_revisions() if one.path.endswith("_counted.py"))
    return str(counting.down_revision)


def test_what_was_there_before_counting_began_is_counted(fresh_url: Callable[..., AbstractContextManager[str]]) -> None:
    with fresh_url() as url, Database.open(url) as database:
        database.write_now(lambda conn: inbox.keep(conn, [Delivery("evt_1", "zendesk", "k", START, {}, b"{}")]) and None)
        database.write_now(lambda conn: schema.downgrade(conn, before_counting()))
        assert "counted" not in database.read_now(lambda conn: inspect(conn).get_table_names())
        for what, to in (
            ("case", "open"),
            ("step", "fired"),
            ("wish", "parked"),
            ("telling", "failed"),
            ("reason", "nobody_on_call"),
            ("given", None),
        ):
            database.write_now(functools.partial(lambda conn, what, to: change(conn, what, 1, to), what=what, to=to))
        schema.migrate(database)
        database.read_now(rows_are_as_counted)
        assert database.read_now(counted.load)["wish"] == {("nobody_on_call", "parked"): 1}


def test_every_table_that_counts_itself_still_does_after_all_migrations(database: Database) -> None:
    triggers = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }[database.dialect]
    there = database.read_now(lambda conn: set(conn.execute(text(triggers)).scalars()))
    assert {name for name in there if "_counted_" in name} == {
        *(f"{table}_counted_insert" for table in (*CHANGING, "decisions", "assignments")),
        *(f"{table}_counted_update" for table in CHANGING),
        *(f"{table}_counted_delete" for table in ("cases", "escalations")),
    }
