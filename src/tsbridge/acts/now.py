"""How the desk stands at this moment: what is open, what is overdue, who is on, and what is behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from tsbridge.acts import escalations
from tsbridge.acts.around import Rotas
from tsbridge.acts.escalations import EscalationShown
from tsbridge.core.rota import Rota
from tsbridge.core.watch import WALK_AGE
from tsbridge.store import gauges
from tsbridge.store.counted import OpenCases
from tsbridge.store.steps import Filter

LATE_DELIVERY: Final = timedelta(minutes=1)
LATE_WISH: Final = timedelta(minutes=5)
LATE_TELLING: Final = timedelta(minutes=1)
MOST: Final = 20
"""Steps, or cases, of one kind."""
SOON: Final = 10


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """`by_severity`: how many open cases there are of which; None: not known yet."""

    queue: str | None
    by_severity: Mapping[int | None, int]
    count: int


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who answers for a queue at this moment, the one to be told first in front; `why_nobody` where there is none."""

    queue: str | None
    people: tuple[tuple[str, str, datetime | None], ...]
    why_nobody: str | None


@dataclass(frozen=True, slots=True)
class Banner:
    """Something is behind. `since`: None where that is not known, or it is no matter of time. `page`: of the console, where to go on."""

    words: str
    since: datetime | None
    page: str
    level: Literal["bad", "note"] = "bad"


@dataclass(frozen=True, slots=True)
class Now:
    """As of `at`. `nobody`: cases that were escalated and that still nobody has, each with its latest step, the worst first; `soon`: steps
    that fall due next."""

    at: datetime
    queues: tuple[OpenQueue, ...]
    severities: tuple[int | None, ...]
    count: int
    overdue: tuple[EscalationShown, ...]
    nobody: tuple[EscalationShown, ...]
    soon: tuple[EscalationShown, ...]
    on_duty: tuple[OnDuty, ...]
    at_work: tuple[tuple[str, str], ...]
    oldest_wish: datetime | None
    waiting_wishes: int
    banners: tuple[Banner, ...]


def look(conn: Connection, roster: Rotas, setting: str, now: datetime, restricted: frozenset[str] = frozenset()) -> Now:
    """`setting`: what TSBRIDGE_WRITEBACK says. `restricted`: categories."""
    found = gauges.figures(conn, setting, now)
    rota = roster.now(conn, now)
    queues = _queues(found.open)

    return Now(
        at=now,
        queues=queues,
        severities=tuple(sorted({one.severity for one in found.open}, key=_worst_first)),
        count=sum(one.how_many for one in found.open),
        overdue=tuple(escalations.listed(conn, Filter(state="overdue"), now, MOST, soonest=True, restricted=restricted)),
        nobody=_nobodys(conn, now, restricted),
        soon=tuple(escalations.listed(conn, Filter("armed"), now, SOON, soonest=True, restricted=restricted)),
        on_duty=() if rota is None else tuple(_on_duty(rota, [one.queue for one in queues if one.queue is not None], now)),
        at_work=() if rota is None else tuple({one.agent: (one.agent, rota.agents[one.agent].name) for one in rota.at_work(now)}.values()),
        oldest_wish=found.oldest_waiting,
        waiting_wishes=found.wishes.get("waiting", 0) + found.wishes.get("sending", 0),
        banners=tuple(_banners(found, rota, now)),
    )


def _nobodys(conn: Connection, now: datetime, restricted: frozenset[str]) -> tuple[EscalationShown, ...]:
    """Of each severity those that wait longest, until there are enough."""
    latest: dict[str, EscalationShown] = {}
    for severity in (1, 2, None):
        if len(latest) < MOST:
            for step in escalations.listed(
                conn, Filter(state="nobody", severity=severity), now, 2 * MOST, soonest=True, restricted=restricted
            ):
                latest[step.case_id] = step
    return tuple(sorted(latest.values(), key=lambda step: (_worst_first(step.severity), step.ended_at or step.due_at, step.id))[:MOST])


def _queues(counts: Sequence[OpenCases]) -> tuple[OpenQueue, ...]:
    """The one with the worst first."""
    by_queue: dict[str | None, dict[int | None, int]] = defaultdict(dict)
    for one in counts:
        by_queue[one.queue][one.severity] = one.how_many
    found = [OpenQueue(queue, of, sum(of.values())) for queue, of in by_queue.items()]
    return tuple(sorted(found, key=lambda one: (min(map(_worst_first, one.by_severity)), -one.count, one.queue or "")))


def _worst_first(severity: int | None) -> int:
    return 99 if severity is None else severity


def _on_duty(rota: Rota, queues: Sequence[str], now: datetime) -> Iterator[OnDuty]:
    """For every queue that has open cases or a line of its own in the cover, and for all others together."""
    named = {line.queue for line in rota.roster.cover if line.queue is not None}
    for queue in (*sorted({*queues, *named}), None):
        found = rota.on_call(now, queue)
        people = tuple((one.agent, one.name, one.until) for one in found.people)
        yield OnDuty(queue, people, None if found.gap is None else found.gap.why)


def _banners(found: gauges.Figures, rota: Rota | None, now: datetime) -> Iterator[Banner]:
    """What keeps the desk from hearing, judging, telling or writing comes first."""
    if found.oldest_pending is not None and now - found.oldest_pending > LATE_DELIVERY:
        yield Banner("Deliveries wait to be judged", found.oldest_pending, "events?status=pending")
    for source, since in sorted(found.silent.items()):
        yield Banner(f"{source.capitalize()} is silent", since, "keys")
    if found.overdue_since is not None and now - found.overdue_since > LATE_TELLING:
        yield Banner("Somebody should have been told", found.overdue_since, "keys")
    if found.refused:
        yield Banner("Zendesk refuses our credentials", None, "keys")
    if found.mode != "live":
        yield Banner(f"Write-back is {found.mode}: nothing is written to Zendesk", None, "writeback")
    if found.oldest_waiting is not None and now - found.oldest_waiting > LATE_WISH:
        yield Banner("Wishes wait to be written", found.oldest_waiting, "writeback?status=waiting")
    for kind, count in sorted(found.watched.counts.items()):
        yield Banner(f"{count} late or missing: {kind.replace('_', ' ')}", found.watched.oldest[kind], "cases")
    if found.watched.age(now) > WALK_AGE.total_seconds():
        yield Banner("Open cases were not all looked at for too long", found.watched.walked_at or found.watched.began_at, "keys")
    stuck = {status: sum(count for (_, of), count in found.deliveries.items() if of == status) for status in ("quarantined", "dead")}
    for status, count in stuck.items():
        if count:
            yield Banner(f"{count} deliveries are {status}", None, f"events?status={status}")
    if parked := found.wishes.get("parked", 0):
        yield Banner(f"{parked} wishes are parked", None, "writeback?status=parked", "note")
    if rota is None:
        yield Banner("There is no roster: nobody is on call", None, "roster")
    elif found.holes:
        yield Banner(f"{found.holes} holes in the cover of the next 14 days", None, "roster", "note")
