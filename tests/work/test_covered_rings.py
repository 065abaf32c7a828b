"""What became of rings: read behind or judged, which decisions they led to, and which wait."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.test_hearing import BOOK, Desk, reported
from tests.work.walk import Walk
from tsbridge.core.moments import Moment
from tsbridge.store import wanted_facts
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.inbox import Delivery, counts, keep
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.views import event_results
from tsbridge.work.hearing import Heard, Hearing
from tsbridge.work.reads import ReadBudget, Reader


def in_force(desk: Desk) -> list[str | None]:
    """The deliveries that the decisions in force name."""
    shown = (decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False))
    query = select(decisions.c.event_id).where(*shown).order_by(decisions.c.at, decisions.c.number)
    return list(desk.walk.database.read_now(lambda conn: conn.execute(query).scalars().all()))


def deliveries(desk: Desk) -> list[tuple[str, str, str | None]]:
    query = select(inbox.c.id, inbox.c.status, inbox.c.reason).order_by(inbox.c.seq)
    return [tuple(row) for row in desk.walk.database.read_now(lambda conn: conn.execute(query).all())]  # type: ignore[misc]


def led_to(desk: Desk, event_id: str) -> list[str]:
    return desk.walk.database.read_now(lambda conn: event_results(conn, event_id))[1]


def test_what_was_read_without_a_ring_names_no_delivery(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.walk.work()
    clock.advance(60)
    desk.writing.edit(ticket, status="solved")
    database.write_now(lambda conn: wanted_facts.want_read(conn, [ticket], clock.now(), clock.now()))
    desk.walk.work()
    assert in_force(desk) == [deliveries(desk)[0][0], None]


def test_decisions_name_the_newest_ring_and_every_ring_that_was_covered_shows_them(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    clock.advance(1)
    desk.writing.edit(ticket, status="pending")
    desk.ring(ticket)
    desk.ring(ticket)
    desk.walk.work()
    rang = [id_ for id_, *_ in deliveries(desk)]
    assert in_force(desk) == [rang[2]] * 2
    shown = led_to(desk, rang[2])
    assert len(shown) == 2
    assert [led_to(desk, id_) for id_ in rang] == [shown] * 3


def test_a_ring_whose_first_impression_was_judged_is_covered_by_the_read_that_comes_later(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.writing.wire.unreachable = True
    desk.walk.work()
    (by_impression,) = led_to(desk, deliveries(desk)[0][0])
    clock.advance(1)
    desk.writing.edit(ticket, status="pending")
    desk.ring(ticket)
    desk.walk.work()
    desk.writing.wire.unreachable = False
    clock.advance(60)
    desk.walk.work()
    first, second = (id_ for id_, *_ in deliveries(desk))
    assert in_force(desk) == [second, second]
    shown = led_to(desk, first)
    assert by_impression in shown
    assert len(shown) > len(in_force(desk))
    assert led_to(desk, second) == shown  # the second one covers the first
    assert [status for _, status, _ in deliveries(desk)] == ["applied", "applied"]


BROKEN = b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "%s", "texts": {"subject": "a "quoted" word"}}'


def broken(desk: Desk, ticket: str) -> None:
    """A ring whose body a quote has broken: there is no first impression."""
    raw = BROKEN % ticket.encode()
    delivery = Delivery(desk.walk.ids.new("evt"), "zendesk", f"signed:{desk.walk.ids.new('key')}", desk.clock.now(), {}, raw)
    desk.walk.database.write_now(lambda conn: keep(conn, [delivery]))


def test_a_ring_without_a_first_impression_waits_until_its_ticket_was_read(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.walk.work()
    desk.writing.edit(ticket, status="solved")
    desk.writing.wire.unreachable = True
    broken(desk, ticket)
    for _ in range(40):  # an hour and more, and no attempt is counted
        desk.walk.work()
        clock.advance(120)
    assert deliveries(desk)[1][1:] == ("pending", "ticket_unread")
    assert desk.events(ticket) == [("ticket.created", 1)]
    books = database.read_now(counts)["zendesk"]
    assert (books.received, books.pending, books.applied) == (2, 1, 1)
    desk.writing.wire.unreachable = False
    clock.advance(301)
    desk.walk.work()
    assert deliveries(desk)[1][1:] == ("applied", None)
    assert desk.events(ticket) == [("ticket.created", 1), ("ticket.updated", 1)]


def test_a_ring_without_a_first_impression_of_a_ticket_that_is_gone_waits_for_nothing(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    broken(desk, "999999")
    desk.walk.work()
    assert deliveries(desk)[0][1:] == ("applied", None)
    assert desk.events("999999") == []


def test_the_same_first_impression_twice_rings_twice(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.writing.wire.unreachable = True
    desk.ring(ticket)
    desk.walk.work()
    assert [found[1:] for found in deliveries(desk)] == [("applied", None)] * 2


class Told(Hearing):
    """Reads what it was given for each ticket."""

    def __init__(self, database: Database, clock: SettableClock, moments: dict[str, list[Moment]]) -> None:
        super().__init__(database, clock, None, ReadBudget(database, clock))
        self.moments = moments

    @property
    def asks(self) -> bool:
        return True

    async def read(self, requesters: Mapping[str, str | None], reader: Reader = "rings", patience: float = 2.0) -> Heard:
        return Heard({ticket: self.moments[ticket] for ticket in requesters})


def test_a_ticket_that_cannot_be_concluded_holds_none_of_the_others(database: Database, clock: SettableClock) -> None:
    good = Moment("zendesk", "1", "ticket.created", clock.now(), vendor_order="1")
    unfit = Moment("zendesk", "2", "ticket.created", clock.now().replace(tzinfo=None), vendor_order="2")
    walk = Walk(database, clock, {**BOOK, "queues": {"intake": {}}}, hearing=Told(database, clock, {"1": [good], "2": [unfit]}))
    walk.tell([("zendesk", {"tsbridge": "1", "type": "ticket.updated", "ticket": {"id": id_}}) for id_ in ("2", "1")])
    walk.work()
    found = database.read_now(lambda conn: conn.execute(select(inbox.c.status, inbox.c.reason).order_by(inbox.c.seq)).all())
    assert [tuple(row) for row in found] == [("pending", "TypeError"), ("applied", None)]
