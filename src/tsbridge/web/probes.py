"""What `/readyz` looks at, one probe each; `wiring.bridge` puts them together. What is amiss of the work itself: `work_probes`.

What is amiss and keeps nobody from hearing and judging is `degraded`: ready all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from tsbridge.acts.around import Rotas
from tsbridge.core.ports import Clock
from tsbridge.core.proved_ways import Reach, reached
from tsbridge.core.task_state import Checked, Standing
from tsbridge.core.watch import WALK_AGE
from tsbridge.store import (
    cover,
    database_info,
    datakeys,
    feeds,
    notification_log,
    proved_ways,
    rekeying,
    rosters,
    rulebooks,
    sealing,
    source_hours,
    views,
    watch,
)
from tsbridge.store.db import Database
from tsbridge.web.services import Probe

T = TypeVar("T")

NOT_KNOWN: Final = Checked(True, "not known: the database cannot be used")
WITHIN_S: Final = 4.0
"""How long a look at the database may last; who asks how we are waits a little longer."""
TRIED_EVERY: Final = timedelta(seconds=10)


def stored(
    database: Database,
    read: Callable[[Connection], T],
    judged: Callable[[T], Checked],
    otherwise: Checked = NOT_KNOWN,
    within_s: float = WITHIN_S,
) -> Probe:
    """A probe of what is in the database: what was `read`, `judged`; `otherwise` where it cannot be used, or does not answer in time."""

    async def look() -> Checked:
        try:
            async with asyncio.timeout(within_s):
                found = await database.read(read)
        except (*views.DATABASE_FAILURES, TimeoutError):
            return otherwise
        return judged(found)

    return look


# Without these nothing is heard or worked on


def database_probe(database: Database) -> Probe:
    """Whether the database answers a query."""

    def judged(version: int) -> Checked:
        return Checked(version > 0, f"answers; rulebook version {version}" if version else "no rulebook has been published")

    return stored(database, rulebooks.newest, judged, Checked(False, "cannot be used"))


def writable_probe(database: Database, clock: Clock, within_s: float = WITHIN_S) -> Probe:
    """Whether the database takes what is written, so that it is on disk: a full disk, a standby, a file nobody may write. Tried now and
    then."""
    tried: tuple[datetime, Checked] | None = None

    async def look() -> Checked:
        nonlocal tried
        now = clock.now()
        if tried is None or not tried[0] <= now < tried[0] + TRIED_EVERY:
            tried = (now, await _written(database, within_s))
        return tried[1]

    return look


async def _written(database: Database, within_s: float) -> Checked:
    try:
        async with asyncio.timeout(within_s):
            await database.write(database_info.try_writing, urgent=True, any_schema=True)
    except TimeoutError:
        return Checked(False, f"a write did not come back within {within_s:g} s")
    except views.DATABASE_FAILURES as failure:
        return Checked(False, f"cannot be written ({type(failure).__name__})")
    return Checked(True, "can be written")


def migrations_probe(database: Database, current: Callable[[Any], str | None], known: Sequence[str]) -> Probe:
    """Whether the tables are the ones this code was written for. `current(conn)` reads the revision; `known`: all that this code knows."""

    def judged(found: str | None) -> Checked:
        if found == known[-1]:
            return Checked(True, "the newest schema")
        if found is not None and found not in known:
            return Checked(False, "a newer tsbridge has migrated it: this one hears, and leaves the rest to newer ones")
        return Checked(False, "an older schema; run tsbridge migrate")

    return stored(database, current, judged, Checked(False, "the database cannot be used"))


def tasks_probe(
    last_beat: Callable[[], datetime | None], clock: Clock, silent_for: timedelta, standings: Callable[[], Mapping[str, Standing]] = dict
) -> Probe:
    """Whether the worker of this process went round lately, and which of its tasks hang or keep failing: each is named.

    Without a vital one nothing is worked on; without another something is amiss.
    """

    async def look() -> Checked:
        beat = last_beat()
        if beat is None:
            return Checked(False, "the worker has not started")
        age = clock.now() - beat
        amiss = {name: (found, one.vital) for name, one in sorted(standings().items()) if (found := one.amiss) is not None}
        told = [f"last sign of the worker {max(0, int(age.total_seconds()))} s ago"]
        told += [f"{name} {found}" for name, (found, _) in amiss.items()]
        ok = age <= silent_for and not any(vital for _, vital in amiss.values())
        return Checked(ok, "; ".join(told), degraded=bool(amiss))

    return look


def clock_probe(skew: Callable[[], timedelta | None], tolerance: timedelta) -> Probe:
    """Whether our clock agrees with the vendor's (the `Date` of its answers), as far as we have heard.

    One that does not has signatures refused and times wrong, and every process has the same: taken out of service, nothing is heard.
    """

    async def look() -> Checked:
        off = skew()
        if off is None:
            return Checked(True, "no vendor has told the time yet")
        return Checked(True, f"{off.total_seconds():+.0f} s against the vendor's clock", degraded=abs(off) > tolerance)

    return look


# With these something is amiss at most


def zones_probe(version: str) -> Probe:
    """Which rules of time zones calendars go by."""

    async def look() -> Checked:
        return Checked(True, f"rules of {version}, packaged")

    return look


def encryption_probe(database: Database) -> Probe:
    """Whether what is personal is encrypted, and whether all of it is under the newest key."""

    def judged(told: tuple[Sequence[str], rekeying.Progress]) -> Checked:
        ids, gone = told
        if database.data_keys.vault.newest is None:
            return Checked(True, "what people said is not encrypted: there is no data key")
        if gone.is_over(ids):
            return Checked(True, f"all of it is under key {ids[-1]}")
        return Checked(True, f"what is not under key {', '.join(ids[-1:])} is being rewritten; see tsbridge encryption status")

    return stored(database, lambda conn: (datakeys.on_record(conn), rekeying.progress(conn)), judged)


def sources_probe(database: Database) -> Probe:
    """Which sources are silent improbably long: being asked for more would not make them speak."""

    def judged(silent: Mapping[str, datetime]) -> Checked:
        said = [f"{source} is silent since {since:%Y-%m-%dT%H:%M}Z" for source, since in silent.items()]
        return Checked(True, "; ".join(said) or "heard as usual", degraded=bool(said))

    return stored(database, source_hours.silent, judged)


def cover_probe(database: Database) -> Probe:
    """Whether somebody is on call in the two weeks ahead, as the last look found."""

    def judged(found: tuple[int, cover.Ahead | None]) -> Checked:
        version, ahead = found
        if not version:
            return Checked(True, "no roster has been published: nobody is on call", degraded=True)
        if ahead is None or not ahead.count:
            return Checked(True, "not looked at yet" if ahead is None else "no holes in the next 14 days")
        first = ahead.holes[0]
        words = f"{ahead.count} in the next 14 days, the first for {first['queue']} from {first['from']} to {first['to']}"
        return Checked(True, words, degraded=True)

    return stored(database, lambda conn: (rosters.newest(conn), cover.load(conn)), judged)


def feeds_probe(database: Database, clock: Clock, roster: Rotas) -> Probe:
    """Whether the feeds of the roster can be read; what one said last counts."""

    def judged(count: int) -> Checked:
        return Checked(True, f"{count} cannot be read; see tsbridge doctor" if count else "none that cannot be read", degraded=count > 0)

    return stored(database, lambda conn: failing_feeds(conn, roster, clock.now()), judged)


def failing_feeds(conn: Connection, roster: Rotas, now: datetime) -> int:
    """How many feeds of the live roster cannot be read."""
    rota = roster.now(conn, now)
    if rota is None or not rota.roster.feeds:
        return 0
    looks = feeds.looks(conn)
    return sum((look := looks.get(feed.key)) is not None and look.failing_since is not None for feed in rota.roster.feeds)


def ways_probe(database: Database, clock: Clock, roster: Rotas) -> Probe:
    """Which ways to people are not known to reach them."""

    def judged(ways: tuple[Reach, ...]) -> Checked:
        late = sum(not one.good for one in ways)
        if not late:
            return Checked(True, f"{len(ways)} ways to people, all proved lately" if ways else "nobody is to be reached")
        return Checked(True, f"{late} of {len(ways)} ways to people were not proved lately; see tsbridge doctor", degraded=True)

    return stored(database, lambda conn: ways_to_people(conn, roster, clock.now()), judged)


def ways_to_people(conn: Connection, roster: Rotas, now: datetime) -> tuple[Reach, ...]:
    """Every way to everybody who works here, and whether it counts as proved."""
    rota = roster.now(conn, now)
    return () if rota is None else reached(rota.roster, proved_ways.proofs(conn), now)


def telling_probe(database: Database, clock: Clock, late_after: timedelta) -> Probe:
    """Whether people are told in time."""

    def judged(since: datetime | None) -> Checked:
        late = timedelta(0) if since is None else clock.now() - since
        if late <= late_after:
            return Checked(True, "nobody waits to be told")
        return Checked(True, f"somebody should have been told {int(late.total_seconds())} s ago", degraded=True)

    return stored(database, notification_log.overdue_since, judged)


def seals_probe(database: Database, clock: Clock) -> Probe:
    """Whether decisions get their place in the proof chain."""

    def judged(count: int) -> Checked:
        if not count:
            return Checked(True, "no decision waits for its seal longer than it may")
        return Checked(True, f"{count} decisions wait for their seal for more than a minute; see tsbridge audit verify", degraded=True)

    return stored(database, lambda conn: sealing.overdue(conn, clock.now()), judged)


def watch_probe(database: Database, clock: Clock) -> Probe:
    """What the watchdog finds: degraded while anything is late or missing, or nobody looks."""

    def judged(found: watch.Watched) -> Checked:
        said = [f"{count} {kind}, since {found.oldest[kind]:%Y-%m-%dT%H:%M}Z" for kind, count in found.counts.items()]
        age = found.age(clock.now())
        if age > WALK_AGE.total_seconds():
            said.append(f"the last whole walk over the open cases is {int(age)} s old")
        return Checked(True, "; ".join(said) or "nothing is late or missing", degraded=bool(said))

    return stored(database, watch.watched, judged)
