"""People are told when their coming duty changes: once, by their first way, who is there before and after them, outside quiet hours."""

from __future__ import annotations

import asyncio
import copy
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.clocks import SettableClock
from tests.work.telling import ROSTER, Telling
from tests.work.test_notify_storm import Killed, die, rounds
from tsbridge.core import crashpoint
from tsbridge.core.errors import GiveUp, TryLater
from tsbridge.core.feed_spans import Span
from tsbridge.core.moments import read_instant
from tsbridge.core.roster import Override
from tsbridge.store import assignments, duties, feeds, rosters
from tsbridge.store.db import Database
from tsbridge.store.notice_tables import notifications
from tsbridge.work.duties import DutyNews
from tsbridge.work.rosters import LiveRoster

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
"""The hand-over from ana to ben, fifteen hours ahead."""


class Desk(Telling):
    """`look()`: the duties are compared; `change` and the like are what supervisors do."""

    def __init__(self, database: Database, clock: SettableClock, roster: Any = ROSTER) -> None:
        super().__init__(database, clock, roster=roster)
        self.duties = self.looker()
        self.look()

    def looker(self) -> DutyNews:
        return DutyNews(self.database, self.clock, LiveRoster(), lambda: None)

    def look(self) -> None:
        asyncio.run(self.duties.round())
        self.tell()

    def override(self, number: int, agent: str, start: datetime, end: datetime, by: str = "sam", **more: Any) -> None:
        one = Override(f"ovr_{number}", more.pop("kind", "oncall"), agent, start, end, "my mother's birthday", **more)

        def write(conn: Connection) -> None:
            rosters.lock(conn)
            rosters.add_override(conn, one, self.clock.now(), by)

        self.database.write_now(write)

    def remove(self, number: int, by: str = "sam") -> None:
        def write(conn: Connection) -> None:
            rosters.lock(conn)
            rosters.remove_override(conn, f"ovr_{number}", self.clock.now(), by)

        self.database.write_now(write)

    def items_of_duty(self) -> list[Any]:
        query = select(notifications).where(notifications.c.kind == "duty").order_by(notifications.c.made_at, notifications.c.id)
        return list(self.database.read_now(lambda conn: conn.execute(query).all()))

    def texts(self) -> dict[str | None, str]:
        return {one.agent: one.message.text for one in self.ways.sent}


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Desk:
    return Desk(database, clock)


def quiet(**hours: str) -> dict[str, Any]:
    roster = copy.deepcopy(ROSTER)
    for agent, text in hours.items():
        roster["agents"][agent]["quiet"] = text
    return roster


def test_a_swap_tells_both_by_their_first_way_who_is_there_before_and_after(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, instead_of="ben", rotation="lead")
    desk.look()
    assert sorted(desk.told()) == [("mail", "ana"), ("mail", "ben")]
    day = "from 00:00 on Tuesday 24 November (UTC) to 00:00 on Wednesday 25 November (UTC)"
    assert f"You have now:\n- lead: {day}, before: ben, after: ben until 00:00 on Monday 30 November (UTC)" in (desk.texts()["ana"])
    assert f"You no longer have:\n- lead: {day}, now: ana" in desk.texts()["ben"]
    data = next(one.message.data for one in desk.ways.sent if one.agent == "ana")
    assert data["gained"][0]["before"] == ["ben"]
    assert {one.message.type for one in desk.ways.sent} == {"tsbridge.duty"}
    assert (data["duty"], data["to"], data["dedup_key"]) == (True, "ana", "duty:ana")


def test_what_people_typed_is_not_told(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, instead_of="ben", rotation="lead")
    desk.look()
    assert not [one for one in desk.ways.sent if "mother" in one.message.text + one.message.subject or "Ben" in one.message.text]


