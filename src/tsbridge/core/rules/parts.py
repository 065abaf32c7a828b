"""The parts that rules refer to: lists, calendars, queues, the window of linking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tsbridge.core import zones
from tsbridge.core.calendar import ALWAYS, Calendar, country_holidays, read_days, read_hours
from tsbridge.core.rules.findings import Findings, escape, numeric_id, scalar
from tsbridge.core.rules.language import Queue

MAX_LIST: Final = 10_000
DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DEFAULT_WINDOW: Final = timedelta(hours=24)
DEFAULT_REST: Final = timedelta(hours=72)
SHORTEST_REST: Final = timedelta(hours=1)
"""Longer than a call may take: nobody knows of one that is still going on."""
LONGEST: Final = timedelta(days=30)


def duration(text: Any) -> timedelta | None:
    """`30s`, `15m`, `2h`, `3d`; None when it is nothing like it."""
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else timedelta(**{UNITS[found[2]]: int(found[1])})


class Parts(Findings):
    """Reads the parts; the conditions and actions of rules name what is in `lists`, `calendars` and `queues`."""

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.lists: dict[str, tuple[Any, ...]] = {}
        self.calendars: dict[str, Calendar] = {"always": ALWAYS}
        self.queues: dict[str, Queue] = {}

    def read_lists(self) -> None:
        for name, value in self.section("lists").items():
            path = f"/lists/{escape(name)}"
            if not isinstance(value, list) or not value:
                self.unlike(path, "a list of words or numbers", value)
            elif len(value) > MAX_LIST:
                self.wrong(path, "too_large", f"more than {MAX_LIST} entries")
            elif (bad := next((place for place, v in enumerate(value) if not scalar(v)), None)) is not None:
                self.unlike(f"{path}/{bad}", "words or numbers only", value[bad])
            else:
                self.lists[name] = tuple(value)

    def read_calendars(self) -> None:
        for name, value in self.section("calendars").items():
            path = f"/calendars/{escape(name)}"
            if name == "always":
                self.wrong(path, "reserved", "always is built in: it never closes")
            elif self.mapping(value, path, ("timezone", "hours", "holidays")):
                made = self.calendar(name, value, path)
                if made is not None:
                    self.calendars[name] = made

    def calendar(self, name: str, value: Mapping[str, Any], path: str) -> Calendar | None:
        before = len(self.findings)
        zone_name, zone = value.get("timezone", "UTC"), ZoneInfo("UTC")
        try:
            zone = zones.zone(str(zone_name))
        except LookupError:
            self.wrong(f"{path}/timezone", "timezone", "expected an IANA zone like America/Los_Angeles")
        week: list[tuple[tuple[int, int], ...]] = [()] * 7
        hours = value.get("hours")
        if not isinstance(hours, Mapping) or not hours:
            self.wrong(f"{path}/hours", "type", 'expected hours by day, like {"mon-fri": "06:00-22:00"}')
            hours = {}
        for days, spans in hours.items():
            try:
                parts = [spans] if isinstance(spans, str) else spans
                if not isinstance(parts, list) or not all(isinstance(p, str) for p in parts):
                    raise ValueError('expected hours like "06:00-22:00"')
                read_spans = read_hours(",".join(parts))
                for day in read_days(str(days)):
                    if week[day]:
                        raise ValueError("a day has its hours twice")
                    week[day] = read_spans
            except ValueError as refused:
                self.wrong(f"{path}/hours/{escape(days)}", "hours", str(refused))
        off = value.get("holidays", {})
        country = subdivision = None
        dates: list[date] = []
        if isinstance(off, list):
            dates = self.dates(off, f"{path}/holidays")
        elif self.mapping(off, f"{path}/holidays", ("country", "subdivision", "dates")):
            country, subdivision = off.get("country"), off.get("subdivision")
            dates = self.dates(off.get("dates", []), f"{path}/holidays/dates")
            if country is not None:
                try:
                    country_holidays(str(country), subdivision, 2026)
                except (LookupError, TypeError):
                    self.wrong(
                        f"{path}/holidays", "holidays", "the holidays of this country or subdivision are not known; use two letters like US"
                    )
        if len(self.findings) > before:
            return None
        return Calendar(name, zone, tuple(week), frozenset(dates), country, subdivision)

    def dates(self, value: Any, path: str) -> list[date]:
        found = []
        several = isinstance(value, list)
        for place, text in enumerate(value if several else [value]):
            try:
                found.append(date.fromisoformat(str(text)))
            except ValueError:
                self.wrong(f"{path}/{place}" if several else path, "date", "expected a date like 2026-12-24")
        return found

    def read_queues(self) -> None:
        for name, value in self.section("queues").items():
            path = f"/queues/{escape(name)}"
            value = {} if value is None else value
            if not self.mapping(value, path, ("zendesk_group_id", "calendar", "assign", "skills", "title", "description")):
                continue
            self.words(value, path, "title", "description")
            group = value.get("zendesk_group_id")
            if group is not None and not numeric_id(group):
                self.unlike(f"{path}/zendesk_group_id", "the number of a Zendesk group", group)
            calendar = value.get("calendar", "always")
            self.known(calendar, self.calendars, f"{path}/calendar", "unknown_calendar", "calendar")
            assign = value.get("assign", "none")
            if assign not in ("none", "least_loaded", "round_robin"):
                self.wrong(f"{path}/assign", "value", "expected none, least_loaded or round_robin")
            skills = value.get("skills", [])
            if not isinstance(skills, list) or not all(isinstance(s, str) for s in skills):
                self.unlike(f"{path}/skills", "a list of words", skills)
                skills = []
            self.queues[name] = Queue(name, None if group is None else str(group), str(calendar), str(assign), tuple(sorted(skills)))

    def read_linking(self) -> tuple[timedelta, timedelta]:
        """The window of linking, and how long calls are quiet before they rest."""
        value = self.document.get("linking")
        if value is None or not self.mapping(value, "/linking", ("window", "calls_rest_after")):
            return DEFAULT_WINDOW, DEFAULT_REST
        window, rest = duration(value.get("window", "24h")), duration(value.get("calls_rest_after", "72h"))
        if window is None or window > LONGEST:
            self.wrong("/linking/window", "duration", "expected a duration up to 30 days, like 24h")
        if rest is None or not SHORTEST_REST <= rest <= LONGEST:
            self.wrong("/linking/calls_rest_after", "duration", "expected a duration from 1 hour to 30 days, like 72h")
        return window or DEFAULT_WINDOW, rest or DEFAULT_REST
