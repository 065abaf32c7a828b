"""Is it alive, is it ready, and its figures. No personal data, no secret, labels bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from tsbridge.core.ports import Clock
from tsbridge.core.reached import Reach, reached
from tsbridge.core.watch import KINDS, WALK_AGE
from tsbridge.store import cover, proofs, rulebooks, silence, told, views, warnings, watch, writemode
from tsbridge.store.db import Database
from tsbridge.web.counters import SOURCES
from tsbridge.web.desk import Checked, Desk, Made, Probe, Rotas
from tsbridge.web.feeds import failing
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, tags=["health"])

HANGS_AFTER: Final = timedelta(minutes=5)
"""No task's round lasts so long: what it waits for has bounds of its own."""
STATUSES: Final = ("pending", "applied", "ignored", "quarantined", "dead")
WISH_STATUSES: Final = ("waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run")


@routes.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers. Says nothing about what it needs."""
    return {"status": "ok"}


@routes.get("/readyz")
async def readyz(desk: Made, response: Response) -> dict[str, Any]:
    """Whether deliveries can be taken and worked on: 200 when they can, `degraded` where something else is amiss; else 503."""
    checks = {name: await probe() for name, probe in sorted(desk.probes.items())}
    ready = all(check.ok for check in checks.values())
    if not ready:
        response.status_code = 503
    degraded = [name for name, check in checks.items() if check.degraded]
    return {
        "status": "not_ready" if not ready else "degraded" if degraded else "ready",
        "degraded": degraded,
        "checks": {name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()},
    }


@routes.get("/metrics", response_class=Response)
async def metrics(request: Request, desk: Made) -> Response:
    """Figures in the Prometheus text format: per source, received = applied + ignored + duplicate + quarantined + dead + pending."""
    if desk.metrics_role is not None:
        await desk.gate.admit(request, desk.metrics_role)
    figures = await desk.database.read(views.figures)
    snapshot = CollectorRegistry()
    now = desk.clock.now()
    ways = await desk.database.read(lambda conn: ways_to_people(conn, desk.roster, now))
    unread = await desk.database.read(lambda conn: failing(conn, desk.roster, now))
    snapshot.register(Figures(figures, desk, ways, unread))
    return Response(generate_latest(desk.counters.registry) + generate_latest(snapshot), media_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    """One look at the database, as gauges."""

    def __init__(self, figures: views.Figures, desk: Desk, ways: Sequence[Reach], feeds_failing: int) -> None:
        self._figures = figures
        self._feeds_failing = feeds_failing
        self._ways = Counter("proved" if one.good else "unproved" for one in ways)
        self._now = desk.clock.now()
        self._version = desk.version
        self._rounds = desk.rounds()

    def collect(self) -> Iterator[Metric]:
        yield from self._deliveries()
        yield _by_label("tsbridge_writebacks", "Wishes for tickets by state.", "status", self._figures.wishes, WISH_STATUSES)
        reasons = ("part_refused", "rule_paused", "loop_suspected", "gave_up")
        yield _by_label("tsbridge_writebacks_parked", "Parked wishes by reason.", "reason", self._figures.parked, reasons)
        yield self._age("tsbridge_oldest_wish_age_seconds", "Age of the oldest wish not yet written.", self._figures.oldest_waiting)
        yield _by_label("tsbridge_cases", "Cases by state.", "status", self._figures.cases, ("open", "resolved"))
        tellings = CounterMetricFamily(
            "tsbridge_notifications", "Tellings by what became of them; nobody: there was nobody to tell, or to reach.", labels=["status"]
        )
        for status, count in sorted(self._figures.told.by_status.items()):
            tellings.add_metric([status], count)
        yield tellings
        late = "For how long what should have gone to somebody by now waits, or is tried again and again."
        yield self._age("tsbridge_notifications_overdue_seconds", late, self._figures.told.overdue_since)
        yield _by_label(
            "tsbridge_escalation_steps",
            "Escalation steps by state.",
            "status",
            self._figures.escalations,
            ("armed", "paused", "fired", "passed", "acknowledged", "stopped"),
        )
        yield _by_label(
            "tsbridge_delivery_warnings",
            "What deliveries held that could not be taken as it was said, by kind.",
            "kind",
            self._figures.warnings,
            warnings.KINDS,
        )
        words = "Ids, and interactions by all their ids, that stand for more than three people and therefore join nobody."
        yield _by_label("tsbridge_shared_ids", words, "kind", self._figures.shared_ids, ("ticket", "call", "zendesk", "talkdesk"))
        waiting = GaugeMetricFamily("tsbridge_queue_waiting", "Work that waits for somebody, by queue.", labels=["queue"])
        for queue, count in sorted(self._figures.waiting.items()):
            waiting.add_metric([queue], count)
        yield waiting
        yield GaugeMetricFamily("tsbridge_assignments", "How often the desk gave work to somebody.", self._figures.assignments)
        words = "What the watchdog finds late or missing, by kind."
        yield _by_label("tsbridge_watch_findings", words, "kind", self._figures.watched.counts, KINDS)
        words = "How old the watchdog's last walk over all open cases is."
        yield GaugeMetricFamily("tsbridge_watch_walk_age_seconds", words, self._figures.watched.age(self._now))
        lasting = {name: lasted.total_seconds() for name, lasted in self._rounds.items()}
        words = "How long each task of this process has been in the round it is in; 0 while it rests."
        yield _by_label("tsbridge_task_round_seconds", words, "task", lasting, tuple(sorted(lasting)))
        silent = dict.fromkeys(self._figures.silent, 1)
        yield _by_label("tsbridge_source_silent", "1 for a source that says nothing for improbably long.", "source", silent, tuple(SOURCES))
        words = "Ways to people of the roster: proved by a press of a button within thirty days, or not."
        yield _by_label("tsbridge_ways", words, "state", self._ways, ("proved", "unproved"))
        yield GaugeMetricFamily("tsbridge_decisions", "Decisions kept.", self._figures.decisions)
        yield GaugeMetricFamily("tsbridge_cover_holes", "Times of the next 14 days at which nobody is on call.", self._figures.holes)
        yield GaugeMetricFamily("tsbridge_feeds_failing", "Feeds of the roster that cannot be read.", self._feeds_failing)
        yield GaugeMetricFamily("tsbridge_rulebook_version", "The live version of the rulebook.", self._figures.rulebook_version)
        info = GaugeMetricFamily("tsbridge_build_info", "Always 1; the label names the version.", labels=["version"])
        info.add_metric([self._version], 1)
        yield info

    def _deliveries(self) -> Iterator[Metric]:
        by_status = GaugeMetricFamily(
            "tsbridge_deliveries",
            "Deliveries by source and what became of them; duplicates are repeats of kept ones.",
            labels=["source", "status"],
        )
        received = GaugeMetricFamily(
            "tsbridge_deliveries_received", "Deliveries heard, by source, counted as they came.", labels=["source"]
        )
        dead = 0
        for source in sorted(SOURCES | {name for name, _ in self._figures.deliveries}):
            counts = {status: self._figures.deliveries.get((source, status), 0) for status in STATUSES}
            counts["duplicate"] = self._figures.duplicates.get(source, 0)
            for status, count in counts.items():
                by_status.add_metric([source, status], count)
            received.add_metric([source], self._figures.received.get(source, 0))
            dead += counts["dead"]
        yield by_status
        yield received
        yield GaugeMetricFamily("tsbridge_deliveries_dead", "Deliveries given up on: look at them.", dead)
        yield self._age(
            "tsbridge_oldest_pending_age_seconds", "Age of the oldest delivery not yet worked on.", self._figures.oldest_pending
        )

    def _age(self, name: str, words: str, since: datetime | None) -> Metric:
        seconds = 0.0 if since is None else max(0.0, (self._now - since).total_seconds())
        return GaugeMetricFamily(name, words, seconds)


def _by_label(name: str, words: str, label: str, counts: Any, always: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value in always:
        family.add_metric([value], counts.get(value, 0))
    return family


# What `/readyz` looks at; wiring puts these together


def database_probe(database: Database) -> Probe:
    """Whether the database answers a query."""

    async def look() -> Checked:
        try:
            version = await database.read(rulebooks.newest)
        except views.DATABASE_FAILURES:
            return Checked(False, "cannot be used")
        return Checked(version > 0, f"answers; rulebook version {version}" if version else "no rulebook has been published")

    return look


def heartbeat_probe(
    last_beat: Callable[[], datetime | None],
    clock: Clock,
    silent_for: timedelta,
    rounds: Callable[[], Mapping[str, timedelta]] = dict,
    vital: Collection[str] = (),
) -> Probe:
    """Whether the worker of this process went round lately, and which of its tasks do not come back.

    `rounds`: how long each task has been in the round it is in. One that hangs is named; without a `vital` one nothing is worked on.
    """

    async def look() -> Checked:
        beat = last_beat()
        if beat is None:
            return Checked(False, "the worker has not started")
        age = clock.now() - beat
        hanging = {name: lasted for name, lasted in sorted(rounds().items()) if lasted > HANGS_AFTER}
        told = [f"last sign of the worker {max(0, int(age.total_seconds()))} s ago"]
        told += [f"{name} has not come back for {int(lasted.total_seconds())} s" for name, lasted in hanging.items()]
        return Checked(age <= silent_for and not hanging.keys() & set(vital), "; ".join(told))

    return look


def clock_probe(skew: Callable[[], timedelta | None], tolerance: timedelta) -> Probe:
    """Whether our clock agrees with the vendor's (the `Date` of its answers), as far as we have heard."""

    async def look() -> Checked:
        off = skew()
        if off is None:
            return Checked(True, "no vendor has told the time yet")
        return Checked(abs(off) <= tolerance, f"{off.total_seconds():+.0f} s against the vendor's clock")

    return look


