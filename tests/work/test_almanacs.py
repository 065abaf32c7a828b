"""A version goes by the days and clocks that were kept with it, whatever a later release of the libraries says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from tests.clocks import CountingIds, SettableClock
from tests.core.almanacs import Later
from tests.store.test_proof import found_after
from tests.work.test_rejudge import reproduced
from tests.work.test_replay import job, run, start
from tests.work.walk import UTC, Walk, ticket
from tsbridge.core.almanac import INSTALLED, Almanac, Kept
from tsbridge.core.roster import almanac_of
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.roster.document import read as read_roster
from tsbridge.store import almanacs, proof, rosters
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.store.version_tables import almanacs as kept_almanacs
from tsbridge.store.version_tables import rulebooks as versions
from tsbridge.work.almanacs import Keeping
from tsbridge.work.rosters import LiveRoster

SUNDAY = date(2026, 11, 22)
BOOK: dict[str, Any] = {
    "schema": 1,
    "calendars": {
        "office": {"timezone": "America/New_York", "hours": {"mon-sun": "03:30-06:00"}, "holidays": {"country": "US"}},
    },
    "queues": {"safety": {}, "intake": {}},
    "policies": {"wait": {"steps": [{"after": "1h", "in": "office", "actions": [{"add_tags": ["ts_waited"]}]}]}},
    "rules": [
        {
            "key": "closed",
            "kind": "escalation",
            "when": {"all": [{"field": "time.now", "operator": "outside_hours", "value": "office"}]},
            "then": [{"add_tags": ["ts_closed"]}],
        },
        {
            "key": "holiday",
            "kind": "escalation",
            "when": {"all": [{"field": "time.holiday", "operator": "is", "value": True}]},
            "then": [{"add_tags": ["ts_holiday"]}],
        },
        {"key": "waiting", "kind": "escalation", "when": {}, "then": [{"escalate": "wait"}]},
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}
FOUNDING = Later(also={SUNDAY: "Founding Day"})
NO_WINTER = Later(like={"America/New_York": "America/Phoenix"})


def tags(walk: Walk, number: str) -> set[str]:
    wishes = {ticket: wish for ticket, _, wish in walk.outcome()["wishes"]}
    return {tag for tag in ("ts_closed", "ts_holiday") if tag in wishes.get(number, "")}


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    clock.advance(timedelta(days=1))
    return clock


@pytest.mark.parametrize(
    ("then", "expected"), [(FOUNDING, {"ts_closed", "ts_holiday"}), (NO_WINTER, {"ts_closed"})], ids=["holiday", "zone"]
)
def test_what_was_decided_stays_and_a_new_version_sees_the_change(
    database: Database, late: SettableClock, then: Almanac, expected: set[str]
) -> None:
    walk = Walk(database, late, BOOK)
    walk.publish(BOOK, by=then)
    walk.tell([ticket("created", 0), ticket("commented", 3, text="hello")])
    walk.work()
    assert tags(walk, "4711") == expected
    before = walk.outcome()
    walk.rulebooks = LiveRulebook(UTC)  # after an upgrade: what is installed says otherwise by now
    assert reproduced(walk) >= 2
    walk.tell([ticket("commented", 6, text="anybody?")])
    walk.work()
    assert tags(walk, "4711") == expected
    assert walk.publish(BOOK, by=INSTALLED) == 3
    walk.tell([ticket("created", 9, "4712", person="42")])
    walk.work()
    assert tags(walk, "4712") == set()
    assert reproduced(walk) >= 4
    assert [one for one in walk.outcome()["decisions"] if one in before["decisions"]] == before["decisions"]
    assert database.read_now(proof.verify)["ok"]


def test_a_replay_of_what_is_live_tells_what_its_days_would_move_and_calls_nothing_a_mismatch(
    database: Database, late: SettableClock
) -> None:
    walk = Walk(database, late, BOOK)
    walk.publish(BOOK, by=FOUNDING)
    walk.tell([ticket("created", 0)])
    walk.work()
    start(walk, BOOK)
    run(walk)
    assert (job(walk).summary["changed"], job(walk).summary["mismatches"]) == (0, 0)
    walk.publish(BOOK, by=INSTALLED)
    start(walk, BOOK, "rep_2")
    run(walk)
    assert job(walk, "rep_2").summary["changed"] > 0
    assert job(walk, "rep_2").summary["mismatches"] == 0


def test_versions_of_earlier_days_get_what_is_said_now_once_and_that_is_on_record(database: Database, late: SettableClock) -> None:
    walk = Walk(database, late, BOOK)
    walk.tell([ticket("created", 0)])
    walk.work()
    roster = read_roster(ROSTER)
    database.write_now(lambda conn: rosters.publish(conn, ROSTER, roster.hash, "n", late.now(), "sam"))
    keeping = Keeping(database, late, CountingIds(900), lambda: "salt", UTC)
    assert keeping.keep() == 2
    assert keeping.keep() == 0
    kept = database.read_now(partial(almanacs.of, what="rulebook", version=1))
    assert isinstance(kept, Kept)
    assert (kept.countries, kept.keys) == ((("US", None),), ("America/New_York", "UTC"))
    told = database.read_now(lambda conn: [tuple(row) for row in conn.execute(select(changes.c.action, changes.c.after))])
    assert ("rulebook.almanac", {"version": 1, "almanac": kept.hash}) in told
    assert "roster.almanac" in [action for action, _ in told]
    walk.rulebooks = LiveRulebook(UTC)
    assert reproduced(walk) > 0
    assert [one["why"] for one in database.read_now(proof.verify)["broken"]] == ["version 1 of the roster was never recorded"]


def test_what_is_the_same_is_kept_once(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    for document in (BOOK, {**BOOK, "title": "another"}):
        walk.publish(document, by=INSTALLED)
    assert len(database.read_now(lambda conn: conn.execute(select(kept_almanacs.c.hash)).all())) == 1


def _another_day(conn: Any) -> int:
    hash, data = conn.execute(select(kept_almanacs.c.hash, kept_almanacs.c.data)).one()
    conn.execute(update(kept_almanacs).where(kept_almanacs.c.hash == hash).values(data={**data, "to": data["to"] + 1}))
    return 0


def _gone(conn: Any) -> int:
    conn.execute(delete(kept_almanacs))
    return _told(conn)


def _goes_by_none(conn: Any) -> int:
    conn.execute(update(versions).values(almanac=None))
    return _told(conn)


def _told(conn: Any) -> int:
    return int(conn.execute(select(changes.c.seq).where(changes.c.action == "rulebook.almanac")).scalar_one())


@pytest.mark.parametrize("tamper", [_another_day, _gone, _goes_by_none])
def test_an_almanac_that_was_tampered_with_is_found(database: Database, clock: SettableClock, tamper: Any) -> None:
    Walk(database, clock, BOOK)
    Keeping(database, clock, CountingIds(900), lambda: "salt", UTC).keep()
    assert database.read_now(proof.verify)["ok"]
    seq, found = found_after(database, tamper)
    assert seq in found


ROSTER: dict[str, Any] = {
    "schema": 1,
    "timezone": "America/New_York",
    "agents": {"ana": {"queues": ["intake"]}},
    "shifts": {"day": {"days": "mon-sun", "hours": "09:00-17:00", "agents": ["ana"]}},
}


def test_a_rosters_hours_are_those_of_its_clocks_when_it_was_published(database: Database, clock: SettableClock) -> None:
    def publish(by: Almanac) -> None:
        roster = read_roster(ROSTER, by)
        almanac = almanac_of(roster, clock.now().year)
        database.write_now(lambda conn: rosters.publish(conn, ROSTER, roster.hash, "n", clock.now(), "sam", almanac))

    def opens() -> timedelta | None:
        found = database.read_now(LiveRoster().roster)
        assert found is not None
        return datetime(2026, 12, 1, 9, tzinfo=found.shifts[0].zone).utcoffset()

    publish(NO_WINTER)
    assert opens() == timedelta(hours=-7)
    publish(INSTALLED)
    assert opens() == timedelta(hours=-5)


def test_shifts_keep_the_days_that_were_kept_with_the_rulebook(database: Database, clock: SettableClock) -> None:
    hours = {"timezone": "America/New_York", "hours": {"mon-sun": "00:00-24:00"}, "holidays": {"country": "US"}}
    roster = {**ROSTER, "shifts": {"day": {**ROSTER["shifts"]["day"], "calendar": "office"}}}
    walk = Walk(database, clock, {**BOOK, "calendars": {"office": hours}})
    read_one = read_roster(roster)
    database.write_now(lambda conn: rosters.publish(conn, roster, read_one.hash, "n", clock.now(), "sam"))
    noon = datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("America/New_York"))

    def there() -> list[str]:
        rota = database.read_now(lambda conn: LiveRoster().now(conn, clock.now()))
        assert rota is not None
        return [one.agent for one in rota.at_work(noon)]

    assert there() == ["ana"]
    walk.publish({**BOOK, "calendars": {"office": hours}}, by=FOUNDING)
    assert there() == []


def test_a_judge_made_ready_for_another_almanac_is_not_taken(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.publish(BOOK, by=FOUNDING)
    live = LiveRulebook(UTC)
    live.take(Judge(read(BOOK), UTC))
    built = database.read_now(live.live)
    assert built.judge.book.calendars["office"].is_holiday(SUNDAY)


def test_nothing_is_asked_of_what_is_installed(database: Database, clock: SettableClock) -> None:
    """Also the team's own zone is by the rules that were kept."""
    walk = Walk(database, clock, BOOK)
    walk.publish(BOOK, by=INSTALLED)
    built = database.read_now(LiveRulebook(UTC).live)
    kept = built.book.almanac
    assert isinstance(kept, Kept)
    assert built.judge.zone is kept.zone("UTC")
    assert built.book.calendars["office"].almanac is kept
    assert built.book.calendars["office"].zone is kept.zone("America/New_York")
