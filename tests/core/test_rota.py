"""Who is at work and on call: turns, shifts, what overrides and time off make of them, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tsbridge.core.calendar import Calendar
from tsbridge.core.roster import Agent, Away, Cover, Override, Roster, Rotation, Shift
from tsbridge.core.rota import OnCall, Rota

ANGELES, BERLIN, LORD_HOWE = ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WEEK = (0, 1, 2, 3, 4, 5, 6)


def at(zone: ZoneInfo, *when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[arg-type, misc]


def agents(*keys: str, zone: ZoneInfo = ANGELES, **more: dict[str, Any]) -> tuple[Agent, ...]:
    return tuple(Agent(key, key.title(), zone, queues=("safety",), **more.get(key, {})) for key in keys)


def rotation(*members: str, zone: ZoneInfo = ANGELES, hour: int = 9, days: int = 7, starts: date = date(2026, 11, 2)) -> Rotation:
    return Rotation("lead", members, starts, hour * 60, zone, days=days)


def desk(*, zone: ZoneInfo = ANGELES, cover: tuple[Cover, ...] = (Cover(None, None, "lead"),), **parts: Any) -> Roster:
    return Roster(zone, **{"agents": agents("ana", "ben", "cleo", zone=zone), "cover": cover} | parts)


def override(kind: Any, agent: str, start: datetime, end: datetime, **more: Any) -> Override:
    return Override(f"{kind} {agent} {start}", kind, agent, start, end, "because", **more)


def keys(answer: OnCall) -> list[str]:
    return [person.agent for person in answer.people]


def steps(answer: OnCall) -> list[str]:
    return [one.step for one in answer.people[0].because]


WEEKLY = desk(rotations=(rotation("ana", "ben"),))
MONDAY = at(ANGELES, 2026, 11, 9, 9)
"""The first hand-over of WEEKLY."""


def test_members_take_turns_and_hand_over_on_the_wall_clock() -> None:
    rota = Rota(WEEKLY)
    assert keys(rota.on_call(MONDAY - SECOND)) == ["ana"]
    answer = rota.on_call(MONDAY)
    assert keys(answer) == ["ben"]
    assert answer.people[0].until == at(ANGELES, 2026, 11, 16, 9)
    assert steps(answer) == ["cover", "rotation", "handover"]
    march = at(ANGELES, 2027, 3, 15, 9)  # the Monday after the clock was changed
    assert (march - MONDAY).total_seconds() % DAY.total_seconds() == 23 * 3600
    assert keys(rota.on_call(march - SECOND)) != keys(rota.on_call(march))


def test_before_a_rotation_starts_nobody_is_on_call_and_it_says_so() -> None:
    answer = Rota(WEEKLY).on_call(at(ANGELES, 2026, 11, 1, 12))
    assert answer.people == ()
    assert answer.gap is not None
    assert answer.gap.end == at(ANGELES, 2026, 11, 2, 9)
    assert "starts at 2026-11-02 09:00-08:00" in answer.gap.why


def test_a_hand_over_in_an_hour_that_comes_twice_overlaps_with_the_new_one_in_front() -> None:
    nights = Rotation("lead", ("ana", "ben"), date(2026, 10, 24), 150, BERLIN, days=1)
    rota = Rota(desk(zone=BERLIN, rotations=(nights,)))
    first, second = at(BERLIN, 2026, 10, 25, 2, 30), at(BERLIN, 2026, 10, 25, 2, 30, fold=1)
    assert second - first == HOUR
    assert keys(rota.on_call(first - SECOND)) == ["ana"]
    assert keys(rota.on_call(first)) == ["ben", "ana"]
    assert [person.until for person in rota.on_call(first).people] == [at(BERLIN, 2026, 10, 26, 2, 30), second]
    assert keys(rota.on_call(second)) == ["ben"]


def test_a_hand_over_in_a_skipped_hour_lies_behind_it() -> None:
    nights = Rotation("lead", ("ana", "ben"), date(2027, 3, 27), 150, BERLIN, days=1)
    rota = Rota(desk(zone=BERLIN, rotations=(nights,)))
    handed_over = at(BERLIN, 2027, 3, 28, 3, 30)
    assert keys(rota.on_call(handed_over - SECOND)) == ["ana"]
    assert keys(rota.on_call(handed_over)) == ["ben"]


def test_a_clock_that_is_set_back_over_midnight_after_the_hand_over_shows_the_day_before_again() -> None:
    johns = ZoneInfo("America/St_Johns")  # until 2010 at one minute past midnight, to one minute past eleven
    days = Rotation("lead", ("ana", "ben"), date(2009, 10, 31), 0, johns, days=1)
    rota = Rota(desk(zone=johns, rotations=(days,)))
    first, second = at(johns, 2009, 11, 1), at(johns, 2009, 11, 1, fold=1)
    assert second - first == HOUR
    instants = (first - SECOND, first, at(johns, 2009, 10, 31, 23, 30, fold=1), second - SECOND, second)
    assert [keys(rota.on_call(one)) for one in instants] == [["ana"], ["ben", "ana"], ["ben", "ana"], ["ben", "ana"], ["ben"]]


def test_hours_are_elapsed_time_whatever_the_clock_shows() -> None:
    halves = Rotation("lead", ("ana", "ben"), date(2026, 10, 24), 9 * 60, BERLIN, elapsed=12 * HOUR)
    rota = Rota(desk(zone=BERLIN, rotations=(halves,)))
    start = at(BERLIN, 2026, 10, 24, 9)
    for number in range(8):
        assert keys(rota.on_call(start + number * 12 * HOUR)) == [("ana", "ben")[number % 2]]
        assert rota.on_call(start + number * 12 * HOUR).people[0].until == start + (number + 1) * 12 * HOUR


def test_whoever_is_off_or_gone_is_passed_over_for_the_next_and_the_answer_says_whom() -> None:
    lunch = override("off", "ana", MONDAY - 5 * HOUR, MONDAY - 3 * HOUR)
    rota = Rota(WEEKLY, [lunch], [Away("ana", MONDAY - 3 * HOUR, MONDAY - HOUR, "leave")])
    assert keys(rota.on_call(MONDAY - 5 * HOUR - SECOND)) == ["ana"]
    answer = rota.on_call(MONDAY - 5 * HOUR)
    assert keys(answer) == ["ben"]
    assert answer.people[0].until == MONDAY - HOUR
    assert steps(answer) == ["cover", "rotation", "handover", "off"]
    assert "because" in answer.people[0].because[-1].says
    assert steps(rota.on_call(MONDAY - 2 * HOUR)) == ["cover", "rotation", "handover", "away"]
    assert keys(rota.on_call(MONDAY - HOUR)) == ["ana"]


def test_a_contract_is_from_its_first_to_its_last_day_in_the_rosters_zone() -> None:
    known = agents("ana", "ben", ana={"since": date(2026, 11, 4), "until": date(2026, 11, 5)})
    rota = Rota(desk(agents=known, rotations=(rotation("ana", "ben"),)))
    first, behind = at(ANGELES, 2026, 11, 4), at(ANGELES, 2026, 11, 6)
    assert [keys(rota.on_call(when)) for when in (first - SECOND, first, behind - SECOND, behind)] == [["ben"], ["ana"], ["ana"], ["ben"]]
    assert rota.on_call(first).people[0].until == behind
    assert steps(rota.on_call(behind))[-1] == "contract"


def test_a_swap_is_two_overrides_and_ends_where_the_turns_end() -> None:
    week = timedelta(days=7)
    swap = [
        override("oncall", "ben", MONDAY - week, MONDAY + week, instead_of="ana", rotation="lead"),
        override("oncall", "ana", MONDAY - week, MONDAY + week, instead_of="ben", rotation="lead"),
    ]
    rota = Rota(WEEKLY, swap)
    answer = rota.on_call(MONDAY - DAY)
    assert keys(answer) == ["ben"]
    assert answer.people[0].until == MONDAY
    assert steps(answer) == ["cover", "rotation", "handover", "override"]
    assert keys(rota.on_call(MONDAY)) == ["ana"]
    assert keys(rota.on_call(MONDAY + week)) == ["ana"]  # her own turn


def test_who_has_a_rotation_instead_of_whoever_would_has_it_over_hand_overs_too() -> None:
    over = override("oncall", "cleo", MONDAY - DAY, MONDAY + DAY, rotation="lead")
    rota = Rota(WEEKLY, [over])
    answer = rota.on_call(MONDAY - HOUR)
    assert (keys(answer), answer.people[0].until) == (["cleo"], MONDAY + DAY)
    assert [keys(rota.on_call(when)) for when in (MONDAY - DAY - SECOND, MONDAY - DAY, MONDAY + DAY)] == [["ana"], ["cleo"], ["ben"]]
    gone = Rota(WEEKLY, [over, override("off", "cleo", MONDAY, MONDAY + HOUR)])
    assert gone.on_call(MONDAY - HOUR).people[0].until == MONDAY
    assert keys(gone.on_call(MONDAY)) == ["ben"]


def test_of_overrides_for_the_same_the_later_counts_also_where_it_replaces_whom_the_first_named() -> None:
    over = override("oncall", "cleo", MONDAY - DAY, MONDAY + DAY, rotation="lead")
    instead = override("oncall", "ana", MONDAY, MONDAY + HOUR, rotation="lead", instead_of="cleo")
    when = (MONDAY - HOUR, MONDAY, MONDAY + HOUR)
    assert [keys(Rota(WEEKLY, [over, instead]).on_call(one)) for one in when] == [["cleo"], ["ana"], ["cleo"]]
    assert [keys(Rota(WEEKLY, [instead, over]).on_call(one)) for one in when] == [["cleo"], ["cleo"], ["cleo"]]
    assert Rota(WEEKLY, [over, instead]).on_call(MONDAY - HOUR).people[0].until == MONDAY


def test_turns_that_are_kept_elsewhere_are_duties_and_can_be_swapped() -> None:
    """A feed's rotation is a shift of nobody, each of its turns an override."""
    turns = [
        override("oncall", "ana", MONDAY, MONDAY + DAY, rotation="kept"),
        override("oncall", "ben", MONDAY + DAY, MONDAY + 2 * DAY, rotation="kept"),
    ]
    swap = [
        override("oncall", "ben", MONDAY, MONDAY + 2 * DAY, rotation="kept", instead_of="ana"),
        override("oncall", "ana", MONDAY, MONDAY + 2 * DAY, rotation="kept", instead_of="ben"),
    ]
    kept = desk(shifts=(Shift("kept", (), (), (), ANGELES),), cover=(Cover("safety", (1,), "kept"), Cover("claims", None, "ana")))
    for rota, order in ((Rota(kept, turns), ["ana", "ben"]), (Rota(kept, [*turns, *swap]), ["ben", "ana"])):
        assert [keys(rota.on_call(MONDAY + n * DAY, "safety", 1)) for n in (0, 1)] == [[agent] for agent in order]
        assert [(one.agent, one.name, one.start) for one in rota.duties(MONDAY, MONDAY + 2 * DAY)] == [
            (agent, "kept", MONDAY + n * DAY) for n, agent in enumerate(order)
        ]
    assert Rota(replace(kept, cover=()), turns).duties(MONDAY, MONDAY + HOUR) != ()


