"""What the check says of a roster beyond the reader's errors: advice, which refuses nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.roster.rosters import document
from tsbridge.core.feed_spans import Span
from tsbridge.core.roster import Override
from tsbridge.roster.check import AHEAD, CODES, check

MONDAY = datetime(2026, 11, 2, 17, tzinfo=UTC)
BOOK: dict[str, Any] = {"queues": {"safety": {}, "claims": {}}, "calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}}}


def covered() -> dict[str, Any]:
    """A roster of which there is nothing to say."""
    made: Any = document()
    made["agents"]["ana"].pop("until")
    made["agents"]["ben"]["reach"] = ["mail"]
    return made  # type: ignore[no-any-return]


def said(roster: Any, book: Any = BOOK, at: datetime | None = MONDAY, **more: Any) -> dict[str, list[str]]:
    """By code, the places."""
    found: dict[str, list[str]] = {}
    for one in check(roster, book, at, **more):
        assert one.severity != "error"
        found.setdefault(one.code, []).append(one.path)
    return found


def test_of_a_sound_roster_nothing_is_said() -> None:
    assert said(covered()) == {}


def test_errors_are_told_alone() -> None:
    roster = covered()
    roster["agents"]["ana"]["queues"] = ["nowhere"]
    roster["shifts"]["day"]["agents"] = []
    assert [one.code for one in check(roster, BOOK, MONDAY)] == ["nobody"]


def changed(change: Any) -> dict[str, Any]:
    made = covered()
    change(made)
    return made


ADVICE = [
    (lambda r: r["agents"]["ana"].update(queues=["safty"]), {"unknown_queue": ["/agents/ana/queues/0"], "queue_of_nobody": ["/agents"]}),
    (lambda r: r["shifts"]["day"].update(queues=["safty"]), {"unknown_queue": ["/shifts/day/queues/0"]}),
    (lambda r: r["shifts"]["day"].update(calendar="ofice"), {"unknown_calendar": ["/shifts/day/calendar"]}),
    (lambda r: r["shifts"]["day"].update(hours="17:00-09:00"), {"ends_before_start": ["/shifts/day/hours"]}),
    (lambda r: r["shifts"].update(lead=r["shifts"].pop("day")), {"ambiguous_key": ["/shifts/lead"]}),
    (lambda r: r["cover"].append({"queue": "claims", "oncall": "ana"}), {"unreachable_line": ["/cover/2"]}),
    (lambda r: r["agents"]["ben"].pop("reach"), {"cannot_be_told": ["/agents/ben"]}),
    (lambda r: r["agents"]["ben"].pop("email"), {"cannot_be_told": ["/agents/ben/reach"]}),
    (lambda r: r["ways"]["page"].pop("secret_file"), {"unsigned": ["/ways/page"]}),
    (lambda r: r["agents"].update(cleo={"queues": ["claims"]}), {"no_duty": ["/agents/cleo"]}),
    (lambda r: r["agents"]["ana"].update(until="2026-10-31"), {"gone": ["/rotations/lead/members/0", "/shifts/day/agents/0"]}),
]


@pytest.mark.parametrize(("change", "expected"), ADVICE)
def test_what_cannot_be_meant_is_said_at_its_place(change: Any, expected: dict[str, list[str]]) -> None:
    found = said(changed(change))
    found.pop("hole", None)
    assert found == expected
    assert found.keys() <= CODES.keys()


def test_a_line_that_the_lines_above_share_is_not_reached() -> None:
    roster = covered()
    roster["cover"] = [
        {"queue": "safety", "severity": [1, 2], "oncall": "lead"},
        {"severity": [3, 4], "oncall": "lead"},
        {"queue": "safety", "oncall": "ana"},
        {"oncall": "lead"},
    ]
    assert said(roster)["unreachable_line"] == ["/cover/2"]


def test_every_hole_is_said_with_its_reason_and_who_could_cover() -> None:
    roster = covered()
    roster["cover"] = [{"queue": "safety", "oncall": "day"}, {"oncall": "lead"}]
    found = [one for one in check(roster, BOOK, MONDAY) if one.code == "hole"]
    # four weeks of working days with a shift each leave as many nights or weekends uncovered
    assert len(found) == 20
    assert all("nobody is on call for safety" in one.message and one.path == "/cover" for one in found)
    assert said(roster, at=None) == {}


def test_overrides_that_stand_close_holes() -> None:
    roster = covered()
    roster["cover"] = [{"queue": "safety", "oncall": "day"}, {"oncall": "lead"}]
    one = Override("ovr_1", "oncall", "ben", MONDAY, MONDAY + AHEAD, "all of it", queue="safety")
    assert said(roster, overrides=[one]) == {}


KEPT_ELSEWHERE = {"key": "nights", "means": "rotation", "url": "https://calendar.example/nights.ics"}


def elsewhere() -> dict[str, Any]:
    """A roster whose rotation is kept in a calendar."""
    roster = covered()
    roster["rotations"] = {}
    roster["calendars"] = [KEPT_ELSEWHERE]
    roster["cover"] = [{"oncall": "nights"}]
    roster["lists"] = {}
    return roster


def test_a_rota_kept_elsewhere_that_was_never_read_covers_nothing_and_that_is_said() -> None:
    found = said(elsewhere())
    assert found == {"feed_not_read": ["/calendars/0"], "hole": ["/cover", "/cover"]}


def test_what_a_rota_kept_elsewhere_says_counts() -> None:
    half = MONDAY + AHEAD / 2
    spans = (Span(MONDAY, half, "ana"), Span(half, MONDAY + AHEAD, "ben"))
    assert said(elsewhere(), feeds={"nights": spans}) == {}
    assert said(elsewhere(), feeds={"nights": spans[:1]}) == {"hole": ["/cover", "/cover"]}


def test_time_off_that_a_feed_tells_of_makes_a_hole() -> None:
    roster = covered()
    roster["cover"] = [{"oncall": "ana"}]
    assert said(roster) == {}
    assert said(roster, feeds={"off-ana": (Span(MONDAY, MONDAY + AHEAD / 2, ""),)}) == {"hole": ["/cover", "/cover"]}


def test_somebody_with_turns_in_a_rota_kept_elsewhere_has_a_duty_and_must_be_reached() -> None:
    roster = elsewhere()
    roster["agents"]["cleo"] = {"queues": ["claims"]}
    assert "no_duty" not in said(roster)  # not known yet: the rota was never read
    assert said(roster, feeds={"nights": (Span(MONDAY, MONDAY + AHEAD, "ben"),)}) == {"no_duty": ["/agents/cleo"]}
    assert said(roster, feeds={"nights": (Span(MONDAY, MONDAY + AHEAD, "cleo"),)}) == {"cannot_be_told": ["/agents/cleo"]}


def test_more_holes_than_anybody_reads_are_counted() -> None:
    roster = covered()
    roster["cover"] = [{"queue": queue, "oncall": "day"} for queue in ("safety", "claims")]
    roster["cover"] += [{"queue": f"q{n}", "oncall": "day"} for n in range(4)]
    found = [one.message for one in check(roster, BOOK, MONDAY) if one.code == "hole"]
    assert len(found) == 101
    assert found[-1].startswith("20 more holes") or any(one.startswith("20 more holes") for one in found)


def test_without_a_rulebook_nothing_is_held_against_one() -> None:
    assert said(changed(lambda r: r["agents"]["ana"].update(queues=["safty"])), None) == {}
