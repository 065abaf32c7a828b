"""The audit as people ask it: what was decided, and who changed what; newest first, by every filter of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NotRequired

from sqlalchemy import Connection
from typing_extensions import TypedDict

from tsbridge.acts.cases import InteractionName
from tsbridge.acts.people import handles_of
from tsbridge.acts.reasons import Leaf
from tsbridge.acts.shape import of_row
from tsbridge.core import heads
from tsbridge.store import agents, chain, change_log, routing, stored_values, terms
from tsbridge.store.change_log import ChangeFilter
from tsbridge.store.routing import Row
from tsbridge.store.routing_filter import RoutingFilter
from tsbridge.store.terms import Titles


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks of the audit, as they typed it. `since` is inclusive, `until` exclusive; `agent`: a key of the roster or a
    Zendesk user's id; `person`: as `acts.people.handles_of`; `q`: words, each of which is in a key, a tag, a name or a title."""

    since: datetime | None = None
    until: datetime | None = None
    case: str | None = None
    ticket: str | None = None
    call: str | None = None
    person: str | None = None
    rule: str | None = None
    queue: str | None = None
    agent: str | None = None
    tag: str | None = None
    category: str | None = None
    channel: str | None = None
    severity: int | None = None
    kind: str | None = None
    version: int | None = None
    changed: bool | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    version: int
    hash: str | None


class RuleMatched(TypedDict):
    """`because`: only where a decision is explained, and its reasons are known."""

    key: str
    kind: Literal["escalation", "routing"]
    matched: bool
    because: NotRequired[list[Leaf]]


@dataclass(frozen=True, slots=True)
class Carried:
    """The wish that carries a decision to the helpdesk."""

    id: str
    ticket: str
    status: str
    reason: str | None
    attempts: int
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision without what has to be computed again: `because` and the near misses. `number`: the order of lists; `seq`,
    `previous_hash` and `hash` are None until it is sealed."""

    id: str
    number: int
    seq: int | None
    sealed: bool
    at: datetime
    recorded_at: datetime
    event: str
    event_id: str | None
    case_id: str
    interaction: InteractionName
    channel: str | None
    rulebook: Book
    mode: str
    rules: Sequence[RuleMatched] = field(hash=False)
    outcome: Mapping[str, Any]
    writeback: Carried | None
    revises: str | None
    superseded_by: str | None
    retracted: bool
    previous_hash: str | None
    hash: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """What somebody changed, as it was before and after."""

    id: str
    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    previous_hash: str
    hash: str


class Head(TypedDict):
    """The newest entry of the chain."""

    seq: int
    hash: str


class HeadCopied(TypedDict):
    """The newest head that reached this place, signed, and when."""

    place: str
    seq: int
    hash: str
    at: str
    public_key: str
    signature: str


class HeadShown(Head):
    """`copied`: what was kept elsewhere last."""

    copied: list[HeadCopied]


class Broken(TypedDict):
    """`seq` is null and `id` there where it has no place in the chain."""

    seq: int | None
    id: NotRequired[str]
    why: str


class Verdict(TypedDict):
    ok: bool
    entries: int
    unsealed: int
    head: Head
    broken: list[Broken]


def filter_of(conn: Connection, titles: Titles, asked: Asked) -> RoutingFilter:
    """What is asked, as the store understands it."""
    same = ("since", "until", "case", "ticket", "call", "rule", "queue", "tag", "category", "channel", "severity", "kind", "version")
    return RoutingFilter(
        **{name: getattr(asked, name) for name in (*same, "changed")},
        people=handles_of(asked.person) if asked.person else (),
        agent=agents.meant(conn, asked.agent) if asked.agent else (),
        words=terms.meant(conn, titles, asked.q) if asked.q else (),
    )


def decisions(conn: Connection, titles: Titles, asked: Asked, limit: int, before: int | None = None) -> list[Decided]:
    """Those with a number below `before`."""
    rows = routing.decision_list(conn, filter_of(conn, titles, asked), limit, before)
    wishes, keys = routing.writebacks_for(conn, rows), agents.keys(conn)
    return [_decided(row, wishes.get(row["id"]), keys) for row in rows]


def decision(conn: Connection, decision_id: str) -> Decided | None:
    row = routing.decision(conn, decision_id)
    return None if row is None else _decided(row, routing.writebacks_for(conn, [row]).get(decision_id), agents.keys(conn))


def changes(conn: Connection, wanted: ChangeFilter, limit: int, before: int | None = None) -> list[Changed]:
    """Those with a place in the chain below `before`."""
    return [Changed(**row) for row in change_log.listed(conn, wanted, limit, before)]


def head(conn: Connection) -> HeadShown:
    """The chain's newest place and hash, and the signed heads that were kept elsewhere last, by place."""
    newest, kept = chain.head(conn), stored_values.get(conn, heads.COPIED) or {}
    copied = [(place, told["head"]) for place, told in sorted(kept.items())]
    return {
        "seq": newest["seq"],
        "hash": newest["hash"],
        "copied": [
            {
                "place": place,
                "seq": one["seq"],
                "hash": one["hash"],
                "at": one["at"],
                "public_key": one["public_key"],
                "signature": one["signature"],
            }
            for place, one in copied
        ],
    }


def outcome_of(kept: Mapping[str, Any], keys: Mapping[str, str]) -> Mapping[str, Any]:
    """An outcome as it was kept, with who its assignee is in the roster. `keys`: of the roster, by Zendesk ids."""
    named = kept.get("assignee")
    if not named:
        return kept
    agent = named.get("agent") or keys.get(named["id"])
    return {**kept, "assignee": {"id": named["id"], "agent": agent, "because": named["because"]}}


def _decided(row: Row, wish: Row | None, keys: Mapping[str, str]) -> Decided:
    return of_row(
        Decided,
        row,
        sealed=row["seq"] is not None,
        interaction=InteractionName(row["source"], row["interaction"]),
        rulebook=Book(row["rulebook_version"], row["rulebook_hash"]),
        rules=[{"key": key, "kind": kind, "matched": True} for key, kind in row["matched"]],
        outcome=outcome_of(row["outcome"], keys),
        writeback=None if wish is None else of_row(Carried, wish),
    )