def test_an_override_for_a_queue_is_for_that_queue() -> None:
    rota = Rota(WEEKLY, [override("oncall", "cleo", MONDAY, MONDAY + HOUR, queue="safety")])
    assert keys(rota.on_call(MONDAY, "safety", 1)) == ["cleo"]
    assert keys(rota.on_call(MONDAY, "claims", 1)) == ["ben"]
    assert keys(rota.on_call(MONDAY)) == ["ben"]


def test_when_all_are_away_there_is_a_gap_with_both_ends_and_the_backups() -> None:
    both = [override("off", "ana", MONDAY, MONDAY + 5 * HOUR), override("off", "ben", MONDAY + HOUR, MONDAY + 4 * HOUR)]
    rota = Rota(desk(rotations=(rotation("ana", "ben"),), cover=(Cover("safety", (1,), "lead", ("cleo", "page")),)), both)
    answer = rota.on_call(MONDAY + 2 * HOUR, "safety", 1)
    assert (answer.people, answer.then) == ((), ("cleo", "page"))
    assert answer.gap is not None
    assert (answer.gap.start, answer.gap.end) == (MONDAY + HOUR, MONDAY + 4 * HOUR)
    assert "ana is off" in answer.gap.why
    assert "ben is off" in answer.gap.why
    assert rota.on_call(MONDAY + HOUR - SECOND, "safety", 1).gap is None
    assert rota.on_call(MONDAY + 4 * HOUR, "safety", 1).gap is None


