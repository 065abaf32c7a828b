"""The inbox keeps every delivery once, hands it to one worker at a time, and its books always balance."""

from __future__ import annotations

import functools
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.exc import IntegrityError

from tests.clocks import START, CountingIds
from tests.seeds import examples
from tests.store.counting import rows_are_as_counted
from tests.store.plans import plan
from tsbridge.core.backoff import DELIVERY
from tsbridge.store import claiming, gauges, inbox, inbox_tables, isolated, lanes, schema
from tsbridge.store.claiming import Claimed, LostLease, Settlement
from tsbridge.store.db import Database
from tsbridge.store.inbox import Counts, Delivery, Receipt

LEASE = timedelta(seconds=60)


def delivery(number: int, key: str | None = None, source: str = "zendesk", body: bytes = b"{}", **more: object) -> Delivery:
    values = {"id": f"evt_{number:04d}", "key": key or f"key-{number}", "received_at": START + timedelta(seconds=number)}
    return Delivery(source=source, headers={}, body=body, **{**values, **more})  # type: ignore[arg-type]


def kept(database: Database, *deliveries: Delivery) -> list[Receipt]:
    return database.write_now(lambda conn: inbox.keep(conn, deliveries))


def claimed(database: Database, worker: str = "w1", at: datetime = START + timedelta(hours=1), limit: int = 50) -> list[Claimed]:
    return database.write_now(lambda conn: claiming.claim(conn, worker, at, LEASE, limit))


def claimed_alone(database: Database, at: datetime) -> Claimed | None:
    return database.write_now(lambda conn: isolated.claim(conn, "w1-alone", at, LEASE))


def settled(database: Database, row: Claimed, status: str = "applied") -> None:
    database.write_now(lambda conn: claiming.settle(conn, [Settlement(row, status, event_type="ticket.created")], START))


def give_back(database: Database, row: Claimed, now: datetime) -> None:
    database.write_now(lambda conn: claiming.failed(conn, row, now, "KeyError"))


def status_of(database: Database, event_id: str) -> tuple[str, str | None]:
    query = select(inbox_tables.inbox.c.status, inbox_tables.inbox.c.reason).where(inbox_tables.inbox.c.id == event_id)
    return database.read_now(lambda conn: tuple(conn.execute(query).one()))


def books(database: Database) -> dict[str, Counts]:
    return database.read_now(inbox.counts)


def test_a_new_delivery_is_accepted_and_a_repeat_is_told_the_first_ones_id(database: Database) -> None:
    assert kept(database, delivery(1, "same")) == [Receipt("evt_0001", "accepted")]
    assert kept(database, delivery(2, "same")) == [Receipt("evt_0001", "duplicate")]
    assert books(database)["zendesk"] == Counts(pending=1, duplicate=1)


def test_the_same_key_from_another_source_is_another_delivery(database: Database) -> None:
    receipts = kept(database, delivery(1, "same"), delivery(2, "same", "talkdesk"))
    assert [receipt.status for receipt in receipts] == ["accepted", "accepted"]


def test_repeats_inside_one_batch_are_counted_one_by_one(database: Database) -> None:
    receipts = kept(database, *(delivery(n, "same") for n in range(1, 6)))
    assert receipts == [Receipt("evt_0001", "accepted"), *[Receipt("evt_0001", "duplicate")] * 4]
    assert kept(database, delivery(7, "same"), delivery(8, "same"))[1].event_id == "evt_0001"
    assert books(database)["zendesk"] == Counts(pending=1, duplicate=6)


def test_receipts_come_in_the_order_of_the_deliveries(database: Database) -> None:
    batch = [delivery(n, f"key-{999 - n}") for n in range(1, 60)]
    assert [receipt.event_id for receipt in kept(database, *batch)] == [one.id for one in batch]


def test_an_unreadable_delivery_is_kept_with_its_reason_and_not_claimed(database: Database) -> None:
    assert kept(database, delivery(1, quarantined="not_utf8", body=b"\xff\x00")) == [Receipt("evt_0001", "quarantined", "not_utf8")]
    assert claimed(database) == []
    assert status_of(database, "evt_0001") == ("quarantined", "not_utf8")


def test_a_quarantined_delivery_can_be_sent_round_again(database: Database) -> None:
    kept(database, delivery(1, quarantined="not_utf8", body=b"\xff\x00"))
    assert database.write_now(lambda conn: inbox.retry(conn, "evt_0001", START))
    assert [row.body for row in claimed(database)] == [b"\xff\x00"]
    assert not database.write_now(lambda conn: inbox.retry(conn, "evt_0001", START))


