"""Whether what the audit shows and searches is what was recorded: the chain itself, and every row beside it, both ways.

An entry without its row is found, and a row without its entry: a deleted row hides a decision, an added one invents it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Table, and_, or_, select

from tsbridge.core.chain import broken_links, commitment
from tsbridge.core.moments import instant_text
from tsbridge.core.rules.language import content_hash
from tsbridge.store import almanacs, roster_proof
from tsbridge.store.decisions import searched_tags
from tsbridge.store.tables import chain, change_subjects, changes, decision_rules, decision_tags, decisions, interactions, rulebooks

STEP: Final = 2_000
"""Entries looked at together: what memory a walk over any number of entries takes."""

HOLDING: Final = ("words.redact", "ticket.forget")
"""Changes that keep something with decisions in place of words."""

Broken = dict[str, Any]


def verify(conn: Connection, known_head: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Walk the whole chain and hold what lies beside it against it: `{"ok", "entries", "head", "broken": [{"seq", "why"}]}`.

    `known_head` ({"seq", "hash"}, copied earlier) also shows a tail that was cut off or a chain that was written anew.
    """
    rows = conn.execution_options(yield_per=STEP).execute(select(chain).order_by(chain.c.seq))
    entries = ((row.seq, row.previous_hash, row.hash, row.record) for row in rows)
    broken, count, last = broken_links(entries, known_head)
    broken += _beside(conn)
    return {"ok": not broken, "entries": count, "head": last, "broken": sorted(broken, key=lambda one: (one["seq"], one["why"]))}


def _beside(conn: Connection) -> Iterator[Broken]:
    books = {row.version: (row.hash, content_hash(row.document)) for row in conn.execute(select(rulebooks))}
    yield from _lonely(conn)
    for low in _steps(conn):
        entries = {row["seq"]: row for row in conn.execute(select(chain).where(chain.c.seq >= low, chain.c.seq < low + STEP)).mappings()}
        also = _grouped(conn, change_subjects, low)
        for row in _rows(conn, changes, low):
            if (entry := entries.get(row["seq"])) is not None:
                yield from _told(entry, "the change differs from what was recorded", _change(row, entry["record"]))
                if sorted(also[row["seq"]]) != [(one,) for one in entry["record"].get("also", ())]:
                    yield {"seq": row["seq"], "why": "what the change is found by differs from what was recorded"}
        yield from _placed(conn, low)
        rules, tags = _grouped(conn, decision_rules, low), _grouped(conn, decision_tags, low)
        for row in _rows(conn, decisions, low):
            if (entry := entries.get(row["seq"])) is not None:
                yield from _told(entry, "the decision differs from what was recorded", _decision(row, entry["record"]))
                yield from _searched(row, rules[row["seq"]], tags[row["seq"]])
                yield from _seen(row, entry["record"])
                yield from _judged_by(row, entry["record"], books)
    yield from _revisions(conn)
    yield from _held(conn)
    yield from roster_proof.broken(conn)
    yield from almanacs.broken(conn)


def _steps(conn: Connection) -> Iterator[int]:
    last = conn.execute(select(chain.c.seq).order_by(chain.c.seq.desc()).limit(1)).scalar()
    yield from range(1, (last or 0) + 1, STEP)


def _rows(conn: Connection, table: Table, low: int) -> list[RowMapping]:
    return list(conn.execute(select(table).where(table.c.seq >= low, table.c.seq < low + STEP)).mappings())


def _grouped(conn: Connection, table: Table, low: int) -> Mapping[int, list[tuple[str, ...]]]:
    """By seq the rows of a table that the audit searches, each without its seq."""
    found: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for row in _rows(conn, table, low):
        found[row["seq"]].append(tuple(value for name, value in row.items() if name != "seq"))
    return found


def _lonely(conn: Connection) -> Iterator[Broken]:
    """Entries without their row, and rows without their entry."""
    for kind, table in (("decision", decisions), ("change", changes)):
        both = table.outerjoin(chain, and_(chain.c.seq == table.c.seq, chain.c.kind == kind))
        for row in conn.execute(select(table.c.seq).select_from(both).where(chain.c.seq.is_(None))):
            yield {"seq": row.seq, "why": f"a {kind} that was never recorded"}
        for row in conn.execute(
            select(chain.c.seq).outerjoin(table, table.c.seq == chain.c.seq).where(chain.c.kind == kind, table.c.seq.is_(None))
        ):
            yield {"seq": row.seq, "why": f"the {kind} of this entry is gone"}
    for row in conn.execute(select(chain.c.seq).where(chain.c.kind.not_in(("decision", "change")))):
        yield {"seq": row.seq, "why": "an entry of no kind that there is"}
    for table in (decision_rules, decision_tags):
        both = table.outerjoin(decisions, decisions.c.seq == table.c.seq)
        for row in conn.execute(select(table.c.seq).distinct().select_from(both).where(decisions.c.seq.is_(None))):
            yield {"seq": row.seq, "why": "rules or tags of a decision that is not there"}
    both = change_subjects.outerjoin(changes, changes.c.seq == change_subjects.c.seq)
    for row in conn.execute(select(change_subjects.c.seq).distinct().select_from(both).where(changes.c.seq.is_(None))):
        yield {"seq": row.seq, "why": "what a change is found by, of one that is not there"}