def test_the_first_line_that_matches_answers() -> None:
    lines = (Cover("safety", (1, 2), "ana"), Cover("claims", None, "cleo"), Cover(None, None, "ben"))
    rota = Rota(desk(cover=lines))
    asked = [("safety", 1), ("safety", 3), ("claims", 4), ("other", 1), ("claims", None), ("safety", None), (None, None)]
    assert [keys(rota.on_call(MONDAY, *one)) for one in asked] == [["ana"], ["ben"], ["cleo"], ["ben"], ["cleo"], ["ben"], ["ben"]]


def test_a_question_that_leaves_something_out_is_answered_by_the_first_line_that_has_the_rest_where_none_is_for_all() -> None:
    rota = Rota(desk(cover=(Cover("safety", (1, 2), "ana"), Cover("safety", (3,), "ben"))))
    assert keys(rota.on_call(MONDAY)) == ["ana"]
    assert keys(rota.on_call(MONDAY, None, 3)) == ["ben"]
    assert steps(rota.on_call(MONDAY)) == ["cover", "fallback", "agent"]
    nobody = rota.on_call(MONDAY, "safety", 4)
    assert nobody.gap is not None
    assert nobody.gap.why == "no line of cover is for safety and severity 4"
    assert nobody.gap.end is None


def nights(zone: ZoneInfo = BERLIN, hours: Any = ((22 * 60, 30 * 60),), days: Sequence[int] = WEEK, **more: Any) -> Shift:
    return Shift("night", tuple(days), hours, ("ana", "ben"), zone, **more)


