"""Holes of a rota: each with its length, its reasons and who could cover."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tests.core.test_rota import ANGELES, BERLIN, DAY, HOUR, MONDAY, agents, at, desk, override, rotation
from tsbridge.core.calendar import Calendar
from tsbridge.core.coverage import Hole, holes
from tsbridge.core.roster import Cover, Shift
from tsbridge.core.rota import Rota

OFFICE = ((9 * 60, 17 * 60),)
WORKDAYS = (0, 1, 2, 3, 4)


def spans(found: tuple[Hole, ...]) -> list[tuple[datetime, datetime]]:
    return [(one.start, one.end) for one in found]


def test_a_rotation_with_somebody_in_it_has_no_holes() -> None:
    assert holes(Rota(desk(rotations=(rotation("ana", "ben"),))), ["safety"], [1, 2, 3, 4], MONDAY, MONDAY + 90 * DAY) == ()


def test_hours_between_shifts_and_holidays_are_holes_that_name_them() -> None:
    book = {"de": Calendar("de", BERLIN, (OFFICE,) * 5 + ((),) * 2, country="DE", subdivision="BY")}
    day = Shift("day", WORKDAYS, OFFICE, ("ana",), BERLIN, calendar="de")
    rota = Rota(desk(zone=BERLIN, shifts=(day,), cover=(Cover(None, None, "day"),)), calendars=book)
    found = holes(rota, ["safety"], [1, 2], at(BERLIN, 2026, 12, 23), at(BERLIN, 2026, 12, 30))
    edges = [((2026, 12, 23), (2026, 12, 23, 9)), ((2026, 12, 23, 17), (2026, 12, 24, 9)), ((2026, 12, 24, 17), (2026, 12, 28, 9))]
    assert spans(found)[:3] == [(at(BERLIN, *start), at(BERLIN, *end)) for start, end in edges]
    assert [one.severity for one in found] == [None] * len(found)
    assert found[0].why == "between the hours of the shift day"
    assert found[2].why.startswith("between the hours of the shift day; from 2026-12-25 09:00+01:00 no shift day: Christmas Day")


def test_time_off_and_ended_contracts_are_holes_with_both_named() -> None:
    known = agents("ana", "ben", "cleo", ben={"until": date(2026, 11, 10)})
    off = override("off", "ana", MONDAY, MONDAY + 3 * DAY)
    rota = Rota(desk(agents=known, rotations=(rotation("ana", "ben"),)), [off])
    (hole,) = holes(rota, ["safety"], [1], MONDAY - DAY, MONDAY + 7 * DAY)
    assert (hole.start, hole.end) == (at(ANGELES, 2026, 11, 11), MONDAY + 3 * DAY)
    assert "ana is off until" in hole.why
    assert "the last day of ben was 2026-11-10" in hole.why
    assert hole.agent == "cleo"


def test_severities_that_no_line_is_for_are_holes_of_their_own() -> None:
    rota = Rota(desk(rotations=(rotation("ana", "ben"),), cover=(Cover("safety", (1, 2), "lead"),)))
    found = holes(rota, ["safety", "claims"], [1, 2, 3, 4], MONDAY, MONDAY + DAY)
    assert [(one.queue, one.severity, one.why) for one in found] == [
        ("safety", 3, "no line of cover is for safety and severity 3"),
        ("safety", 4, "no line of cover is for safety and severity 4"),
        ("claims", None, "no line of cover is for claims"),
    ]
    assert spans(found) == [(MONDAY, MONDAY + DAY)] * 3
    assert found[2].proposal == "nobody could: no agent works claims"
    assert found[2].agent is None


def test_an_override_fills_a_hole_and_time_off_of_its_agent_opens_it_again() -> None:
    rota = desk(rotations=(rotation("ana", starts=date(2027, 1, 1)),))
    more = override("oncall", "ben", MONDAY, MONDAY + DAY, queue="safety")
    assert spans(holes(Rota(rota, [more]), ["safety"], [1], MONDAY, MONDAY + 2 * DAY)) == [(MONDAY + DAY, MONDAY + 2 * DAY)]
    away = override("off", "ben", MONDAY + HOUR, MONDAY + 2 * HOUR)
    assert spans(holes(Rota(rota, [more, away]), ["safety"], [1], MONDAY, MONDAY + DAY)) == [(MONDAY + HOUR, MONDAY + 2 * HOUR)]


def test_shadows_are_no_cover_and_never_proposed() -> None:
    known = agents("ana", "ben", ana={"shadow": True}, ben={"shadow": True})
    (hole,) = holes(Rota(desk(agents=known, rotations=(rotation("ana", "ben"),))), ["safety"], [1], MONDAY, MONDAY + DAY)
    assert (hole.start, hole.end, hole.agent) == (MONDAY, MONDAY + DAY, None)
    assert "ana is a shadow" in hole.why


def test_proposals_are_whoever_is_there_and_has_no_other_duty_the_fewest_hours_first_and_one_after_the_other() -> None:
    day = Shift("day", (0, 1, 2, 3, 4, 5, 6), ((9 * 60, 21 * 60),), ("ana",), ANGELES)
    late = Shift("late", (0,), ((21 * 60, 24 * 60),), ("ben",), ANGELES)
    rota = Rota(desk(shifts=(day, late), cover=(Cover(None, None, "day"),)), [override("off", "cleo", MONDAY, MONDAY + 30 * HOUR)])
    found = holes(rota, ["safety"], [1], MONDAY, MONDAY + 6 * DAY)
    assert [one.agent for one in found] == ["ana", "cleo", "ben", "cleo", "ben", "cleo"]  # ben begins with three hours
    assert found[0].proposal.startswith("ana could, by an override for safety: ")
    assert all(one.agent is not None for one in found)


def test_who_could_for_the_longest_from_its_start_on_is_proposed_with_the_time() -> None:
    day = Shift("day", (0, 1, 2, 3, 4, 5, 6), ((9 * 60, 21 * 60),), ("ana",), ANGELES)
    night = MONDAY + 12 * HOUR
    off = [
        override("off", "ana", night, night + DAY),
        override("off", "ben", night + HOUR, night + DAY),
        override("off", "cleo", MONDAY, night + DAY),
    ]
    (hole,) = holes(Rota(desk(shifts=(day,), cover=(Cover(None, None, "day"),)), off), ["safety"], [1], night, night + 2 * HOUR)
    assert hole.agent == "ben"
    assert hole.proposal.startswith("ben could until 2026-11-09 22:00-08:00")
    assert timedelta(hours=2) == hole.end - hole.start
