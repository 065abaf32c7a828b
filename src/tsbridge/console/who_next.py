"""Who is next: whom a queue's next case would go to, whom its next step would tell, why them, and what if something were otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import queues
from tsbridge.acts.queues import NextInQueue
from tsbridge.console.forms import Table
from tsbridge.console.frame import NoPage, Visit
from tsbridge.core.assign import Otherwise, Work
from tsbridge.core.whom import ONCALL, Answer, supposed, whom

CHANNELS: Final = ("email", "web", "chat", "messaging", "sms", "social", "voice", "api")
SEVERITIES: Final = (1, 2, 3, 4)
KEYS: Final = ("agent", "score", "chosen", "because")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is supposed, as the address says it; empty: as it is."""

    away: str
    severity: str
    category: str
    channel: str

    @property
    def work(self) -> Work | None:
        """A piece of work in place of what waits; None where nothing of it is supposed."""
        if not (self.severity or self.category or self.channel):
            return None
        return Work(int(self.severity) if self.severity else None, self.category or None, self.channel or "email")

    @property
    def otherwise(self) -> Otherwise | None:
        work = self.work
        return None if work is None and not self.away else Otherwise(work, self.away or None)


@dataclass(frozen=True, slots=True)
class Looked:
    """`queue`: the one that was asked about, or the first; None where there is none. `names`: of agents, by key."""

    queue: str | None
    all_queues: tuple[str, ...]
    next: NextInQueue | None
    severity: int | None
    told: Answer
    names: dict[str, str]


async def page(visit: Visit) -> Response:
    """By the same engines that give work out and tell people."""
    asked = _asked(visit)
    found = await _looked(visit, asked)
    return visit.show("who-next.html", here="roster", supposed=asked, channels=CHANNELS, severities=SEVERITIES, found=found)


async def table(visit: Visit) -> Table:
    """Everybody ranked for the next case."""
    found = await _looked(visit, _asked(visit))
    ranked = () if found.next is None else found.next.candidates
    rows = [[one.agent, one.score, one.chosen, "; ".join(why.says for why in one.because)] for one in ranked]
    return Table("next", KEYS, rows)


async def _looked(visit: Visit, asked: Asked) -> Looked:
    console, wanted = visit.console, visit.word("queue")

    def read(conn: Connection) -> Looked:
        known = tuple(console.live.live(conn).book.queues)
        queue = wanted or next(iter(known), None)
        rota = console.roster.now(conn, visit.now)
        following = None if queue is None else queues.next_of(conn, console.live, console.choosing, queue, visit.now, asked.otherwise)
        severity = int(asked.severity) if asked.severity else None if following is None else following.severity
        told = whom(supposed(rota, asked.away, visit.now), ONCALL, visit.now, queue, severity, again=False)
        names = {} if rota is None else {agent.key: agent.name for agent in rota.roster.agents}
        return Looked(queue, known, following, severity, told, names)

    return await console.database.read(read)


def _asked(visit: Visit) -> Asked:
    found = Asked(*(visit.word(name) or "" for name in ("away", "severity", "category", "channel")))
    if found.severity and found.severity not in map(str, SEVERITIES):
        raise NoPage(422, f"Expected a severity from {SEVERITIES[0]} to {SEVERITIES[-1]}.")
    return found