def test_a_shift_over_midnight_belongs_to_the_day_it_starts_on() -> None:
    rota = Rota(desk(zone=BERLIN, shifts=(nights(days=(4,)),)))
    friday, saturday = at(BERLIN, 2026, 11, 27, 22), at(BERLIN, 2026, 11, 28, 6)
    present = [[one.agent for one in rota.at_work(when)] for when in (friday - SECOND, friday, saturday - SECOND, saturday)]
    assert present == [[], ["ana", "ben"], ["ana", "ben"], []]
    assert [one.agent for one in rota.at_work(friday, "safety")] == ["ana", "ben"]
    assert rota.at_work(friday, "claims") == ()


def test_a_shift_ends_at_the_last_of_two_equal_wall_times_and_starts_at_the_first() -> None:
    early = nights(hours=((0, 150), (150, 480)))
    rota = Rota(desk(zone=BERLIN, shifts=(early,)))
    first, second = at(BERLIN, 2026, 10, 25, 2, 30), at(BERLIN, 2026, 10, 25, 2, 30, fold=1)
    ana = [one for one in rota.at_work(first) if one.agent == "ana"]
    assert [(one.start, one.end) for one in ana] == [(at(BERLIN, 2026, 10, 25), second), (first, at(BERLIN, 2026, 10, 25, 8))]


def test_a_shift_keeps_the_free_and_half_days_of_its_calendar() -> None:
    open_hours = ((9 * 60, 17 * 60),)
    book = {
        "de": Calendar("de", BERLIN, (open_hours,) * 5 + ((),) * 2, yearly={(12, 24): ((9 * 60, 13 * 60),)}, country="DE", subdivision="BY")
    }
    day = Shift("day", (0, 1, 2, 3, 4), open_hours, ("ana",), BERLIN, calendar="de")
    over = nights(calendar="de")
    rota = Rota(desk(zone=BERLIN, shifts=(day, over), cover=(Cover(None, None, "day"),)), calendars=book)
    assert [one.shift for one in rota.at_work(at(BERLIN, 2026, 12, 24, 12, 59))] == ["day"]
    assert rota.at_work(at(BERLIN, 2026, 12, 24, 13)) == ()
    assert rota.at_work(at(BERLIN, 2026, 12, 24, 23)) == ()  # the night of a half day
    assert [one.agent for one in rota.at_work(at(BERLIN, 2026, 12, 24, 3))] == ["ana", "ben"]
    answer = rota.on_call(at(BERLIN, 2026, 12, 25, 10))
    assert answer.gap is not None
    assert "Christmas Day" in answer.gap.why
    assert (answer.gap.start, answer.gap.end) == (at(BERLIN, 2026, 12, 24, 13), at(BERLIN, 2026, 12, 28, 9))


