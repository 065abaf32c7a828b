"""What `tsbridge doctor` says of the days and clocks that the live rulebook and roster go by: what is installed may say otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from tsbridge.core.almanac import INSTALLED, WORKED, Almanac, Kept, OtherClock, OtherDay, other_clocks, other_days
from tsbridge.core.calendar import HORIZON
from tsbridge.doctor.checks import Line
from tsbridge.store import almanacs, rosters, rulebooks
from tsbridge.store.db import Database

SHOWN: Final = 5
"""So many days that are others now."""
LOOKED_AHEAD: Final = timedelta(days=3_653)
DOCUMENTS: Final[dict[str, Any]] = {"rulebook": rulebooks, "roster": rosters}


def kept(opened: Database, zone: tzinfo, now: datetime, installed: Almanac = INSTALLED) -> list[Line]:
    """Of a database of our schema. `zone`: the team's."""
    lines = []
    for what, store in DOCUMENTS.items():
        version = opened.read_now(store.newest)
        if version:
            lines += _document(opened, what, store.get, version, zone, now, installed)
    return lines


def _document(opened: Database, what: str, get: Any, version: int, zone: tzinfo, now: datetime, installed: Almanac) -> list[Line]:
    almanac = opened.read_now(lambda conn: almanacs.get(conn, get(conn, version).almanac))
    again = f"`tsbridge {'rules' if what == 'rulebook' else what} restore {version}` publishes it again, by what is installed."
    check = f"{what}: days and clocks"
    if not isinstance(almanac, Kept):
        words = f"Version {version} of the {what} goes by what is installed, whatever the next release says."
        return [Line(check, "warn", words, "`tsbridge migrate` keeps what is said now with it.")]
    found = [
        *_days(what, other_days(almanac, installed), installed, now),
        *_clocks(what, other_clocks(almanac, installed, now, now + LOOKED_AHEAD), installed),
    ]
    last = almanac.years[-1]
    if almanac.countries and (now + HORIZON).year > last:
        found.append(f"The holidays that the {what} keeps end in {last}: days behind are like every other.")
    if what == "rulebook" and isinstance(zone, ZoneInfo) and zone.key not in almanac.keys:
        found.append(f"The team's zone is another than when the {what} was published: it goes by what is installed.")
    if found:
        return [Line(check, "warn", words, f"Nothing changes by itself, and no decision. {again}") for words in found]
    words = f"Version {version} of the {what} keeps what is installed: {almanac.library}, time zones {almanac.zone_rules}."
    return [Line(check, "ok", words)]


def _days(what: str, days: list[OtherDay], installed: Almanac, now: datetime) -> list[str]:
    """Days to come first: those behind were decided about already."""
    coming = [one for one in days if one.day >= now.date()]
    if not days:
        return []
    if not coming:
        return [f"Of {len(days)} days behind us {installed.library} says otherwise than the {what} keeps."]
    told = "; ".join(_day(one) for one in coming[:SHOWN])
    more = f"; and {len(coming) - SHOWN} more" if len(coming) > SHOWN else ""
    return [f"{installed.library} says otherwise than the {what} keeps: {told}{more}."]


def _day(one: OtherDay) -> str:
    where = one.country if one.subdivision is None else f"{one.country}-{one.subdivision}"
    return f"{where} {one.day} is {_said(one.after)}, kept is {_said(one.before)}"


def _said(names: tuple[str, ...]) -> str:
    return "a day that is worked" if names == WORKED else f"a holiday ({', '.join(names)})" if names else "a day like others"


def _clocks(what: str, clocks: list[OtherClock], installed: Almanac) -> list[str]:
    return [
        f"Time zones {installed.zone_rules} say otherwise than the {what} keeps: at {one.at:%Y-%m-%d %H:%M} UTC it is "
        f"{one.after:%H:%M} in {one.key}, kept is {one.before:%H:%M}."
        for one in clocks
    ]
