"""The whole of a case: all that happened to it, one after the other, with when this desk learnt of it; and what was known at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.errors import need
from tsbridge.core.rota import Person
from tsbridge.store import case_history, rosters, rulebooks, views
from tsbridge.store.case_history import Entry
from tsbridge.store.timeline import Behind

Kind = Literal["delivery", "moment", "link", "edit", "decision", "change", "escalation", "notification", "assignment", "writeback"]
Row = Mapping[str, Any]

MANY: Final = 500
"""Entries read at once where all of them are needed."""
_CAME_OF_IT: Final[Mapping[str, Mapping[str, Row]]] = {
    "delivery": {"settled_at": {"status": "pending", "reason": None, "rang_for": None}},
    "moment": {"replaced_at": {}, "redacted_at": {}, "withdrawn_at": {"withdrawn_by": None}},
    "decision": {"superseded_at": {"superseded_by": None}},
    "escalation": {"ended_at": {"status": "armed"}},
    "notification": {"sent_at": {"status": "waiting"}, "acknowledged_at": {}},
    "writeback": {"settled_at": {"outcome": None}},
}
"""Of each kind the times at which something came of it, each with what stood until then."""


@dataclass(frozen=True, slots=True)
class Happened:
    """`known_at`: when this desk learnt of it; `says`: one line; `about`: the same as data. No words of a ticket and no address."""

    id: str
    kind: Kind
    at: datetime
    known_at: datetime
    says: str
    about: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class BookThen:
    version: int
    hash: str
    published_at: datetime
    published_by: str


@dataclass(frozen=True, slots=True)
class CaseThen:
    """What was known of a case. `decision_id`: the newest decision in force then, whose outcome the rest is; None: none yet."""

    id: str
    decision_id: str | None
    severity: int | None
    category: str | None
    queue: str | None
    assignee: str | None
    priority: str | None
    heard: int
    last_heard_at: datetime | None
    steps: tuple[Happened, ...]
    told: tuple[Happened, ...]


@dataclass(frozen=True, slots=True)
class Then:
    """What was known and who was on call at an instant: the one to be told first in front; `gap`: why nobody was. `rulebook`, `roster`:
    None before the first."""

    at: datetime
    rulebook: BookThen | None
    roster: BookThen | None
    on_call: tuple[Person, ...]
    gap: str | None
    case: CaseThen | None


class About(NamedTuple):
    """What of a row is shown, and in one line."""

    names: Sequence[str]
    says: Callable[[Row], str]


def history(conn: Connection, case_id: str, limit: int, after: Behind | None = None, as_of: datetime | None = None) -> list[Happened]:
    """Oldest first; with `as_of` what was known by then, as it stood then. Raises `NotFound`."""
    row = need(views.case(conn, case_id), "case")
    return [_happened(entry, as_of) for entry in case_history.entries(conn, row["id"], limit, after, as_of)]


def place(happened: Happened) -> Behind:
    """Where an entry stands."""
    return happened.at, case_history.KINDS.index(happened.kind), happened.id


def then(
    conn: Connection, around: Around, at: datetime, case_id: str | None = None, queue: str | None = None, severity: int | None = None
) -> Then:
    """What was known at an instant; who was on call is asked for this queue and severity, else for those that the case had then.

    Raises `NotFound` for a case that there is not.
    """
    case = None if case_id is None else _case_then(conn, case_id, at)
    if case is not None:
        queue, severity = queue or case.queue, severity or case.severity
    rota = around.roster.then(conn, at)
    version, week = rulebooks.known_at(conn, at), rosters.known_at(conn, at)
    book = rulebooks.get(conn, version) if version else None
    found = None if rota is None else rota.on_call(at, queue, severity)
    return Then(
        at=at,
        rulebook=None if book is None else BookThen(book.version, book.hash, book.published_at, book.published_by),
        roster=None if week is None else BookThen(week.version, week.hash, week.published_at, week.published_by),
        on_call=() if found is None else found.people,
        gap="there was no roster" if found is None else None if found.gap is None else found.gap.why,
        case=case,
    )


def _case_then(conn: Connection, case_id: str, at: datetime) -> CaseThen:
    known: list[Happened] = []
    while page := history(conn, case_id, MANY, place(known[-1]) if known else None, at):
        known += page
        if len(page) < MANY:
            break
    row = views.case(conn, case_id)
    in_force = [one for one in known if one.kind == "decision" and not one.about["retracted"] and one.about["superseded_by"] is None]
    newest = in_force[-1] if in_force else None
    outcome = newest.about["outcome"] if newest is not None else {}
    heard = [one.at for one in known if one.kind == "moment"]
    return CaseThen(
        id=case_id if row is None else row["id"],
        decision_id=None if newest is None else newest.id,
        **{name: outcome.get(name) for name in ("severity", "category", "queue", "priority")},
        assignee=(outcome.get("assignee") or {}).get("id"),
        heard=len(heard),
        last_heard_at=max(heard, default=None),
        steps=tuple(one for one in known if one.kind == "escalation"),
        told=tuple(one for one in known if one.kind == "notification" and one.about["sent_at"] is not None),
    )


def _happened(entry: Entry, as_of: datetime | None) -> Happened:
    row = dict(entry.row)
    if as_of is not None:
        _as_it_stood(entry.kind, row, as_of)
    shown = _SHOWN[entry.kind]
    about = {name: row[name] for name in shown.names}
    if entry.kind == "moment":
        about["actor"] = dict(zip(("kind", "id"), row["body"]["actor"], strict=False))
    return Happened(entry.id, entry.kind, entry.at, entry.known_at, shown.says(row), about)  # type: ignore[arg-type]


def _as_it_stood(kind: str, row: dict[str, Any], as_of: datetime) -> None:
    """Take back what came of it later."""
    for name, before in _CAME_OF_IT.get(kind, {}).items():
        if row[name] is not None and row[name] > as_of:
            row.update(before, **{name: None})


def _decided(row: Row) -> str:
    rules = ", ".join(key for key, _ in row["matched"]) or "no rule"
    if row["retracted"]:
        return f"decision {row['revises']} was taken back"
    what = "decided again" if row["revises"] else "decided"
    nothing = " and changed nothing" if (row["outcome"] or {}).get("changes_nothing") else ""
    led_to = f"queue {row['queue'] or 'none'}, severity {row['severity'] or 'none'}"
    return f"{what} by {rules} of version {row['rulebook_version']}: {led_to}{nothing}"


def _edited(row: Row) -> str:
    one, other = f"{row['a_source']} {row['a_id']}", f"{row['b_source']} {row['b_id']}"
    return f"{row['by']} {'joined' if row['kind'] == 'join' else 'parted'} {one} and {other}"


def _heard(row: Row) -> str:
    gone = "; withdrawn" if row["withdrawn_at"] else "; replaced by what the audits say" if row["replaced_at"] else ""
    return f"{row['event']} of {row['source']} {row['interaction']}{gone}"


_SHOWN: Final[Mapping[str, About]] = {
    "delivery": About(
        ("source", "event_type", "status", "reason", "polled", "duplicates", "settled_at", "rang_for"),
        lambda row: f"{row['source']} delivered {row['event_type'] or 'something'}: {row['status']}",
    ),
    "moment": About(
        ("source", "interaction", "event", "event_id", "impression", "replaced_at", "redacted_at", "withdrawn_at", "withdrawn_by"), _heard
    ),
    "link": About(
        ("source", "id", "channel", "link_rank", "link_because"),
        lambda row: f"{row['source']} {row['id']} belongs to it ({row['link_rank']}): {row['link_because']}",
    ),
    "edit": About(("kind", "a_source", "a_id", "b_source", "b_id", "by"), _edited),
    "decision": About(
        (
            *("event", "event_id", "source", "interaction", "rulebook_version", "matched", "outcome", "recorded_at"),
            *("revises", "superseded_by", "retracted"),
        ),
        _decided,
    ),
    "change": About(("actor", "action", "subject", "before", "after", "seq"), lambda row: f"{row['actor']}: {row['action']}"),
    "escalation": About(
        ("policy", "step", "status", "armed_at", "due_at", "ended_at"),
        lambda row: f"step {row['step']} of policy {row['policy']}: {row['status']}",
    ),
    "notification": About(
        ("kind", "agent", "way", "status", "reason", "made_at", "sent_at", "acknowledged_at"),
        lambda row: f"{row['agent'] or 'nobody'} by {row['way'] or 'no way'}: {row['status']}",
    ),
    "assignment": About(
        ("ticket", "queue", "agent", "instead_of", "roster_version", "rulebook_version"),
        lambda row: f"ticket {row['ticket']} of queue {row['queue']} was given to {row['agent']}",
    ),
    "writeback": About(
        ("ticket", "revision", "outcome", "settled_at"),
        lambda row: f"ticket {row['ticket']} was written to: {row['outcome'] or 'on its way'}",
    ),
}