def test_all_who_work_a_shift_answer_in_its_order_without_shadows_and_those_whom_overrides_add_behind_them() -> None:
    known = agents("ana", "ben", "cleo", zone=BERLIN, ana={"shadow": True})
    start = at(BERLIN, 2026, 11, 27, 22)
    more = override("shift", "cleo", start - HOUR, start + HOUR)
    rota = Rota(desk(zone=BERLIN, agents=known, shifts=(nights(),), cover=(Cover(None, None, "night"),)), [more])
    assert [keys(rota.on_call(start + n * HOUR)) for n in (-2, -1, 0, 1)] == [[], ["cleo"], ["ben", "cleo"], ["ben"]]
    present = rota.at_work(start)
    assert [(one.agent, one.shadow) for one in present] == [("ana", True), ("ben", False), ("cleo", False)]
    assert (present[-1].start, present[-1].end) == (start - HOUR, start + HOUR)


def test_somebody_works_a_shift_instead_of_another() -> None:
    start, end = at(BERLIN, 2026, 11, 27, 22), at(BERLIN, 2026, 11, 28, 6)
    rota = Rota(desk(zone=BERLIN, shifts=(nights(),)), [override("shift", "cleo", start, end, instead_of="ana", rotation="night")])
    assert [one.agent for one in rota.at_work(start)] == ["ben", "cleo"]
    assert [one.agent for one in rota.at_work(start + DAY)] == ["ana", "ben"]
    two = desk(zone=BERLIN, shifts=(nights(), replace(nights(), key="other")))
    instead = [override("shift", "cleo", start, end, instead_of="ana", rotation="other")]
    assert [(one.agent, one.shift) for one in Rota(two, instead).at_work(start)][:2] == [("ana", "night"), ("ben", "night")]


def test_time_off_cuts_a_shift_into_pieces() -> None:
    start, end = at(BERLIN, 2026, 11, 27, 22), at(BERLIN, 2026, 11, 28, 6)
    rota = Rota(desk(zone=BERLIN, shifts=(nights(),)), [override("off", "ana", start + HOUR, start + 2 * HOUR)])
    pieces = [(one.start, one.end) for one in rota.duties(start, end) if one.agent == "ana"]
    assert pieces == [(start, start + HOUR), (start + 2 * HOUR, end)]
    assert [one.agent for one in rota.at_work(start + HOUR)] == ["ben"]


def test_duties_are_whole_and_named_the_same_whatever_window_is_asked_for() -> None:
    over = override("oncall", "cleo", MONDAY - DAY, MONDAY + DAY, rotation="lead")
    rota = Rota(WEEKLY, [over])
    wide = rota.duties(MONDAY - 30 * DAY, MONDAY + 30 * DAY)
    assert [(one.agent, one.source, one.name, one.end - one.start) for one in wide[:4]] == [
        ("ana", "rotation", "lead", 6 * DAY),
        ("cleo", "override", "lead", 2 * DAY),
        ("ben", "rotation", "lead", 6 * DAY),
        ("ana", "rotation", "lead", 7 * DAY),
    ]
    for hours in range(-60, 60, 7):
        start = MONDAY + hours * HOUR
        assert rota.duties(start, start + HOUR) == tuple(one for one in wide if one.start < start + HOUR and one.end > start)
    assert len({one.id for one in wide}) == len(wide)


def test_the_next_change_is_the_next_edge_of_anything() -> None:
    rota = Rota(desk(rotations=(rotation("ana", "ben"),), shifts=(nights(ANGELES),)), [override("off", "ben", MONDAY + HOUR, MONDAY + DAY)])
    assert rota.next_change(MONDAY - SECOND) == MONDAY
    assert rota.next_change(MONDAY) == MONDAY + HOUR
    assert rota.next_change(MONDAY + HOUR) == at(ANGELES, 2026, 11, 9, 22)
    assert rota.next_change(at(ANGELES, 2026, 11, 9, 22)) == at(ANGELES, 2026, 11, 10, 6)
    assert Rota(desk()).next_change(MONDAY) is None


@pytest.mark.parametrize("starts", [date(2026, 11, 2), date(1990, 1, 1)])
def test_a_name_that_is_nobodys_is_a_gap_and_an_old_rota_answers_like_a_young_one(starts: date) -> None:
    rota = Rota(
        desk(rotations=(rotation("ana", "ben", starts=starts),), cover=(Cover("safety", None, "nobody"), Cover(None, None, "lead")))
    )
    answer = rota.on_call(MONDAY, "safety")
    assert answer.gap is not None
    assert "nobody is not in the roster" in answer.gap.why
    assert len(keys(rota.on_call(MONDAY))) == 1
