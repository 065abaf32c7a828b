"""Whether what the audit shows and searches is what was recorded: the chain itself, and every row beside it, both ways.

An entry without its row is found, and a row without its entry: a deleted row hides a decision, an added one invents it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Select, Text, and_, bindparam, func, or_, select, type_coerce

from tsbridge.core.chain import broken_links, commitment
from tsbridge.core.moments import instant_text
from tsbridge.core.rules.language import content_hash
from tsbridge.store import almanacs, facet_proof, key_proof, moment_proof, roster_proof, sealing, sealkey, tolerant, version_proof
from tsbridge.store.decision_proof import Books, Broken, Decisions, at, differing, read_record
from tsbridge.store.decision_tables import chain, change_subjects, changes, decisions, unsealed
from tsbridge.store.statements import Fixed, parts
from tsbridge.store.tolerant import text_of
from tsbridge.store.version_tables import rulebooks

STEP: Final = 2_000
"""Entries looked at together: what memory a walk over any number of entries takes."""

HOLDING: Final = ("words.redact", "ticket.forget", "words.retire", "words.erase")
"""Changes that keep something with decisions, or leave something of changes, in place of words."""

_ENTRIES: Final = Fixed(
    select(chain.c.seq, chain.c.kind, chain.c.id, chain.c.previous_hash, chain.c.hash, type_coerce(chain.c.record, Text))
    .where(chain.c.seq > bindparam("after"))
    .order_by(chain.c.seq)
    .limit(STEP)
)


def verify(conn: Connection, known_head: Mapping[str, Any] | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Walk the whole chain and hold what lies beside it against it: `{"ok", "entries", "unsealed", "head", "broken": [{"seq", "why"}]}`.

    `known_head` ({"seq", "hash"}, copied earlier) also shows a tail that was cut off or a chain that was written anew. `unsealed`: how
    many decisions wait for their place; what is broken about one of them has no `seq`, but its `id`. Without `now` none waits too long.
    """
    versions = conn.execute(select(*tolerant.columns(rulebooks)))
    books = {row.version: (row.hash, content_hash(row.document)) for row in versions}
    beside = _Beside(conn, books)
    broken, count, last = broken_links(beside.walk(), known_head)
    broken += beside.broken
    broken += _rest(conn, books, now)
    wait = conn.execute(select(func.count()).select_from(unsealed)).scalar_one()
    broken.sort(key=lambda one: (one["seq"] is None, one["seq"] or 0, one["why"], one.get("id", "")))
    return {"ok": not broken, "entries": count, "unsealed": wait, "head": last, "broken": broken}


def walk(conn: Connection, known_head: Mapping[str, Any] | None = None) -> tuple[list[Broken], int, dict[str, Any]]:
    """The chain alone: what is broken, how many entries there are, and the head."""
    return broken_links(((seq, before, hash_, text) for step in _steps(conn) for seq, _, _, before, hash_, text in step), known_head)


def _steps(conn: Connection) -> Iterator[list[tuple[int, str, str, str, str, str]]]:
    """All entries in their order: place, kind, id, previous hash, hash, and the text of the record, empty where it cannot be read."""
    after = sealing.LOWEST
    while step := _ENTRIES.rows(conn, after=after):
        after = step[-1][0]
        yield [(seq, kind, id_, before, hash_, text_of(record)) for seq, kind, id_, before, hash_, record in step]


