"""What people do to cases. An act is a moment of the story or an edit of links, is judged before it returns, and stands in the changes."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from tsbridge.acts import cases, timeline
from tsbridge.acts.cases import Case
from tsbridge.acts.errors import Conflict, need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import like
from tsbridge.acts.timeline import MomentShown
from tsbridge.core.moments import Actor, Interaction, Moment, Value
from tsbridge.core.track import key_of
from tsbridge.store import agents, links, views, withdrawal


class Judging(Protocol):
    """What judges cases anew in the transaction of an act (`work.conclude.Conclusions`). Once it has begun nobody else does meanwhile."""

    def begin(self, conn: Connection) -> object: ...
    def hear(self, conn: Connection, moment: Moment, now: datetime) -> None: ...
    def link_anew(self, conn: Connection, subjects: Set[Interaction], now: datetime) -> None: ...
    def withdraw(self, conn: Connection, moment: str, by: str, reason: str, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class CaseSplit(Case):
    """The case that stays. `split_off`: where the other interaction stands now."""

    split_off: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    case_id: str
    moment: MomentShown


def acknowledge(
    conn: Connection, entry: Entry, judging: Judging, case_id: str, note: str | None = None, way: str | None = None, *, first: bool = False
) -> Case:
    """Somebody has it in hand. `way`: how they said so, unless by the API. `first`: unless somebody has it; one of several at once does.

    Raises `NotFound`, as every act on a case does.
    """
    if first:
        judging.begin(conn)
        case = cases.show(conn, case_id)
        if case.acknowledged:
            return case
    return _tell(conn, entry, judging, case_id, "case.acknowledged", {"desk.note": note, "desk.way": way})


def resolve(conn: Connection, entry: Entry, judging: Judging, case_id: str, note: str | None = None) -> Case:
    """The case is over as far as the desk is concerned."""
    return _tell(conn, entry, judging, case_id, "case.resolved", {"desk.note": note})


def note(conn: Connection, entry: Entry, judging: Judging, case_id: str, text: str) -> Case:
    """Write a note on the case's timeline and, as an internal one, on its ticket."""
    return _tell(conn, entry, judging, case_id, "case.noted", {"desk.note": text})


def assign(conn: Connection, entry: Entry, judging: Judging, case_id: str, agent: str, note: str | None = None) -> Case:
    """Give the case to an agent, by a key of the roster or a Zendesk user's id. Another word is a `Conflict`."""
    users = agents.users(conn)
    user, key = agent, next((key for key, user in users.items() if user == agent), None)
    if agent in users:
        user, key = users[agent] or agent, agent
    elif not (agent.isascii() and agent.isdigit()):
        raise Conflict("the roster has no such agent; expected a key of the roster, or the number of a Zendesk user")
    return _tell(conn, entry, judging, case_id, "case.assigned", {"case.assignee": user, "case.agent": key, "desk.note": note})


def merge(conn: Connection, entry: Entry, judging: Judging, case_id: str, other: str) -> Case:
    """Put the interactions of `other` into the case. Raises `Conflict` where both are the same."""
    ours, theirs = _members(conn, case_id), _members(conn, other)
    if ours == theirs:
        raise Conflict("both ids name the same case")
    links.add_edit(conn, "join", ours[0], theirs[0], entry.at, entry.by)
    return cases.show(conn, _link_anew(conn, entry, judging, {*ours, *theirs}, ours[0], "case.merge", {"other": other}))


def split(conn: Connection, entry: Entry, judging: Judging, case_id: str, interaction: Interaction) -> CaseSplit:
    """Take one interaction out of its case. Raises `Conflict` where it is not in it, or alone."""
    members = _members(conn, case_id)
    if interaction not in members:
        raise Conflict("the case has no such interaction")
    if len(members) == 1:
        raise Conflict("the case has no other interaction")
    for member in members:
        if member != interaction:
            links.add_edit(conn, "cut", interaction, member, entry.at, entry.by)
    after = {"source": interaction.source, "id": interaction.id}
    split_off = _link_anew(conn, entry, judging, set(members), interaction, "case.split", after)
    return like(CaseSplit, cases.show(conn, case_id), split_off=split_off)


def withdraw(conn: Connection, entry: Entry, judging: Judging, moment: str, reason: str) -> Withdrawn:
    """Take a wrong moment out of its story: it stays on record, the case is judged without it. Done twice, the first stands."""
    judging.begin(conn)
    subject = need(withdrawal.find(conn, moment), "moment")
    if judging.withdraw(conn, moment, entry.by, reason, entry.at):
        _record(conn, entry, "moment.withdraw", subject, {"moment": moment, "reason": reason})
    return Withdrawn(links.case_of(conn, subject) or "", timeline.moment(conn, moment))


def _tell(conn: Connection, entry: Entry, judging: Judging, case_id: str, event: str, facts: dict[str, str | None]) -> Case:
    founder = _members(conn, case_id)[0]
    told: list[tuple[str, Value]] = sorted((name, value) for name, value in facts.items() if value is not None)
    judging.hear(conn, Moment("desk", key_of(founder), event, entry.at, facts=tuple(told), actor=Actor("agent", entry.by)), entry.at)
    return cases.show(conn, _record(conn, entry, event, founder, dict(told)))


def _link_anew(
    conn: Connection, entry: Entry, judging: Judging, subjects: set[Interaction], of: Interaction, action: str, after: dict[str, str]
) -> str:
    judging.link_anew(conn, subjects, entry.at)
    return _record(conn, entry, action, of, after)


def _record(conn: Connection, entry: Entry, action: str, of: Interaction, after: object) -> str:
    """The id of the case that it was about."""
    case_id = links.case_of(conn, of) or key_of(of)
    entry.change(conn, action, case_id, None, after)
    return case_id


def _members(conn: Connection, case_id: str) -> list[Interaction]:
    return links.members(conn, need(views.case(conn, case_id), "case")["id"])
