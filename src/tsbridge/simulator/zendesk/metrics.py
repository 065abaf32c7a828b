"""A ticket's metrics: times from its creation to what Zendesk measures, in whole minutes, on the wall clock and within business hours.

A metric of one event counts by one schedule for the whole life of the ticket, the one that is in force when it is asked for; the
account here has one. First reply: the first public comment of staff behind the creation, so that what an agent opens a ticket with
is none. Full resolution: the last change to solved, as long as the ticket is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

ZONES: Final = {"Pacific Time (US & Canada)": "America/Los_Angeles", "Eastern Time (US & Canada)": "America/New_York", "UTC": "UTC"}
"""Rails's names of the zones that accounts here have."""
A_DAY: Final = 1440
SOLVED: Final = ("solved", "closed")
MINUTE: Final = timedelta(minutes=1)


class Schedule:
    """Business hours as the account has them."""

    def __init__(self, kept: Mapping[str, Any], holidays: Sequence[Mapping[str, Any]]) -> None:
        self._zone = ZoneInfo(ZONES.get(kept["time_zone"], "UTC"))
        self._intervals = [(one["start_time"], one["end_time"]) for one in kept["intervals"]]
        self._holidays = [(date.fromisoformat(one["start_date"]), date.fromisoformat(one["end_date"])) for one in holidays]

    def minutes(self, start: datetime, end: datetime) -> int:
        """Whole minutes of business hours between two instants."""
        found = timedelta()
        for opens, closes in self._open(start, end):
            found += max(timedelta(), min(end, closes) - max(start, opens))
        return found // MINUTE

    def _open(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, last = start.astimezone(self._zone).date(), end.astimezone(self._zone).date()
        while day <= last:
            if not any(first <= day <= final for first, final in self._holidays):
                since_sunday = (day.weekday() + 1) % 7 * A_DAY
                for opens, closes in self._intervals:
                    if since_sunday <= opens < since_sunday + A_DAY:
                        yield self._at(day, opens - since_sunday), self._at(day, closes - since_sunday)
            day += timedelta(days=1)

    def _at(self, day: date, minute: int) -> datetime:
        whole, rest = divmod(minute, A_DAY)
        local = datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=self._zone) + timedelta(days=whole)
        return local.astimezone(UTC)


def times(audits: Sequence[Mapping[str, Any]], staff: set[int], schedule: Schedule | None) -> dict[str, Any]:
    """The metrics of a ticket by its audits, oldest first."""
    created = _time(audits[0])
    replied: datetime | None = None
    solved: list[datetime] = []
    status = "new"
    for place, audit in enumerate(audits):
        for event in audit["events"]:
            if event["type"] == "Comment" and place and event.get("public") and event["author_id"] in staff and replied is None:
                replied = _time(audit)
            if event["type"] in ("Create", "Change") and event["field_name"] == "status":
                if event["value"] in SOLVED and status not in SOLVED and place:
                    solved.append(_time(audit))
                status = event["value"]

    def took(end: datetime | None) -> dict[str, int | None]:
        if end is None:
            return {"calendar": None, "business": None}
        return {"calendar": (end - created) // MINUTE, "business": None if schedule is None else schedule.minutes(created, end)}

    return {
        "reply_time_in_minutes": took(replied),
        "first_resolution_time_in_minutes": took(solved[0] if solved else None),
        "full_resolution_time_in_minutes": took(solved[-1] if solved and status in SOLVED else None),
        "solved_at": solved[-1].isoformat().replace("+00:00", "Z") if solved and status in SOLVED else None,
    }


def _time(audit: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(audit["created_at"].replace("Z", "+00:00"))
