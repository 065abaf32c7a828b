"""Steps of escalations as people look for them: what is overdue, what comes next, what nobody has in hand; who was told of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, func, literal, or_, select, tuple_, type_coerce

from tsbridge.core.moments import from_json
from tsbridge.store import agents, watch
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.moment_tables import moments
from tsbridge.store.notice_tables import notices, notifications
from tsbridge.store.statements import parts
from tsbridge.store.views import Row as Found

_STEP: Final = escalations.c
_SUBJECT: Final = '%["subject",%'
"""Where a moment tells one, in its canonical text: of those kept before it was said beside them."""
_TELLS: Final = or_(moments.c.tells_subject, and_(moments.c.tells_subject.is_(None), type_coerce(moments.c.body, Text).like(_SUBJECT)))


class Filter(NamedTuple):
    """`status`: also `due`, armed and its time has come; `armed` is then not yet. `state`: `overdue`, `unacknowledged` or `nobody`.

    `agent`: who was told of it.
    """

    status: str | None = None
    state: str | None = None
    case_id: str | None = None
    severity: int | None = None
    queue: str | None = None
    agent: str | None = None


class About(NamedTuple):
    """What is shown beside steps. `told`: rows of tellings by the step's id; `subjects`: by ticket; `amiss`: kinds by the step's id;
    `keys`: of the roster, by Zendesk ids."""

    told: Mapping[str, Sequence[Any]]
    subjects: Mapping[str, str]
    amiss: Mapping[str, Sequence[str]]
    keys: Mapping[str, str]


def listed(
    conn: Connection, wanted: Filter, now: datetime, limit: int, after: tuple[datetime, str] | None = None, *, soonest: bool = False
) -> list[Found]:
    """The latest due first, or the `soonest`."""
    query = select(escalations).where(*_that(wanted, now))
    if after is not None:
        due_at, id_ = after
        later = (_STEP.due_at > due_at, _STEP.id > id_) if soonest else (_STEP.due_at < due_at, _STEP.id < id_)
        query = query.where(or_(later[0], and_(_STEP.due_at == due_at, later[1])))
    order = (_STEP.due_at, _STEP.id) if soonest else (_STEP.due_at.desc(), _STEP.id.desc())
    return list(conn.execute(query.order_by(*order).limit(limit)).mappings())


def _that(wanted: Filter, now: datetime) -> list[ColumnElement[bool]]:
    """What a row must be."""
    asked: list[ColumnElement[bool]] = []
    if wanted.status in ("armed", "due"):
        asked += [_STEP.status == "armed", _STEP.due_at > now if wanted.status == "armed" else _STEP.due_at <= now]
    elif wanted.status is not None:
        asked.append(_STEP.status == wanted.status)
    if wanted.state == "overdue":
        asked += [_STEP.status == "armed", _STEP.due_at <= now]
    elif wanted.state is not None:
        stands = ("fired",) if wanted.state == "nobody" else ("armed", "paused", "fired")
        over = select(notices.c.id).where(*_of_fired(_STEP), notices.c.over_at.is_not(None))
        asked += [_STEP.status.in_(stands), _STEP.open.is_(True), _STEP.taken_at.is_(None), ~over.exists()]
    for column, value in ((_STEP.case_id, wanted.case_id), (_STEP.severity, wanted.severity), (_STEP.queue, wanted.queue)):
        if value is not None:
            asked.append(column == value)
    if wanted.agent is not None:
        step, theirs = escalations.alias("step"), (notifications.c.kind == "step", notifications.c.status == "sent")
        told = notifications.join(notices, notices.c.id == notifications.c.notice)
        told = told.join(step, and_(step.c.case_id == notices.c.case_id, *_of_fired(step.c)))
        asked.append(_STEP.id.in_(select(step.c.id).select_from(told).where(notifications.c.agent == wanted.agent, *theirs)))
    return asked


def _of_fired(step: Any) -> tuple[ColumnElement[bool], ...]:
    """The notices that a step, by its columns, asked for when it fired."""
    by = literal("policy:") + step.policy + literal("/") + cast(step.step, Text)
    same = (notices.c.source == step.source, notices.c.interaction == step.interaction)
    return (*same, notices.c.asked_by == by, notices.c.at == step.ended_at)


def about(conn: Connection, rows: Sequence[Found]) -> About:
    """What is shown beside these steps."""
    subjects = _subjects(conn, (row["interaction"] for row in rows if row["source"] == "zendesk"))
    return About(_told(conn, rows), subjects, _amiss(conn, rows), agents.keys(conn))


def _told(conn: Connection, rows: Sequence[Found]) -> dict[str, list[Any]]:
    """Who was told of these steps, in order. A step to come may have been told ahead, nobody else being reached."""
    wanted = sorted({(row["source"], row["interaction"]) for row in rows if row["source"] is not None})
    by_step: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    columns = (notices.c.source, notices.c.interaction, notices.c.asked_by, notices.c.at, notices.c.ahead)
    of_it = (notifications.c.agent, notifications.c.way, notifications.c.status, notifications.c.reason, notifications.c.sent_at)
    for part in parts(wanted):
        query = select(*columns, *of_it).join(notifications, notifications.c.notice == notices.c.id)
        theirs = (tuple_(notices.c.source, notices.c.interaction).in_(part), notifications.c.kind == "step")
        for one in conn.execute(query.where(*theirs).order_by(notifications.c.made_at, notifications.c.id)):
            by_step[one.source, one.interaction, one.asked_by].append(one)
    return {
        row["id"]: [
            one
            for one in by_step.get((row["source"], row["interaction"], f"policy:{row['policy']}/{row['step']}"), ())
            if (one.ahead and row["ended_at"] is None) or one.at == row["ended_at"]
        ]
        for row in rows
    }


def _subjects(conn: Connection, tickets: Iterable[str]) -> dict[str, str]:
    """The subject of each of these tickets, as it was told last."""
    wanted, found = sorted(set(tickets)), dict[str, str]()
    newest = func.row_number().over(partition_by=moments.c.interaction, order_by=(moments.c.at.desc(), moments.c.digest)).label("place")
    for part in parts(wanted):
        theirs = (moments.c.source == "zendesk", moments.c.interaction.in_(part))
        stands = (moments.c.replaced_at.is_(None), moments.c.withdrawn_at.is_(None), _TELLS)
        ranked = select(moments.c.interaction, moments.c.body, newest).where(*theirs, *stands).subquery()
        for row in conn.execute(select(ranked).where(ranked.c.place == 1)):
            subject = next((text.body for text in from_json(row.body).texts if text.role == "subject"), None)
            if subject is not None:
                found[row.interaction] = subject
    return found


def _amiss(conn: Connection, rows: Sequence[Found]) -> dict[str, list[str]]:
    """What the watchdog finds late or missing of these steps, or of their cases as a whole."""
    by_case = watch.amiss(conn, (row["case_id"] for row in rows))
    return {
        row["id"]: sorted({kind for kind, of in by_case.get(row["case_id"], ()) if of == row["id"] or not of.startswith("esc_")})
        for row in rows
    }
