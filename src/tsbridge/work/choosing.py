"""Who would get a piece of work, by what a transaction sees: agents as they stand, ranked by `core.assign`. Giving and preview ask here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.assign import REFUSED, Colleague, Otherwise, Ranked, Terms, Work, chosen, load_of, rank
from tsbridge.core.at_work import Present
from tsbridge.core.burden import DISTRESSING, PAGE, WINDOW, of_time
from tsbridge.core.calendar import Calendar
from tsbridge.core.roster import Agent, Pairs
from tsbridge.core.rota import Rota
from tsbridge.core.rules.language import Queue, Rulebook
from tsbridge.core.whom import supposed
from tsbridge.store import assignments, links, workload, writemode

KNOWN: Final = 20
"""How many of a person's cases are looked through for who had them."""


class Rosters(Protocol):
    """Where the rota comes from (`work.rosters.LiveRoster`)."""

    def now(self, conn: Connection, at: datetime) -> Rota | None: ...


@dataclass(frozen=True, slots=True)
class Next:
    """Who would get the next case of a queue. `piece`: what that is; None where nothing waits, and an ordinary e-mail is thought of."""

    waiting: int
    piece: workload.Row | None
    ranked: tuple[Ranked, ...]


class Choosing:
    """Ranks the agents for a piece of work, by what a transaction sees. Keeps what the shifts of the last weeks weigh, by the hour."""

    def __init__(self, roster: Rosters) -> None:
        self._roster = roster
        self._weighed: tuple[Rota, Rulebook, datetime, dict[str, int]] | None = None

    def rota(self, conn: Connection, now: datetime) -> Rota | None:
        return self._roster.now(conn, now)

    def next(self, conn: Connection, book: Rulebook, queue: Queue, now: datetime, otherwise: Otherwise | None = None) -> Next:
        """What giving out would do next in this queue: the first piece that somebody can get, else the first. `otherwise`: by what is
        supposed instead."""
        count, in_force = workload.count_waiting(conn, queue.name), self.rota(conn, now)
        rota = in_force if otherwise is None else supposed(in_force, otherwise.away, now)
        if rota is not None and otherwise is not None and otherwise.work is not None:
            people = self.colleagues(conn, book, rota, queue, now, in_force)
            return Next(count, None, rank(terms_of(rota, queue), otherwise.work, people))
        waiting = workload.kinds(conn, [queue.name], () if rota is None else left_behind(conn, rota, [queue], now))
        if rota is None:
            return Next(count, next(iter(workload.first(conn, waiting, 1)), None), ())
        terms, people = terms_of(rota, queue), self.colleagues(conn, book, rota, queue, now, in_force)
        fitting = [kind for kind in waiting if chosen(rank(terms, work_of(kind), people)) is not None]
        refused = self.refused(conn, book, rota, [queue], now)
        piece = next(iter(refused or workload.first(conn, fitting or waiting, 1)), None)
        return Next(count, piece, rank(terms, self.work(conn, rota, queue, piece), people))

    def fitting(self, conn: Connection, book: Rulebook, setting: str, now: datetime) -> tuple[Rota | None, list[workload.Kind]]:
        """The kinds of work, out of all queues that give, that somebody can get now. No rota where nothing is given out: there is none, no
        queue gives, or, by the `setting` of write-back too, nothing is written."""
        queues = {queue.name: queue for queue in book.queues.values() if queue.gives}
        dry = bool(queues) and writemode.in_force(conn, setting).effective == "dry-run"
        rota = self.rota(conn, now) if queues and not dry else None
        if rota is None:
            return None, []
        by_queue: dict[str, list[workload.Kind]] = defaultdict(list)
        for kind in workload.kinds(conn, queues, left_behind(conn, rota, queues.values(), now)):
            by_queue[kind.queue].append(kind)
        found: list[workload.Kind] = []
        for name, kinds in sorted(by_queue.items()):
            people = self.colleagues(conn, book, rota, queues[name], now)
            found += [kind for kind in kinds if chosen(rank(terms_of(rota, queues[name]), work_of(kind), people)) is not None]
        return rota, found

    def refused(self, conn: Connection, book: Rulebook, rota: Rota, queues: Iterable[Queue], now: datetime) -> list[workload.Row]:
        """Work for which Zendesk did not take whom the desk gave it to, and that somebody else can get now. It goes before what waits."""
        giving = {queue.name: queue for queue in queues if queue.gives}
        work = workload.refused(conn, giving)
        return [piece for piece in work if chosen(self.rank(conn, book, rota, giving[piece["queue"]], piece, now)) is not None]

    def rank(self, conn: Connection, book: Rulebook, rota: Rota, queue: Queue, piece: workload.Row, now: datetime) -> tuple[Ranked, ...]:
        return rank(terms_of(rota, queue), self.work(conn, rota, queue, piece), self.colleagues(conn, book, rota, queue, now))

    def work(self, conn: Connection, rota: Rota, queue: Queue, piece: workload.Row | None) -> Work:
        """A piece of work with who knows its person, where the queue asks for that; without one an ordinary e-mail."""
        if piece is None:
            return Work()
        knows: list[str] = []
        if queue.assign == "sticky":
            case_id = piece["case_id"]
            people = links.sure_people(conn, {case_id: links.members(conn, case_id)})[case_id]
            keys = agents_by_user(rota)
            knows = [keys[id_] for id_ in workload.who_knows(conn, people, case_id, KNOWN) if id_ in keys]
        held_by = None if piece["waits"] else piece["agent"]
        refused = frozenset() if held_by is None else refused_for(conn, piece)
        return Work(piece["severity"], piece["category"], piece["channel"], tuple(knows), held_by, refused)

    def colleagues(
        self, conn: Connection, book: Rulebook, rota: Rota, queue: Queue, now: datetime, in_force: Rota | None = None
    ) -> list[Colleague]:
        """How everybody of the roster stands towards a queue. `in_force`: by which weeks are weighed where `rota` is one supposed."""
        here: dict[str, Present] = {}
        for one in rota.at_work(now, queue.name):
            here.setdefault(one.agent, one)
        elsewhere = {one.agent for one in rota.at_work(now)}
        keys = agents_by_user(rota)
        has: dict[str, list[workload.Row]] = defaultdict(list)
        for row in workload.held(conn, keys):
            has[keys[row["holder"]]].append(row)
        last = assignments.last_given(conn, queue.name)
        got = self._got(conn, rota, {key: one.start for key, one in here.items()}, has)
        burdens = self._burdens(conn, book, in_force or rota, now)
        return [
            Colleague(
                agent.key,
                here=agent.key in here,
                absent="is on shift for other queues" if agent.key in elsewhere else "is not on shift now",
                shadow=agent.shadow or (agent.key in here and here[agent.key].shadow),
                zendesk_user_id=user_of(agent),
                skills=agent.skills,
                capacity=agent.capacity,
                load=load_of(agent.capacity, [(row["channel"], row["severity"]) for row in has[agent.key]]),
                got=got.get(agent.key, ()),
                burden=burdens[agent.key],
                last_given=last.get(agent.key),
            )
            for agent in rota.roster.agents
        ]

    def _got(
        self, conn: Connection, rota: Rota, since: Mapping[str, datetime], has: Mapping[str, Sequence[workload.Row]]
    ) -> dict[str, Pairs]:
        """By agent on shift and limit, how many cases of its categories they got since their shift began: what they were given, and what
        they have of what was opened since, whoever gave it to them."""
        categories = {name for limit in rota.roster.limits for name in limit.categories}
        if not categories or not since:
            return {}
        rows = assignments.got(conn, since, categories, min(since.values()))
        found = {}
        for agent, start in since.items():
            theirs = [(row["thread"], row["category"]) for row in rows if row["agent"] == agent and row["at"] >= start]
            theirs += [(row["thread"], row["category"]) for row in has.get(agent, ()) if row["since"] >= start]
            counts = {
                limit.key: len({thread for thread, category in theirs if category in limit.categories}) for limit in rota.roster.limits
            }
            found[agent] = tuple(sorted(counts.items()))
        return found

    def weigh(self, book: Rulebook, rota: Rota, now: datetime) -> Mapping[str, int]:
        """Points of the time at work, by agent, of the last 28 days up to the full hour."""
        until = now.replace(minute=0, second=0, microsecond=0)
        held = self._weighed
        if held is None or held[0] is not rota or held[1] is not book or held[2] != until:
            held = self._weighed = (rota, book, until, time_points(rota, book.calendars.values(), until - WINDOW, until))
        return held[3]

    def _burdens(self, conn: Connection, book: Rulebook, rota: Rota, now: datetime) -> dict[str, int]:
        points = dict(self.weigh(book, rota, now))
        categories = {name for limit in rota.roster.limits for name in limit.categories}
        for row in assignments.got(conn, points, categories, now - WINDOW) if categories else ():
            points[row["agent"]] += DISTRESSING
        for agent, pages in assignments.pages(conn, points, now - WINDOW).items():
            points[agent] += PAGE * pages
        return points


