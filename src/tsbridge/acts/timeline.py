"""What happened to a case, what was concluded, what people did, who was told, and what falls due: one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from tsbridge.acts import notifications
from tsbridge.acts.cases import InteractionName
from tsbridge.acts.errors import need
from tsbridge.acts.shape import of_row
from tsbridge.acts.words import EVERYTHING, Reader
from tsbridge.store import timeline, views
from tsbridge.store.timeline import Behind
from tsbridge.store.views import Row


@dataclass(frozen=True, slots=True)
class WithdrawalShown:
    at: datetime
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class MomentShown:
    """What happened and whether it still counts, without its words. `id`: its digest."""

    id: str
    at: datetime
    event: str
    event_id: str
    interaction: InteractionName
    impression: bool
    replaced_at: datetime | None
    redacted_at: datetime | None
    withdrawn: WithdrawalShown | None


@dataclass(frozen=True, slots=True)
class MomentEntry(MomentShown):
    """`actor`: `kind`, `id`, `email`. `withheld`: what was said and seen is not for whoever asks."""

    kind: Literal["moment"]
    actor: dict[str, str | None]
    facts: dict[str, Any] | None
    changes: list[Any] | None
    texts: list[Any] | None
    names: list[Any] | None
    at_known: bool
    withheld: bool


@dataclass(frozen=True, slots=True)
class RuleNamed:
    key: str
    kind: Literal["escalation", "routing"]


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    id: str
    kind: Literal["decision"]
    at: datetime
    event: str
    interaction: InteractionName
    rulebook_version: int
    rules: tuple[RuleNamed, ...]
    outcome: dict[str, Any]
    superseded_by: str | None


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    id: str
    kind: Literal["change"]
    at: datetime
    actor: str
    action: str
    before: Any
    after: Any
    withheld: bool


@dataclass(frozen=True, slots=True)
class EscalationEntry:
    id: str
    kind: Literal["escalation"]
    at: datetime
    policy: str
    step: int
    status: str


@dataclass(frozen=True, slots=True)
class NotificationEntry:
    """`telling`: the kind of it."""

    id: str
    kind: Literal["notification"]
    at: datetime
    policy: str | None
    step: int | None
    rule: str | None
    telling: Literal["step", "acknowledged", "duty"]
    to: str | None
    way: str | None
    status: notifications.Status
    reason: str | None
    late: bool


TimelineEntry = MomentEntry | DecisionEntry | ChangeEntry | EscalationEntry | NotificationEntry


def of_case(conn: Connection, case_id: str, limit: int, after: Behind | None = None, reader: Reader = EVERYTHING) -> list[TimelineEntry]:
    """Oldest first; what was withdrawn stands there as such. Raises `NotFound`."""
    row = need(views.case(conn, case_id), "case")
    found = [_entry(one) for one in timeline.entries(conn, row["id"], limit, after)]
    return [_without_words(one) for one in found] if reader.is_denied(conn, row["id"]) else found


def place(entry: TimelineEntry) -> Behind:
    """Where an entry stands: of one instant what happened before what was concluded."""
    return entry.at, timeline.KINDS.index(entry.kind), entry.id


def moment(conn: Connection, digest: str) -> MomentShown:
    """Raises `NotFound`."""
    row = need(views.moment(conn, digest), "moment")
    return of_row(MomentShown, row, **_moment(row))


def _entry(entry: timeline.Entry) -> TimelineEntry:
    row = entry.row
    match entry.kind:
        case "moment":
            body = row["body"]
            told = {name: body[name] for name in ("facts", "changes", "texts", "names", "at_known")}
            actor = dict(zip(("kind", "id", "email"), body["actor"], strict=False))
            return of_row(MomentEntry, row, **_moment(row), kind="moment", actor=actor, **told, withheld=False)
        case "decision":
            interaction, rules = InteractionName(row["source"], row["interaction"]), tuple(RuleNamed(*rule) for rule in row["matched"])
            return of_row(DecisionEntry, row, kind="decision", interaction=interaction, rules=rules)
        case "change":
            return of_row(ChangeEntry, row, kind="change", withheld=False)
        case "escalation":
            return of_row(EscalationEntry, row, kind="escalation", at=entry.at)
        case _:
            one = notifications.shown(row)
            names = ("policy", "step", "rule", "to", "way", "status", "reason", "late")
            return NotificationEntry(entry.id, "notification", entry.at, telling=one.kind, **{name: getattr(one, name) for name in names})


def _without_words(entry: TimelineEntry) -> TimelineEntry:
    """What happened and when, by whom, without what was said and seen; a person at the desk may have quoted it."""
    match entry:
        case MomentEntry():
            actor, out = {**entry.actor, "email": None}, entry.withdrawn
            withdrawn = None if out is None else replace(out, reason=None)
            return replace(entry, actor=actor, facts=None, changes=None, texts=None, names=None, withdrawn=withdrawn, withheld=True)
        case ChangeEntry():
            return replace(entry, before=None, after=None, withheld=True)
        case _:
            return entry


def _moment(row: Row) -> dict[str, Any]:
    shown = WithdrawalShown(row["withdrawn_at"], row["withdrawn_by"], row["withdrawn_because"])
    withdrawn = None if row["withdrawn_at"] is None else shown
    return {"id": row["digest"], "interaction": InteractionName(row["source"], row["interaction"]), "withdrawn": withdrawn}
