"""A rulebook over history: page by page of cases, each judged again and compared with what was recorded.

Nothing here can send anything: it has a database and judges, and no vendor. A job's results are kept with every page, so that it
goes on where it was after a restart, and one worker at a time has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.contacts import COUNTS, counts_at
from tsbridge.core.moments import Value
from tsbridge.core.ports import Clock
from tsbridge.core.replay import Compared, Tally, as_seen, compare
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.staff import STAFF
from tsbridge.core.story import Judges, judge_story
from tsbridge.store import history, lanes, replays, rulebooks, shadow
from tsbridge.store.db import Database
from tsbridge.store.history import StoredCase
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.loop import LEASE

PAGE: Final = 40
TOGETHER: Final = 1_000
A_MOMENT: Final = timedelta(milliseconds=250)
PATIENCE: Final = 20
"""Moments that replays and the shadow step aside for, before they do one page all the same."""
INSTANT: Final = timedelta(microseconds=1)
SHADOW: Final = 0
"""Stands for the shadow where a version is asked for; published versions count from 1."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A rulebook set against history. `hash_of`: the hash of each published version, with that of the almanac it goes by."""

    judge: Judge
    hash: str
    hash_of: Mapping[int, str]
    as_recorded: bool
    recorded_judge: Judges
    since: datetime | None
    until: datetime

    @property
    def needs_contacts(self) -> bool:
        return self.as_recorded or bool(self.judge.book.reads & set(COUNTS))

    @property
    def needs_staff(self) -> bool:
        return self.as_recorded or bool(self.judge.book.reads & STAFF)

    def same_book(self, version: int) -> bool:
        return self.as_recorded or self.hash_of.get(version) == self.hash

    def judge_of(self, version: int) -> Judge:
        return self.recorded_judge(version) if self.as_recorded else self.judge

    def page(self, conn: Connection, after: str) -> list[StoredCase]:
        """The next cases behind the id `after`, with all that judging them takes."""
        return history.page(conn, after, PAGE, contacts=self.needs_contacts, staff=self.needs_staff)

    def compared(self, case: StoredCase) -> list[Compared]:
        """One case, decided both ways."""
        story = [told for told in case.story if told.moment.at < self.until]
        versions = {one.moment: one.version for one in case.recorded}
        last = max(self.hash_of, default=0)
        counted = self.needs_contacts
        _, judged = judge_story(
            case.id,
            story,
            self.until - INSTANT,
            self.judge_of,
            lambda at: _history(case, at) if counted else {},
            clock_version=lambda moment: versions.get(moment, last),
            joined=case.joined,
            for_good=True,
            held={one.moment: one.held for one in case.recorded if one.held is not None},
            done=case.done,
            staff=as_seen(case.saw),
        )
        return compare(story, case.recorded, judged, self.same_book, self.since, self.until, case.joined)


def _history(case: StoredCase, at: datetime) -> Mapping[str, Value]:
    return counts_at(case.contacts, at)


def _named(hash: str, almanac: str | None) -> str:
    return hash if almanac is None else f"{hash} {almanac}"


def published_judge(conn: Connection, live: LiveRulebook, hash: str) -> Judge | None:
    """By what was published with that content, its days and clocks as they were kept last; None when it never was."""
    version = rulebooks.newest_of(conn, hash)
    return live.version(conn, version).judge if version else None


def contest(conn: Connection, live: LiveRulebook, judge: Judge, job: Any) -> Contest:
    """What a job, or anything with its fields, asks for."""
    listed = {version.version: _named(version.hash, version.almanac) for version in rulebooks.versions(conn, 1_000_000)}
    built = {version: live.version(conn, version).judge for version in sorted(listed)} if job.as_recorded else {}
    return Contest(
        judge, _named(job.hash, judge.book.almanac.hash), listed, job.as_recorded, lambda version: built[version], job.since, job.until
    )