def zones_probe(version: str) -> Probe:
    """Which rules of time zones calendars go by."""

    async def look() -> Checked:
        return Checked(True, f"rules of {version}, packaged")

    return look


def writeback_probe(database: Database, setting: str) -> Probe:
    """Which mode of write-back counts and why. Never a reason not to be ready: hearing and judging go on."""

    async def look() -> Checked:
        try:
            mode = await database.read(lambda conn: writemode.in_force(conn, setting))
        except views.DATABASE_FAILURES:
            return Checked(True, "not known: the database cannot be used")
        return Checked(True, f"{mode.effective}: {mode.because}")

    return look


def sources_probe(database: Database) -> Probe:
    """Which sources are silent improbably long: degraded, and ready all the same, as being asked for more would not make them speak."""

    async def look() -> Checked:
        try:
            silent = await database.read(silence.silent)
        except views.DATABASE_FAILURES:
            return Checked(True, "not known: the database cannot be used")
        told = [f"{source} is silent since {since:%Y-%m-%dT%H:%M}Z" for source, since in silent.items()]
        return Checked(True, "; ".join(told) or "heard as usual", degraded=bool(told))

    return look


def cover_probe(database: Database) -> Probe:
    """Whether somebody is on call in the two weeks ahead, as the last look found: degraded for a hole, and ready all the same."""

    async def look() -> Checked:
        try:
            ahead = await database.read(cover.load)
        except views.DATABASE_FAILURES:
            return Checked(True, "not known: the database cannot be used")
        if ahead is None or not ahead.count:
            return Checked(True, "not looked at yet" if ahead is None else "no holes in the next 14 days")
        first = ahead.holes[0]
        words = f"{ahead.count} in the next 14 days, the first for {first['queue']} from {first['from']} to {first['to']}"
        return Checked(True, words, degraded=True)

    return look


