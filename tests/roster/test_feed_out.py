"""What a feed of duties has: concrete, with names of the team and no reason that somebody typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.roster.rosters import document
from tsbridge.core.roster import Override
from tsbridge.core.rota import Rota
from tsbridge.roster.document import read
from tsbridge.roster.feed_out import feed, of_agent, of_queue
from tsbridge.roster.ical_events import MOST_EVENTS
from tsbridge.roster.ical_out import Entry

MONDAY = datetime(2026, 11, 2, 17, tzinfo=UTC)
"""09:00 in Los Angeles: the first hand-over of the lead, to Ana; the day's shift begins."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def rota(*overrides: Override, **parts: Any) -> Rota:
    made: Any = {**document(), **parts}
    made["agents"]["ana"].pop("until")
    return Rota(read(made), overrides)


def shown(entries: list[Entry]) -> list[tuple[str, int, int]]:
    """Titles with hours since Monday."""
    return sorted((one.title, (one.start - MONDAY) // HOUR, (one.end - MONDAY) // HOUR) for one in entries)


def test_a_person_sees_their_turns_shifts_and_what_overrides_give_them() -> None:
    swap = Override("ovr_1", "oncall", "ben", MONDAY, MONDAY + 4 * HOUR, "her dentist", "ana", "lead")
    duties = rota(swap).duties(MONDAY, MONDAY + 8 * HOUR)
    assert shown(of_agent(one for one in duties if one.agent == "ana")) == [("On call: lead", 4, 7 * 24), ("Shift: day", 0, 8)]
    assert shown(of_agent(one for one in duties if one.agent == "ben")) == [("Duty: lead", 0, 4), ("Shift: day", 0, 8)]


def test_a_queue_sees_who_is_on_call_for_which_severities_and_who_works_it() -> None:
    parts = {"cover": [{"queue": "safety", "severity": [1, 2], "oncall": "lead"}, {"oncall": "ben"}]}
    swap = Override("ovr_1", "oncall", "ben", MONDAY, MONDAY + 4 * HOUR, "her dentist", queue="safety")
    found = of_queue(rota(swap, **parts), "safety", MONDAY, MONDAY + DAY)
    assert shown(found) == [
        ("At work: Ana Silva", 0, 8),
        ("At work: Ben Okoye", 0, 8),
        ("At work: Ben Okoye", 13, 21),
        ("On call, severity 1, 2: Ana Silva", 4, 7 * 24),
        ("On call, severity 1, 2: Ben Okoye", 0, 4),
        ("On call, severity 3, 4: Ben Okoye", 0, 4),
        ("On call, severity 3, 4: Ben Okoye", 4, 24),
    ]
    assert len({one.id for one in found}) == len(found)


def test_what_has_no_end_stays_the_same_duty_from_day_to_day() -> None:
    parts = {"cover": [{"oncall": "ben"}], "shifts": {}}
    (one,) = of_queue(rota(**parts), "safety", MONDAY, MONDAY + DAY)
    (other,) = of_queue(rota(**parts), "safety", MONDAY + DAY, MONDAY + 2 * DAY)
    assert one.id == other.id


def test_shadows_do_not_stand_in_the_feed_of_a_queue() -> None:
    made: Any = document()["agents"]
    made["ben"]["shadow"] = True
    found = of_queue(rota(agents=made, cover=[{"oncall": "day"}], calendars=[]), "safety", MONDAY, MONDAY + 8 * HOUR)
    assert {one.title.partition(": ")[2] for one in found} == {"Ana Silva"}


def test_two_of_one_name_are_told_apart() -> None:
    made: Any = document()["agents"]
    made["ben"]["name"] = "Ana Silva"
    found = of_queue(rota(agents=made), "safety", MONDAY, MONDAY + HOUR)
    assert {one.title for one in found} >= {"At work: Ana Silva (ana)", "At work: Ana Silva (ben)"}


def test_a_feed_that_is_cut_says_so() -> None:
    entries = [Entry(f"d{number}", MONDAY + number * HOUR, MONDAY + (number + 1) * HOUR, "Shift: day") for number in range(MOST_EVENTS + 5)]
    whole, cut = feed("Ana", entries[:MOST_EVENTS], MONDAY).decode(), feed("Ana", entries[::-1], MONDAY).decode()
    assert whole.count("BEGIN:VEVENT") == cut.count("BEGIN:VEVENT") == MOST_EVENTS
    assert "X-WR-CALDESC" not in whole
    assert f"Only duties that begin before {entries[MOST_EVENTS].start:%Y-%m-%d %H:%M} UTC" in cut.replace("\r\n ", "")
    assert "UID:d0@tsbridge" in cut