def user_of(agent: Agent) -> str | None:
    return None if agent.zendesk_user_id is None else str(agent.zendesk_user_id)


def agents_by_user(rota: Rota) -> dict[str, str]:
    """The roster's keys by Zendesk ids."""
    return {user: agent.key for agent in rota.roster.agents if (user := user_of(agent)) is not None}


def candidate_json(one: Ranked) -> dict[str, Any]:
    return {
        "agent": one.agent,
        "score": one.score,
        "chosen": one.chosen,
        "because": [{"step": reason.step, "says": reason.says} for reason in one.because],
    }


def terms_of(rota: Rota, queue: Queue) -> Terms:
    return Terms(queue.name, queue.assign, queue.skills, rota.roster.limits)


def work_of(kind: workload.Kind) -> Work:
    return Work(kind.severity, kind.category, kind.channel, held_by=kind.held_by)


def left_behind(conn: Connection, rota: Rota, queues: Iterable[Queue], now: datetime) -> list[tuple[str, str]]:
    """Queue and agent of work that is offered on: it was given by us, and they are not at work for the queue any more."""
    offering = [queue.name for queue in queues if queue.gives and queue.handover == "offer"]
    if not offering:
        return []
    here = {(queue, one.agent) for queue in offering for one in rota.at_work(now, queue)}
    return [pair for pair in workload.given_in(conn, offering) if pair not in here]


def refused_for(conn: Connection, piece: workload.Row) -> frozenset[str]:
    """Whom Zendesk did not take for work that the desk gave to somebody: those passed over for that when it was given, and who has it."""
    before = assignments.passed_over(conn, piece["thread"], piece["queue"], REFUSED.step)
    return before | {row["agent"] for row in workload.refused(conn, [piece["queue"]], piece["thread"])}


def time_points(rota: Rota, calendars: Iterable[Calendar], start: datetime, end: datetime) -> dict[str, int]:
    """What the time on shift from `start` to `end` weighs, by agent, in the zone of each. A holiday is one of any calendar."""
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in rota.worked(start, end):
        spans[one.agent].append((max(one.start, start), min(one.end, end)))
    free = tuple(calendars)
    return {
        agent.key: of_time(spans[agent.key], agent.zone, lambda day: any(calendar.is_holiday(day) for calendar in free)).points
        for agent in rota.roster.agents
    }
