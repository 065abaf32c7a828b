"""Work is given to people: the moment somebody has room, comes on shift, a case closes or is routed here, what waits finds its agent.

What is given is told as a moment of the desk (`case.given`), in the transaction that chose under the agents' locks; the wish for the
ticket follows from it like any other, in the same guarded update as the group.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.assign import Ranked, chosen
from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import GIVEN, Actor, Moment, Value
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rota import Rota
from tsbridge.store import assignments, cases, rosters, workload
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work.choosing import Choosing, Rosters, candidate_json, left_behind, user_of
from tsbridge.work.conclude import Conclusions

BATCH: Final = 20
CASE_PAUSE: Final = timedelta(minutes=1)
"""How long a piece of work rests that could not be given because of a fault."""

log = logging.getLogger("tsbridge.assign")


class Giving:
    """Gives out what waits. Any number of workers may: a piece and its candidates are held while one is chosen.

    `setting`: what TSBRIDGE_WRITEBACK says. In a dry run nothing is given: nobody would learn of it, and it would never be written.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        conclusions: Conclusions,
        live: LiveRulebook,
        roster: Rosters,
        wake_writer: Callable[[], None],
        setting: str = "live",
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._conclusions = conclusions
        self._live = live
        self._choosing = Choosing(roster)
        self._wake_writer = wake_writer
        self._setting = setting
        self._put_off: dict[tuple[str, str], datetime] = {}

    async def round(self) -> datetime | bool | None:
        """Give out what can be given now. True when something was: there may be more; else when somebody comes or goes next."""
        now = self._clock.now()
        self._put_off = {piece: until for piece, until in self._put_off.items() if now < until <= now + CASE_PAUSE}
        pieces, next_change = await self._database.read(lambda conn: self._to_give(conn, now))
        given = 0
        for piece in pieces:
            given += await self._try(piece)
        if not given:
            return min((*self._put_off.values(), *([next_change] if next_change else ())), default=None)
        self._wake_writer()
        log.info("work was given to people", extra={"count": given})
        return True

    async def _try(self, piece: tuple[str, str]) -> bool:
        try:
            return await self._database.write(lambda conn: self._give(conn, *piece, self._clock.now()))
        except Exception as failure:
            if unavailable(failure):
                raise
            told = {"case_id": piece[0], "kind": type(failure).__name__, "where": failed_at(failure)}
            log.error("a case could not be given to anybody", extra=told)
            self._put_off[piece] = self._clock.now() + CASE_PAUSE  # and holds no other
            return False

    def _to_give(self, conn: Connection, now: datetime) -> tuple[list[tuple[str, str]], datetime | None]:
        """Work that somebody can get, the first to be given in front, and when somebody comes or goes next."""
        book = self._live.live(conn).book
        rota, fitting = self._choosing.fitting(conn, book, self._setting, now)
        if rota is None:
            return [], None
        rows = self._choosing.refused(conn, book, rota, book.queues.values(), now)
        rows += workload.first(conn, fitting, BATCH + len(self._put_off))
        return [one for row in rows if (one := (row["case_id"], row["thread"])) not in self._put_off], rota.next_change(now)

    def _give(self, conn: Connection, case_id: str, thread: str, now: datetime) -> bool:
        """Give one piece to whoever comes first, if it is still to be given and somebody can get it."""
        live = self._conclusions.begin(conn)
        cases.lock(conn, [case_id])  # before the piece, as judging does
        piece = workload.lock(conn, case_id, thread)
        queue = None if piece is None or piece["queue"] is None else live.book.queues.get(piece["queue"])
        rota = self._choosing.rota(conn, now)
        if piece is None or queue is None or not queue.gives or rota is None:
            return False
        left = piece["waits"] or (queue.name, piece["agent"]) in left_behind(conn, rota, [queue], now)
        if not left and not workload.refused(conn, [queue.name], thread):
            return False
        assignments.lock_agents(conn, [agent.key for agent in rota.roster.agents])
        ranked = self._choosing.rank(conn, live.book, rota, queue, piece, now)
        to = chosen(ranked)
        if to is None:
            return False
        self._tell(conn, live, rota, piece, to, ranked, now)
        return True

    def _tell(
        self, conn: Connection, live: Built, rota: Rota, piece: workload.Row, to: Ranked, ranked: Sequence[Ranked], now: datetime
    ) -> None:
        user = user_of(rota.agents[to.agent])
        told: dict[str, Value] = {
            "case.assignee": user,
            "case.agent": to.agent,
            "case.from_queue": piece["queue"],
            "case.because": f"{to.agent} {to.because[-1].says}",
        }
        if piece["holder"] is not None:
            told["case.instead_of"] = piece["holder"]
        moment = Moment("desk", f"zendesk:{piece['ticket']}", GIVEN, now, facts=tuple(sorted(told.items())), actor=Actor("us"))
        self._conclusions.hear(conn, moment, now)
        assignments.add(
            conn,
            {
                "id": self._ids.new("asg"),
                "at": now,
                **{name: piece[name] for name in ("case_id", "thread", "ticket", "queue", "severity", "category", "channel")},
                "agent": to.agent,
                "zendesk_user_id": user,
                "instead_of": piece["holder"],
                "candidates": [candidate_json(one) for one in ranked],
                "moment": moment.digest,
                "roster_version": rosters.newest(conn),
                "rulebook_version": live.version,
            },
        )
