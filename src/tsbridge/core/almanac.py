"""Almanacs: who says which days a country keeps, and by which rules the clocks of a zone go.

The installed libraries learn of new laws with every release, and then say otherwise of days that were decided about long ago. So what
a version of a document needs of them is resolved when it is published and kept with it: judging by it asks that alone.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from tsbridge import ZONE_RULES, zone_by_rules, zone_table
from tsbridge.core import zones
from tsbridge.core.moments import canonical
from tsbridge.core.public_days import PublicDays, library, public_days

FORMAT: Final = 1
FIRST_YEAR: Final = 2005
"""No vendor's time is believed that lies before it."""
YEARS_AHEAD: Final = 10
"""So many years behind that of its publishing a version knows the holidays of."""
NOTHING: Final = PublicDays({}, frozenset(), False)

Country = tuple[str, str | None]
"""A country and its subdivision."""


class Almanac(Protocol):
    """`hash` names what it says by content; None for one that may say otherwise tomorrow."""

    @property
    def hash(self) -> str | None: ...
    @property
    def library(self) -> str:
        """Who says which days are holidays."""

    @property
    def zone_rules(self) -> str:
        """The version of the rules of time zones."""

    def days(self, country: str, subdivision: str | None, year: int) -> PublicDays:
        """Raises LookupError for a country or subdivision that it does not know."""

    def zone(self, name: str) -> ZoneInfo:
        """Raises LookupError for a zone that it does not know."""

    def rules(self, key: str) -> bytes:
        """The rules of a zone of IANA's, as TZif has them (RFC 9636). Raises LookupError."""


class Installed:
    """What the installed libraries say."""

    hash: None = None
    zone_rules: str = ZONE_RULES

    @property
    def library(self) -> str:
        return library()

    def days(self, country: str, subdivision: str | None, year: int) -> PublicDays:
        return public_days(country, subdivision, year)

    def zone(self, name: str) -> ZoneInfo:
        return zones.zone(name)

    def rules(self, key: str) -> bytes:
        return zone_table(key)

    def __reduce__(self) -> str:
        return "INSTALLED"


INSTALLED: Final = Installed()


@dataclass(frozen=True, slots=True)
class Kept:
    """What an almanac said once, of the countries and zones of one document.

    `data` is JSON: `from` and `to`, the first and the last year; `countries`, each with the names of its holidays by date, the free days
    that are `worked`, and whether it `moves` any; the rules of `zones` in base64. In years beyond there are no holidays; a zone that
    is not among them goes by the installed rules.
    """

    data: Mapping[str, Any]
    hash: str
    _days: Mapping[tuple[str, str | None, int], PublicDays] = field(repr=False, compare=False)
    _countries: Mapping[Country, Mapping[str, Any]] = field(repr=False, compare=False)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Kept:
        """Back from `data`."""
        countries = {(one["country"], one["subdivision"]): one for one in data["countries"]}
        days = {(*country, year): found for country, one in countries.items() for year, found in _by_year(one).items()}
        return cls(data, "sha256:" + hashlib.sha256(canonical(data)).hexdigest(), days, countries)

    @property
    def library(self) -> str:
        return str(self.data["library"])

    @property
    def zone_rules(self) -> str:
        return str(self.data["zone_rules"])

    @property
    def years(self) -> range:
        return range(self.data["from"], self.data["to"] + 1)

    @property
    def countries(self) -> tuple[Country, ...]:
        return tuple(self._countries)

    @property
    def keys(self) -> tuple[str, ...]:
        """IANA's names of the zones."""
        return tuple(self.data["zones"])

    def says_as(self, other: Almanac) -> bool:
        """Whether another one that was kept says the same, whoever told it."""
        return isinstance(other, Kept) and all(self.data[name] == other.data[name] for name in ("from", "to", "countries", "zones"))

    def days(self, country: str, subdivision: str | None, year: int) -> PublicDays:
        if (country, subdivision) not in self._countries:
            raise LookupError(country, subdivision)
        return self._days.get((country, subdivision, year), NOTHING)

    def zone(self, name: str) -> ZoneInfo:
        return zones.zone(name, self._zone)

    def rules(self, key: str) -> bytes:
        return b64decode(self.data["zones"][key])

    def _zone(self, key: str) -> ZoneInfo:
        return zone_by_rules(key, self.rules(key)) if key in self.data["zones"] else ZoneInfo(key)

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept.read, (self.data,)


