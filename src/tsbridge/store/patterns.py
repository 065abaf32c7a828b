"""What is counted for patterns, and what they are looked for in: decisions are read once, in the order in which they were sealed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, delete, select

from tsbridge.core.link import STRENGTH
from tsbridge.core.moments import Handle, Interaction, instant_text, read_instant
from tsbridge.store import stored_values
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.pattern_tables import pattern_counts, pattern_sightings
from tsbridge.store.people import FORMER, PERSON
from tsbridge.store.statements import Insert, Keyed, insert_into

STATE: Final = "patterns"
WANTED: Final = "patterns_wanted"
SEEN_FOR: Final = timedelta(days=8)
"""How long it is known what was seen: a case counts again behind it."""
MOST_CASES: Final = 200

_SEEN: Final = Keyed(pattern_sightings, ("series", "what"), ("series", "what"))
_SEE: Final = Insert(pattern_sightings, ("series", "what", "at"))
_PEOPLE: Final = Keyed(
    handles, ("source", "interaction"), ("source", "interaction", "kind", "value"), f"t.role IN ('{PERSON}', '{FORMER}')"
)
_CASES: Final = Keyed(interactions, ("source", "id"), ("source", "id", "case_id"))
_CATEGORIES: Final = Keyed(cases, ("id",), ("id", "category"))
_OF_CASES: Final = Keyed(interactions, ("case_id",), ("case_id", "source", "id"))
_OPENINGS: Final = Keyed(
    moments,
    ("source", "interaction"),
    ("interaction", "body"),
    "t.event = 'ticket.created' AND t.replaced_at IS NULL AND t.withdrawn_at IS NULL",
)
_KEYS: Final = Keyed(interactions, ("case_key",), ("case_key", "case_id"))

Row = RowMapping
Sighting = tuple[str, str]
"""A series, and what was seen in it."""


@dataclass(frozen=True, slots=True)
class State:
    """How far it is. `seq`: the last entry of the chain that was counted; `since`: the first hour that something was counted in;
    `looked_at`: as of when; `told`: what the last look said of itself."""

    seq: int = 0
    since: int | None = None
    looked_at: datetime | None = None
    told: Mapping[str, Any] | None = None


def state(conn: Connection) -> State:
    told = stored_values.get(conn, STATE)
    if told is None:
        return State()
    return State(told["seq"], told["since"], None if told["looked_at"] is None else read_instant(told["looked_at"]), told["told"])


def put_state(conn: Connection, now: State) -> None:
    looked = None if now.looked_at is None else instant_text(now.looked_at)
    stored_values.put(conn, STATE, {"seq": now.seq, "since": now.since, "looked_at": looked, "told": now.told})


def want(conn: Connection, at: datetime) -> None:
    """Somebody wants a look now."""
    stored_values.put(conn, WANTED, instant_text(at))


def wanted(conn: Connection) -> datetime | None:
    at = stored_values.get(conn, WANTED)
    return None if at is None else read_instant(at)


# What is counted


def decided(conn: Connection, after: int, most: int) -> tuple[int, Sequence[RowMapping]]:
    """Decisions behind an entry of the chain, in its order, and how far these entries reach."""
    last = conn.execute(select(chain.c.seq).where(chain.c.seq > after).order_by(chain.c.seq).limit(most)).scalars().all()
    if not last:
        return after, ()
    columns = (decisions.c[name] for name in ("at", "case_id", "source", "interaction", "channel", "moment", "event", "outcome", "matched"))
    its = and_(chain.c.seq > after, chain.c.seq <= last[-1], chain.c.kind == "decision")
    query = (
        select(*columns).join(chain, chain.c.id == decisions.c.id).where(its, decisions.c.mode == "live", decisions.c.retracted.is_(False))
    )
    return last[-1], conn.execute(query.order_by(chain.c.seq)).mappings().all()


def see(conn: Connection, sightings: Mapping[Sighting, datetime]) -> dict[Sighting, datetime]:
    """Keep what is seen; returns what was not seen before."""
    known = {(series, what) for series, what in _SEEN.rows(conn, sorted(sightings))}
    fresh = {sighting: at for sighting, at in sightings.items() if sighting not in known}
    _SEE.all(conn, [(*sighting, at) for sighting, at in sorted(fresh.items())])
    return fresh


def seen(conn: Connection, series: str, since: datetime, most: int = MOST_CASES) -> list[tuple[str, datetime]]:
    """What was seen since then, the newest last; of more than `most` the newest."""
    its = (pattern_sightings.c.series == series, pattern_sightings.c.at >= since)
    order = (pattern_sightings.c.at.desc(), pattern_sightings.c.what.desc())
    query = select(pattern_sightings.c.what, pattern_sightings.c.at).where(*its).order_by(*order).limit(most)
    return [(what, at) for what, at in conn.execute(query)][::-1]


def counts(conn: Connection, from_day: int) -> dict[str, dict[int, list[int]]]:
    """By series and day what was counted in its hours."""
    found: dict[str, dict[int, list[int]]] = {}
    for series, day, hours in conn.execute(select(pattern_counts).where(pattern_counts.c.day >= from_day)):
        found.setdefault(series, {})[day] = hours
    return found


def put_counts(conn: Connection, changed: Mapping[tuple[str, int], Sequence[int]]) -> None:
    if changed:
        made = insert_into(conn, pattern_counts)
        rows = [{"series": series, "day": day, "hours": list(hours)} for (series, day), hours in sorted(changed.items())]
        conn.execute(made.on_conflict_do_update(index_elements=["series", "day"], set_={"hours": made.excluded.hours}), rows)


def unsee(conn: Connection, before: datetime) -> None:
    """What was seen before then counts again."""
    conn.execute(delete(pattern_sightings).where(pattern_sightings.c.at < before))


def forget(conn: Connection, now: datetime, before_day: int) -> None:
    """What is too old to be looked at goes."""
    unsee(conn, now - SEEN_FOR)
    conn.execute(delete(pattern_counts).where(pattern_counts.c.day < before_day))


# People and cases


def people(conn: Connection, subjects: Iterable[Interaction]) -> dict[Interaction, set[Handle]]:
    """Whom interactions are about, or were."""
    found: dict[Interaction, set[Handle]] = {}
    for source, id_, kind, value in _PEOPLE.rows(conn, sorted(subjects)):
        if kind in STRENGTH:
            found.setdefault(Interaction(source, id_), set()).add(Handle(kind, value))
    return found


def contacts(conn: Connection, people: Collection[Handle], since: datetime) -> dict[Handle, set[Interaction]]:
    """By handle the interactions about that person that were opened since then."""
    found: dict[Handle, set[Interaction]] = {}
    for handle in sorted(people):
        its = (handles.c.kind == handle.kind, handles.c.value == handle.value, handles.c.opened_at >= since, handles.c.role == PERSON)
        query = select(handles.c.source, handles.c.interaction).where(*its).order_by(handles.c.opened_at.desc()).limit(MOST_CASES)
        found[handle] = {Interaction(source, id_) for source, id_ in conn.execute(query)}
    return found


def cases_of(conn: Connection, subjects: Sequence[Interaction]) -> list[str]:
    """The cases that interactions are in, in the order of these, each once."""
    by = {Interaction(source, id_): case_id for source, id_, case_id in _CASES.rows(conn, subjects)}
    return list(dict.fromkeys(by[subject] for subject in subjects if subject in by))


def categories(conn: Connection, case_ids: Sequence[str]) -> list[str]:
    """The categories of cases, sorted."""
    return sorted({category for _, category in _CATEGORIES.rows(conn, case_ids) if category})


def as_they_are_called(conn: Connection, case_ids: Sequence[str]) -> list[str]:
    """Cases by the ids that they have now: one that was joined with another is that one."""
    now = dict(_KEYS.rows(conn, case_ids))
    return list(dict.fromkeys(now.get(case_id, case_id) for case_id in case_ids))


# What tickets begin with


def opened(conn: Connection, start: datetime, end: datetime, most: int) -> dict[str, str]:
    """Tickets that were opened then, with the cases they are in; of more than `most` these few, which have nothing in common."""
    its = (interactions.c.source == "zendesk", interactions.c.opened_at >= start, interactions.c.opened_at < end)
    query = select(interactions.c.id, interactions.c.case_id).where(*its).order_by(interactions.c.case_key).limit(most)
    return {ticket: case_id for ticket, case_id in conn.execute(query)}


def tickets_of(conn: Connection, case_ids: Sequence[str]) -> list[str]:
    """The tickets of cases."""
    return sorted(id_ for _, source, id_ in _OF_CASES.rows(conn, case_ids) if source == "zendesk")


def openings(conn: Connection, tickets: Iterable[str]) -> dict[str, str]:
    """By ticket its subject and what it was opened with, as far as that is kept."""
    found: dict[str, str] = {}
    for ticket, body in _OPENINGS.rows(conn, [("zendesk", ticket) for ticket in tickets]):
        told = "\n".join(text[1] for text in body["texts"] if text[0] in ("subject", "description"))
        if told:
            found[ticket] = told
    return found