def _told(entry: RowMapping, why: str, differing: Iterator[str]) -> Iterator[Broken]:
    """One line for a row, naming the columns that differ from its entry."""
    if entry["id"] != entry["record"].get("id"):
        yield {"seq": entry["seq"], "why": "the entry stands under another id than was recorded"}
    if names := list(differing):
        yield {"seq": entry["seq"], "why": f"{why}: {', '.join(names)}"}


def _change(row: RowMapping, record: Mapping[str, Any]) -> Iterator[str]:
    told = {"id": row["id"], "at": instant_text(row["at"]), "action": row["action"], "subject": row["subject"]}
    yield from (name for name, value in told.items() if record.get(name) != value)
    if record.get("actor") not in (commitment(row["salt"], row["actor"]), row["actor"]):  # plain in entries of earlier days
        yield "actor"
    yield from (name for name in ("before", "after") if record.get(name) != commitment(row["salt"], row[name]))


def _decision(row: RowMapping, record: Mapping[str, Any]) -> Iterator[str]:
    told = {
        "id": row["id"],
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
    yield from (name for name, value in told.items() if record.get(name) != value)
    outcome = row["outcome"] or {}
    shown = {"severity": outcome.get("severity"), "queue": outcome.get("queue"), "agent": (outcome.get("assignee") or {}).get("id")}
    yield from (name for name, value in shown.items() if row[name] != value)
    if row["retracted"] != (record.get("type") == "retraction"):
        yield "retracted"


def _placed(conn: Connection, low: int) -> Iterator[Broken]:
    """Decisions of another case than was recorded. Those of an interaction that was linked otherwise later went with it."""
    for row in conn.execute(
        select(decisions.c.seq, decisions.c.case_id, interactions.c.case_id.label("stands"), chain.c.record)
        .join(chain, chain.c.seq == decisions.c.seq)
        .outerjoin(interactions, and_(interactions.c.source == decisions.c.source, interactions.c.id == decisions.c.interaction))
        .where(decisions.c.seq >= low, decisions.c.seq < low + STEP, decisions.c.case_id.is_distinct_from(interactions.c.case_id))
    ):
        if row.case_id != row.record.get("case_id"):
            yield {"seq": row.seq, "why": "the decision differs from what was recorded: case_id"}


def _searched(row: RowMapping, rules: list[tuple[str, ...]], tags: list[tuple[str, ...]]) -> Iterator[Broken]:
    """The tables by which decisions are found by rule, kind and tag."""
    if sorted(rules) != sorted({key: kind for key, kind in row["matched"]}.items()):
        yield {"seq": row["seq"], "why": "the rules that this decision is found by differ from what was recorded"}
    if sorted(tag for (tag,) in tags) != searched_tags(row["outcome"]):
        yield {"seq": row["seq"], "why": "the tags that this decision is found by differ from what was recorded"}


def _seen(row: RowMapping, record: Mapping[str, Any]) -> Iterator[Broken]:
    if row["seen"] is not None and record.get("seen") != commitment(row["salt"], row["seen"]):
        yield {"seq": row["seq"], "why": "what the decision saw differs from what was recorded"}


def _judged_by(row: RowMapping, record: Mapping[str, Any], books: Mapping[int, tuple[str, str]]) -> Iterator[Broken]:
    named = (record.get("rulebook") or {}).get("hash")
    if named is not None and books.get(row["rulebook_version"]) != (named, named):
        yield {"seq": row["seq"], "why": "the rulebook that judged differs from what was recorded, or is gone"}


def _held(conn: Connection) -> Iterator[Broken]:
    """What is kept in place of words that are gone: the change that took them out names its hash for each decision."""
    told: dict[str, str] = {}
    rows = conn.execute(select(changes.c.after).where(changes.c.action.in_(HOLDING)).order_by(changes.c.seq))
    for after in rows.scalars():
        told.update((after or {}).get("decisions", {}))
    seqs: dict[str, int] = {}
    for row in conn.execute(select(decisions.c.id, decisions.c.seq, decisions.c.held).where(decisions.c.held.is_not(None))):
        seqs[row.id] = row.seq
        if told.get(row.id) != content_hash(row.held):
            yield {"seq": row.seq, "why": "what is kept of words that are gone differs from what was recorded"}
    lost = sorted(told.keys() - seqs.keys())
    for start in range(0, len(lost), STEP):
        part = select(decisions.c.seq).where(decisions.c.id.in_(lost[start : start + STEP]))
        for (seq,) in conn.execute(part):
            yield {"seq": seq, "why": "what is kept of words that are gone is gone as well"}


def _revisions(conn: Connection) -> Iterator[Broken]:
    """Which decision stands: what each names as its successor is the one that revises it. A retraction keeps what it retracts."""
    later = decisions.alias()
    both = decisions.outerjoin(later, later.c.revises == decisions.c.id)
    apart = or_(
        and_(decisions.c.superseded_by.is_(None), later.c.id.is_not(None)),
        and_(decisions.c.superseded_by.is_not(None), later.c.id.is_(None)),
        decisions.c.superseded_by != later.c.id,
    )
    for row in conn.execute(select(decisions.c.seq).select_from(both).where(apart)):
        yield {"seq": row.seq, "why": "which decision stands in its place differs from what was recorded"}
    kept = ("event_id", "event", "source", "interaction", "channel", "rulebook_version", "mode")
    differs = or_(*(decisions.c[name].is_distinct_from(later.c[name]) for name in kept))
    both = decisions.join(later, later.c.revises == decisions.c.id)
    for row in conn.execute(select(later.c.seq).select_from(both).where(later.c.retracted, differs)):
        yield {"seq": row.seq, "why": "the retraction differs from the decision that it retracts"}
