"""Stored history in pages of cases: their stories, the decisions in force, how often their people were in touch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select, tuple_

from tsbridge.core.contacts import Contact
from tsbridge.core.moments import Interaction, Value, value_from
from tsbridge.core.quiet import Done
from tsbridge.core.replay import Kept
from tsbridge.core.staff import STAFF
from tsbridge.core.story import Told
from tsbridge.core.track import key_of
from tsbridge.store import links, quiet
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.decisions import Held, given_of
from tsbridge.store.link_tables import interactions
from tsbridge.store.moments import stories
from tsbridge.store.statements import parts

QUARTER = timedelta(days=91)


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as it stands in the books. `contacts`: empty when nobody asked for them; `joined`: as `CaseState.joined`; `done`: by
    interaction what had been done before its moments were made quiet; `saw`: by moment what its first judgement saw of people and queues,
    empty when nobody asked."""

    id: str
    subjects: tuple[Interaction, ...]
    story: list[Told] = field(hash=False)
    recorded: list[Kept] = field(hash=False)
    contacts: Sequence[Contact] = ()
    joined: Mapping[str, str] = field(default_factory=dict, hash=False)
    done: Mapping[str, Done] = field(default_factory=dict, hash=False)
    saw: Mapping[str, Mapping[str, Value]] = field(default_factory=dict, hash=False)


def count(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(cases)).scalar_one())


def last_at(conn: Connection) -> datetime | None:
    """The newest instant that anything was decided about."""
    return conn.execute(select(func.max(decisions.c.at, type_=decisions.c.at.type))).scalar()


def page(conn: Connection, after: str, limit: int, *, contacts: bool, staff: bool = False) -> list[StoredCase]:
    """The next cases behind the id `after`, in the order of their ids."""
    ids = conn.execute(select(cases.c.id).where(cases.c.id > after).order_by(cases.c.id).limit(limit)).scalars().all()
    return stored(conn, ids, contacts=contacts, staff=staff)


def recent(conn: Connection, limit: int, *, contacts: bool, staff: bool = False) -> list[StoredCase]:
    """The cases that were opened last, the latest first."""
    ids = conn.execute(select(cases.c.id).order_by(cases.c.opened_at.desc(), cases.c.id).limit(limit)).scalars().all()
    return stored(conn, ids, contacts=contacts, staff=staff)


def stored(conn: Connection, ids: Sequence[str], *, contacts: bool, staff: bool = False) -> list[StoredCase]:
    """These cases, in this order."""
    if not ids:
        return []
    case_of: dict[Interaction, str] = {}
    joined: dict[str, dict[str, str]] = defaultdict(dict)
    columns = (interactions.c.source, interactions.c.id, interactions.c.case_id, interactions.c.thread)
    for source, id_, case_id, thread in conn.execute(select(*columns).where(interactions.c.case_id.in_(ids))):
        subject = Interaction(source, id_)
        case_of[subject] = case_id
        if thread is not None:
            joined[case_id][key_of(subject)] = thread
    subjects: dict[str, list[Interaction]] = defaultdict(list)
    for subject in sorted(case_of):
        subjects[case_of[subject]].append(subject)
    told_of = stories(conn, case_of)
    recorded, saw = _recorded(conn, case_of), _saw(conn, case_of) if staff else {}
    people = links.sure_people(conn, subjects) if contacts else {}
    hushed = [subject for subject, case_id in case_of.items() if any(told.quiet is not None for told in told_of[case_id])]
    done = quiet.done(conn, hushed)
    found = []
    for case_id in ids:
        story = told_of.get(case_id, [])
        since = story[0].moment.at - QUARTER if contacts and story else None
        in_touch = links.contacts(conn, people.get(case_id, ()), since) if since else ()
        before = {key: done[key] for subject in subjects[case_id] if (key := key_of(subject)) in done}
        found.append(
            StoredCase(case_id, tuple(subjects[case_id]), story, recorded[case_id], in_touch, joined[case_id], before, saw.get(case_id, {}))
        )
    return found


def _recorded(conn: Connection, case_of: dict[Interaction, str]) -> dict[str, list[Kept]]:
    """The decisions in force, and where in the audit each moment was first decided."""
    found: dict[str, list[Kept]] = defaultdict(list)
    for part in parts(sorted(case_of)):
        ids: dict[str, list[str]] = defaultdict(list)
        for subject in part:
            ids[subject.source].append(subject.id)
        wanted = or_(*(and_(decisions.c.source == source, decisions.c.interaction.in_(own)) for source, own in sorted(ids.items())))
        columns = (
            *(decisions.c.id, decisions.c.moment, decisions.c.at, decisions.c.source, decisions.c.interaction),
            *(decisions.c.rulebook_version, decisions.c.outcome, decisions.c.matched, chain.c.seq),
            *(decisions.c.superseded_by, decisions.c.retracted, decisions.c.held),
        )
        kept = select(*columns).outerjoin(chain, chain.c.id == decisions.c.id).where(wanted, decisions.c.mode == "live")
        rows = conn.execute(kept.order_by(decisions.c.number))
        first: dict[str, int | None] = {}
        for id_, moment, at, source, interaction, version, outcome, matched, seq, superseded, retracted, kept in rows:
            first.setdefault(moment, seq)
            if superseded is None and not retracted:
                subject = Interaction(source, interaction)
                rules = tuple((key, kind) for key, kind in matched)
                held = Held.from_json(kept)
                found[case_of[subject]].append(
                    Kept(id_, moment, at, subject, version, outcome, rules, seq, first[moment], None if held is None else held.judgement)
                )
    return found


def _saw(conn: Connection, case_of: dict[Interaction, str]) -> dict[str, dict[str, dict[str, Value]]]:
    """By case and moment what the first judgement saw of people and queues."""
    found: dict[str, dict[str, dict[str, Value]]] = defaultdict(dict)
    columns = (decisions.c.source, decisions.c.interaction, decisions.c.moment, decisions.c.seen)
    for part in parts(sorted(case_of)):
        wanted = tuple_(decisions.c.source, decisions.c.interaction).in_([tuple(subject) for subject in part])
        query = select(*columns).where(wanted, decisions.c.mode == "live", decisions.c.retracted.is_(False)).order_by(decisions.c.number)
        for source, interaction, moment, seen in conn.execute(query):
            of_staff = {name: value_from(value) for name, value in given_of(seen).items() if name in STAFF}
            found[case_of[Interaction(source, interaction)]].setdefault(moment, of_staff)
    return found
