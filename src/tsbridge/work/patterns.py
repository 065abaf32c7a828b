"""Patterns: what was decided is counted once, and every half minute while something new comes it is looked at what is unusual in it.

Counting goes along the proof chain, which has no gaps, so it goes on where it was; a look costs what the series of nine weeks cost,
whatever the history. Counts are held in memory, and read again when another process had the turn meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.link import STRENGTH
from tsbridge.core.linked import WITHIN, Claim, rings
from tsbridge.core.moments import Interaction
from tsbridge.core.phrases import Rise
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rates import BUDGET, DAY, FEWEST_WEEKS, LENGTH, WEEK, Hours, Look, Unusual, look, power, rate_of
from tsbridge.core.track import key_of, subject_of
from tsbridge.core.unusual import (
    CATEGORY,
    CHANNEL,
    CLAIM,
    CLAIMS,
    DIGEST,
    LINKED_CLAIMS,
    OF_SERIES,
    REPEAT_PARTY,
    REPEATS,
    REPEATS_WITHIN,
    RISING_WORD,
    RULE,
    date_of,
    hour_of,
    is_claim,
    kind_of,
    series_of,
    start_of,
    told_with,
)
from tsbridge.store import chain, keys, pattern_findings, patterns, stored_values
from tsbridge.store.db import Database
from tsbridge.store.pattern_findings import Found
from tsbridge.store.patterns import State
from tsbridge.store.rulebooks import LiveRulebook, newest
from tsbridge.work.rising import Rising

LOOK_AGAIN: Final = timedelta(seconds=20)
"""How soon it is asked whether something new came."""
PACE: Final = timedelta(seconds=30)
"""The least time from one look to the next, unless somebody wants one."""
IDLE: Final = timedelta(hours=1)
"""What is usual changes with the hour, also while nothing comes."""
TURN: Final = "patterns_turn"
STEP: Final = 400
"""Entries of the chain that are counted in one transaction."""
MOST_CLAIMS: Final = 2_000
BEFORE: Final = (CATEGORY, CHANNEL, RULE)
"""Which of several series that burst by the same cases the finding is of. What an agent got too many of is a finding of its own."""
ALSO: Final = ("series", "of", "days", "cases", "usual")
"""What is told of the others."""
DAYS: Final = LENGTH // DAY + 1
POWERS: Final = ((1, 5), (3, 5), (7, 5), (1, 3), (7, 2))
"""What is said of the power: days, times the usual."""
USUALS: Final = (1, 2, 4, 10, 40)

Days = dict[str, dict[int, list[int]]]


class Patterns:
    """Counts and looks. One process at a time."""

    def __init__(
        self, database: Database, clock: Clock, ids: Ids, live: LiveRulebook, zone: tzinfo, entropy: Callable[[int], bytes], worker: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._live = live
        self._zone = zone
        self._entropy = entropy
        self._pepper: bytes | None = None
        self._worker = worker
        self._counted: tuple[int, Days] | None = None
        """Up to which entry of the chain, and the counts."""
        self._rising = Rising(database, zone)
        self._touched: set[Interaction] = set()
        """Interactions that something was decided about since the last look."""

    async def round(self) -> datetime | bool:
        """Count what is new, and look when it is time to; True where there is more to count."""
        now = self._clock.now()
        state, sealed, wanted = await self._database.read(_standing)
        looked = state.looked_at
        asked = wanted is not None and (looked is None or wanted > looked)
        rests = looked is not None and looked <= now < looked + PACE and state.seq > 0
        if not asked and (rests or (sealed == state.seq and looked is not None and looked <= now < looked + IDLE)):
            return now + LOOK_AGAIN
        if not await self._database.write(lambda conn: stored_values.take_turn(conn, TURN, self._worker, now, 6 * LOOK_AGAIN)):
            return now + LOOK_AGAIN
        if sealed > state.seq and await self._count(state, now) < sealed:
            return True
        await self._look(now, asked=asked)
        return now + LOOK_AGAIN

    # -- counting

    async def _count(self, state: State, now: datetime) -> int:
        """Count a step of the chain; returns how far that is."""
        days = await self._days(state, now)
        self._counted = None  # until it is known that it was kept
        step = await self._database.write(partial(_count, state=state, days=days, zone=self._zone, now=now))
        for (series, day), hours in step.changed.items():
            days.setdefault(series, {})[day] = hours
        self._counted = step.seq, days
        self._touched |= step.touched
        return step.seq

    async def _days(self, state: State, now: datetime) -> Days:
        if self._counted is None or self._counted[0] != state.seq:
            first = hour_of(now, self._zone) // DAY - DAYS
            self._counted = state.seq, await self._database.read(lambda conn: patterns.counts(conn, first))
        return self._counted[1]

    # -- looking

    async def _look(self, now: datetime, *, asked: bool) -> None:
        state = await self._database.read(patterns.state)
        days = await self._days(state, now)
        hour = hour_of(now, self._zone)
        first = hour // DAY - DAYS
        for series, its in list(days.items()):
            for day in [day for day in its if day < first]:
                del its[day]
            if not its:
                del days[series]
        holidays = await self._database.read(lambda conn: self._holidays(conn, hour // DAY))
        seen = await asyncio.to_thread(_seen, days, hour, state.since, holidays)
        lasts = state.since is not None and hour - state.since >= FEWEST_WEEKS * WEEK
        risen = await self._rising.look(now, again=asked) if lasts else ()
        if (known := self._pepper) is None:
            known = self._pepper = await self._database.write(lambda conn: keys.pepper(conn, self._entropy))

        def find(conn: Connection) -> list[Found]:
            found = [self._of_series(conn, one, hour) for one in seen.unusual]
            return [*_told_together(found), *_repeat_parties(conn, self._touched, known, now), *_linked_claims(conn, now)]

        found = [*await self._database.read(find), *(_of_word(one, known, now) for one in risen)]

        told = {(one.kind, one.about) for one in found}

        def settle(conn: Connection) -> None:
            pattern_findings.end(conn, [(OF_SERIES[kind_of(one.key)[0]], one.key) for one in seen.unusual], told, now)
            pattern_findings.keep(conn, found, (self._ids.new("pat") for _ in found), now)
            pattern_findings.forget(conn, now)
            patterns.forget(conn, now, first)
            state = patterns.state(conn)
            patterns.put_state(conn, State(state.seq, state.since, now, _told(seen, len(days))))

        await self._database.write(settle)
        self._touched.clear()

    def _holidays(self, conn: Connection, today: int) -> tuple[int, ...]:
        """Days that any calendar of the live rulebook has as holidays."""
        if not newest(conn):
            return ()
        calendars = self._live.live(conn).book.calendars.values()
        return tuple(day for day in range(today - DAYS - 1, today + 1) if any(one.is_holiday(date_of(day)) for one in calendars))

    def _of_series(self, conn: Connection, one: Unusual, hour: int) -> Found:
        since = start_of(hour - one.days * DAY + 1, self._zone)
        cases = patterns.as_they_are_called(conn, [case_id for case_id, _ in patterns.seen(conn, one.key, since)])
        kind, of = kind_of(one.key)
        figures = {
            "of": of,
            "series": kind,
            "days": one.days,
            "cases": one.count,
            "usual": round(one.usual, 1),
            "times_usual": round(one.count / one.usual, 1),
            "chance": float(f"{one.chance:.2g}"),
        }
        return Found(OF_SERIES[kind], one.key, since, figures, cases)


def _told_together(found: Sequence[Found]) -> list[Found]:
    """Findings of series; those of largely the same cases as one: of the category before the channel before the rule."""
    bursts = [one for one in found if one.figures["series"] in BEFORE and one.figures["cases"] > one.figures["usual"]]
    bursts.sort(key=lambda one: BEFORE.index(one.figures["series"]))
    places = told_with([(one.figures["cases"] - one.figures["usual"], set(one.cases)) for one in bursts])
    also = {place: [bursts[other].figures for other, first in enumerate(places) if first == place != other] for place in places}
    told = [one for one in found if one not in bursts]
    for place, others in also.items():
        figures = {**bursts[place].figures, "also": [{name: of[name] for name in ALSO} for of in others]}
        told.append(bursts[place]._replace(figures=figures))
    return told


def _standing(conn: Connection) -> tuple[State, int, datetime | None]:
    return patterns.state(conn), chain.head(conn)["seq"], patterns.wanted(conn)


class _Step(NamedTuple):
    """A step of the chain: how far it is, which interactions it was about, and the hours of the days that it changed."""

    seq: int
    touched: set[Interaction]
    changed: dict[tuple[str, int], list[int]]


def _count(conn: Connection, state: State, days: Days, zone: tzinfo, now: datetime) -> _Step:
    seq, every = patterns.decided(conn, state.seq, STEP)
    rows = [row for row in every if row["at"] >= now - timedelta(days=DAYS)]  # what is older says nothing of what is usual
    newest_at = max((row["at"] for row in rows), default=now)
    sightings: dict[patterns.Sighting, datetime] = {}
    for row in rows:
        for sighting in _sightings(row):
            sightings[sighting] = min(row["at"], sightings.get(sighting, row["at"]))
    since, changed = state.since, dict[tuple[str, int], list[int]]()
    for (series, _), at in patterns.see(conn, sightings).items():
        if series != CLAIMS:
            hour = hour_of(at, zone)
            since = hour if since is None else min(since, hour)
            day = hour // DAY
            if (series, day) not in changed:
                changed[series, day] = list(days.get(series, {}).get(day) or [0] * DAY)
            changed[series, day][hour % DAY] += 1
    patterns.put_counts(conn, changed)
    patterns.put_state(conn, State(seq, since, state.looked_at, state.told))
    if newest_at < now - patterns.SEEN_FOR:  # history: what was seen goes along with it
        patterns.unsee(conn, newest_at - patterns.SEEN_FOR)
    touched = {Interaction(row["source"], row["interaction"]) for row in rows if row["at"] >= now - REPEATS_WITHIN}
    return _Step(seq, touched, changed)


def _sightings(row: patterns.Row) -> Iterable[patterns.Sighting]:
    for series in series_of(row["channel"], row["outcome"], row["matched"]):
        yield series, row["case_id"]
    if is_claim(row["outcome"]):
        yield CLAIMS, f"{row['source']}:{row['interaction']}"


def _seen(days: Days, now: int, since: int | None, holidays: Sequence[int]) -> Look:
    series = {key: _hours(its, now) for key, its in sorted(days.items())}
    both = {key for key in series if kind_of(key)[0] == RULE}
    return look(series, Hours.of(now, now if since is None else since, holidays), rate_of(BUDGET), both)


def _hours(days: Mapping[int, list[int]], now: int) -> list[int]:
    """The hours of a series up to now."""
    nothing = [0] * DAY
    hours = [count for day in range(now // DAY - LENGTH // DAY, now // DAY + 1) for count in days.get(day, nothing)]
    end = len(hours) - (DAY - 1 - now % DAY)
    return hours[end - LENGTH : end]


def _told(seen: Look, series: int) -> dict[str, Any]:
    """What a look says of itself."""
    told = [power(seen, usual, days, times) for days, times in POWERS for usual in USUALS] if seen.tested else []
    powers = [{"days": one.days, "times": one.times, "usual_a_day": one.usual_a_day, "found": round(one.found, 2)} for one in told]
    return {"series": series, "tested": seen.tested, "spread": round(seen.spread, 2), "power": powers}


def _repeat_parties(conn: Connection, touched: set[Interaction], pepper: bytes, now: datetime) -> list[Found]:
    """People among those who were in touch just now who were so often lately: each by the handle that most of it is known by."""
    people = {handle for its in patterns.people(conn, touched).values() for handle in its}
    contacts = patterns.contacts(conn, people, now - REPEATS_WITHIN)
    found: list[Found] = []
    told: list[set[Interaction]] = []
    for handle, its in sorted(contacts.items(), key=lambda one: (-len(one[1]), -STRENGTH[one[0].kind], one[0])):
        if len(its) < REPEATS or any(its <= others for others in told):
            continue
        told.append(its)
        subjects = sorted(its)
        calls = sum(subject.source == "talkdesk" for subject in subjects)
        cases = patterns.cases_of(conn, subjects)
        figures = {"contacts": len(its), "tickets": len(its) - calls, "calls": calls, "cases": len(cases), "days": REPEATS_WITHIN.days}
        found.append(Found(REPEAT_PARTY, pattern_findings.about_person(pepper, handle), now - REPEATS_WITHIN, figures, cases))
    return found


def _linked_claims(conn: Connection, now: datetime) -> list[Found]:
    """Claims of the last days that are linked. A ring goes by its first claim."""
    seen = {subject_of(what): at for what, at in patterns.seen(conn, CLAIMS, now - WITHIN, MOST_CLAIMS)}
    people = patterns.people(conn, seen)
    found = []
    for ring in rings([Claim(subject, at, frozenset(people.get(subject, ()))) for subject, at in seen.items()]):
        cases = patterns.cases_of(conn, [claim.subject for claim in ring.claims])
        hours = (ring.claims[-1].at - ring.since) / timedelta(hours=1)
        figures = {
            "claims": len(ring.claims),
            "identities": ring.identities,
            "shared": ring.shared,
            "cases": len(cases),
            "hours": round(hours, 1),
            "categories": [one for one in patterns.categories(conn, cases) if CLAIM in one],
        }
        about = hashlib.sha256(key_of(ring.claims[0].subject).encode()).hexdigest()[:DIGEST]
        found.append(Found(LINKED_CLAIMS, about, ring.since, figures, cases))
    return found


def _of_word(one: Rise, pepper: bytes, now: datetime) -> Found:
    """A word goes by its digest: what it is, is read again out of the texts of its cases by whoever may see these."""
    figures = {
        "days": one.days,
        "cases": one.count,
        "texts": one.texts,
        "usual": round(one.usual, 2),
        "times_usual": round(one.count / one.usual, 1),
        "chance": float(f"{one.chance:.2g}"),
    }
    return Found(RISING_WORD, keys.digest(pepper, one.phrase)[:DIGEST], now - timedelta(days=one.days), figures, one.cases)
