"""One person with very many tickets and calls costs no more per delivery than one with some, and no result changes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.engine import Engine

from tests.clocks import SettableClock
from tests.work.walk import Walk, call, ticket
from tsbridge.core.contacts import COUNTS, counts_at
from tsbridge.core.link import CROWD
from tsbridge.core.moments import Handle, Interaction
from tsbridge.document_files import load_file
from tsbridge.store import links, schema
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.link_tables import acquaintances, handles

BOOK = load_file(Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml")
COUNTING = {
    "schema": 1,
    "queues": {"intake": {}},
    "rules": [
        *(
            {
                "key": f"seen{n}",
                "kind": "escalation",
                "when": {"all": [{"field": "requester.contacts_24h", "operator": "is", "value": n}]},
                "then": [{"add_tags": [f"ts_{n}"]}],
            }
            for n in range(6)
        ),
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}
"""Tells by its rules how many contacts were counted."""
PHONE = "+14155550123"
DAY = 60 * 24
Delivery = tuple[str, dict[str, Any]]


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    """All is heard a week later: the order of arrival is free."""
    clock.advance(timedelta(days=7))
    return clock


@dataclass(slots=True)
class Effort:
    """What was asked of the database. `steps`: thousands of instructions of SQLite's machine, 0 on PostgreSQL."""

    statements: int = 0
    rows: int = 0
    steps: int = 0


@contextmanager
def effort(database: Database) -> Iterator[Effort]:
    """Counts statements; the rows they give back on PostgreSQL, how much the writer looked at for them on SQLite."""
    spent = Effort()
    with on_sqlite(database, spent) if database.dialect == "sqlite" else on_postgresql(spent):
        yield spent


@contextmanager
def on_sqlite(database: Database, spent: Effort) -> Iterator[None]:
    driver: Any = database.write_now(lambda conn: conn.connection.driver_connection)

    def step() -> int:
        spent.steps += 1
        return 0

    def statement(_: str) -> None:
        spent.statements += 1

    driver.set_progress_handler(step, 1_000)
    driver.set_trace_callback(statement)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
        driver.set_trace_callback(None)