def ways_probe(database: Database, clock: Clock, roster: Rotas) -> Probe:
    """Which ways to people are not known to reach them: degraded, and ready all the same."""

    async def look() -> Checked:
        try:
            all_ = await database.read(lambda conn: ways_to_people(conn, roster, clock.now()))
        except views.DATABASE_FAILURES:
            return Checked(True, "not known: the database cannot be used")
        late = sum(not one.good for one in all_)
        if not late:
            return Checked(True, f"{len(all_)} ways to people, all proved lately" if all_ else "nobody is to be reached")
        return Checked(True, f"{late} of {len(all_)} ways to people were not proved lately; see tsbridge doctor", degraded=True)

    return look


def telling_probe(database: Database, clock: Clock, late_after: timedelta) -> Probe:
    """Whether people are told in time. Never a reason not to be ready: hearing and judging go on."""

    async def look() -> Checked:
        try:
            since = await database.read(told.overdue_since)
        except views.DATABASE_FAILURES:
            return Checked(True, "not known: the database cannot be used")
        late = timedelta(0) if since is None else clock.now() - since
        if late <= late_after:
            return Checked(True, "nobody waits to be told")
        return Checked(True, f"somebody should have been told {int(late.total_seconds())} s ago", degraded=True)

    return look


def ways_to_people(conn: Connection, roster: Rotas, now: datetime) -> tuple[Reach, ...]:
    """Every way to everybody who works here, and whether it counts as proved."""
    rota = roster.now(conn, now)
    return () if rota is None else reached(rota.roster, proofs.proofs(conn), now)


def watch_probe(database: Database, clock: Clock) -> Probe:
    """What the watchdog finds: degraded while anything is late or missing, or nobody looks; ready all the same, as hearing goes on."""

    async def look() -> Checked:
        try:
            found = await database.read(watch.watched)
        except views.DATABASE_FAILURES:
            return Checked(True, "not known: the database cannot be used")
        told = [f"{count} {kind}, since {found.oldest[kind]:%Y-%m-%dT%H:%M}Z" for kind, count in found.counts.items()]
        age = found.age(clock.now())
        if age > WALK_AGE.total_seconds():
            told.append(f"the last whole walk over the open cases is {int(age)} s old")
        return Checked(True, "; ".join(told) or "nothing is late or missing", degraded=bool(told))

    return look


def migrations_probe(database: Database, current: Callable[[Any], str | None], newest: str) -> Probe:
    """Whether the tables are the ones this code was written for. `current(conn)` reads the revision."""

    async def look() -> Checked:
        try:
            found = await database.read(current)
        except views.DATABASE_FAILURES:
            return Checked(False, "the database cannot be used")
        return Checked(found == newest, "the newest schema" if found == newest else "another schema; run tsbridge migrate")

    return look
