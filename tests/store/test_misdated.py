"""What a clock dated that was ahead: told from what waits as long as it may, and due when the clock is right."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from tests.clocks import START, CountingIds
from tsbridge.core.helpdesk import Wish
from tsbridge.core.reads import wait_until
from tsbridge.http import retry_after
from tsbridge.store import budget, claiming, deleted_users, desired, inbox, misdated, outgoing, recordings
from tsbridge.store import wanted_facts as wanted
from tsbridge.store.all_tables import metadata
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.desired import Wished
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox import Delivery
from tsbridge.store.inbox_tables import READ_ALONE
from tsbridge.store.inbox_tables import inbox as deliveries
from tsbridge.store.notice_tables import duty_notices, messages, notices
from tsbridge.work.loop import LEASE
from tsbridge.work.paging import LEASE as SENDING

DAYS = timedelta(days=3)
SECOND = timedelta(seconds=1)
LARGE = b"{" + b" " * 70_000 + b"}"


def keep(conn: Connection, at: datetime, **named: Any) -> None:
    values = {"id": "evt_1", "source": "zendesk", "key": "k", "received_at": at, "headers": {}, "body": b"{}"}
    inbox.keep(conn, [Delivery(**{**values, **named})])


def delivered(conn: Connection, at: datetime) -> None:
    keep(conn, at)


def delivered_by_talkdesk(conn: Connection, at: datetime) -> None:
    keep(conn, at, source="talkdesk", body=LARGE)


def read_alone(conn: Connection, at: datetime) -> None:
    keep(conn, at)
    conn.execute(update(deliveries).values(reason=READ_ALONE))


def wished(conn: Connection, at: datetime) -> None:
    desired.wishes_changed(conn, [Wished("1", "case_1", Wish(tags=(("ts_a", "1"),)), None, 0)], at, CountingIds("w").new)


def ticket_wanted(conn: Connection, at: datetime) -> None:
    wanted.want_read(conn, ["1"], at, at)


def ticket_wanted_alone(conn: Connection, at: datetime) -> None:
    wanted.want_read(conn, ["1"], at, at, alone=True)


def user_deleted(conn: Connection, at: datetime) -> None:
    deleted_users.want(conn, "41", at)


def recording_wanted(conn: Connection, at: datetime) -> None:
    recordings.want(conn, recordings.Wanted("c1", "k", b"{}", 0), at)


def message(conn: Connection, at: datetime) -> None:
    outgoing.begin(conn, "ntf_1", "ana", "mail", at, at, 1, hush=False, why=[])


def notice(conn: Connection, at: datetime) -> None:
    about = {"case_id": "case_1", "source": "zendesk", "interaction": "1", "asked_by": "rule:hurt", "target": "oncall", "version": 1}
    conn.execute(insert(notices).values(id="ntc_1", asking="a", at=at, asked_at=at, late=False, in_hand=False, due_at=at, **about))


def news(conn: Connection, at: datetime) -> None:
    told = {"because": [], "body": {}, "first_at": at, "last_at": at}
    conn.execute(insert(duty_notices).values(id="dty_1", agent="ana", at=at, due_at=at, **told))


def case_put_off(conn: Connection, at: datetime) -> None:
    step = {"case_id": "case_1", "policy": "sev1", "step": 1, "armed_at": START, "due_at": START, "status": "armed"}
    conn.execute(insert(escalations).values(id="esc_1", **step))
    about = {"status": "open", "acknowledged": False, "opened_at": START, "last_at": START, "tags": [], "state": {}, "judged_to": ""}
    conn.execute(insert(cases).values(id="case_1", revision=0, due_at=at, **about))


KINDS = [
    *(delivered, delivered_by_talkdesk, read_alone, wished, ticket_wanted, ticket_wanted_alone, user_deleted, recording_wanted),
    *(message, notice, news, case_put_off),
]


def waiting(database: Database) -> set[datetime]:
    """When what waits is due, of every kind that there is."""
    return database.read_now(
        lambda conn: {at for kind in misdated.due(START) for at in conn.execute(select(kind.column).where(kind.rows)).scalars()}
    )


@pytest.mark.parametrize("made", KINDS)
def test_what_is_due_later_than_its_kind_may_be_is_due_now(database: Database, made: Any) -> None:
    database.write_now(lambda conn: made(conn, START + DAYS))
    assert waiting(database) == {START + DAYS}
    for kind in database.read_now(lambda conn: misdated.found(conn, START)):
        database.write_now(lambda conn, kind=kind: misdated.make_due(conn, kind, START, set_back=False))  # type: ignore[misc]
    assert waiting(database) == {START}
    assert database.read_now(lambda conn: misdated.found(conn, START)) == []


@pytest.mark.parametrize("made", KINDS)
def test_what_waits_as_long_as_it_may_goes_on_waiting_unless_the_clock_was_set_back(database: Database, made: Any) -> None:
    database.write_now(lambda conn: made(conn, START + 30 * SECOND))
    assert database.read_now(lambda conn: misdated.found(conn, START)) == []
    for kind in misdated.due(START):
        database.write_now(lambda conn, kind=kind: misdated.make_due(conn, kind, START, set_back=False))  # type: ignore[misc]
    assert waiting(database) == {START + 30 * SECOND}
    for kind in misdated.due(START):
        database.write_now(lambda conn, kind=kind: misdated.make_due(conn, kind, START, set_back=True))  # type: ignore[misc]
    assert waiting(database) == {START}


def test_a_case_whose_next_step_is_to_come_waits_for_it(database: Database) -> None:
    def made(conn: Connection) -> None:
        case_put_off(conn, START + DAYS)
        conn.execute(update(escalations).values(due_at=START + DAYS))

    database.write_now(made)
    for kind in misdated.due(START):
        database.write_now(lambda conn, kind=kind: misdated.make_due(conn, kind, START, set_back=True))  # type: ignore[misc]
    assert database.read_now(lambda conn: conn.execute(select(cases.c.due_at)).scalar_one()) == START + DAYS


def test_a_lease_of_a_clock_that_was_ahead_lasts_as_long_as_it_was_meant_to(database: Database) -> None:
    assert (misdated.LEASE, misdated.SENDING) == (LEASE, SENDING)

    def made(conn: Connection) -> None:
        keep(conn, START)
        wished(conn, START)
        message(conn, START)
        claiming.claim(conn, "w1", START + DAYS, SECOND * 150, 9)
        desired.claim(conn, "w1", START + DAYS, LEASE, 9)
        (row,) = outgoing.due_messages(conn, START, 9)
        outgoing.take(conn, row, "w1", START + DAYS, SENDING)

    database.write_now(made)
    for kind in misdated.LEASES:
        database.write_now(lambda conn, kind=kind: misdated.end_soon(conn, kind, START))  # type: ignore[misc]

    def again(conn: Connection, at: datetime) -> tuple[int, int, int]:
        held = (claiming.claim(conn, "w2", at, LEASE, 9), desired.claim(conn, "w2", at, LEASE, 9), outgoing.due_messages(conn, at, 9))
        return len(held[0]), len(held[1]), len(held[2])

    assert database.write_now(lambda conn: again(conn, START + SENDING - SECOND)) == (0, 0, 0)
    assert database.write_now(lambda conn: again(conn, START + SENDING)) == (0, 0, 1)
    assert database.write_now(lambda conn: again(conn, START + LEASE)) == (1, 1, 1)


@pytest.mark.parametrize("name", [budget.READS, budget.EXPORTS])
def test_nobody_waits_longer_for_zendesk_than_it_ever_tells(database: Database, name: str) -> None:
    told = retry_after("7200", None)
    assert told == misdated.TOLD

    def close(conn: Connection, until: datetime) -> None:
        budget.change_reads(conn, name, lambda reads: wait_until(reads, until))

    database.write_now(lambda conn: close(conn, START + misdated.TOLD))
    assert not database.read_now(lambda conn: misdated.is_closed(conn, START))
    database.write_now(lambda conn: close(conn, START + DAYS))
    assert database.read_now(lambda conn: misdated.is_closed(conn, START))
    database.write_now(lambda conn: misdated.open_again(conn, START))
    assert database.read_now(lambda conn: budget.reads(conn, name)).closed_until == START


def test_a_message_that_went_by_a_clock_that_was_ahead_is_no_late_one(database: Database) -> None:
    def made(conn: Connection, at: datetime) -> list[datetime]:
        conn.execute(messages.delete())
        message(conn, at)
        (row,) = outgoing.due_messages(conn, at, 9)
        outgoing.take(conn, row, "w1", at, SENDING)
        return outgoing.lately(conn, "ana", "mail", START)

    assert database.write_now(lambda conn: made(conn, START + DAYS)) == []
    assert database.write_now(lambda conn: made(conn, START - SECOND)) == [START - SECOND]
    assert database.write_now(lambda conn: made(conn, START + SECOND)) == [START + SECOND]  # another process's clock


def test_each_table_that_has_something_wait_is_looked_at() -> None:
    looked = {kind.column for kind in (*misdated.due(START), *misdated.LEASES)}
    there = {column for table in metadata.sorted_tables for column in table.c if column.name in ("due_at", "lease_until")}
    assert there - looked == {escalations.c.due_at}  # the vendor's time and the rulebook's durations
