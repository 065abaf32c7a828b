"""Whether what the audit shows and searches is what was recorded: the chain itself, and every row beside it, both ways.

An entry without its row is found, and a row without its entry: a deleted row hides a decision, an added one invents it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, and_, func, or_, select, tuple_, type_coerce

from tsbridge.core.chain import broken_links, commitment
from tsbridge.core.moments import instant_text
from tsbridge.core.rules.language import content_hash
from tsbridge.store import almanacs, facet_proof, key_proof, moment_proof, roster_proof, sealing, sealkey, tolerant, version_proof
from tsbridge.store.chain import head
from tsbridge.store.decision_tables import chain, change_subjects, changes, decision_rules, decision_tags, decisions, unsealed
from tsbridge.store.decisions import searched_tags
from tsbridge.store.link_tables import interactions
from tsbridge.store.statements import parts
from tsbridge.store.tolerant import TolerantText
from tsbridge.store.version_tables import rulebooks

STEP: Final = 2_000
"""Entries looked at together: what memory a walk over any number of entries takes."""

HOLDING: Final = ("words.redact", "ticket.forget", "words.retire", "words.erase")
"""Changes that keep something with decisions, or leave something of changes, in place of words."""

Broken = dict[str, Any]
Row = RowMapping | Mapping[str, Any]


def verify(conn: Connection, known_head: Mapping[str, Any] | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Walk the whole chain and hold what lies beside it against it: `{"ok", "entries", "unsealed", "head", "broken": [{"seq", "why"}]}`.

    `known_head` ({"seq", "hash"}, copied earlier) also shows a tail that was cut off or a chain that was written anew. `unsealed`: how
    many decisions wait for their place; what is broken about one of them has no `seq`, but its `id`. Without `now` none waits too long.
    """
    broken, count, last = walk(conn, known_head)
    broken += _beside(conn, now)
    wait = conn.execute(select(func.count()).select_from(unsealed)).scalar_one()
    broken.sort(key=lambda one: (one["seq"] is None, one["seq"] or 0, one["why"], one.get("id", "")))
    return {"ok": not broken, "entries": count, "unsealed": wait, "head": last, "broken": broken}


def walk(conn: Connection, known_head: Mapping[str, Any] | None = None) -> tuple[list[Broken], int, dict[str, Any]]:
    """The chain alone: what is broken, how many entries there are, and the head."""
    record = type_coerce(chain.c.record, TolerantText)
    query = select(chain.c.seq, chain.c.previous_hash, chain.c.hash, record).order_by(chain.c.seq)
    return broken_links(conn.execution_options(yield_per=STEP).execute(query), known_head)


