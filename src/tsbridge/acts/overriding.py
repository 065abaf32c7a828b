"""Overrides: swaps, extra shifts and time off, for a while. Never a new version of the roster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection

from tsbridge.acts import rostering
from tsbridge.acts.around import Rotas
from tsbridge.acts.errors import Conflict, Invalid, need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import like
from tsbridge.core.roster import Override, Roster
from tsbridge.roster.check import queues_of
from tsbridge.store import rosters
from tsbridge.store.rosters import Made

LONGEST: Final = timedelta(days=366)
"""How long an override may last: what lasts longer belongs into the roster."""


class Wanted(NamedTuple):
    """An override that is asked for: agents by key, or by the number of their Zendesk user."""

    kind: Literal["oncall", "shift", "off"]
    agent: str | int
    start: datetime
    end: datetime
    why: str
    instead_of: str | int | None = None
    rotation: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideShown(Override):
    made_at: datetime
    made_by: str
    removed_at: datetime | None
    removed_by: str | None


def shown(made: Made) -> OverrideShown:
    done = {name: getattr(made, name) for name in ("made_at", "made_by", "removed_at", "removed_by")}
    return like(OverrideShown, made.override, **done)


def show(conn: Connection, id: str) -> OverrideShown:
    """Also one that is over or was removed. Raises `NotFound`."""
    return shown(need(rosters.override(conn, id), "override"))


def make(conn: Connection, entry: Entry, rotas: Rotas, id: str, wanted: Wanted) -> OverrideShown:
    """Keep an override and record it.

    Raises `Conflict` without a roster, `Invalid` when it makes no sense by the one in force, and as `store.rosters.add_override`.
    """
    rota = rotas.now(conn, entry.at)
    if rota is None:
        raise Conflict("There is no roster yet: publish one first.")
    roster = rota.roster
    named = None if wanted.instead_of is None else key_of(roster, wanted.instead_of)
    agent, why = key_of(roster, wanted.agent), wanted.why.strip()
    one = Override(id, wanted.kind, agent, wanted.start, wanted.end, why, named, wanted.rotation, wanted.queue)
    if wrong := faulty(one, roster, rostering.rulebook_of(conn), entry.at):
        raise Invalid({f"/{name}": words for name, words in wrong.items()}, "override")
    return shown(keep(conn, entry, one))


def keep(conn: Connection, entry: Entry, one: Override) -> Made:
    """Keep one that makes sense and record it. Raises as `store.rosters.add_override`."""
    rosters.lock(conn)
    made = rosters.add_override(conn, one, entry.at, entry.by)
    entry.change(conn, "override.make", one.id, None, rosters.recorded(one), also=about(one))
    return made


def remove(conn: Connection, entry: Entry, id: str) -> OverrideShown:
    """Take an override away and record it; what it did until now stays done. Raises `NotFound`, and `Conflict` for one that is over."""
    found = show(conn, id)
    rosters.lock(conn)
    gone = rosters.remove_override(conn, id, entry.at, entry.by) if found.end > entry.at else None
    if gone is None:
        raise Conflict("This override is over; there is nothing to remove.")
    entry.change(conn, "override.remove", id, rosters.recorded(gone.override), None, also=about(gone.override))
    return shown(gone)


def about(one: Override) -> list[str]:
    """Whom and what an override touches, and is found by."""
    return [key for key in (one.agent, one.instead_of, one.rotation, one.queue) if key is not None]


def faulty(one: Override, roster: Roster, book: Any, now: datetime) -> dict[str, str]:
    """By member, what keeps an override from being kept, in words that repeat none of it. `book`: the rulebook's document."""
    agents = {agent.key for agent in roster.agents}
    targets = {turn.key for turn in roster.rotations} | {shift.key for shift in roster.shifts} | {line.oncall for line in roster.cover}
    wrong: dict[str, str] = {}
    if one.agent not in agents:
        wrong["agent"] = "Expected the key of an agent of the roster."
    if one.instead_of is not None and one.instead_of not in agents:
        wrong["instead_of"] = "Expected the key of an agent of the roster."
    elif one.instead_of is not None and one.instead_of == one.agent:
        wrong["instead_of"] = "Expected another agent than the one who steps in."
    if one.rotation is not None and one.rotation not in targets:
        wrong["rotation"] = "Expected the key of a rotation or shift of the roster."
    if one.queue is not None and one.queue not in queues_of(roster, book):
        wrong["queue"] = "Expected the key of a queue of the rulebook or of the roster."
    if one.kind == "off":
        wrong |= {
            name: "Somebody who is off is off for everything; leave this out."
            for name in ("instead_of", "rotation", "queue")
            if getattr(one, name) is not None
        }
    if one.end <= one.start:
        wrong["to"] = "Expected a time behind `from`."
    elif one.end - one.start > LONGEST:
        wrong["to"] = f"Expected a time within {LONGEST.days} days of `from`; what lasts longer belongs into the roster."
    elif one.end <= now:
        wrong["to"] = "Expected a time to come: what is over cannot be changed any more."
    return wrong


def key_of(roster: Roster, agent: str | int) -> str:
    """An agent's key, also by the number of their Zendesk user; what is neither stays as it is."""
    if isinstance(agent, str) and any(one.key == agent for one in roster.agents):
        return agent
    return next((one.key for one in roster.agents if str(one.zendesk_user_id) == str(agent)), str(agent))