def test_nothing_that_changes_nothing_is_told(desk: Desk) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["agents"]["ana"]["skills"] = {"safety": 3}
    desk.publish(roster)
    desk.look()
    desk.override(1, "ben", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    assert desk.told() == []


def test_the_first_roster_changes_nobodys_duty(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock, roster=None)
    desk.publish(ROSTER)
    desk.look()
    assert desk.told() == []
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    assert len(desk.told()) == 2


def test_a_published_and_a_restored_roster_tell_whose_duty_they_change(desk: Desk) -> None:
    other = copy.deepcopy(ROSTER)
    other["rotations"]["lead"]["members"] = ["ana", "cleo"]
    desk.publish(other)
    desk.look()
    assert sorted(desk.told()) == [("chat", "cleo"), ("mail", "ben")]
    desk.clock.advance(10 * timedelta(minutes=1))
    desk.publish(ROSTER)
    desk.look()
    assert sorted(desk.told()) == [("chat", "cleo")] * 2 + [("mail", "ben")] * 2
    assert "You no longer have" in desk.texts()["cleo"]


def test_an_override_that_is_taken_away_is_told_too(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    desk.clock.advance(10 * timedelta(minutes=1))
    desk.remove(1)
    desk.look()
    assert "You no longer have:\n- lead: from 00:00 on Tuesday" in desk.texts()["ana"]
    assert len(desk.told()) == 4


def test_a_feed_that_says_something_else_tells_who_steps_in(database: Database, clock: SettableClock) -> None:
    roster = {**ROSTER, "calendars": [{"agent": "ben", "means": "off", "url": "https://calendar.example/ben.ics"}]}
    desk = Desk(database, clock, roster)
    off = (Span(MONDAY + DAY, MONDAY + 2 * DAY, "ben"),)
    database.write_now(lambda conn: feeds.read_well(conn, "off-ben", off, MONDAY + 90 * DAY, clock.now(), (), None))
    desk.look()
    assert sorted(desk.told()) == [("mail", "ana"), ("mail", "ben")]


def test_what_begins_later_than_two_weeks_ahead_is_not_told(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + 15 * DAY, MONDAY + 16 * DAY, rotation="lead")
    desk.look()
    assert desk.told() == []


def test_who_made_a_change_is_not_told_of_their_own_part(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, by="ana", instead_of="ben", rotation="lead")
    desk.look()
    assert desk.told() == [("mail", "ben")]


def test_who_is_known_by_their_zendesk_user_is_not_told_of_their_own_part_either(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, by="7", instead_of="ben", rotation="lead")
    desk.look()
    assert desk.told() == [("mail", "ben")]


def test_changes_of_one_look_are_one_message_a_person(desk: Desk) -> None:
    for number in range(1, 5):
        desk.override(number, "ana", MONDAY + number * DAY, MONDAY + number * DAY + HOUR, rotation="lead")
    desk.look()
    assert sorted(desk.told()) == [("mail", "ana"), ("mail", "ben")]
    assert desk.texts()["ana"].count("- lead:") == 4


def test_what_follows_within_a_minute_is_one_message(desk: Desk) -> None:
    for number in range(1, 5):
        desk.override(number, "ana", MONDAY + number * DAY, MONDAY + number * DAY + HOUR, rotation="lead")
        desk.look()
        desk.clock.advance(timedelta(seconds=10))
    desk.run(timedelta(minutes=2))
    ana = [one.message.text.count("- lead:") for one in desk.ways.sent if one.agent == "ana"]
    assert ana == [1, 3]


def test_what_is_taken_back_before_it_was_told_is_not_told(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock, quiet(ana="08:00-20:00", ben="08:00-20:00"))
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    desk.remove(1)
    desk.look()
    desk.run(DAY)
    assert desk.told() == []
    assert {row.reason for row in desk.items_of_duty()} == {"taken_back"}


def test_what_changes_again_before_it_was_told_is_told_as_it_is(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock, quiet(ana="08:00-20:00"))
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    desk.remove(1)
    desk.override(2, "ana", MONDAY + DAY, MONDAY + DAY + HOUR, rotation="lead")
    desk.look()
    desk.run(DAY)
    (text,) = [one.message.text for one in desk.ways.sent if one.agent == "ana"]
    assert "from 00:00 on Tuesday 24 November (UTC) to 01:00 on Tuesday 24 November (UTC)" in text
    assert "You no longer have" not in text


def test_quiet_hours_hold_it_back_in_the_persons_own_zone(database: Database, clock: SettableClock) -> None:
    roster = quiet(ana="22:00-07:00")
    roster["agents"]["ana"]["timezone"] = "Asia/Tokyo"  # 18:00 there
    desk = Desk(database, clock, roster)
    clock.set(datetime(2026, 11, 22, 14, tzinfo=UTC))  # 23:00 there
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    assert desk.told() == [("mail", "ben")]
    (item,) = [row for row in desk.messages() if row.agent == "ana"]
    assert item.why == [["2026-11-22T14:00:00.000000Z", "quiet_hours", "2026-11-22T22:00:00.000000Z"]]
    desk.run(DAY)
    assert [(one.at, one.way) for one in desk.ways.sent if one.agent == "ana"] == [(datetime(2026, 11, 22, 22, tzinfo=UTC), "mail")]
    assert "from 09:00 on Tuesday 24 November (Asia/Tokyo)" in desk.texts()["ana"]


def test_what_begins_within_twelve_hours_is_told_in_quiet_hours(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock, quiet(ana="08:00-20:00"))
    desk.override(1, "cleo", clock.now() + 11 * HOUR, clock.now() + 12 * HOUR, rotation="lead")
    desk.look()
    assert sorted(desk.told()) == [("chat", "cleo"), ("mail", "ana")]


def test_quiet_hours_end_twelve_hours_before_the_duty_begins(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock, quiet(ben="08:00-20:00"))
    start = clock.now()
    desk.override(1, "ben", start + 13 * HOUR, start + 14 * HOUR, rotation="lead")
    desk.look()
    desk.run(DAY)
    assert [one.at - start for one in desk.ways.sent if one.agent == "ben"] == [HOUR]


def test_a_way_that_fails_is_followed_by_the_next(desk: Desk) -> None:
    desk.ways.fault = lambda way, agent: (_ for _ in ()).throw(GiveUp("refused")) if way == "mail" else None
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    assert desk.told() == [("chat", "ana")]
    assert ("duty_not_told", {"agent": "ben"}) in desk.alarms
    stand = {(row.agent, row.way, row.status, row.reason) for row in desk.items_of_duty()}
    assert stand == {("ana", "mail", "failed", "refused"), ("ana", "chat", "sent", None), ("ben", "mail", "failed", "refused")}


def test_a_way_that_is_away_is_tried_again_until_the_duty_is_over(desk: Desk) -> None:
    desk.ways.fault = lambda way, agent: (_ for _ in ()).throw(TryLater("away")) if agent == "ben" else None
    desk.override(1, "ana", MONDAY + 2 * HOUR, MONDAY + 3 * HOUR, rotation="lead")
    desk.look()
    desk.run(MONDAY + 4 * HOUR - desk.clock.now())
    assert desk.told() == [("mail", "ana")]
    assert len([one for one in desk.ways.tried if one[2] == "ben"]) > 10
    assert max(one[0] for one in desk.ways.tried) < MONDAY + 3 * HOUR
    assert ("ben", "superseded", "past") in {(row.agent, row.status, row.reason) for row in desk.items_of_duty()}


def test_who_has_no_way_is_said(database: Database, clock: SettableClock) -> None:
    roster = copy.deepcopy(ROSTER)
    del roster["agents"]["ben"]["email"], roster["agents"]["ben"]["reach"]
    desk = Desk(database, clock, roster)
    desk.override(1, "ana", MONDAY + DAY, MONDAY + DAY + HOUR, rotation="lead")
    desk.look()
    assert ("ben", None, "failed", "no_way") in {(row.agent, row.way, row.status, row.reason) for row in desk.items_of_duty()}
    desk.run(DAY)
    assert [what for what, _ in desk.alarms] == ["duty_not_told"]


def test_several_workers_and_a_new_one_tell_it_once(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    others = [desk.looker() for _ in range(3)]

    async def all_at_once() -> None:
        await asyncio.gather(*(one.round() for one in (desk.duties, *others)))

    asyncio.run(all_at_once())
    desk.duties = desk.looker()
    desk.look()
    desk.run(HOUR)
    assert sorted(desk.told()) == [("mail", "ana"), ("mail", "ben")]


@pytest.mark.parametrize("point", [name for name in crashpoint.POINTS if name.startswith(("duties.", "notify."))])
def test_dying_anywhere_loses_nothing_and_doubles_nothing_but_under_its_id(desk: Desk, point: str) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    crashpoint.arm(point, die)
    try:
        asyncio.run(desk.duties.round())
        asyncio.run(rounds(desk))
    except Killed:
        desk.duties = desk.looker()
    finally:
        crashpoint.disarm()
    desk.look()
    desk.run(timedelta(minutes=1))
    assert {one.agent for one in desk.ways.sent} == {"ana", "ben"}
    assert len({one.message.id for one in desk.ways.sent}) == 2
    assert len(desk.ways.sent) == (3 if point == "notify.sent" else 2)
    assert {row.status for row in desk.items_of_duty()} == {"sent"}


def test_news_of_a_duty_hold_no_case_up(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    case = desk.open("lost")
    desk.tell()
    assert [one.agent for one in desk.ways.sent if case in one.message.text] == ["ana"]


def test_at_most_three_messages_go_in_five_minutes_news_of_duties_among_them(desk: Desk) -> None:
    for number in range(1, 4):
        desk.override(number, "ana", MONDAY + number * DAY, MONDAY + number * DAY + HOUR, rotation="lead")
        desk.look()
        desk.open("bitten", str(4710 + number))
        desk.run(timedelta(seconds=61))
    assert len([one for one in desk.ways.sent if (one.way, one.agent) == ("mail", "ana")]) == 3


def test_who_left_the_roster_is_not_told(desk: Desk) -> None:
    other = copy.deepcopy(ROSTER)
    other["rotations"]["lead"]["members"] = ["ana"]
    other["cover"], other["lists"] = [{"oncall": "ana", "then": ["page"]}], {"leads": ["cleo"]}
    del other["agents"]["ben"]
    desk.publish(other)
    desk.look()
    assert desk.told() == [("mail", "ana")]
    assert "from 00:00 on Monday 23 November (UTC)" in desk.texts()["ana"]


def test_a_mark_of_what_is_known_is_all_that_is_kept(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    known = desk.database.read_now(duties.known)
    assert known == {"revision": 2, "version": 1, "book": 1, "overrides": ["ovr_1"], "feeds": []}


def test_news_of_a_duty_are_no_burden(desk: Desk) -> None:
    desk.override(1, "ana", MONDAY + DAY, MONDAY + 2 * DAY, rotation="lead")
    desk.look()
    assert desk.database.read_now(lambda conn: assignments.pages(conn, ["ana", "ben"], desk.clock.now() - HOUR)) == {}
    desk.open("bitten")
    desk.tell()
    assert desk.database.read_now(lambda conn: assignments.pages(conn, ["ana", "ben"], desk.clock.now() - HOUR)) == {"ana": 1}


@pytest.mark.parametrize("seed", range(1))
def test_whoever_believes_what_they_are_told_knows_their_duties(database: Database, clock: SettableClock, seed: int) -> None:
    dice = Random(seed)  # noqa: S311
    roster = quiet(ana="20:00-08:00", ben="06:00-14:00")
    roster["shifts"] = {"day": {"days": "mon-sun", "hours": "09:00-17:00", "agents": ["ana", "cleo"]}}
    desk = Desk(database, clock, roster)
    start, end = MONDAY + 3 * DAY, MONDAY + 12 * DAY
    believed, made = held(desk, start, end), []
    for number in range(40):
        clock.advance(timedelta(minutes=dice.randrange(60)))
        since = start + dice.randrange(8 * 24) * HOUR
        if made and dice.random() < 0.4:
            desk.remove(made.pop(dice.randrange(len(made))))
        elif dice.random() < 0.2:
            members = dice.sample(["ana", "ben", "cleo"], dice.randint(1, 3))
            desk.publish({**roster, "rotations": {"lead": {**roster["rotations"]["lead"], "members": members}}})
        else:
            kind, agent = dice.choice(["oncall", "off", "shift"]), dice.choice(["ana", "ben", "cleo"])
            more = {"oncall": {"rotation": "lead"}, "shift": {"rotation": "day"}, "off": {}}[kind]
            with suppress(rosters.Overlapping):
                desk.override(number, agent, since, since + dice.randint(1, 30) * HOUR, kind=kind, **more)
                made.append(number)
        if dice.random() < 0.7:
            desk.look()
            desk.run(timedelta(seconds=dice.randrange(120)))
    desk.look()
    desk.run(DAY)
    for one in desk.ways.sent:
        for part, change in (("lost", believed.difference_update), ("gained", believed.update)):
            for piece in one.message.data[part]:
                since, until = read_instant(piece["from"]), read_instant(piece["to"] or FAR)
                change({(one.agent, piece["name"], hour) for hour in hours(max(since, start), min(until, end))})
    assert believed == held(desk, start, end)
    assert len(desk.ways.sent) > 10


FAR = "2027-02-01T00:00:00.000000Z"


def hours(start: datetime, end: datetime) -> list[datetime]:
    return [start + n * HOUR for n in range((end - start) // HOUR)]


def held(desk: Desk, start: datetime, end: datetime) -> set[tuple[str | None, str, datetime]]:
    """By agent, what they have and each hour of it."""
    rota = desk.database.read_now(lambda conn: LiveRoster().now(conn, desk.clock.now()))
    assert rota is not None
    found = rota.duties(start, end)
    return {(one.agent, one.name, hour) for one in found for hour in hours(max(one.start, start), min(one.end, end))}