def test_what_was_received_is_known_without_what_became_of_it(database: Database) -> None:
    kept(database, delivery(1, "same"), delivery(2, "same"), delivery(3), delivery(4, source="talkdesk"))
    kept(database, delivery(5, "same"))
    database.write_now(lambda conn: conn.execute(delete(inbox_tables.inbox).where(inbox_tables.inbox.c.id == "evt_0003")))
    assert database.read_now(inbox.received) == {"zendesk": 4, "talkdesk": 1}
    assert books(database)["zendesk"].received == 3  # so the one that is gone is missed


def test_what_is_not_kept_in_the_end_was_not_received(database: Database) -> None:
    def breaks(conn: Connection) -> None:
        inbox.keep(conn, [delivery(1)])
        raise KeyError

    with pytest.raises(KeyError):
        database.write_now(breaks)
    assert database.read_now(inbox.received) == {}


def test_many_that_keep_at_once_count_right(database: Database) -> None:
    def send(worker: int) -> None:
        for n in range(20):
            kept(database, delivery(worker * 100 + n), delivery(worker * 100 + n, source="talkdesk", id=f"evt_t{worker}_{n}"))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read_now(inbox.received) == {"zendesk": 80, "talkdesk": 80}


def test_a_claimed_delivery_is_as_it_came(database: Database) -> None:
    kept(database, Delivery("evt_1", "talkdesk", "k", START, {"content-type": "a/b"}, b"\x00\x01", polled=True))
    row = claimed(database)[0]
    assert (row.id, row.source, row.dedupe_key, row.body, row.headers) == ("evt_1", "talkdesk", "k", b"\x00\x01", {"content-type": "a/b"})
    assert (row.received_at, row.polled, row.attempts, row.claimed_by) == (START, True, 1, "w1")


def test_what_one_worker_has_no_other_gets_until_the_lease_ends(database: Database) -> None:
    kept(database, delivery(1))
    at = START + timedelta(hours=1)
    assert len(claimed(database, "w1", at)) == 1
    assert claimed(database, "w2", at + LEASE - timedelta(microseconds=1)) == []
    assert len(claimed(database, "w2", at + LEASE)) == 1


def test_what_another_worker_took_since_it_was_looked_at_is_not_taken_twice(database: Database) -> None:
    kept(database, delivery(1), delivery(2))
    at = START + timedelta(hours=1)
    looked_at = [row.seq for of_source in database.write_now(lambda conn: lanes.due(conn, at, 50)) for row in of_source]
    (first,) = claimed(database, "w1", at, limit=1)

    def take(worker: str, at: datetime) -> list[tuple[str, int, int]]:
        taken = database.write_now(lambda conn: claiming.take(conn, looked_at, worker, at, LEASE))
        return [(row.id, row.attempts, row.deaths) for row in taken]

    assert take("w2", at) == [("evt_0002", 1, 0)]
    assert take("w3", at + LEASE) == [("evt_0001", 2, 1), ("evt_0002", 2, 1)]
    with pytest.raises(LostLease):
        settled(database, first)


def test_claims_of_before_are_claims_behind_a_migration_there_and_back(database: Database) -> None:
    kept(database, *(delivery(n) for n in range(1, 4)))
    at = START + timedelta(hours=1)
    claimed(database, "w1", at, limit=1)
    database.write_now(lambda conn: schema.downgrade(conn, "0054"))
    asked = text("SELECT claimed_by, attempts, lease_until IS NULL FROM inbox ORDER BY seq")
    assert database.read_now(lambda conn: [tuple(row) for row in conn.execute(asked)]) == [("w1", 1, False), *[(None, 0, True)] * 2]
    schema.migrate(database)
    assert [row.id for row in claimed(database, "w2", at)] == ["evt_0002", "evt_0003"]
    (row,) = claimed(database, "w2", at + LEASE, limit=1)
    assert (row.id, row.attempts, row.deaths) == ("evt_0001", 2, 1)