@contextmanager
def on_postgresql(spent: Effort) -> Iterator[None]:
    def executed(conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        spent.statements += 1
        reads = statement.lstrip().startswith(("SELECT", "WITH")) and not any(word in statement for word in ("UPDATE", "advisory"))
        if reads:
            driver: Any = conn.connection.driver_connection
            spent.rows += driver.execute(f"SELECT count(*) FROM ({statement}) AS counted", parameters).fetchone()[0]  # noqa: S608  # our own

    event.listen(Engine, "after_cursor_execute", executed)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", executed)


def in_one_day(n: int) -> Delivery:
    """A forwarder: one requester, always the same address and number."""
    return ticket("created", n * 0.5, str(70_000 + n), text=f"text {n}", phone=PHONE)


def on_a_shared_phone(n: int) -> Delivery:
    """The phone of a shop: many people, one number."""
    return ticket("created", n * 0.5, str(70_000 + n), text=f"text {n}", person=str(5_000 + n), phone=PHONE)


def calls_of_a_number(n: int) -> Delivery:
    return call("call.missed", n * 0.5, f"c{n}", phone=PHONE)


def over_months(n: int) -> Delivery:
    """Somebody who comes again whenever the last case is over."""
    return ticket("created", n * DAY * 1.5 - 500 * DAY, str(70_000 + n), text=f"text {n}", phone=PHONE)


@pytest.mark.parametrize("kind", [in_one_day, pytest.param(on_a_shared_phone, marks=pytest.mark.soak), calls_of_a_number, over_months])
def test_what_one_more_delivery_costs_does_not_grow_with_the_persons_contacts(
    database: Database, late: SettableClock, kind: Callable[[int], Delivery]
) -> None:
    walk = Walk(database, late, BOOK)
    told, costs = 0, []
    for upto in (40, 120):
        walk.tell(kind(n) for n in range(told, upto))
        walk.work()
        walk.tell([kind(upto)])
        told = upto + 1
        with effort(database) as spent:
            walk.work()
        costs.append(spent)
    few, many = costs
    assert many.statements <= few.statements + 5
    assert many.rows <= few.rows + 10
    assert many.steps <= few.steps + 30  # counting looks at each of the 180 more, at 100 instructions or so


def crowd_and_calm() -> list[Delivery]:
    """A person who is a crowd for a while and not before nor after, with comments, calls and somebody on the same phone."""
    deliveries = [ticket("created", -4 * DAY, "60", text="hello", phone=PHONE), ticket("created", -3.5 * DAY, "61", phone=PHONE)]
    deliveries += [ticket("created", n * 40, str(100 + n), text="bitten" if n == 1 else f"text {n}", phone=PHONE) for n in range(CROWD + 3)]
    deliveries += [ticket("commented", n * 40 + 5, str(100 + n), text="more") for n in range(0, CROWD, 4)]
    deliveries += [call("call.missed", n * 100 + 7, f"c{n}", phone=PHONE) for n in range(3)]
    deliveries += [ticket("created", 2.6 * DAY, "300", text="bitten", phone=PHONE), ticket("created", 2.8 * DAY, "301", text="again")]
    return deliveries


@pytest.mark.parametrize("seed", range(1))
@pytest.mark.parametrize("shared", [False, True])
def test_a_crowd_ends_alike_in_any_order_and_however_often_it_is_heard(
    make_database: Callable[[], Database], late: SettableClock, seed: int, shared: bool
) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    deliveries = crowd_and_calm() + [ticket("created", 333, "900", person="43", phone=PHONE)] * shared
    expected = walked(make_database(), late, [deliveries]).outcome()
    shuffled = deliveries + rng.choices(deliveries, k=5)
    rng.shuffle(shuffled)
    batches = [[one] for one in shuffled] if seed % 2 else [shuffled[:9], shuffled[9:20], shuffled[20:]]
    assert walked(make_database(), late, batches).outcome() == expected


def walked(database: Database, clock: SettableClock, batches: list[list[Delivery]], book: Mapping[str, Any] = BOOK) -> Walk:
    walk = Walk(database, clock, book)
    for batch in batches:
        walk.tell(batch)
        walk.work()
    return walk


def test_what_a_case_was_judged_to_be_leaves_its_founder_when_a_crowd_breaks_it_up(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    first = [ticket("created", n, str(100 + n), text="bitten" if n == 1 else "hello", phone=PHONE) for n in range(CROWD)]
    one_more = ticket("created", CROWD, "200", text="hello", phone=PHONE)
    expected = walked(make_database(), late, [[*first, one_more]])
    assert len(expected.outcome()["cases"]) == CROWD + 1
    assert walked(make_database(), late, [first, [one_more]]).outcome() == expected.outcome()


def test_contacts_are_counted_as_they_are_listed(database: Database, late: SettableClock) -> None:
    ours = [call("call.ended", n * 50 + 3, f"out{n}", phone=PHONE, call_type="outbound") for n in range(9)]
    walked(database, late, [crowd_and_calm()[::-1], ours, [over_months(n) for n in range(300, 330)]])
    people = [Handle("email", "p41@example.com"), Handle("phone", PHONE)]

    def compare(conn: Connection) -> set[int]:
        start = late.now() - timedelta(days=60)
        listed = links.contacts(conn, people, start - timedelta(days=91))
        seen = set()
        for hour in range(0, 24 * 60, 7):
            at = start + timedelta(hours=hour)
            assert links.counts(conn, people, at) == counts_at(listed, at)
            seen.add(counts_at(listed, at)[COUNTS[0]])
        for opened, *_ in listed:  # the very instants: this one included, those of exactly a day ago as well
            for at in (opened, opened + timedelta(days=1)):
                if at >= start:
                    assert links.counts(conn, people, at) == counts_at(listed, at)
        assert links.counts(conn, [], start) == counts_at([], start)
        return seen

    assert len(database.read_now(compare)) > 3


def test_calls_of_ours_and_callers_who_gave_up_at_once_are_no_contacts_in_whatever_order_that_is_told(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    told = [
        call("call.missed", 0, "c1", phone=PHONE),
        call("call.started", 10, "c2", phone=PHONE),
        call("call.ended", 12, "c2", phone=PHONE, call_type="outbound"),
        call("call.started", 20, "c3", phone=PHONE),
        call("call.abandoned", 21, "c3", phone=PHONE, abandon_kind="short"),
        call("call.started", 30, "c4", phone=PHONE),
        call("call.abandoned", 31, "c4", phone=PHONE),
    ]

    def counted(batches: list[list[Delivery]]) -> tuple[list[str], dict[str, Any]]:
        walk = walked(make_database(), late, batches, COUNTING)
        in_force = select(decisions.c.matched).where(
            decisions.c.event != "clock", decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False)
        )
        rows = walk.database.read_now(lambda conn: conn.execute(in_force.order_by(decisions.c.at)).scalars().all())
        return [matched[0][0] for matched in rows], walk.outcome()

    counts, expected = counted([told])
    assert counts == ["seen1", "seen1", "seen1", "seen1", "seen1", "seen2", "seen2"]
    for order in (told[::-1], told[::2] + told[1::2], told[3:] + told[:3]):
        assert counted([[one] for one in order]) == (counts, expected)


def test_a_late_contact_counts_in_what_is_decided_by_the_clock_where_rules_ask_for_it(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    again = {"all": [{"field": "requester.contacts_30d", "operator": "at_least", "value": 2}]}
    asked = {"key": "again", "kind": "escalation", "on": ["clock"], "when": again, "then": [{"add_tags": ["ts_again"]}]}
    book = {**COUNTING, "rules": [asked, COUNTING["rules"][-1]]}  # type: ignore[index]
    told = [call("call.missed", 40 * 60, "c0", phone=PHONE), call("call.missed", 0, "c1", phone=PHONE)]
    expected = walked(make_database(), late, [told], book).outcome()
    assert sum("again" in matched for *_, matched in expected["decisions"]) == 2
    assert walked(make_database(), late, [told[1:], told[:1]], book).outcome() == expected


def test_a_late_contact_counts_in_every_later_decision_of_a_busy_person(make_database: Callable[[], Database], late: SettableClock) -> None:
    deliveries = [in_one_day(n) for n in range(40)]
    expected = walked(make_database(), late, [deliveries])
    assert walked(make_database(), late, [deliveries[1:], deliveries[:1]]).outcome() == expected.outcome()


def test_who_is_meant_is_known_from_two_acquaintances_of_a_kind(database: Database, late: SettableClock) -> None:
    told = [on_a_shared_phone(n) for n in range(6)]
    walk = walked(database, late, [told])
    shared, own = Handle("phone", PHONE), Handle("email", "p5001@example.com")
    sure = database.read_now(lambda conn: links.sure_people(conn, {"one": [Interaction("zendesk", "70001")]}))
    assert sure == {"one": [own, Handle("zendesk_user", "5001")]}
    kept = database.read_now(lambda conn: [tuple(row) for row in conn.execute(select(acquaintances))])
    assert len([row for row in kept if row[:2] == shared]) == 2 * links.DOUBT
    assert len(walk.outcome()["cases"]) == 6


def test_who_stands_for_somebody_in_doubt_is_in_doubt_as_well(make_database: Callable[[], Database], late: SettableClock) -> None:
    told = [
        call("call.missed", 0, "c1", phone=PHONE, contact_email="p41@example.com"),  # a number seen with an address …
        call("call.missed", 5, "c2", phone=PHONE),
        call("call.missed", -9 * DAY, "c3", phone=PHONE),
        call("call.missed", -9 * DAY + 5, "c4", phone=PHONE),
        ticket("created", -30 * DAY, "1", person="41"),
        ticket("created", -40 * DAY, "2", person="42", requester={"id": "42", "name": "P", "email": "p41@example.com"}),  # … of two people
    ]
    expected = walked(make_database(), late, [told])
    assert len(expected.outcome()["cases"]) == len(told)
    assert walked(make_database(), late, [[one] for one in told]).outcome() == expected.outcome()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_whom_a_number_stands_for_is_found_without_the_number(
    make_database: Callable[[], Database], late: SettableClock, order: tuple[int, ...]
) -> None:
    told = [
        ticket("created", -30 * DAY, "1", phone=PHONE),  # long over: all that tells whose number it is
        ticket("created", 0, "2"),
        call("call.missed", 5, "c1", phone=PHONE),
    ]
    ended = walked(make_database(), late, [[told[n]] for n in order])
    assert ended.outcome() == walked(make_database(), late, [told]).outcome()
    assert len(ended.outcome()["cases"]) == 2


def test_the_migration_knows_of_stored_contacts_what_is_kept_of_new_ones(database: Database, late: SettableClock) -> None:
    walked(database, late, [crowd_and_calm(), [on_a_shared_phone(n) for n in range(2)]])

    def known(conn: Connection) -> list[list[Any]]:
        return [sorted(tuple(row) for row in conn.execute(select(table))) for table in (acquaintances, people)]

    people = (
        select(handles.c.kind, handles.c.value, handles.c.interaction, handles.c.opened_at).where(handles.c.role == "person").subquery()
    )
    before = database.read_now(known)
    assert all(before)
    database.write_now(lambda conn: schema.downgrade(conn, "0003"))
    schema.migrate(database)
    seen, dated = database.read_now(known)
    assert dated == before[1]
    assert [row[:3] for row in seen] == [row[:3] for row in before[0]]  # which two of a kind are known tells nothing


def test_who_has_very_many_numbers_is_found_by_any_of_them(database: Database, late: SettableClock) -> None:
    many = 2 * links.STAND_INS
    told = [ticket("created", (n - 1 - many) * 9 * DAY, str(70_000 + n), phone=f"+1415555{1_000 + n}") for n in range(many)]
    last = f"+1415555{999 + many}"
    walk = walked(database, late, [told, [ticket("created", 0, "2"), call("call.missed", 5, "c1", phone=last)]])
    assert len(walk.outcome()["cases"]) == many + 1
