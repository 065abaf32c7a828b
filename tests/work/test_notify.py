"""Who is told, by which way, and what happens when that fails: until somebody is reached, or it is said that nobody could be."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolIsBusy

from tests.clocks import SettableClock
from tests.work.telling import BOOK, ROSTER, Telling, rule_tells
from tests.work.test_blame import troubled
from tests.work.walk import ticket
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.core.roster import Override
from tsbridge.store import notifications, rosters
from tsbridge.store.db import Database
from tsbridge.store.moment_tables import moments
from tsbridge.store.notice_tables import messages

ACKNOWLEDGEMENTS = select(moments.c.digest).where(moments.c.event == "case.acknowledged")
RESOLUTIONS = select(moments.c.digest).where(moments.c.event == "case.resolved")
NIGHT = datetime(2026, 11, 22, 3, 12, tzinfo=UTC)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Telling:
    return Telling(database, clock)


def fails(*ways: str, by: Exception | None = None) -> Any:
    def fault(way: str, agent: str | None) -> None:
        if way in ways:
            raise by or GiveUp("refused")

    return fault


def test_the_one_on_call_is_told_at_once_by_their_first_way(desk: Telling) -> None:
    case = desk.open("bitten")
    desk.tell()
    (sent,) = desk.ways.sent
    assert (sent.at, sent.way, sent.agent) == (desk.clock.now(), "mail", "ana")
    assert case in sent.message.text
    assert sent.message.data["policy"] == "sev1"
    assert sent.message.data["step"] == 1
    assert sent.message.data["next_step_at"] == "2026-11-22T09:15:00.000000Z"
    assert desk.stand() == [("ana", "mail", "sent", None)]
    assert desk.messages()[0].attempts == [["2026-11-22T09:00:00.000000Z", "ok"]]


def test_at_the_next_step_the_backups_are_told_too(desk: Telling) -> None:
    desk.open("bitten")
    desk.run(timedelta(minutes=20))
    assert desk.told() == [("mail", "ana"), ("mail", "ana"), ("mail", "ben"), ("page", None)]


def test_a_way_that_fails_is_followed_by_the_next_at_once(desk: Telling) -> None:
    desk.ways.fault = fails("mail")
    desk.open("bitten")
    desk.tell()
    assert desk.told() == [("chat", "ana")]
    assert desk.stand() == [("ana", "mail", "failed", "refused"), ("ana", "chat", "sent", None)]


def test_when_all_ways_to_a_person_fail_the_next_person_is_told_at_once(desk: Telling) -> None:
    desk.ways.fault = lambda way, agent: (_ for _ in ()).throw(GiveUp("refused")) if agent == "ana" else None
    desk.open("bitten")
    desk.tell()
    assert desk.told() == [("mail", "ben")]


def test_a_way_for_later_is_tried_again_and_the_next_one_goes_at_once(desk: Telling) -> None:
    desk.ways.fault = fails("mail", by=TryLater("away"))
    desk.open("bitten")
    desk.tell()
    assert desk.told() == [("chat", "ana")]
    assert ("ana", "mail", "superseded", "told_by_another_way") in desk.stand()


def test_a_message_sent_again_keeps_its_id(desk: Telling) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["cover"] = [{"oncall": "ben"}]
    desk.publish(roster)
    desk.walk.publish(rule_tells("oncall"))
    desk.ways.fault = fails("mail", by=TryLater("away"))
    desk.open("bitten")
    desk.run(60)
    desk.ways.fault = fails()
    desk.run(timedelta(minutes=3))
    ids = {id_ for _, way, agent, id_ in desk.ways.tried if agent == "ben"}
    assert desk.told() == [("mail", "ben")]
    assert ids == {desk.ways.sent[0].message.id}


def test_what_is_new_goes_with_what_waits_to_be_tried_again(desk: Telling) -> None:
    """When the server is back after hours, one message has everything."""
    roster = copy.deepcopy(ROSTER)
    roster["cover"] = [{"oncall": "ben"}]
    desk.publish(roster)
    desk.ways.fault = fails("mail", by=TryLater("away"))
    cases = set()
    for number in range(6):
        cases.add(desk.open("lost", str(5000 + number)))
        desk.run(timedelta(minutes=20))
    desk.ways.fault = fails()
    desk.run(timedelta(minutes=6))
    (sent,) = desk.ways.sent
    assert {case["case_id"] for case in sent.message.data["cases"]} == cases


def test_a_short_outage_costs_seconds_also_when_later_steps_were_told_early(desk: Telling) -> None:
    """Steps that join a message at once, as nobody is reached, are no reason to ask less often."""
    roster = copy.deepcopy(ROSTER)
    roster["cover"] = [{"oncall": "ben"}]
    desk.publish(roster)
    desk.ways.fault = fails("mail", by=TryLater("away"))
    desk.open("bitten")
    desk.run(5)
    desk.ways.fault = fails()
    desk.run(10)
    assert ("mail", "ben") in desk.told()


def test_an_answer_that_was_lost_brings_the_same_message_again_under_its_id(desk: Telling) -> None:
    answers = iter([OutcomeUnknown("cut")])

    def lost(way: str, agent: str | None) -> None:
        for failure in answers:
            raise failure

    desk.ways.lost = lost
    desk.open("bitten")
    desk.run(10)
    mails = [one.message.id for one in desk.ways.sent if one.way == "mail"]
    assert len(mails) <= 2
    assert len(set(mails)) == 1
    assert {row.status for row in desk.items()} <= {"sent", "superseded"}


def test_nobody_on_call_is_said_and_the_backups_are_told_at_once(desk: Telling) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["agents"]["ana"]["until"] = "2026-11-01"
    desk.publish(roster)
    desk.open("bitten")
    desk.tell()
    assert desk.stand() == [(None, None, "failed", "nobody_on_call"), ("ben", "mail", "sent", None)]
    assert desk.alarmed() == ["nobody_on_call"]


def test_without_a_roster_nobody_is_on_call_and_that_is_said_once(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, roster=None)
    desk.open("bitten")
    desk.run(timedelta(minutes=10))
    assert {(agent, status, reason) for agent, _, status, reason in desk.stand()} == {(None, "failed", "nobody_on_call")}
    assert len(desk.items()) == 3  # the other steps ask at once, too
    assert desk.alarmed().count("nobody_could_be_reached") == 1


def test_when_nobody_can_be_reached_the_next_step_tells_at_once_and_not_again_at_its_time(desk: Telling) -> None:
    desk.ways.fault = lambda way, agent: (_ for _ in ()).throw(GiveUp("refused")) if agent in ("ana", "ben", None) else None
    desk.open("bitten")
    desk.tell()
    assert desk.told() == [("chat", "cleo")]  # of the third step
    assert Counter(desk.alarmed())["nobody_reached"] >= 1
    desk.ways.fault = lambda way, agent: None
    desk.run(timedelta(hours=1))
    assert Counter(desk.told())[("chat", "cleo")] == 1


def test_somebody_who_comes_while_nobody_is_reached_is_told(desk: Telling) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["cover"] = [{"oncall": "lead"}]
    for agent in ("ana", "ben"):
        roster["agents"][agent]["until"] = "2026-11-01"
    desk.publish(roster)
    book = copy.deepcopy(BOOK)
    book["policies"]["sev1"]["steps"] = book["policies"]["sev1"]["steps"][:1]
    desk.walk.publish(book)
    desk.open("bitten")
    desk.tell()
    assert desk.told() == []
    roster["cover"] = [{"oncall": "cleo"}]
    desk.publish(roster)
    desk.run(timedelta(minutes=6))
    assert desk.told() == [("chat", "cleo")]


def test_whoever_is_put_on_call_while_somebody_waits_is_told_at_once(desk: Telling) -> None:
    nobody = copy.deepcopy(ROSTER)
    nobody["cover"] = [{"queue": "intake", "oncall": "ana"}]
    desk.publish(nobody)
    desk.walk.publish(rule_tells("oncall"))
    desk.open("bitten")
    desk.run(timedelta(minutes=7))  # asked again after five, and in five
    assert desk.told() == []
    desk.publish(ROSTER)
    desk.tell()
    assert desk.told() == [("mail", "ana")]


def test_whoever_takes_over_by_an_override_while_nobody_is_there_is_told_at_once(desk: Telling) -> None:
    away = copy.deepcopy(ROSTER)
    away["cover"] = [{"oncall": "lead"}]
    for agent in ("ana", "ben"):
        away["agents"][agent]["until"] = "2026-11-01"
    desk.publish(away)
    desk.walk.publish(rule_tells("oncall"))
    desk.open("bitten")
    desk.run(timedelta(minutes=7))
    now = desk.clock.now()
    cleo = Override("ovr_1", "oncall", "cleo", now, now + timedelta(hours=2), "a swap", rotation="lead")

    def take_over(conn: Connection) -> None:
        rosters.lock(conn)
        rosters.add_override(conn, cleo, now, "sue")

    desk.database.write_now(take_over)
    desk.tell()
    assert desk.told() == [("chat", "cleo")]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("oncall", [("mail", "ana")]),
        ("ben", [("mail", "ben")]),
        ("rotation:lead", [("mail", "ana")]),
        ("list:leads", [("chat", "cleo"), ("mail", "ben")]),
        ("page", [("page", None)]),
        ("queue:safety", [("mail", "ana")]),
    ],
)
def test_a_target_means(database: Database, clock: SettableClock, target: str, told: list[Any]) -> None:
    desk = Telling(database, clock, rule_tells(target))
    desk.open("bitten")
    desk.tell()
    assert sorted(desk.told()) == told
    assert {row.asked_by for row in desk.items()} == {"rule:hurt"}


def test_a_queue_means_those_who_work_it_now(database: Database, clock: SettableClock) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["shifts"] = {"day": {"days": "mon-sun", "hours": "08:00-17:00", "agents": ["ben", "cleo"], "queues": ["safety"]}}
    desk = Telling(database, clock, rule_tells("queue:safety"), roster)
    desk.open("bitten")
    desk.tell()
    assert sorted(desk.told()) == [("chat", "cleo"), ("mail", "ben")]


def test_another_word_is_nobody_and_those_on_call_are_told_instead(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, rule_tells("zoe"))
    desk.open("bitten")
    desk.tell()
    assert desk.stand() == [(None, None, "failed", "nobody_on_call"), ("ana", "mail", "sent", None)]


def test_one_person_is_told_once_for_one_case_however_many_rules_ask(database: Database, clock: SettableClock) -> None:
    book = rule_tells("oncall")
    book["rules"].insert(
        1, {**copy.deepcopy(book["rules"][0]), "key": "hurt-too", "then": [{"notify": "ana"}, {"notify": "rotation:lead"}]}
    )
    desk = Telling(database, clock, book)
    desk.open("bitten")
    desk.tell()
    assert desk.told() == [("mail", "ana")]
    assert "cases" not in desk.ways.sent[0].message.data
    assert [status for _, _, status, _ in desk.stand()] == ["sent"] * 3


@pytest.mark.parametrize("number", range(6))
def test_where_a_policy_and_a_rule_ask_at_once_the_message_is_the_policys(database: Database, clock: SettableClock, number: int) -> None:
    """Its step and when the next one comes is more than that a rule asked; whose id happens to be the smaller makes no difference."""
    book = copy.deepcopy(BOOK)
    book["rules"][0]["then"].append({"notify": "oncall"})
    desk = Telling(database, clock, book)
    desk.open("bitten", str(5000 + number))
    desk.tell()
    (sent,) = desk.ways.sent
    assert (sent.message.data["policy"], sent.message.data["step"]) == ("sev1", 1)
    assert sent.message.data["next_step_at"] is not None


# -- grouped, throttled, quiet ---------------------------------------------------------------------------------------------


def test_what_follows_within_a_minute_is_one_message(desk: Telling) -> None:
    first = desk.open("lost", "5000")
    desk.tell()
    others = set()
    for number in range(1, 4):
        desk.clock.advance(5)
        others.add(desk.open("lost", str(5000 + number)))
        desk.tell()
    desk.run(timedelta(minutes=2))
    one, grouped = desk.ways.sent
    assert first in one.message.text
    assert grouped.at == one.at + timedelta(minutes=1)
    assert {case["case_id"] for case in grouped.message.data["cases"]} == others
    assert desk.messages()[1].why[0][1] == "grouped"


def test_lesser_ones_leave_the_last_of_three_messages_to_a_severity_one(desk: Telling) -> None:
    for number in range(4):
        desk.open("lost", str(5000 + number))
        desk.run(61)
    assert [one.at for one in desk.ways.sent] == [desk.ways.sent[0].at, desk.ways.sent[0].at + timedelta(seconds=61)]
    severe = desk.open("bitten", "6000")
    desk.tell()
    assert len(desk.ways.sent) == 3
    assert desk.ways.sent[-1].at == desk.clock.now()
    assert severe in desk.ways.sent[-1].message.text


def test_severity_one_goes_at_once_and_waits_only_behind_three_messages(desk: Telling) -> None:
    start = desk.clock.now()
    for number in range(5):
        desk.open("bitten", str(5000 + number))
        desk.tell()
        desk.clock.advance(10)
    assert [one.at for one in desk.ways.sent] == [start, start + timedelta(seconds=10), start + timedelta(seconds=20)]
    desk.run(timedelta(minutes=5))
    assert len([one for one in desk.ways.sent if one.at == start + timedelta(minutes=5)]) == 1


def test_quiet_hours_hold_severity_three_until_they_end_in_the_persons_own_zone(database: Database) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["agents"]["ana"] |= {"quiet": "22:00-07:00", "timezone": "Europe/Berlin"}
    clock = SettableClock(NIGHT)
    desk = Telling(database, clock, roster=roster)
    desk.open("lost", "5000")
    desk.tell()
    assert desk.told() == []
    desk.open("bitten", "6000")
    desk.tell()
    assert desk.told() == [("mail", "ana")]
    assert desk.ways.sent[0].message.data["severity"] == 1
    assert "cases" not in desk.ways.sent[0].message.data
    desk.acknowledge(desk.case_of("6000"))
    desk.run(timedelta(hours=4))
    assert [one.at for one in desk.ways.sent][1:] == [datetime(2026, 11, 22, 6, tzinfo=UTC)]


@pytest.mark.parametrize("hours", ["00:00-24:00", "07:00-22:00,22:00-07:00"])
def test_quiet_hours_around_the_clock_hold_until_they_are_edited(desk: Telling, hours: str) -> None:
    roster = copy.deepcopy(ROSTER)
    roster["agents"]["ana"]["quiet"] = hours
    desk.publish(roster)
    desk.open("lost", "5000")
    desk.run(timedelta(days=3))
    assert desk.told() == []
    desk.publish(ROSTER)
    desk.run(timedelta(days=1))
    assert desk.told() == [("mail", "ana")]


# -- acknowledged --------------------------------------------------------------------------------------------------------------


def test_acknowledging_stops_what_waits_and_tells_the_others_by_whom(desk: Telling) -> None:
    case = desk.open("bitten")
    desk.run(timedelta(minutes=16))
    desk.ways.sent.clear()
    desk.acknowledge(case, "ana")
    desk.run(timedelta(minutes=30))
    assert Counter(desk.told()) == {("mail", "ben"): 1, ("page", None): 1}
    assert "taken by ana" in desk.ways.sent[0].message.text
    assert {row.status for row in desk.items()} == {"sent"}
    assert all(row.acknowledged_at is not None for row in desk.items() if row.kind == "step")


def acknowledged_while_it_waits(desk: Telling) -> str:
    """A case that somebody has before its message, which waits behind another one, is sent."""
    desk.open("lost", "5000")
    desk.tell()
    desk.clock.advance(5)
    case = desk.open("lost", "5001")
    desk.tell()
    desk.acknowledge(case, "ben")
    return case


def test_a_message_that_waits_is_not_sent_once_somebody_has_the_case(desk: Telling) -> None:
    acknowledged_while_it_waits(desk)
    desk.run(timedelta(minutes=10))
    assert len(desk.ways.sent) == 1
    assert ("ana", "mail", "superseded", "acknowledged") in desk.stand()


def test_a_message_that_a_mistaken_acknowledgement_held_back_is_sent_once_that_is_withdrawn(desk: Telling) -> None:
    case = acknowledged_while_it_waits(desk)
    desk.run(timedelta(minutes=2))
    assert len(desk.ways.sent) == 1
    (acknowledged,) = desk.database.read_now(lambda conn: conn.execute(ACKNOWLEDGEMENTS).scalars().all())
    asyncio.run(desk.walk.desk.withdraw(acknowledged, "sue", "another case's"))
    desk.run(timedelta(minutes=10))
    assert desk.told() == [("mail", "ana")] * 2
    assert case in desk.ways.sent[-1].message.text
    asyncio.run(desk.walk.desk.resolve(case, "sue", None))
    (resolved,) = desk.database.read_now(lambda conn: conn.execute(RESOLUTIONS).scalars().all())
    asyncio.run(desk.walk.desk.withdraw(resolved, "sue", "another case's"))
    desk.run(timedelta(minutes=10))
    assert len(desk.ways.sent) == 2, "who was told is not told again"


def test_of_several_who_acknowledge_in_the_same_second_one_wins(desk: Telling) -> None:
    case = desk.open("bitten")
    desk.tell()

    async def press() -> None:
        await asyncio.gather(*(desk.walk.desk.acknowledge(case, who, None) for who in ("ben", "ana", "cleo", "sue", "kay")))

    asyncio.run(press())
    desk.ways.sent.clear()
    desk.run(timedelta(minutes=5))
    takers = {word for one in desk.ways.sent for word in ("ana", "ben") if f"taken by {word}" in one.message.text}
    assert len(takers) <= 1
    assert len(desk.ways.sent) <= 1


# -- several workers, and workers that die -------------------------------------------------------------------------------------


def test_several_workers_send_each_message_once(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock)
    workers = [desk.worker() for _ in range(4)]
    for number in range(3):
        desk.open("bitten", str(5000 + number))

    async def together() -> None:
        for _ in range(3):
            await asyncio.gather(*(worker.round() for worker in workers))
            await asyncio.gather(*(worker.finish() for worker in workers))

    asyncio.run(together())
    assert desk.told() == [("mail", "ana")]


def test_a_message_whose_claim_nobody_heard_of_goes_out_with_the_next_round(database: Database, clock: SettableClock) -> None:
    shaky, side = troubled(database, 1)
    desk = Telling(shaky, clock)
    desk.open("bitten")
    side.unheard = lambda conn: conn.execute(select(messages.c.id).where(messages.c.status == "sending")).first() is not None
    for _ in range(2):
        with pytest.raises(OperationalError):
            desk.tell()
        clock.advance(2)
    side.unheard = lambda _: False
    desk.tell()
    assert desk.told() == [("mail", "ana")]
    (message,) = desk.messages()
    assert (message.sealed, message.tries, len(message.attempts)) == (False, 0, 1)  # nothing went out before


@pytest.mark.parametrize("lost", [None, GiveUp("refused")])
def test_how_an_attempt_ended_is_kept_with_the_next_round_where_the_database_was_away(
    database: Database, clock: SettableClock, lost: Exception | None
) -> None:
    shaky, side = troubled(database, 1)
    desk = Telling(shaky, clock)
    desk.open("bitten")

    def away(way: str, agent: str | None) -> None:
        side.share = 1.0
        if lost is not None:
            raise lost

    desk.ways.fault = away
    for _ in range(2):
        with pytest.raises((OperationalError, PoolIsBusy)):
            desk.tell()
        clock.advance(2)
    side.share, desk.ways.fault = 0.0, lambda way, agent: None
    desk.tell()
    clock.advance(60)
    desk.tell()
    assert desk.told() == [("mail" if lost is None else "chat", "ana")]  # once, and the next way where it failed
    assert len(desk.ways.tried) == (1 if lost is None else 2)


@pytest.mark.parametrize("point", ["claimed", "sent"])
def test_a_worker_that_dies_leaves_a_message_that_goes_out_again_under_its_id(desk: Telling, point: str) -> None:
    class Killed(BaseException):
        pass

    def die(way: str, agent: str | None) -> None:
        raise Killed

    desk.open("bitten")
    if point == "claimed":
        desk.ways.fault = die
    else:
        desk.ways.lost = die

    async def killed() -> None:
        worker = desk.worker()
        await worker.round()
        with pytest.raises(Killed):
            await worker.finish()

    asyncio.run(killed())
    desk.ways.fault = desk.ways.lost = lambda way, agent: None
    begun = desk.clock.now()
    desk.notify = desk.worker()
    desk.run(60)
    assert {one.message.id for one in desk.ways.sent} == {desk.messages()[0].id}
    assert len(desk.ways.sent) == (1 if point == "claimed" else 2)
    assert desk.ways.sent[-1].at <= begun + timedelta(seconds=30)
    assert desk.stand() == [("ana", "mail", "sent", None)]


# -- why -----------------------------------------------------------------------------------------------------------------------


def test_why_somebody_was_told_is_kept_whatever_becomes_of_the_roster(desk: Telling) -> None:
    off = Override("ovr_1", "off", "ana", desk.clock.now(), desk.clock.now() + timedelta(hours=1), "ill")

    def away(conn: Connection) -> None:
        rosters.lock(conn)
        rosters.add_override(conn, off, desk.clock.now(), "sue")

    desk.database.write_now(away)
    desk.open("bitten")
    desk.tell()
    (_, item) = desk.items()
    before = desk.database.read_now(lambda conn: notifications.answers(conn, [item.answer]))
    desk.publish({**copy.deepcopy(ROSTER), "cover": [{"oncall": "cleo"}]})
    desk.run(timedelta(minutes=3))
    after = desk.database.read_now(lambda conn: notifications.answers(conn, [item.answer]))
    assert after == before
    (body,) = after.values()
    assert body["overrides"] == ["ovr_1"]
    assert "off" in dict(body["others"])["ana"]
    assert body["backups"][0] == ["ben", ["mail"]]


def test_who_was_told_by_a_clock_that_was_ahead_is_not_told_again_and_who_was_not_is(desk: Telling) -> None:
    desk.open("bitten")
    desk.tell()
    desk.ways.fault = fails("chat", by=TryLater("away"))
    desk.run(timedelta(minutes=31))  # the last step goes to ben by mail, and to cleo by chat, who never gets it
    assert desk.told()[-1] == ("mail", "ben")
    before = desk.told()
    desk.clock.advance(timedelta(minutes=-26))
    desk.walk.tell([ticket("updated", 5, person="4711", priority="low")])
    desk.walk.work()
    desk.ways.fault = fails()
    desk.run(timedelta(minutes=30))
    assert desk.told()[len(before) :] == [("chat", "cleo")]
