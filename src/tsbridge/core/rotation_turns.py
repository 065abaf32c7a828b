"""When the turns of a rotation and the hours of a shift begin and end, as instants in UTC.

Steps of days are steps on the wall clock, so a hand-over at nine stays at nine; hours are hours, whatever the clock shows. Of a wall
time that the clock shows twice a start is the first and an end the last, so that two people overlap where otherwise nobody would be
there; one that it skips lies behind the gap. Nothing is walked from the first day on: a turn's number is a division.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tsbridge.core.calendar import MINUTES_A_DAY, Calendar, Hours
from tsbridge.core.roster import Rotation, Shift

DAY = timedelta(days=1)


def begins(day: date, minute: int, zone: tzinfo) -> datetime:
    """A wall time as a start. `minute` of the local day, beyond 24 hours on the next."""
    return _local(day, minute, zone).astimezone(UTC)


def ends(day: date, minute: int, zone: tzinfo) -> datetime:
    """A wall time as an end."""
    local = _local(day, minute, zone)
    # Shown twice, the second reading is the later one; skipped, the first is, and lies behind the gap.
    return max(local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))


def _local(day: date, minute: int, zone: tzinfo) -> datetime:
    whole, rest = divmod(minute, MINUTES_A_DAY)
    return datetime.combine(day + timedelta(days=whole), time(rest // 60, rest % 60), zone)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a rotation, from `start` (included) to `end` (excluded); `member`: its place in the members. `number` counts from 0."""

    number: int
    member: int
    start: datetime
    end: datetime


def first_turn(rotation: Rotation) -> datetime:
    return begins(rotation.starts, rotation.minute, rotation.zone)


def turn(rotation: Rotation, number: int) -> Turn:
    member = number % len(rotation.members)
    if rotation.elapsed is not None:
        start = first_turn(rotation) + number * rotation.elapsed
        return Turn(number, member, start, start + rotation.elapsed)
    step = timedelta(days=rotation.days or 1)
    day = rotation.starts + number * step
    return Turn(number, member, begins(day, rotation.minute, rotation.zone), ends(day + step, rotation.minute, rotation.zone))


def turns_at(rotation: Rotation, at: datetime) -> tuple[Turn, ...]:
    """The turns that an instant is in, the newest first: two where a hand-over falls into an hour that the clock shows twice, none
    before the rotation starts."""
    first = first_turn(rotation)
    if at < first or not rotation.members:
        return ()
    if rotation.elapsed is not None:
        return (turn(rotation, (at - first) // rotation.elapsed),)
    near = (at.astimezone(rotation.zone).date() - rotation.starts).days // (rotation.days or 1)
    # One more than the day says: a clock set back over midnight shows the day before again, when the hand-over was already.
    found = (turn(rotation, number) for number in (near + 1, near, near - 1) if number >= 0)
    return tuple(one for one in found if one.start <= at < one.end)


def turns_between(rotation: Rotation, start: datetime, end: datetime) -> Iterator[Turn]:
    """The turns that have something of the time from `start` to `end`, in order."""
    found = turns_at(rotation, max(start, first_turn(rotation)))
    number = found[-1].number if found else 0
    while rotation.members and (one := turn(rotation, number)).start < end:
        if one.start < one.end and one.end > start:
            yield one
        number += 1


@dataclass(frozen=True, slots=True)
class Stint:
    """A shift on one day, from `start` to `end`. `day`: the local one that it starts on. `kept`: the day's own hours that cut it."""

    day: date
    start: datetime
    end: datetime
    kept: str | None = None


def stints_on(shift: Shift, day: date, calendar: Calendar | None) -> tuple[Stint, ...]:
    """A shift on one local day. On free days of its calendar there is none; on a day with hours of its own it keeps within them; a free
    day of the week that the country works is a Monday."""
    if calendar is None or calendar.always:
        return tuple(_stints(shift, day, shift.hours, None)) if day.weekday() in shift.days else ()
    known = calendar.day(day)
    weekday = 0 if known.why == "moved" else day.weekday()
    if known.holiday or weekday not in shift.days:
        return ()
    if known.hours == calendar.hours[weekday]:
        return tuple(_stints(shift, day, shift.hours, None))
    return tuple(_stints(shift, day, _within(shift.hours, known.hours), f"{calendar.name} has hours of its own on {day}"))


def _stints(shift: Shift, day: date, hours: Hours, kept: str | None) -> Iterator[Stint]:
    for opens, closes in hours:
        start, end = begins(day, opens, shift.zone), ends(day, closes, shift.zone)
        if start < end:
            yield Stint(day, start, end, kept)


def _within(hours: Hours, others: Hours) -> Hours:
    both = ((max(a, c), min(b, d)) for a, b in hours for c, d in others)
    return tuple((start, end) for start, end in both if start < end)


def kept_free(shift: Shift, at: datetime, calendar: Calendar | None) -> str | None:
    """Why nobody works a shift at an instant at which its days and hours alone would have it: the holiday's name, or the date."""
    if calendar is None:
        return None
    for day in days_near(shift, at):
        if any(one.start <= at < one.end for one in stints_on(shift, day, None)):
            if names := calendar.day(day).names:
                return ", ".join(names)
            return f"{calendar.name} is closed on {day}" if calendar.is_holiday(day) else f"{calendar.name} has hours of its own on {day}"
    return None


def days_near(shift: Shift, at: datetime) -> tuple[date, date, date]:
    """The local days whose stints an instant may be in; a night reaches into the next day, and a clock set back shows a day again."""
    day = at.astimezone(shift.zone).date()
    return day - DAY, day, day + DAY
