"""What rules see of people and queues: who is on call, who is at work, what waits, when somebody was told.

None of it is in the story of a case, so a moment reads it once, when it is first judged, and keeps it in what it saw: judged again, it
sees the same. Between moments it stands as it was last read, so no due time comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from tsbridge.core.casestate import Holder
from tsbridge.core.moments import Value
from tsbridge.core.rota import Rota
from tsbridge.core.values import plain

PRESENT: Final = "oncall.present"
WAITING: Final = "queue.waiting"
ON_SHIFT: Final = "queue.on_shift"
ASSIGNEE_ON_SHIFT: Final = "case.assignee_on_shift"
TOLD_AT: Final = "case.told_at"
STAFF: Final = frozenset({PRESENT, WAITING, ON_SHIFT, ASSIGNEE_ON_SHIFT, TOLD_AT})


class About(NamedTuple):
    """Whose people and queue a moment looks at: of a ticket those of its thread, of a call the case's, as they stood before it.

    `holder`: who has it.
    """

    case_id: str
    at: datetime
    queue: str | None = None
    severity: int | None = None
    holder: Holder | None = None


class Staff(Protocol):
    """What a moment (its digest, or the name of a due time) sees of these fields: what it saw at first, else how it is now."""

    def __call__(self, moment: str, about: About, fields: Set[str]) -> Mapping[str, Value]: ...


def unseen(moment: str, about: About, fields: Set[str]) -> Mapping[str, Value]:
    """Nothing is known of people and queues."""
    return {}


def by_rota(rota: Rota | None, about: About, fields: Set[str]) -> dict[str, Value]:
    """Those of the fields that a roster answers. Without one nobody is there; of no queue, or with nobody who has it, there is nothing to
    tell."""
    found: dict[str, Value] = {}
    if PRESENT in fields:
        found[PRESENT] = rota is not None and bool(rota.on_call(about.at, about.queue, about.severity).people)
    if ON_SHIFT in fields and about.queue is not None:
        at_work = () if rota is None else rota.at_work(about.at, about.queue)
        found[ON_SHIFT] = len({one.agent for one in at_work if not one.shadow})
    if ASSIGNEE_ON_SHIFT in fields and about.holder is not None:
        found[ASSIGNEE_ON_SHIFT] = rota is not None and _works(rota, about.holder, about.at)
    return found


def made_up(rota: Rota, facts: Mapping[str, Value], at: datetime) -> dict[str, Value]:
    """What a roster tells of facts that somebody made up."""
    queue, severity, assignee = (facts.get(name) for name in ("case.queue", "case.severity", "ticket.assignee_id"))
    holder = None if assignee in (None, "") else Holder(plain(assignee), None, "")
    known = severity if isinstance(severity, int) else None
    return by_rota(rota, About("", at, queue if isinstance(queue, str) else None, known, holder), STAFF)


def _works(rota: Rota, holder: Holder, at: datetime) -> bool:
    names = {holder.id, holder.agent}
    known = {key for key, agent in rota.agents.items() if key in names or str(agent.zendesk_user_id) in names}
    return any(one.agent in known for one in rota.at_work(at))