def _by_year(country: Mapping[str, Any]) -> dict[int, PublicDays]:
    names: dict[int, dict[date, tuple[str, ...]]] = {}
    for text, called in country["days"].items():
        day = date.fromisoformat(text)
        names.setdefault(day.year, {})[day] = tuple(called)
    worked: dict[int, list[date]] = {}
    for text in country["worked"]:
        day = date.fromisoformat(text)
        worked.setdefault(day.year, []).append(day)
    return {
        year: PublicDays(names.get(year, {}), frozenset(worked.get(year, ())), country["moves"]) for year in names.keys() | worked.keys()
    }


def resolved(countries: Iterable[Country], used: Iterable[tzinfo], year: int, by: Almanac = INSTALLED) -> Kept:
    """What `by` says of these countries and zones, to be kept with what is published in `year`."""
    years = range(FIRST_YEAR, year + YEARS_AHEAD + 1)
    keys = {zone.key for zone in used if isinstance(zone, ZoneInfo)}
    return Kept.read(
        {
            "format": FORMAT,
            "library": by.library,
            "zone_rules": by.zone_rules,
            "from": years[0],
            "to": years[-1],
            "countries": [_country(one, years, by) for one in sorted(set(countries), key=lambda one: (one[0], one[1] or ""))],
            "zones": {key: b64encode(by.rules(key)).decode() for key in sorted(keys)},
        }
    )


def _country(country: Country, years: range, by: Almanac) -> dict[str, Any]:
    found = [by.days(*country, year) for year in years]
    return {
        "country": country[0],
        "subdivision": country[1],
        "moves": any(one.moves for one in found),
        "days": {str(day): list(names) for one in found for day, names in sorted(one.names.items())},
        "worked": [str(day) for one in found for day in sorted(one.worked)],
    }


def zone_by(almanac: Almanac, zone: tzinfo) -> tzinfo:
    """A zone by the rules of an almanac; one without IANA's name is itself."""
    return almanac.zone(zone.key) if isinstance(zone, ZoneInfo) and zone.key else zone


# What another almanac says


class OtherDay(NamedTuple):
    """A day of which two almanacs say something else. `before` and `after`: its holidays, or `worked`; empty for a usual day."""

    country: str
    subdivision: str | None
    day: date
    before: tuple[str, ...]
    after: tuple[str, ...]


class OtherClock(NamedTuple):
    """The first instant at which the clocks of a zone show something else by two almanacs: what they show."""

    key: str
    at: datetime
    before: datetime
    after: datetime


WORKED: Final = ("worked",)
_STEP: Final = timedelta(minutes=15)
_STRIDE: Final = timedelta(days=1)


def other_days(kept: Kept, now: Almanac) -> list[OtherDay]:
    """The days of the years of `kept` of which `now` says something else, in order."""
    found = []
    for country, subdivision in kept.countries:
        for year in kept.years:
            before, after = kept.days(country, subdivision, year), _days(now, country, subdivision, year)
            for day in {*before.names, *before.worked, *after.names, *after.worked}:
                one, other = _said(before, day), _said(after, day)
                if one != other:
                    found.append(OtherDay(country, subdivision, day, one, other))
    return sorted(found, key=lambda one: (one.day, one.country, one.subdivision or ""))


def _days(almanac: Almanac, country: str, subdivision: str | None, year: int) -> PublicDays:
    try:
        return almanac.days(country, subdivision, year)
    except LookupError:  # a country that a newer library does not have any more
        return NOTHING


def _said(days: PublicDays, day: date) -> tuple[str, ...]:
    return days.names.get(day, WORKED if day in days.worked else ())


def other_clocks(kept: Kept, now: Almanac, start: datetime, end: datetime) -> list[OtherClock]:
    """The zones of `kept` whose clocks show something else by `now` at some time from `start` to `end`; by name."""
    found = (_other_clock(key, kept.zone(key), now.zone(key), start, end) for key in kept.keys if kept.rules(key) != now.rules(key))
    return [one for one in found if one is not None]


def _other_clock(key: str, before: tzinfo, after: tzinfo, start: datetime, end: datetime) -> OtherClock | None:
    """Zones change by quarters of an hour at least, and what they differ in lasts a day or more."""

    def differs(at: datetime) -> bool:
        return at.astimezone(before).utcoffset() != at.astimezone(after).utcoffset()

    at = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while at < end and not differs(at):
        at += _STRIDE
    if at >= end:
        return None
    first = max(at - _STRIDE, start.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
    while not differs(first):
        first += _STEP
    return OtherClock(key, first, first.astimezone(before), first.astimezone(after))