def test_what_is_large_and_which_states_there_are_is_known_behind_a_migration_there_and_back(database: Database) -> None:
    kept(database, delivery(1, body=b"x" * (inbox_tables.LARGE + 1)), delivery(2, body=b"x" * (inbox_tables.LARGE // 2)))
    large = text("SELECT large FROM inbox ORDER BY seq")
    assert database.read_now(lambda conn: conn.execute(large).scalars().all()) == [True, False]
    database.write_now(lambda conn: schema.downgrade(conn, "0059"))
    schema.migrate(database)
    assert database.read_now(lambda conn: conn.execute(large).scalars().all()) == [True, False]
    for put in (
        "UPDATE inbox SET status = 'odd'",
        "INSERT INTO desired (ticket, id, case_id, wish, ours, status, revision, attempts, asked_at, due_at) "
        "VALUES ('1', 'wb_1', 'case_1', '', '', 'odd', 0, 0, 0, 0)",
    ):
        with pytest.raises(IntegrityError, match="_status"):
            database.write_now(lambda conn, put=put: conn.execute(text(put)) and None)  # type: ignore[misc]
    if database.dialect == "sqlite":
        assert database.read_now(lambda conn: conn.execute(text("PRAGMA integrity_check")).scalars().all()) == ["ok"]


def test_a_worker_that_lost_its_lease_can_settle_nothing(database: Database) -> None:
    kept(database, delivery(1))
    at = START + timedelta(hours=1)
    old = claimed(database, "w1", at)[0]
    new = claimed(database, "w1", at + LEASE)[0]
    with pytest.raises(claiming.LostLease):
        settled(database, old)
    database.write_now(lambda conn: claiming.failed(conn, old, at, "late"))
    assert status_of(database, "evt_0001")[0] == "pending"
    settled(database, new)
    assert status_of(database, "evt_0001")[0] == "applied"


def test_sources_take_turns_so_that_a_flood_of_one_does_not_hold_the_other(database: Database) -> None:
    kept(database, *(delivery(n) for n in range(1, 40)), delivery(100, source="talkdesk"), delivery(101, source="talkdesk"))
    assert [row.source for row in claimed(database, limit=6)] == ["zendesk", "talkdesk", "zendesk", "talkdesk", "zendesk", "zendesk"]


def test_large_bodies_do_not_hold_small_ones(database: Database) -> None:
    kept(database, *(delivery(n, body=b"x" * (inbox_tables.LARGE + 1)) for n in range(1, 12)), *(delivery(n) for n in range(20, 30)))
    first = claimed(database, limit=10)
    assert Counter(len(row.body) > inbox_tables.LARGE for row in first) == {True: lanes.LARGE_AT_ONCE, False: 10 - lanes.LARGE_AT_ONCE}


def test_claiming_looks_at_what_it_takes_and_not_at_all_that_waits(database: Database) -> None:
    """Every lane of either source is read along its index, whose order is that of claiming."""

    def look(conn: Connection) -> str:
        return plan(conn, lanes._DUE, {"now": START, "most": 50})

    words = database.read_now(look)
    assert [len(re.findall(rf"{name}\b", words)) for name in ("inbox_pending", "inbox_pending_large")] == [2, 2]
    assert not re.search(r"(?i)\bsort\b|TEMP B-TREE|SCAN inbox", words)


def test_the_oldest_that_waits_is_told_and_found_along_the_index_of_states(database: Database) -> None:
    words = database.read_now(lambda conn: plan(conn, gauges.OLDEST_PENDING))
    assert "inbox_by_status" in words
    assert not re.search(r"(?i)\bsort\b|TEMP B-TREE|SCAN inbox", words)

    def oldest() -> datetime | None:
        return database.read_now(lambda conn: conn.execute(gauges.OLDEST_PENDING).scalar())

    kept(database, delivery(1, quarantined="not_json"))
    assert oldest() is None
    kept(database, delivery(2), delivery(3))
    assert oldest() == delivery(2).received_at


def test_when_the_next_delivery_may_be_claimed_is_told_for_every_lane(database: Database) -> None:
    assert database.read_now(lanes.next_due) is None
    kept(database, delivery(7), delivery(3, body=b"x" * (inbox_tables.LARGE + 1)), delivery(5, source="talkdesk"))
    due = [START + timedelta(seconds=n) for n in (3, 5, 7)]
    assert database.read_now(lanes.next_due) == due[0]
    for at in due:
        assert database.read_now(lambda conn, at=at: lanes.anything_since(conn, at))
        assert not database.read_now(lambda conn, at=at: lanes.anything_since(conn, at - timedelta(microseconds=1)))
        (row,) = claimed(database, at=at)
        settled(database, row)
    kept(database, delivery(9))
    rows = claimed(database)
    database.write_now(lambda conn: isolated.leave(conn, rows))
    assert database.read_now(lanes.next_due) == START + timedelta(seconds=9)


def test_what_is_claimed_is_due_again_when_its_lease_ends(database: Database) -> None:
    kept(database, delivery(1), delivery(2), delivery(30, source="talkdesk"))
    claimed(database, at=START + timedelta(seconds=2))
    assert database.read_now(lanes.next_due) == START + timedelta(seconds=30)
    claimed(database, at=START + timedelta(seconds=30))
    assert database.read_now(lanes.next_due) == START + timedelta(seconds=2) + LEASE


def test_a_delivery_that_fails_comes_back_later_each_time_and_is_dead_in_the_end(database: Database) -> None:
    kept(database, delivery(1))
    now, pauses = START + timedelta(hours=1), []
    for _ in range(claiming.ATTEMPTS):
        row = claimed(database, at=now)[0]
        give_back(database, row, now)
        due = database.read_now(lanes.next_due)
        if due is not None:
            assert claimed(database, at=due - timedelta(microseconds=1)) == []
            pauses.append(due - now)
            now = due
    assert pauses == sorted(pauses)
    assert len(set(pauses)) > 3
    assert status_of(database, "evt_0001") == ("dead", "KeyError")
    assert books(database)["zendesk"] == Counts(dead=1)


def test_a_delivery_whose_worker_died_is_claimed_alone_and_read_alone_when_the_next_one_dies_too(database: Database) -> None:
    kept(database, *(delivery(n) for n in range(1, 4)))
    at = START + timedelta(hours=1)
    assert len(claimed(database, at=at)) == 3  # and the worker dies
    first = claimed(database, at=at + LEASE)
    assert [row.id for row in first] == ["evt_0001"]  # alone; it kills its worker again
    for expected in ("evt_0002", "evt_0003"):
        (row,) = claimed(database, at=at + LEASE)
        assert row.id == expected
        settled(database, row)
    assert claimed(database, at=at + 2 * LEASE) == []
    assert status_of(database, "evt_0001") == ("pending", inbox_tables.READ_ALONE)
    assert status_of(database, "evt_0002")[0] == "applied"
    assert claimed(database, at=at + 9 * LEASE) == []  # not among the others, ever
    row = claimed_alone(database, at + 2 * LEASE)
    assert (row.id, row.attempts, row.deaths) == ("evt_0001", 3, 2)
    assert claimed_alone(database, at + 2 * LEASE) is None
    settled(database, row)
    assert status_of(database, "evt_0001") == ("applied", None)


def test_a_delivery_that_is_read_alone_waits_longer_each_time_its_worker_dies_and_is_never_given_up(database: Database) -> None:
    kept(database, delivery(1))
    now = START + timedelta(hours=1)
    for _ in range(2):
        assert len(claimed(database, at=now)) == 1
        now += LEASE
    assert claimed(database, at=now) == []
    pauses = []
    for _ in range(12):
        assert claimed_alone(database, now)  # and the worker dies
        now += LEASE
        assert claimed_alone(database, now) is None
        due = database.read_now(lanes.next_due)
        pauses.append(due - now)
        now = due
    assert pauses == sorted(pauses)
    assert (min(pauses), max(pauses)) == (DELIVERY.first, DELIVERY.longest)
    give_back(database, claimed_alone(database, now), now)
    assert status_of(database, "evt_0001")[0] == "pending"  # deaths are no failures
    (row,) = claimed(database, at=now + DELIVERY.first)
    settled(database, row)
    assert status_of(database, "evt_0001") == ("applied", None)


def test_what_killed_its_reader_is_read_alone_again_when_it_is_retried(database: Database) -> None:
    kept(database, delivery(1), delivery(2))
    rows = claimed(database)
    for row, reason in zip(rows, (inbox.KILLS_ITS_READER, "not_json"), strict=True):
        database.write_now(lambda conn, row=row, reason=reason: claiming.settle(conn, [Settlement(row, "quarantined", reason)], START))
    for row in rows:
        assert database.write_now(lambda conn, row=row: inbox.retry(conn, row.id, START))
    assert [row.id for row in claimed(database)] == ["evt_0002"]
    assert claimed_alone(database, START + LEASE).id == "evt_0001"


def test_a_claim_to_read_alone_is_told_from_the_one_that_gave_it_back(database: Database) -> None:
    kept(database, delivery(1))
    (row,) = claimed(database)
    database.write_now(lambda conn: isolated.leave(conn, [row]))
    with pytest.raises(LostLease):
        settled(database, row)
    taken = claimed_alone(database, START + LEASE)
    with pytest.raises(LostLease):
        settled(database, row)
    database.write_now(lambda conn: isolated.later(conn, taken, START + 2 * LEASE))
    assert claimed_alone(database, START + 2 * LEASE - timedelta(microseconds=1)) is None
    assert claimed_alone(database, START + 2 * LEASE).attempts == 1  # given back, not failed


def test_a_worker_that_stops_in_good_order_gives_back_what_it_has(database: Database) -> None:
    kept(database, *(delivery(n) for n in range(1, 4)))
    rows = claimed(database)
    for row in rows:
        database.write_now(lambda conn, row=row: claiming.later(conn, row, START, "given_back"))
    assert [row.attempts for row in claimed(database)] == [1, 1, 1]


def test_duplicates_in_parallel_make_exactly_one_row(fresh_url: Callable[..., AbstractContextManager[str]]) -> None:
    ids = CountingIds()
    receipts: list[Receipt] = []
    with fresh_url() as url, Database.open(url) as database:
        begin = threading.Barrier(16)

        def send() -> None:
            begin.wait()
            for _ in range(5):
                mine = delivery(0, "same", id=ids.new("evt"))
                other = delivery(0, "other", id=ids.new("evt"))
                receipts.extend(kept(database, other, mine))

        threads = [threading.Thread(target=send) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert database.read_now(lambda conn: conn.execute(select(func.count()).select_from(inbox_tables.inbox)).scalar_one()) == 2
        assert Counter(receipt.status for receipt in receipts) == {"accepted": 2, "duplicate": 158}
        assert len({receipt.event_id for receipt in receipts}) == 2
        assert books(database)["zendesk"] == Counts(pending=2, duplicate=158)


def test_workers_in_parallel_never_hold_the_same_delivery(database: Database) -> None:
    kept(database, *(delivery(n) for n in range(200)))
    taken: list[str] = []
    begin = threading.Barrier(4)

    def work(name: str) -> None:
        begin.wait()
        while rows := claimed(database, name, limit=7):
            taken.extend(row.id for row in rows)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One that looked while the others held everything may have seen nothing; nobody saw anything twice.
    assert Counter(Counter(taken).values()) == {1: len(taken)}
    assert len(taken) + len(claimed(database, "last", limit=200)) == 200


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.lists(st.tuples(st.sampled_from(lanes.SOURCES), st.integers(0, 5), st.booleans()), max_size=4)),
        st.tuples(st.just("claim"), st.integers(1, 3)),
        st.tuples(st.just("settle"), st.sampled_from(["applied", "ignored", "quarantined"])),
        st.tuples(st.sampled_from(["fail", "release", "retry", "die", "wait"]), st.none()),
    ),
    max_size=25,
)


@examples(8, 25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_books_balance_after_any_sequence_of_steps(make_database: Callable[[], Database], steps: list[tuple[str, object]]) -> None:
    """Law 5, against a count of our own of everything that was sent."""
    database, ids = make_database(), CountingIds()
    now = START + timedelta(hours=1)
    sent: Counter[str] = Counter()
    held: list[Claimed] = []

    def step(conn: Connection, name: str, value: object) -> None:
        nonlocal held, now
        if name == "keep":
            batch = [
                Delivery(ids.new("evt"), source, f"{key}{bad}", now, {}, b"{}", quarantined="not_json" if bad else None)
                for source, key, bad in value  # type: ignore[attr-defined]
            ]
            if batch:
                inbox.keep(conn, batch)
                sent.update(one.source for one in batch)
        elif name == "claim":
            held += claiming.claim(conn, "w1", now, LEASE, value)  # type: ignore[arg-type]
        elif name == "settle" and held:
            row, *held = held
            claiming.settle(conn, [Settlement(row, str(value))], now)
        elif name == "fail" and held:
            row, *held = held
            claiming.failed(conn, row, now, "KeyError")
        elif name == "release":
            for row in held:
                claiming.later(conn, row, now, "given_back")
            held = []
        elif name == "die":
            held, now = [], now + LEASE
        elif name == "wait" and not held:
            now += timedelta(minutes=30)
        elif name == "retry":
            for event_id in conn.execute(select(inbox_tables.inbox.c.id).order_by(inbox_tables.inbox.c.seq).limit(3)).scalars().all():
                inbox.retry(conn, event_id, now)

    for name, value in steps:
        database.write_now(functools.partial(step, name=name, value=value))
        found = database.read_now(inbox.counts)
        assert {source: counts.received for source, counts in found.items()} == dict(sent)
        assert database.read_now(inbox.received) == dict(sent)
        database.read_now(rows_are_as_counted)
    database.close()
