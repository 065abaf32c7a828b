"""Calendars as a rulebook writes them: weekly hours in a zone, holidays, days with hours of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from tsbridge.core.almanac import INSTALLED, Almanac, Kept, resolved
from tsbridge.core.calendar import ALWAYS, DAYS, Calendar, Hours
from tsbridge.core.opening import Dates, read_dates, read_days, read_hours
from tsbridge.core.public_days import folded
from tsbridge.core.rules.findings import Findings, escape

MAX_DATES: Final = 1_000
"""Entries of one calendar that name dates."""
_LIKE_A_DATE: Final = re.compile(r"[0-9][0-9. -]*")
SOME_YEAR: Final = 2026
"""One for which every country of the library can be asked."""
_NOT_KNOWN: Final = "the holidays of this country or subdivision are not known; use two letters like US"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Days with hours of their own, where they are written; None: those of their weekdays."""

    dates: Dates
    hours: Hours | None
    path: str


class Calendars(Findings):
    """Reads `calendars`. `almanac`: who knows their countries and zones."""

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.almanac: Almanac = INSTALLED
        self.calendars: dict[str, Calendar] = {"always": ALWAYS}

    def read_calendars(self) -> None:
        for name, value in self.section("calendars").items():
            path = f"/calendars/{escape(name)}"
            if name == "always":
                self.wrong(path, "reserved", "always is built in: it never closes")
            elif self.mapping(value, path, ("timezone", "hours", "holidays")):
                before = len(self.findings)
                made = self.calendar(name, value, path)
                if len(self.findings) == before:
                    self.calendars[name] = made

    def calendar(self, name: str, value: Mapping[str, Any], path: str) -> Calendar:
        zone = ZoneInfo("UTC")
        try:
            zone = self.almanac.zone(str(value.get("timezone", "UTC")))
        except LookupError:
            self.wrong(f"{path}/timezone", "timezone", "expected an IANA zone like America/Los_Angeles")
        week = self.week(value.get("hours"), f"{path}/hours")
        off = value.get("holidays", {})
        place = f"{path}/holidays"
        if isinstance(off, list):
            off = {"dates": off}
        else:
            self.mapping(off, place, ("country", "subdivision", "dates", "without"))
            off, place = off if isinstance(off, Mapping) else {}, f"{place}/dates"
        country, subdivision = off.get("country"), off.get("subdivision")
        if country is not None:
            try:
                self.almanac.days(str(country), subdivision, SOME_YEAR)
            except (LookupError, TypeError):
                self.wrong(f"{path}/holidays", "holidays", _NOT_KNOWN)
        names, kept = self.not_kept(off.get("without", []), f"{path}/holidays/without")
        own = self.own_dates(off.get("dates", []), place, week)
        dated, yearly = ({**self.by_day(kept, yearly), **self.by_day(own, yearly)} for yearly in (False, True))
        return Calendar(
            name,
            zone,
            week,
            dated,
            {(day.month, day.day): hours for day, hours in yearly.items()},
            None if country is None else str(country),
            subdivision,
            frozenset(names),
            almanac=self.almanac,
        )

    def week(self, value: Any, path: str) -> tuple[Hours, ...]:
        """The hours of each weekday: of several entries for one the narrowest counts."""
        if not isinstance(value, Mapping) or not value:
            self.wrong(path, "type", 'expected hours by day, like {"mon-fri": "06:00-22:00"}')
            return ((),) * 7
        found: list[tuple[tuple[int, ...], Hours, str]] = []
        for days, spans in value.items():
            place = f"{path}/{escape(days)}"
            try:
                found.append((read_days(str(days)), _hours(spans), place))
            except ValueError as refused:
                self.wrong(place, "hours", str(refused))
        week: list[Hours] = [()] * 7
        for day in range(7):
            on_it = sorted((entry for entry in found if day in entry[0]), key=lambda entry: len(entry[0]))
            if on_it:
                week[day] = on_it[0][1]
            if len(on_it) > 1 and len(on_it[0][0]) == len(on_it[1][0]):
                self.wrong(on_it[1][2], "hours", f"{DAYS[day]} has its hours twice, by entries of as many days; name it alone")
        return tuple(week)

    def own_dates(self, value: Any, path: str, week: tuple[Hours, ...]) -> list[_Entry]:
        """Days with hours of their own: a mapping from dates to hours, or a list of dates that are closed."""
        if not isinstance(value, Mapping):
            return self.date_list(value, path, ())
        found = []
        if len(value) > MAX_DATES:
            self.wrong(path, "too_large", f"more than {MAX_DATES} dates")
            return []
        for text, spans in value.items():
            place = f"{path}/{escape(text)}"
            try:
                dates = read_dates(str(text))
            except ValueError as refused:
                self.wrong(place, "date", str(refused))
                continue
            try:
                as_weekday = isinstance(spans, str) and spans in DAYS
                found.append(_Entry(dates, week[DAYS.index(spans)] if as_weekday else _hours(spans), place))
            except ValueError as refused:
                self.wrong(place, "hours", str(refused))
        return found

    def date_list(self, value: Any, path: str, hours: Hours | None) -> list[_Entry]:
        several = isinstance(value, list)
        if several and len(value) > MAX_DATES:
            self.wrong(path, "too_large", f"more than {MAX_DATES} dates")
            return []
        found = []
        for place, text in enumerate(value if several else [value]):
            where = f"{path}/{place}" if several else path
            try:
                found.append(_Entry(read_dates(str(text)), hours, where))
            except ValueError as refused:
                self.wrong(where, "date", str(refused))
        return found

    def not_kept(self, value: Any, path: str) -> tuple[list[str], list[_Entry]]:
        """Holidays of the country that are not kept: their names, and dates."""
        if not isinstance(value, list):
            self.unlike(path, "a list of names of holidays, or of dates", value)
            return [], []
        names: list[str] = []
        dates: list[_Entry] = []
        for place, one in enumerate(value):
            if isinstance(one, str) and _LIKE_A_DATE.fullmatch(one):
                dates += self.date_list(one, f"{path}/{place}", None)
            elif isinstance(one, str) and folded(one):
                names.append(folded(one))
            else:
                self.unlike(f"{path}/{place}", "the name of a holiday, or a date", one)
        return names, dates

    def by_day(self, entries: Iterable[_Entry], yearly: bool) -> dict[date, Hours | None]:
        """The hours of each day: of several entries for one the shortest range counts."""
        found: dict[date, _Entry] = {}
        unclear: dict[str, date] = {}
        for entry in sorted((one for one in entries if one.dates.yearly is yearly), key=lambda one: one.dates.length):
            for day in entry.dates:
                first = found.setdefault(day, entry)
                if first.hours != entry.hours and first.dates.length == entry.dates.length:
                    unclear.setdefault(entry.path, day)
        for path, day in unclear.items():
            which = f"{day:%m-%d}" if yearly else f"{day}"
            self.wrong(path, "date", f"{which} has other hours by an entry as long; name it alone")
        return {day: entry.hours for day, entry in found.items()}


def calendars_of(document: Any, almanac: Almanac = INSTALLED) -> dict[str, Calendar]:
    """The calendars of a rulebook that stands; of another document those that can be read."""
    reader = Calendars(document if isinstance(document, Mapping) else {})
    reader.almanac = almanac
    reader.read_calendars()
    return reader.calendars


def of_rulebook(document: Any, zone: tzinfo, year: int, by: Almanac = INSTALLED) -> Kept:
    """What `by` says of the countries and zones of a rulebook's calendars and of the team's zone, to be kept with it in `year`.

    Raises `RulebookError` for a document with more faults than are told.
    """
    calendars = calendars_of(document, by).values()
    countries = [(one.country, one.subdivision) for one in calendars if one.country is not None]
    return resolved(countries, [zone, *(one.zone for one in calendars)], year, by)


def _hours(value: Any) -> Hours:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise ValueError('expected hours like "06:00-22:00", or closed')
    return read_hours(",".join(parts))
