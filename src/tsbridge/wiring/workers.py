"""The workers of one process: every task around one loop, what wakes which, and whom the vendors take us for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock, Ids
from tsbridge.cpu_limit import within
from tsbridge.feed_source import read_in_child
from tsbridge.notify.make import make
from tsbridge.report_process import reports_in_child
from tsbridge.settings.model import Settings
from tsbridge.shutdown import PATIENCE, Patience
from tsbridge.store import stored_values, wakeup
from tsbridge.store.availability import OtherSchema, unavailable
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.wiring import tasks, weekly
from tsbridge.wiring.clients import feed_source, make_talkdesk, make_zendesk, outside, readers
from tsbridge.wiring.clock_and_ids import entropy, salt, steady, worker_name
from tsbridge.wiring.heads import places, signer, signing
from tsbridge.work.assign import Giving
from tsbridge.work.background_facts import Background
from tsbridge.work.calls import CallReconciler
from tsbridge.work.changes import Changes
from tsbridge.work.choices import Definitions
from tsbridge.work.conclude import Conclusions
from tsbridge.work.cover import Cover
from tsbridge.work.deleted_users import DeletedUsers
from tsbridge.work.due_cases import DueTimes
from tsbridge.work.duties import DutyNews
from tsbridge.work.erasing import Erasing
from tsbridge.work.feeds import Feeds
from tsbridge.work.guard import Guard
from tsbridge.work.heads import Heads
from tsbridge.work.hearing import Hearing
from tsbridge.work.ingest import Ingest
from tsbridge.work.isolated import Alone
from tsbridge.work.loop import Loop, Round
from tsbridge.work.misdated import Misdated
from tsbridge.work.names import Names
from tsbridge.work.notify import Notify, Pages, no_links
from tsbridge.work.pace import Pace
from tsbridge.work.patterns import Patterns
from tsbridge.work.reads import ReadBudget
from tsbridge.work.reconcile import Reconciler
from tsbridge.work.recordings import Recordings
from tsbridge.work.rejudge import Rejudging
from tsbridge.work.rekeying import Rekeying
from tsbridge.work.replay_jobs import Replays, Shadowing
from tsbridge.work.retention import Removal
from tsbridge.work.retiring import Retiring
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.seal import Sealer
from tsbridge.work.silence_alarm import Silence
from tsbridge.work.stream import Stream
from tsbridge.work.sums import Sums
from tsbridge.work.takeover import Takeover
from tsbridge.work.verdicts import Concluded
from tsbridge.work.watch import Watch
from tsbridge.work.weekly import Weekly
from tsbridge.work.writeback import Writeback

log = logging.getLogger("tsbridge.wiring.workers")

OWN_USER: Final = "own_user"
ASK_AGAIN: Final = timedelta(minutes=30)
READ_WITHIN_S: Final = 0.25
"""How long a delivery may be read here: a megabyte of the slowest kind takes a tenth of a second."""
TICKET_WITHIN_S: Final = 1.0
"""How long the audits of one ticket may be read: a thousand long ones take a sixth of it."""


def alarm(what: str, **named: object) -> None:
    """Something the operator should know. The log is where alarms are read from."""
    log.error(what, extra={name: value for name, value in named.items() if name not in ("name", "args", "msg", "message", "module")})


class Workers:
    """The workers of one process around one loop. They run inside `running()`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        ids: Ids,
        live: LiveRulebook,
        roster: LiveRoster,
        patience: Patience = PATIENCE,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._own = OwnUser()
        self._patience = patience
        pace = Pace(settings.zendesk_updates_per_minute, settings.writeback)
        self._zendesk = make_zendesk(settings, clock, pace.heard)
        self._talkdesk = make_talkdesk(settings, clock)
        self._asked_at = self._ask_at = clock.now()
        self._told_at: tuple[datetime, datetime] | None = None
        self.name = name = worker_name()
        conclusions = Conclusions(live, ids, salt, roster)
        reads = ReadBudget(database, clock, settings.zendesk_reads_per_minute)
        self.names = Names(self._zendesk, reads)
        background = Background(database, clock, live, self._zendesk, settings.phone_region, reads)
        hearing = Hearing(database, clock, self._zendesk, reads, within(TICKET_WITHIN_S))
        read = readers(settings, self.own_user)
        self._takeover = Takeover(database, clock, name)
        wakes = (self.wake_for, within(READ_WITHIN_S), self.wake_alone, self._is_sole, self._more_came)
        ingest = self._ingest = Ingest(database, clock, ids, read.here(), conclusions, background, hearing, name, *wakes)
        writeback = Writeback(database, clock, ids, self._zendesk, pace, name, alarm, conclusions, live)
        send = outside(settings, clock)
        links = no_links if settings.public_url is None else Pages(settings.public_url, entropy)
        sender = partial(make, outside=send)
        self._notify = Notify(database, clock, ids, roster, live, sender, links, name, alarm, self.wake_notify)
        leaves_for = places(settings, database, clock, roster.roster, sender)
        url = database.url.render_as_string(hide_password=False)
        answers = partial(reports_in_child, url=url, zone=settings.zone, data_keys=settings.data_keys)
        pack = weekly.maker(settings, clock, answers)
        packs_for = weekly.places(settings, database, roster.roster, sender)
        guard = Guard(database, clock, ids, salt, alarm, settings.writeback)
        self._sealer = Sealer(database, clock, alarm)
        self.erasing = Erasing(database, clock, ids, salt, live, signer(database.seal_keys))
        rounds: dict[str, Round] = {
            tasks.INGEST: ingest.go_on,
            tasks.ALONE: Alone(database, clock, read.alone, ingest, name).round,
            tasks.CLOCK: DueTimes(database, clock, conclusions, self.wake_for).round,
            tasks.ASSIGN: Giving(database, clock, ids, conclusions, live, roster, self.wake_writer, settings.writeback).round,
            tasks.COVER: Cover(database, clock, roster, alarm, name).round,
            tasks.DUTIES: DutyNews(database, clock, roster, self.wake_notify).round,
            tasks.FACTS: ingest.complete,
            tasks.SEAL: self._sealer.round,
            tasks.SUMS: Sums(database, clock).round,
            tasks.PATTERNS: Patterns(database, clock, ids, live, settings.zone, entropy, name).round,
            tasks.HEADS: Heads(database, clock, signing(database.seal_keys), leaves_for, alarm, name).round,
            tasks.WEEKLY: Weekly(database, clock, settings.zone, pack, packs_for, alarm, name).round,
            tasks.ERASING: self.erasing.round,
            tasks.WRITEBACK: writeback.round,
            tasks.NOTIFY: self._notify.round,
            tasks.GUARD: guard.round,
            tasks.SILENCE: Silence(database, clock, ids, salt, alarm, name).round,
            tasks.REPLAY: Replays(database, clock, live, settings.zone, name).round,
            tasks.REJUDGE: Rejudging(database, clock, ids, salt, live, conclusions, settings.zone, name, self.wake_writer).round,
            tasks.FEEDS: Feeds(database, clock, roster.roster, feed_source(settings), read_in_child, alarm, name).round,
            tasks.WATCH: Watch(database, clock, conclusions, live, roster, alarm, name, settings.writeback).round,
            tasks.SHADOW: Shadowing(database, clock, live, settings.zone).round,
            tasks.REKEYING: Rekeying(database, clock, name).round,
            tasks.MISDATED: Misdated(database, clock).round,
            tasks.RETENTION: Removal(database, clock, settings.kept, name, Retiring(database, clock, ids, salt, live)).round,
        }
        settled = tasks.SETTLED if database.dialect == "sqlite" else ()
        if settled:
            rounds[tasks.CHANGES] = Changes(clock, steady, database.look, lambda: self.loop.wake_all()).round
        if database.dialect == "postgresql":  # on SQLite nobody works beside us
            rounds[tasks.TAKEOVER] = self._takeover.round
        if self._zendesk is not None:
            rounds[tasks.WHOAMI] = self._who_am_i
            own = self.own_user
            rounds[tasks.DELETED_USERS] = DeletedUsers(database, clock, ids, salt, self._zendesk, reads, self.wake_erasing).round
            rounds[tasks.CHOICES] = Definitions(database, clock, self._zendesk, reads).round
            reconciler = Reconciler(database, clock, ids, self._zendesk, own, name, alarm, live, reads, self.wake, self.wake_writer)
            rounds[tasks.RECONCILE] = reconciler.round
            stream = Stream(database, clock, self._zendesk, own, name, reads, ingest.hear, self.wake_facts, within(TICKET_WITHIN_S))
            rounds[tasks.STREAM] = stream.round
        if self._talkdesk is not None:
            rounds[tasks.CALLS] = CallReconciler(database, clock, ids, self._talkdesk, name, self.wake).round
            rounds[tasks.RECORDINGS] = Recordings(database, clock, ids, self._talkdesk, self.wake).round
        self.loop = Loop((tasks.task(name, round, name in settled) for name, round in rounds.items()), clock)
        database.on_change(self.loop.changed)

    def own_user(self) -> OwnUser:
        """Whom we write as, as far as we know."""
        return self._own

    def wake(self) -> None:
        self.loop.wake(tasks.INGEST)

    def wake_alone(self) -> None:
        self.loop.wake(tasks.ALONE)

    def wake_facts(self) -> None:
        self.loop.wake(tasks.FACTS)

    def wake_for(self, concluded: Concluded) -> None:
        """Wake those who have something to do about what was concluded: each that finds nothing takes what a delivery waits for."""
        asked = {tasks.WRITEBACK: concluded.wishes, tasks.NOTIFY: concluded.notices, tasks.ASSIGN: concluded.work}
        for name, count in {**asked, tasks.SEAL: concluded.decisions}.items():
            if count:
                self.loop.wake(name)

    def wake_writer(self) -> None:
        """Something may have to be written to tickets, or told to people."""
        self.loop.wake(tasks.WRITEBACK)
        self.loop.wake(tasks.NOTIFY)

    def wake_notify(self) -> None:
        self.loop.wake(tasks.NOTIFY)

    def wake_replay(self) -> None:
        self.loop.wake(tasks.REPLAY)
        self.loop.wake(tasks.REJUDGE)
        self.loop.wake(tasks.PATTERNS)

    def wake_erasing(self) -> None:
        self.loop.wake(tasks.ERASING)

    def _more_came(self) -> bool:
        return self.loop.is_woken(tasks.INGEST)

    def _is_sole(self) -> bool:
        return self._database.dialect == "sqlite" or self._takeover.alone

    def skew(self) -> timedelta | None:
        """How far our clock is from Zendesk's, as of when it told us who we are."""
        return None if self._told_at is None else self._told_at[0] - self._told_at[1]

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """The vendors can be asked; nobody works."""
        async with AsyncExitStack() as stack:
            if self._zendesk is not None:
                stack.push_async_callback(self._zendesk.close)
            if self._talkdesk is not None:
                stack.push_async_callback(self._talkdesk.close)
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The workers work; on leaving each finishes its round, for which there is patience."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.asking())
            await self._know_own_user()
            if self._database.dialect == "postgresql":
                listener = wakeup.Listener(self._database, self._heard, self.name)
                stack.push_async_callback(asyncio.to_thread, listener.close)
                await self._takeover.round()  # known to the others before anything is claimed
            task = asyncio.create_task(self.loop.run(), name="tsbridge-workers")
            try:
                yield
            finally:
                await self.loop.end(self._patience.rounds, self._patience.cancelled)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                await _within(self._patience.messages, self._notify.finish())
                await _within(self._patience.leaving, self._leave())

    async def _know_own_user(self) -> None:
        """Whom Zendesk took us for when it was asked last. Without the database it is asked first, as where nobody ever asked."""
        try:
            known = await self._database.read(lambda conn: stored_values.get(conn, OWN_USER))
        except DATABASE_FAILURES as failure:
            if not unavailable(failure):
                raise
            log.warning("the database is away: this process begins without it", extra={"kind": type(failure).__name__})
            return
        if isinstance(known, dict):
            self._own = OwnUser(known.get("id"), known.get("email"))

    async def _leave(self) -> None:
        """Give back what was claimed, and leave nothing unsealed: nobody may come for long, unless newer workers have."""
        with suppress(OtherSchema):
            await self._ingest.leave()
            if await self._takeover.leave():
                await self._sealer.seal()

    async def _who_am_i(self) -> datetime | bool | None:
        """Ask Zendesk whom it takes us for: by that we know our own changes when they come back."""
        now = self._clock.now()
        if self._zendesk is None or self._asked_at <= now < self._ask_at:  # not held up by a clock that was ahead
            return self._ask_at
        user = await self._zendesk.me()
        own = OwnUser(str(user["id"]), str(user["email"]).lower() if user.get("email") else None)
        now = self._clock.now()
        self._asked_at, self._ask_at = now, now + ASK_AGAIN
        if self._zendesk.server_time is not None:
            self._told_at = (now, self._zendesk.server_time)
        if own != self._own:
            self._own = own
            await self._database.write(lambda conn: stored_values.put(conn, OWN_USER, {"id": own.id, "email": own.email}))
        return self._ask_at

    def _heard(self, what: str) -> None:
        """Another process told: called on the listener's thread."""
        if what == wakeup.WISHES:
            self.wake_writer()
        else:
            self.wake()


async def _within(span: timedelta, work: Awaitable[None]) -> None:
    """Wait for it so long, and no longer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(span.total_seconds()):
            await work
