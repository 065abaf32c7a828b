"""By what people who are forgotten are known again: keyed hashes, under a key that is not in the database (`store.sealkey`).

A key under which somebody was erased has to stay among the keys: without it nothing shows any more that a handle was theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from tsbridge.core.erasure import Erased, afterwards, squeeze
from tsbridge.core.moments import Handle, Interaction, Moment
from tsbridge.store import sealkey
from tsbridge.store.erasure_tables import erased_interactions, erased_people
from tsbridge.store.sealkey import SealKeys
from tsbridge.store.statements import Fixed, Insert, Keyed

LENGTH: Final = 32
"""Characters of a mark: 128 bits."""
HIDDEN: Final = "erased:"
"""How a handle begins that stands for another one."""
_ANY: Final = Fixed(select(erased_people.c.mark).limit(1))
_PEOPLE: Final = Keyed(erased_people, ("mark",), ("mark", "at"))
_INTERACTIONS: Final = Keyed(erased_interactions, ("source", "id"), ("source", "id", "at", "words"))
_KEEP_PEOPLE: Final = Insert(
    erased_people, ("mark", "erasure", "at"), on_conflict="(mark) DO UPDATE SET erasure = excluded.erasure, at = excluded.at"
)
_KEEP: Final = Insert(
    erased_interactions,
    ("source", "id", "erasure", "at", "words"),
    on_conflict="(source, id) DO UPDATE SET erasure = excluded.erasure, at = excluded.at, gone_at = NULL",
)


def marks(keys: SealKeys, kind: str, value: str) -> list[str]:
    """The marks of a handle, or of words, under each key; new ones are made under the first."""
    return [mark[:LENGTH] for mark in keys.macs(f"erased\n{kind}\n{value}")]


def is_hidden(handle: Handle) -> bool:
    return handle.value.startswith(HIDDEN)


@dataclass(frozen=True, slots=True)
class Tombstones:
    """What is known to be erased among some interactions and handles. `people`: since when; `marks`: those under which they are known."""

    keys: SealKeys
    people: Mapping[Handle, datetime] = field(default_factory=dict, hash=False)
    marks: Mapping[Handle, str] = field(default_factory=dict, hash=False)
    interactions: Mapping[Interaction, Erased] = field(default_factory=dict, hash=False)

    def hide(self, handle: Handle) -> Handle:
        """What a handle is called in interactions that are erased."""
        if is_hidden(handle):
            return handle
        mark = self.marks.get(handle) or marks(self.keys, *handle)[0]
        return Handle(handle.kind, HIDDEN + mark)

    def hide_theirs(self, handle: Handle) -> Handle:
        """What a handle is called elsewhere: another name only for those that are erased."""
        return self.hide(handle) if handle in self.people else handle

    def theirs_before(self, moment: Moment) -> Handle | None:
        """The erased person whom a moment tells of that happened before they were; a first impression does not say when."""
        if moment.impression:
            return None
        return next((person for person in moment.people if (at := self.people.get(person)) is not None and moment.at <= at), None)

    def without(self, moment: Moment) -> Moment:
        """What is left to be heard of a moment. One that tells since then of somebody else is theirs, and whole."""
        known = self.interactions.get(moment.subject)
        if known is None or moment.source == "desk":
            return moment
        if moment.at > known.at and moment.people and self.people.keys().isdisjoint(moment.people):
            return moment
        return afterwards(moment, known, self.hide, lambda body: not known.words.isdisjoint(said(self.keys, moment.subject, body)))


def said(keys: SealKeys, subject: Interaction, body: str) -> list[str]:
    """The marks of words in an interaction, as of `marks`; the same words in other lines are the same."""
    return marks(keys, "words", f"{subject.source}:{subject.id}\n{squeeze(body)}")


def among(conn: Connection, told: Iterable[Moment]) -> Tombstones | None:
    """What of these moments is about somebody who is erased; None: nothing. Where nobody ever was, one look says so."""
    if not _ANY.rows(conn):
        return None
    told = list(told)
    found = of(conn, {person for moment in told for person in moment.people}, {moment.subject for moment in told})
    return found if found.people or found.interactions else None


def of(conn: Connection, people: Iterable[Handle], subjects: Iterable[Interaction]) -> Tombstones:
    """What is known to be erased of these handles and interactions."""
    keys = sealkey.of(conn)
    by_mark = {mark: handle for handle in people if not is_hidden(handle) for mark in marks(keys, *handle)}
    since = dict(_PEOPLE.rows(conn, sorted(by_mark)))
    rows = _INTERACTIONS.rows(conn, sorted(tuple(subject) for subject in subjects))
    return Tombstones(
        keys,
        {by_mark[mark]: at for mark, at in since.items()},
        {by_mark[mark]: mark for mark in since},
        {Interaction(source, id_): Erased(at, frozenset(words)) for source, id_, at, words in rows},
    )


def bury(conn: Connection, erasure: str, people: Sequence[Handle], subjects: Sequence[Interaction], at: datetime) -> None:
    """From now on these are known to be erased. Again is fine: the newest counts."""
    keys = sealkey.of(conn)
    _KEEP_PEOPLE.all(conn, sorted((marks(keys, *person)[0], erasure, at) for person in people if not is_hidden(person)))
    before = of(conn, (), subjects).interactions
    _KEEP.all(conn, [(*subject, erasure, at, sorted(before[subject].words) if subject in before else []) for subject in sorted(subjects)])


def bury_late(conn: Connection, known: Tombstones, late: Mapping[Interaction, Handle]) -> Tombstones:
    """These turn out to be of people who were erased before; returns what is known with them."""
    query = select(erased_people.c.mark, erased_people.c.erasure, erased_people.c.at)
    found = {
        mark: (id_, at)
        for mark, id_, at in conn.execute(query.where(erased_people.c.mark.in_([known.marks[one] for one in late.values()])))
    }
    by = {subject: found[known.marks[person]] for subject, person in late.items()}
    _KEEP.all(conn, [(*subject, *of_it, []) for subject, of_it in sorted(by.items())])
    more = {subject: Erased(at, frozenset()) for subject, (_, at) in by.items()}
    return replace(known, interactions={**known.interactions, **more})