class _Beside:
    """A walk over the chain that holds the rows of its entries against them."""

    def __init__(self, conn: Connection, books: Books) -> None:
        self._conn = conn
        self._decisions = Decisions(conn, books)
        self._emptied = _kept_instead(conn, "changes")
        self.broken: list[Broken] = []

    def walk(self) -> Iterator[tuple[int, str, str, str]]:
        """The entries, for the proof of the chain itself. What is broken beside them is known at its end."""
        decided = changed = 0
        for step in _steps(self._conn):
            yield from ((seq, before, hash_, text) for seq, _, _, before, hash_, text in step)
            records = {seq: (id_, text) for seq, _, id_, _, _, text in step}
            there, broken = self._decisions.sealed(records)
            self.broken += broken
            told = self._changes(records)
            for seq, kind, *_ in step:
                if kind == "decision":
                    decided += seq in there
                    self.broken += [] if seq in there else [{"seq": seq, "why": "the decision of this entry is gone"}]
                elif kind == "change":
                    changed += seq in told
                    self.broken += [] if seq in told else [{"seq": seq, "why": "the change of this entry is gone"}]
                else:
                    self.broken.append({"seq": seq, "why": "an entry of no kind that there is"})
        self.broken += _lonely(self._conn, decided, changed)

    def _changes(self, records: Mapping[int, tuple[str, str]]) -> set[int]:
        """Where there are changes."""
        first, last, there = min(records), max(records), set[int]()
        also: dict[int, list[str]] = defaultdict(list)
        for subject, seq in self._conn.execute(select(change_subjects).where(change_subjects.c.seq.between(first, last))):
            also[seq].append(subject)
        rows = self._conn.execute(select(*tolerant.columns(changes)).where(changes.c.seq.between(first, last))).mappings()
        for row in rows:
            if (told := records.get(row["seq"])) is None:
                continue
            there.add(row["seq"])
            record, entry = read_record(told[1]), {"seq": row["seq"], "id": told[0]}
            names = _change(row, record, self._emptied)
            self.broken += differing(entry, record, "the change differs from what was recorded", names)
            if sorted(also[row["seq"]]) != list(record.get("also", ())):
                self.broken.append(at(row, "what the change is found by differs from what was recorded"))
        return there


def _rest(conn: Connection, books: Books, now: datetime | None) -> Iterator[Broken]:
    """What does not follow the chain."""
    rest = {
        "what waits": _waiting(conn, books, now),
        "which decision stands": _revisions(conn),
        "what is kept of words that are gone": _held(conn),
        "what decisions are found by": _found_by(conn),
        "rulebooks": version_proof.broken(conn, rulebooks, "rulebook", version_proof.RULEBOOK, first_may_lack=True),
        "keys": key_proof.broken(conn),
        "rosters": roster_proof.broken(conn),
        "days and clocks": almanacs.broken(conn),
        "what was told": moment_proof.broken(conn),
    }
    for what, faults in rest.items():
        try:
            yield from faults
        except (ValueError, LookupError, TypeError, AttributeError):
            yield {"seq": None, "why": f"something in it cannot be read: {what}"}


def _waiting(conn: Connection, books: Books, now: datetime | None) -> Iterator[Broken]:
    """Records that have no place yet, held against their decisions as those in the chain are."""
    keys, after, held = sealkey.of(conn), sealing.LOWEST, Decisions(conn, books)
    while found := sealing.waiting(conn, after):
        after = found[-1].number
        whole = []
        for one in found:
            if (why := one.fault(keys, now)) is not None:
                yield {"seq": None, "id": one.id, "why": why}
            else:
                whole.append(one)
        these = conn.execute(select(*tolerant.columns(decisions)).where(decisions.c.id.in_([one.id for one in whole]))).mappings()
        rows = {row["id"]: {**row, "seq": None} for row in these}
        yield from ({"seq": None, "id": one.id, "why": "the decision of this record is gone"} for one in whole if one.id not in rows)
        entries = [(rows[one.id], {"seq": None, "id": one.id}, from_json(one.record)) for one in whole if one.id in rows]
        yield from held.differing(entries)


def _lonely(conn: Connection, decided: int, changed: int) -> Iterator[Broken]:
    """Rows without their entry. So many decisions and changes have theirs: where there are no more, none has to be looked for."""
    entry = and_(chain.c.id == decisions.c.id, chain.c.kind == "decision")
    without = decisions.outerjoin(chain, entry)
    waiting = unsealed.join(without, unsealed.c.id == decisions.c.id)
    if _count(conn, decisions) != decided + _count(conn, waiting, chain.c.seq.is_(None)):
        both = without.outerjoin(unsealed, unsealed.c.id == decisions.c.id)
        for row in conn.execute(select(decisions.c.id).select_from(both).where(chain.c.seq.is_(None), unsealed.c.number.is_(None))):
            yield {"seq": None, "id": row.id, "why": "a decision that was never recorded"}
    if _count(conn, changes) != changed:
        both = changes.outerjoin(chain, and_(chain.c.seq == changes.c.seq, chain.c.kind == "change"))
        for row in conn.execute(select(changes.c.seq).select_from(both).where(chain.c.seq.is_(None))):
            yield {"seq": row.seq, "why": "a change that was never recorded"}
    both = change_subjects.outerjoin(changes, changes.c.seq == change_subjects.c.seq)
    for row in conn.execute(select(change_subjects.c.seq).distinct().select_from(both).where(changes.c.seq.is_(None))):
        yield {"seq": row.seq, "why": "what a change is found by, of one that is not there"}