def _beside(conn: Connection, now: datetime | None) -> Iterator[Broken]:
    versions = conn.execute(select(*tolerant.columns(rulebooks)))
    books = {row.version: (row.hash, content_hash(row.document)) for row in versions}
    yield from _lonely(conn)
    emptied = _kept_instead(conn, "changes")
    for low in _steps(conn):
        entries = {row["seq"]: row for row in _rows(conn, chain, low)}
        also = _grouped(_rows(conn, change_subjects, low), "seq")
        for row in _rows(conn, changes, low):
            if (entry := entries.get(row["seq"])) is not None:
                yield from _told(entry, _record(entry), "the change differs from what was recorded", _change(row, _record(entry), emptied))
                if sorted(also[row["seq"]]) != [(one,) for one in _record(entry).get("also", ())]:
                    yield _at(row, "what the change is found by differs from what was recorded")
        of_these = select(*tolerant.columns(decisions), chain.c.seq).join(chain, chain.c.id == decisions.c.id)
        rows = conn.execute(of_these.where(chain.c.seq >= low, chain.c.seq < low + STEP)).mappings().all()
        yield from _decided(conn, [(row, entries[row["seq"]], _record(entries[row["seq"]])) for row in rows], books)
    rest = {
        "what waits": _waiting(conn, books, now),
        "which decision stands": _revisions(conn),
        "what is kept of words that are gone": _held(conn),
        "what decisions are found by": _summed_up(conn),
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


def _decided(
    conn: Connection,
    told: Sequence[tuple[Row, Row, Mapping[str, Any]]],
    books: Mapping[int, tuple[str, str]],
) -> Iterator[Broken]:
    """Decisions as they are shown and searched, each with its entry, in the chain or waiting, and the record of that."""
    cases = _cases(conn, [row for row, _, record in told if row["case_id"] != record.get("case_id")])
    numbers = [row["number"] for row, _, _ in told]
    rules, tags = (_grouped(_of_decisions(conn, table, numbers), "number") for table in (decision_rules, decision_tags))
    for row, entry, record in told:
        yield from _told(entry, record, "the decision differs from what was recorded", _decision(row, record))
        # One of an interaction that was linked otherwise later went with it to another case.
        if row["case_id"] != record.get("case_id") and row["case_id"] != cases.get((row["source"], row["interaction"])):
            yield _at(row, "the decision differs from what was recorded: case_id")
        yield from _searched(row, rules[row["number"]], tags[row["number"]])
        yield from _seen(row, record)
        yield from _judged_by(row, record, books)


def _waiting(conn: Connection, books: Mapping[int, tuple[str, str]], now: datetime | None) -> Iterator[Broken]:
    """Records that have no place yet, held against their decisions as those in the chain are."""
    keys, after = sealkey.of(conn), sealing.LOWEST
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
        yield from _decided(conn, entries, books)


def _at(row: Row, why: str) -> Broken:
    """What is broken, by its place in the chain; by the decision's id where it has none."""
    return {"seq": row["seq"], "why": why} if row["seq"] is not None else {"seq": None, "id": row["id"], "why": why}


def _cases(conn: Connection, rows: Sequence[Row]) -> Mapping[tuple[str, str], str]:
    """The cases that the interactions of these decisions belong to."""
    found: dict[tuple[str, str], str] = {}
    for part in parts(sorted({(row["source"], row["interaction"]) for row in rows})):
        columns = (interactions.c.source, interactions.c.id, interactions.c.case_id)
        for source, id_, case_id in conn.execute(select(*columns).where(tuple_(*columns[:2]).in_(part))):
            found[source, id_] = case_id
    return found


def _steps(conn: Connection) -> Iterator[int]:
    yield from range(1, head(conn)["seq"] + 1, STEP)


def _rows(conn: Connection, table: Table, low: int) -> list[RowMapping]:
    return list(conn.execute(select(*tolerant.columns(table)).where(table.c.seq >= low, table.c.seq < low + STEP)).mappings())


def _of_decisions(conn: Connection, table: Table, numbers: Sequence[int]) -> Iterator[RowMapping]:
    """The rows of a table that stand beside these decisions."""
    for part in parts(numbers):
        yield from conn.execute(select(table).where(table.c.number.in_(part))).mappings()


def _grouped(rows: Iterable[RowMapping], key: str) -> Mapping[int, list[tuple[str, ...]]]:
    """Rows of a table that the audit searches, by their key, each without it."""
    found: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        found[row[key]].append(tuple(value for name, value in row.items() if name != key))
    return found


def _lonely(conn: Connection) -> Iterator[Broken]:
    """Entries without their row, and rows without their entry."""
    entry = and_(chain.c.id == decisions.c.id, chain.c.kind == "decision")
    both = decisions.outerjoin(chain, entry).outerjoin(unsealed, unsealed.c.id == decisions.c.id)
    for row in conn.execute(select(decisions.c.id).select_from(both).where(chain.c.seq.is_(None), unsealed.c.number.is_(None))):
        yield {"seq": None, "id": row.id, "why": "a decision that was never recorded"}
    gone = select(chain.c.seq).select_from(chain.outerjoin(decisions, chain.c.id == decisions.c.id))
    for row in conn.execute(gone.where(chain.c.kind == "decision", decisions.c.id.is_(None))):
        yield {"seq": row.seq, "why": "the decision of this entry is gone"}
    both = changes.outerjoin(chain, and_(chain.c.seq == changes.c.seq, chain.c.kind == "change"))
    for row in conn.execute(select(changes.c.seq).select_from(both).where(chain.c.seq.is_(None))):
        yield {"seq": row.seq, "why": "a change that was never recorded"}
    gone = select(chain.c.seq).outerjoin(changes, changes.c.seq == chain.c.seq)
    for row in conn.execute(gone.where(chain.c.kind == "change", changes.c.seq.is_(None))):
        yield {"seq": row.seq, "why": "the change of this entry is gone"}
    for row in conn.execute(select(chain.c.seq).where(chain.c.kind.not_in(("decision", "change")))):
        yield {"seq": row.seq, "why": "an entry of no kind that there is"}
    for table in (decision_rules, decision_tags):
        both = table.outerjoin(decisions, decisions.c.number == table.c.number)
        for row in conn.execute(select(table.c.number).distinct().select_from(both).where(decisions.c.number.is_(None))):
            yield {"seq": None, "why": f"rules or tags of a decision that is not there, number {row.number}"}
    both = change_subjects.outerjoin(changes, changes.c.seq == change_subjects.c.seq)
    for row in conn.execute(select(change_subjects.c.seq).distinct().select_from(both).where(changes.c.seq.is_(None))):
        yield {"seq": row.seq, "why": "what a change is found by, of one that is not there"}


def _record(entry: Row) -> Mapping[str, Any]:
    """Nothing where it cannot be read, which the chain itself tells."""
    return entry["record"] if isinstance(entry["record"], dict) else {}


def _told(entry: Row, record: Mapping[str, Any], why: str, differing: Iterator[str]) -> Iterator[Broken]:
    """One line for a row, naming the columns that differ from its entry."""
    if entry["id"] != record.get("id"):
        yield _at(entry, "the entry stands under another id than was recorded")
    if names := list(differing):
        yield _at(entry, f"{why}: {', '.join(names)}")


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


def _decision(row: Row, record: Mapping[str, Any]) -> Iterator[str]:
    told = {
        "id": row["id"],
        "number": row["number"],
        "at": instant_text(row["at"]),
        "recorded_at": instant_text(row["recorded_at"]),
        "moment": row["moment"],
        "revises": row["revises"],
        "outcome": row["outcome"],
        "rules": row["matched"],
    }
    if record.get("type") != "retraction":
        told |= {"event_id": row["event_id"], "mode": row["mode"], "interaction": {"source": row["source"], "id": row["interaction"]}}
        told |= {name: row[name] for name in ("event", "channel") if name in record}  # not in entries of earlier days
        if (record.get("rulebook") or {}).get("version") != row["rulebook_version"]:
            yield "rulebook_version"
    recorded = {"number": row["seq"], **record}  # in entries of earlier days the place in the chain was the number, too
    yield from (name for name, value in told.items() if recorded.get(name) != value)
    outcome = row["outcome"] or {}
    shown = {"severity": outcome.get("severity"), "queue": outcome.get("queue"), "agent": (outcome.get("assignee") or {}).get("id")}
    yield from (name for name, value in shown.items() if row[name] != value)
    if row["retracted"] != (record.get("type") == "retraction"):
        yield "retracted"


def _searched(row: Row, rules: list[tuple[str, ...]], tags: list[tuple[str, ...]]) -> Iterator[Broken]:
    """The tables by which decisions are found by rule, kind and tag."""
    if sorted(rules) != sorted({key: kind for key, kind in row["matched"] or ()}.items()):
        yield _at(row, "the rules that this decision is found by differ from what was recorded")
    if sorted(tag for (tag,) in tags) != searched_tags(row["outcome"] or {}):
        yield _at(row, "the tags that this decision is found by differ from what was recorded")


def _seen(row: Row, record: Mapping[str, Any]) -> Iterator[Broken]:
    if row["seen"] is None and row["held"] is not None:  # all that it saw went, and what is kept of it is held by a change
        return
    if record.get("seen") != commitment(row["salt"], row["seen"]):
        yield _at(row, "what the decision saw differs from what was recorded, or is gone")


def _judged_by(row: Row, record: Mapping[str, Any], books: Mapping[int, tuple[str, str]]) -> Iterator[Broken]:
    named = (record.get("rulebook") or {}).get("hash")
    if named is not None and books.get(row["rulebook_version"]) != (named, named):
        yield _at(row, "the rulebook that judged differs from what was recorded, or is gone")


def _summed_up(conn: Connection) -> Iterator[Broken]:
    """The bits by which decisions are found, each at the decision it is about."""
    for number, why in facet_proof.broken(conn):
        row = conn.execute(_placed().where(decisions.c.number == number)).mappings().first() if number is not None else None
        yield {"seq": None, "why": why} if row is None else _at(row, why)


def _held(conn: Connection) -> Iterator[Broken]:
    """What is kept in place of words that are gone: the change that took them out names its hash for each decision."""
    told = _kept_instead(conn, "decisions")
    holding: set[str] = set()
    for row in conn.execute(_placed(tolerant.column(decisions.c.held)).where(decisions.c.held.is_not(None))).mappings():
        holding.add(row["id"])
        if told.get(row["id"]) != content_hash(row["held"]):
            yield _at(row, "what is kept of words that are gone differs from what was recorded")
    for part in parts(sorted(told.keys() - holding)):
        for row in conn.execute(_placed().where(decisions.c.id.in_(part))).mappings():
            yield _at(row, "what is kept of words that are gone is gone as well")


def _revisions(conn: Connection) -> Iterator[Broken]:
    """Which decision stands: what each names as its successor is the one that revises it. A retraction keeps what it retracts."""
    later = decisions.alias()
    both = decisions.outerjoin(later, later.c.revises == decisions.c.id).outerjoin(chain, chain.c.id == decisions.c.id)
    apart = or_(
        and_(decisions.c.superseded_by.is_(None), later.c.id.is_not(None)),
        and_(decisions.c.superseded_by.is_not(None), later.c.id.is_(None)),
        decisions.c.superseded_by != later.c.id,
    )
    for row in conn.execute(select(chain.c.seq, decisions.c.id).select_from(both).where(apart)).mappings():
        yield _at(row, "which decision stands in its place differs from what was recorded")
    kept = ("event_id", "event", "source", "interaction", "channel", "rulebook_version", "mode")
    differs = or_(*(decisions.c[name].is_distinct_from(later.c[name]) for name in kept))
    both = decisions.join(later, later.c.revises == decisions.c.id).outerjoin(chain, chain.c.id == later.c.id)
    for row in conn.execute(select(chain.c.seq, later.c.id).select_from(both).where(later.c.retracted, differs)).mappings():
        yield _at(row, "the retraction differs from the decision that it retracts")


def _placed(*columns: ColumnElement[Any]) -> Select[Any]:
    """Decisions by id, with their places in the chain."""
    return select(decisions.c.id, chain.c.seq, *columns).outerjoin(chain, chain.c.id == decisions.c.id)
