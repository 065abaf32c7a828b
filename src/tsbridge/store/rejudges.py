"""Rejudges: which open cases the live rulebook shall judge anew. Their jobs are kept beside replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import chain, replays
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import decision_rules, decisions
from tsbridge.store.link_tables import interactions
from tsbridge.store.views import CaseFilter, cases_that

ACTION: Final = "case.rejudge"
OPEN: Final = "open"
MOST_OF_A_PERSON: Final = 1_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of the open cases. `opened_from` is inclusive, `opened_to` exclusive; `rule`, `version`: of a decision in force.

    `among`: no others than these: a person's, who is not named in a job.
    """

    ticket: str | None = None
    call: str | None = None
    queue: str | None = None
    severity: int | None = None
    category: str | None = None
    rule: str | None = None
    version: int | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    among: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """What is asked for, without what is not."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: instant_text(value) if isinstance(value, datetime) else value for name, value in told.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Filter:
        times = {name: read_instant(data[name]) for name in ("opened_from", "opened_to") if name in data}
        among = {"among": tuple(data["among"])} if "among" in data else {}
        return cls(**{**data, **times, **among})


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for. `version`: the rulebook that was live then, and judges; `apply`: not only told what would change."""

    filter: Filter
    version: int
    apply: bool
    notify: bool
    note: str | None

    def to_json(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in ("version", "apply", "notify", "note")}, "filter": self.filter.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Asked:
        return cls(**{**data, "filter": Filter.from_json(data["filter"])})


def end(conn: Connection, job: replays.Job, status: str, reason: str | None, *, id: str, at: datetime, by: str, salt: str) -> bool:
    """End a job that is not over, and record how far it came. False when it is over. `id`, `salt`: of the entry in the changes."""
    if not replays.finish(conn, job.id, status, at, reason):
        return False
    changed = job.summary["changed"] if job.summary else 0
    after = {**job.rejudge, "status": status, "reason": reason, "cases": job.done, "changed": changed}
    chain.add_change(conn, id=id, at=at, actor=by, action=ACTION, subject=job.id, before=None, after=after, salt=salt)
    return True


def of_person(conn: Connection, people: tuple[tuple[str, str], ...], most: int = MOST_OF_A_PERSON) -> tuple[str, ...] | None:
    """Ids of the open cases of a person, by their handles; None when they are too many to be one person's."""
    query = select(cases.c.id).where(*cases_that(conn, CaseFilter(people=people, status=OPEN))).order_by(cases.c.id)
    found = conn.execute(query.limit(most + 1)).scalars().all()
    return tuple(found) if len(found) <= most else None


def count(conn: Connection, wanted: Filter) -> int:
    return int(conn.execute(select(func.count()).select_from(cases).where(*_those(conn, wanted))).scalar_one())


def values(conn: Connection, name: str) -> list[Any]:
    """The severities, categories or queues (`name` is a column) that open cases have."""
    column = cases.c[name]
    return list(conn.execute(select(column).where(cases.c.status == OPEN, column.is_not(None)).distinct().order_by(column)).scalars())


def page(conn: Connection, wanted: Filter, after: str, limit: int) -> list[str]:
    """Ids of the next open cases behind the id `after`, in their order."""
    query = select(cases.c.id).where(cases.c.id > after, *_those(conn, wanted)).order_by(cases.c.id)
    return list(conn.execute(query.limit(limit)).scalars())


def _those(conn: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    known = CaseFilter(ticket=wanted.ticket, call=wanted.call, queue=wanted.queue, status=OPEN, severity=wanted.severity)
    asked = cases_that(conn, known)
    if wanted.category is not None:
        asked.append(cases.c.category == wanted.category)
    if wanted.opened_from is not None:
        asked.append(cases.c.opened_at >= wanted.opened_from)
    if wanted.opened_to is not None:
        asked.append(cases.c.opened_at < wanted.opened_to)
    if wanted.among is not None:
        asked.append(cases.c.id.in_(wanted.among))
    if wanted.rule is not None or wanted.version is not None:
        within = and_(interactions.c.source == decisions.c.source, interactions.c.id == decisions.c.interaction)
        in_force = (decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False), decisions.c.mode == "live")
        decided = select(interactions.c.case_id).join(decisions, within).where(*in_force)
        if wanted.version is not None:
            decided = decided.where(decisions.c.rulebook_version == wanted.version)
        if wanted.rule is not None:
            by = select(decision_rules.c.number).where(decision_rules.c.key == wanted.rule)
            decided = decided.where(decisions.c.number.in_(by))
        asked.append(cases.c.id.in_(decided))
    return asked
