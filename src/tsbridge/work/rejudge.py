"""Open cases judged anew by the live rulebook: first told what would change, then, when asked, applied.

A page of cases is judged, recorded and wished for in the transaction that moves the job on: killed anywhere, it goes on behind the
last page that was kept, and nothing is done twice. One version judges the whole job: when another one goes live, it ends and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.anew import done_before, shown, stand_of
from tsbridge.core.casestate import CaseState
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.quiet import Done
from tsbridge.core.replay import Compared, Tally
from tsbridge.store import cases, chain, decisions, links, moments, notices, quiet, rejudges, replays
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.rejudges import ACTION, Asked, end
from tsbridge.store.replays import Job
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work.conclude import Conclusions
from tsbridge.work.judging import wishes_of
from tsbridge.work.loop import LEASE
from tsbridge.work.replay_jobs import Aside
from tsbridge.work.verdicts import Fresh, Known, Verdict

REPUBLISHED: Final = "another_version_is_live"
"""Why a job ended before it was through."""
PAGE: Final = 40


class Overtaken(Exception):
    """The job was cancelled, or is somebody else's by now: what was done of this page does not count."""


AIM: Final = timedelta(milliseconds=100)
"""How long one transaction shall take: on SQLite the door waits for it."""


@dataclass(frozen=True, slots=True)
class Anew:
    """A case, and as the live rulebook has it. `before`, `after`: as `core.anew.shown`."""

    verdict: Verdict
    was: CaseState
    before: dict[str, Any]
    after: dict[str, Any]
    done: dict[str, Done]

    @property
    def differs(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Page:
    """What came of some cases. `over`: the word with which the job ends, and why."""

    cursor: str
    done: int
    summary: Any
    rows: tuple[dict[str, Any], ...]
    effects: int = 0
    over: tuple[str, str | None] | None = None


class Rejudging:
    """Works through rejudges, some cases a round, behind live work. `aim`: how long one transaction shall take."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        salt: Callable[[], str],
        live: LiveRulebook,
        conclusions: Conclusions,
        zone: tzinfo,
        worker: str,
        wake_writer: Callable[[], None],
        *,
        aim: timedelta = AIM,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._live = live
        self._conclusions = conclusions
        self._zone = zone
        self._worker = worker
        self._wake_writer = wake_writer
        self._aim = aim
        self._aside = Aside(database, clock)

    async def round(self, only: str | None = None) -> datetime | bool:
        """Work on some cases. True when there may be more. `only`: of this job, and of no other."""
        now = self._clock.now()
        job = await self._database.write(lambda conn: replays.claim(conn, self._worker, now, LEASE, rejudges=True, only=only))
        if job is None:
            return False
        if (later := await self._aside.until()) is not None:
            return later
        try:
            await self._page(job)
        except Overtaken:
            return True
        except Exception as failure:
            if unavailable(failure):
                raise
            reason = type(failure).__name__  # its words may quote somebody's data
            await self._database.write(lambda conn: self._end(conn, job, "failed", reason))
            raise
        return True

    async def _page(self, job: Job) -> None:
        asked = Asked.from_json(job.rejudge)
        if asked.apply:
            page = await self._database.write(lambda conn: self._kept(conn, job, self._look(conn, job, asked)))
        else:
            looked = await self._database.read(lambda conn: self._look(conn, job, asked))
            page = await self._database.write(lambda conn: self._kept(conn, job, looked))
        crashpoint("rejudge.committed")
        if page.effects:
            self._wake_writer()

    def _look(self, conn: Connection, job: Job, asked: Asked) -> Page:
        """Judge the next cases, and keep them if that was asked for."""
        begun = self._clock.now()
        live = self._conclusions.begin(conn) if asked.apply else self._live.live(conn)
        if live.version != asked.version:
            return Page(job.cursor, job.done, job.summary, (), over=("failed", REPUBLISHED))
        tally, rows, cursor, done, effects = Tally(self._zone, job.summary), list[dict[str, Any]](), job.cursor, job.done, 0
        for case_id in rejudges.page(conn, asked.filter, job.cursor, PAGE):
            if cursor != job.cursor and self._clock.now() - begun > self._aim:
                break
            cursor, done = case_id, done + 1
            found = self._anew(conn, live, case_id, begun, notify=asked.notify)
            subject = found.verdict.known.subjects[0]
            before, after = stand_of(found.was), stand_of(found.verdict.state)
            tally.add(case_id, [Compared(None, "", begun, subject, before, after, found.differs, mismatch=False)])
            if found.differs:
                rows.append(_row(found, begun))
                if asked.apply:
                    effects += self._keep(conn, live, found, job, asked, begun)
        if cursor == job.cursor:
            return Page(cursor, done, job.summary, (), over=("done", None))
        return Page(cursor, min(done, job.total), tally.summary(), tuple(rows), effects)

    def _kept(self, conn: Connection, job: Job, page: Page) -> Page:
        """Move the job on. Raises `Overtaken`: then nothing of the page was done."""
        crashpoint("rejudge.judged")
        if page.over is not None:
            mine = self._end(conn, job, *page.over)
        else:
            mine = replays.go_on(conn, job, self._worker, page.cursor, page.done, page.summary, page.rows)
        if not mine:
            raise Overtaken(job.id)
        return page

    def _end(self, conn: Connection, job: Job, status: str, reason: str | None) -> bool:
        now = self._clock.now()
        return end(conn, job, status, reason, id=self._ids.new("chg"), at=now, by=job.created_by, salt=self._salt())

    def _anew(self, conn: Connection, live: Built, case_id: str, now: datetime, *, notify: bool) -> Anew:
        """A case as it stands by now, and as the live rulebook has it: judged whole, quiet up to now unless somebody is to be told."""
        subjects = links.members(conn, case_id)
        story, recorded = moments.story(conn, subjects), decisions.in_force(conn, subjects)
        known = Known(case_id, subjects, story, recorded, cases.state(conn, case_id))
        was = self._conclusions.judging.verdict(conn, live, known, now).state
        done = {} if notify else done_before(was, notices.of(conn, subjects), quiet.done(conn, subjects))
        until = None if notify else now
        by_live = [told._replace(version=live.version, quiet=until) for told in story]
        held = {moment: old for moment, old in recorded.items() if old.held is not None}  # the rest of the due times by the live one
        verdict = self._conclusions.judging.verdict(conn, live, Known(case_id, subjects, by_live, held, None, done), now)
        before, after = shown(was, wishes_of(was, live.book)), shown(verdict.state, wishes_of(verdict.state, live.book))
        return Anew(replace(verdict, known=replace(known, story=by_live, before=None)), was, before, after, done)

    def _keep(self, conn: Connection, live: Built, found: Anew, job: Job, asked: Asked, now: datetime) -> int:
        """From now on the case is as the live rulebook has it; returns how much of it reaches out."""
        known = found.verdict.known
        quiet.judge_by(conn, known.subjects, live.version, None if asked.notify else now)
        quiet.put(conn, found.done)
        done = self._conclusions.judging.keep(conn, live, [found.verdict], Fresh(), now)
        chain.add_change(
            conn,
            id=self._ids.new("chg"),
            at=now,
            actor=job.created_by,
            action=ACTION,
            subject=known.case_id,
            before=None,
            after={"rejudge": job.id, "version": live.version, "notify": asked.notify},
            salt=self._salt(),
            also=(job.id,),
        )
        return done.effects


def _row(found: Anew, now: datetime) -> dict[str, Any]:
    tickets = [subject.id for subject in found.verdict.known.subjects if subject.source == "zendesk"]
    sides = {"before": found.before, "after": found.after}
    return {
        "case_id": found.verdict.known.case_id,
        "ticket": min(tickets, default=None),
        "decision_id": None,
        "at": now,
        "mismatch": False,
        **sides,
    }