class Aside:
    """Steps aside for live work: while deliveries have been waiting for a moment, and not for ever."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._times = 0

    async def until(self) -> datetime | None:
        """When to come again; None: now is as good a time as any."""
        now = self._clock.now()
        if self._times < PATIENCE and await self._database.read(lambda conn: lanes.anything_since(conn, now - A_MOMENT)):
            self._times += 1
            return now + A_MOMENT
        self._times = 0
        return None


class Replays:
    """Works through replay jobs, some pages a round, behind live work. `together`: moments judged before what came of them is kept."""

    def __init__(
        self, database: Database, clock: Clock, live: LiveRulebook, zone: tzinfo, worker: str, *, together: int = TOGETHER
    ) -> None:
        self._database = database
        self._clock = clock
        self._live = live
        self._zone = zone
        self._worker = worker
        self._together = together
        self._aside = Aside(database, clock)
        self._ready: tuple[str, Contest] | None = None

    async def round(self) -> datetime | bool:
        """Work on some pages. True when there may be more."""
        now = self._clock.now()
        job = await self._database.write(lambda conn: replays.claim(conn, self._worker, now, LEASE))
        if job is None:
            self._ready = None
            return False
        if (later := await self._aside.until()) is not None:
            return later
        try:
            await self._page(job)
        except Exception as failure:
            reason = type(failure).__name__  # its words may quote somebody's data
            await self._database.write(lambda conn: replays.finish(conn, job.id, "failed", self._clock.now(), reason))
            raise
        return True

    async def _page(self, job: replays.Job) -> None:
        """Some pages of cases, so many that keeping what came of them costs little beside judging them."""
        ready = await self._contest(job)
        cursor, done, judged = job.cursor, job.done, 0
        tally, moves = Tally(self._zone, job.summary), list[tuple[str, Compared]]()
        while judged < self._together:
            cases = await self._database.read(partial(ready.page, after=cursor))
            if not cases:
                break
            moves += await asyncio.to_thread(_judged, ready, tally, cases)
            cursor, done = cases[-1].id, min(done + len(cases), job.total)
            judged += sum(len(case.story) for case in cases)
        if cursor == job.cursor:
            await self._database.write(lambda conn: replays.finish(conn, job.id, "done", self._clock.now()))
        else:
            await self._database.write(lambda conn: replays.advance(conn, job, self._worker, cursor, done, tally.summary(), moves))

    async def _contest(self, job: replays.Job) -> Contest:
        if self._ready is None or self._ready[0] != job.id:
            document = await self._database.read(lambda conn: replays.document_of(conn, job.id))
            judge = await self._database.read(lambda conn: published_judge(conn, self._live, job.hash))
            if judge is None:
                judge = await asyncio.to_thread(lambda: Judge(read(document), self._zone))
            self._ready = (job.id, await self._database.read(lambda conn: contest(conn, self._live, judge, job)))
        return self._ready[1]


def _judged(ready: Contest, tally: Tally, cases: Sequence[StoredCase]) -> list[tuple[str, Compared]]:
    """What anybody would want to see of these cases; all of it is counted."""
    moves: list[tuple[str, Compared]] = []
    for case in cases:
        compared = ready.compared(case)
        tally.add(case.id, compared)
        moves += [(case.id, one) for one in compared if one.telling]
    return moves


class Shadowing:
    """Asks the shadow about what live has just decided. Behind live work, never in its way."""

    def __init__(self, database: Database, clock: Clock, live: LiveRulebook, zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._live = live
        self._zone = zone
        self._aside = Aside(database, clock)
        self._ready: Judge | None = None

    async def round(self) -> datetime | bool:
        """Compare one page of decisions. True when there may be more."""
        found = await self._database.read(shadow.find)
        if found is None:
            self._ready = None
            return False
        fresh = await self._database.read(lambda conn: shadow.fresh(conn, found.cursor, PAGE))
        if not fresh:
            return False
        if (later := await self._aside.until()) is not None:
            return later
        judge = await self._judge(found.hash)
        if judge is None:  # switched meanwhile
            return True
        compared = await self._database.read(lambda conn: self._compared(conn, found, judge, fresh))
        await self._database.write(lambda conn: shadow.advance(conn, found, fresh[-1][0], compared))
        return True

    def _compared(
        self, conn: Connection, found: shadow.Shadow, judge: Judge, fresh: Sequence[tuple[int, str]]
    ) -> list[tuple[str, int, Compared]]:
        wanted = {seq for seq, _ in fresh}
        ids = sorted({case_id for _, case_id in fresh})
        versions = {version.version: version.hash for version in rulebooks.versions(conn, 1_000_000)}
        asked = Contest(
            judge,
            found.hash,
            versions,
            False,
            lambda version: judge if version == SHADOW else self._live.version(conn, version).judge,
            None,
            self._clock.now() + INSTANT,
        )
        rows: list[tuple[str, int, Compared]] = []
        for case in history.stored(conn, ids, contacts=asked.needs_contacts, staff=True):
            seqs = {one.moment: one.seq for one in case.recorded if one.seq is not None and one.seq in wanted}
            rows += [(case.id, seqs[one.moment], one) for one in self._since(asked, found, case) if one.moment in seqs]
        return rows

    def _since(self, asked: Contest, found: shadow.Shadow, case: StoredCase) -> list[Compared]:
        """The case as it would stand had the shadow gone live when it was switched on."""
        before = {one.moment: one.version for one in case.recorded if one.first_seq is not None and one.first_seq <= found.start}
        story = [
            told if told.moment.digest in before else told._replace(version=SHADOW) for told in case.story if told.moment.at < asked.until
        ]
        _, judged = judge_story(
            case.id,
            story,
            max((one.at for one in case.recorded), default=asked.until),
            asked.recorded_judge,
            lambda at: _history(case, at) if asked.needs_contacts else {},
            clock_version=lambda moment: before.get(moment, SHADOW),
            joined=case.joined,
            for_good=True,
            held={one.moment: one.held for one in case.recorded if one.held is not None},
            done=case.done,
            staff=as_seen(case.saw),
        )
        return compare(story, case.recorded, judged, lambda version: False, None, asked.until, case.joined)

    async def _judge(self, wanted: str) -> Judge | None:
        """The judge of the shadow's rulebook; None when it is another's by now."""
        if self._ready is None or self._ready.book.hash != wanted:
            document = await self._database.read(shadow.document_of)
            if document is None:
                return None
            self._ready = await self._database.read(lambda conn: published_judge(conn, self._live, wanted))
            if self._ready is None:
                self._ready = await asyncio.to_thread(lambda: Judge(read(document), self._zone))
        return self._ready if self._ready.book.hash == wanted else None