def _count(conn: Connection, rows: FromClause, *where: ColumnElement[bool]) -> int:
    return int(conn.execute(select(func.count()).select_from(rows).where(*where)).scalar_one())


def _kept_instead(conn: Connection, what: str) -> dict[str, str]:
    """By id the hash of what is kept of decisions, or changes, whose words are gone, as the last change that took some out says."""
    told: dict[str, str] = {}
    rows = conn.execute(select(tolerant.column(changes.c.after)).where(changes.c.action.in_(HOLDING)).order_by(changes.c.seq))
    for after in rows.scalars():
        told.update((after or {}).get(what, {}))
    return told


def _change(row: RowMapping, record: Mapping[str, Any], emptied: Mapping[str, str]) -> Iterator[str]:
    """`emptied`: changes that lost words, with their salt, and the hash of what is left of each."""
    told = {"id": row["id"], "at": instant_text(row["at"]), "action": row["action"], "subject": row["subject"]}
    yield from (name for name, value in told.items() if record.get(name) != value)
    if row["salt"] == "" and row["id"] in emptied:
        if content_hash({name: row[name] for name in ("actor", "before", "after")}) != emptied[row["id"]]:
            yield "what is left of it"
        return
    if record.get("actor") not in (commitment(row["salt"], row["actor"]), row["actor"]):  # plain in entries of earlier days
        yield "actor"
    yield from (name for name in ("before", "after") if record.get(name) != commitment(row["salt"], row[name]))


def _found_by(conn: Connection) -> Iterator[Broken]:
    """What decisions are found by, each at the decision it is about."""
    for number, why in facet_proof.broken(conn):
        row = conn.execute(_placed().where(decisions.c.number == number)).mappings().first() if number is not None else None
        yield {"seq": None, "why": why} if row is None else at(row, why)


def _held(conn: Connection) -> Iterator[Broken]:
    """What is kept in place of words that are gone: the change that took them out names its hash for each decision."""
    told = _kept_instead(conn, "decisions")
    holding: set[str] = set()
    for row in conn.execute(_placed(tolerant.column(decisions.c.held)).where(decisions.c.held.is_not(None))).mappings():
        holding.add(row["id"])
        if told.get(row["id"]) != content_hash(row["held"]):
            yield at(row, "what is kept of words that are gone differs from what was recorded")
    for part in parts(sorted(told.keys() - holding)):
        for row in conn.execute(_placed().where(decisions.c.id.in_(part))).mappings():
            yield at(row, "what is kept of words that are gone is gone as well")


def _revisions(conn: Connection) -> Iterator[Broken]:
    """Which decision stands: what each names as its successor is the one that revises it. A retraction keeps what it retracts."""
    later = decisions.alias()
    said = decisions.outerjoin(later, and_(later.c.id == decisions.c.superseded_by, later.c.revises == decisions.c.id))
    alone = and_(decisions.c.superseded_by.is_not(None), later.c.id.is_(None))
    revised = later.join(decisions, decisions.c.id == later.c.revises)
    another = and_(later.c.revises.is_not(None), decisions.c.superseded_by.is_distinct_from(later.c.id))
    places = {
        (row.id, row.seq)
        for both, apart in ((said, alone), (revised, another))
        for row in conn.execute(
            select(chain.c.seq, decisions.c.id).select_from(both.outerjoin(chain, chain.c.id == decisions.c.id)).where(apart)
        )
    }
    for id_, seq in sorted(places, key=lambda one: one[0]):
        yield at({"id": id_, "seq": seq}, "which decision stands in its place differs from what was recorded")
    kept = ("event_id", "event", "source", "interaction", "channel", "rulebook_version", "mode")
    differs = or_(*(decisions.c[name].is_distinct_from(later.c[name]) for name in kept))
    both = decisions.join(later, later.c.revises == decisions.c.id).outerjoin(chain, chain.c.id == later.c.id)
    for row in conn.execute(
        select(chain.c.seq, later.c.id).select_from(both).where(later.c.revises.is_not(None), later.c.retracted, differs)
    ).mappings():
        yield at(row, "the retraction differs from the decision that it retracts")


def _placed(*columns: ColumnElement[Any]) -> Select[Any]:
    """Decisions by id, with their places in the chain."""
    return select(decisions.c.id, chain.c.seq, *columns).outerjoin(chain, chain.c.id == decisions.c.id)
