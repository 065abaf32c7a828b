"""Recording decisions: many at once, each table with one statement, and no lock taken.

A decision's record waits in `unsealed` until it gets its place in the chain (`store.sealing`). Each value becomes text once: what a
row holds is what the record or the commitment in it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from tsbridge.core.chain import commitment, commitment_of
from tsbridge.core.moments import canonical_text, instant_text
from tsbridge.core.story import Judged
from tsbridge.store import postgres, sealkey, sqlite
from tsbridge.store.columns import microseconds
from tsbridge.store.decision_tables import decision_rules, decision_tags, decisions, unsealed
from tsbridge.store.decisions import rules_of, searched_tags, seen_json
from tsbridge.store.packing import packed
from tsbridge.store.statements import Insert, parts

_COLUMNS: Final = (
    *("number", "id", "at", "recorded_at", "moment", "event_id", "event", "case_id", "source", "interaction", "channel"),
    *("rulebook_version", "mode", "severity", "queue", "agent", "outcome", "matched", "seen", "salt", "revises", "retracted"),
)
_ADD: Final = Insert(decisions, _COLUMNS, stored=True)
_ADD_RULES: Final = Insert(decision_rules, ("key", "number", "kind"), stored=True)
_ADD_TAGS: Final = Insert(decision_tags, ("tag", "number"), stored=True)
_ADD_UNSEALED: Final = Insert(unsealed, ("number", "kind", "id", "record", "mac", "at"), stored=True)
_SUPERSEDE: Final = update(decisions).where(decisions.c.id == bindparam("old")).values(superseded_by=bindparam("new"))
_DRAWN: Final = "SELECT nextval('decisions_number_seq') FROM generate_series(1, %s)"
_LAST: Final = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'decisions'"
_KEPT: Final = ("at", "moment", "event_id", "event", "source", "interaction", "channel", "rulebook_version", "mode")
_RETRACTED: Final = select(decisions.c.id, *(decisions.c[name] for name in _KEPT)).where(
    decisions.c.id.in_(bindparam("ids", expanding=True))
)
KIND: Final = "decision"


@dataclass(frozen=True, slots=True)
class Recording:
    """A decision to be recorded. One that `revises` another takes its place; the other stays readable. `upto`: the revision of its
    interaction with which it was judged; None: not known."""

    judged: Judged
    id: str
    case_id: str
    event_id: str | None
    rulebook_hash: str
    recorded_at: datetime
    salt: str
    revises: str | None = None
    mode: str = "live"
    upto: int | None = None


@dataclass(frozen=True, slots=True)
class Retraction:
    """A moment decides nothing any more: a due time that, as we know now, never came. `revises`: what it decided."""

    revises: str
    id: str
    case_id: str
    recorded_at: datetime
    salt: str


def record_all(conn: Connection, recordings: Sequence[Recording]) -> None:
    """Keep decisions, in this order, to be sealed once they are committed."""
    keys = sealkey.of(conn)
    kept: list[tuple[Any, ...]] = []
    rules: list[tuple[str, int, str]] = []
    tags: list[tuple[str, int]] = []
    waiting: list[tuple[Any, ...]] = []
    for number, one in zip(_numbers(conn, len(recordings)), recordings, strict=True):
        judged, outcome = one.judged, one.judged.outcome
        matched, channel, assignee = rules_of(judged), judged.seen.given.get("channel"), outcome["assignee"]
        texts = (_outcome_text(outcome), canonical_text(matched, ()), _seen_text(judged, one.upto))
        about = (judged.moment, one.event_id, judged.event, one.case_id, judged.subject.source, judged.subject.id, channel)
        shown = (outcome["severity"], outcome["queue"], assignee["id"] if assignee else None)
        times = (microseconds(judged.at), microseconds(one.recorded_at))
        kept.append((number, one.id, *times, *about, judged.version, one.mode, *shown, *texts, one.salt, one.revises, False))
        rules += [(key, number, kind) for key, kind in sorted(dict(matched).items())]
        tags += [(tag, number) for tag in searched_tags(outcome)]
        waiting.append(_waiting(keys, number, one.id, record_text(number, one, *texts), times[1]))
    _write(conn, kept, waiting, [(one.id, one.revises) for one in recordings if one.revises is not None])
    _ADD_RULES.all(conn, rules)
    _ADD_TAGS.all(conn, tags)


def retract_all(conn: Connection, retractions: Sequence[Retraction]) -> None:
    """Record that these decide nothing any more. What they were about stays with them."""
    keys = sealkey.of(conn)
    were: dict[str, Any] = {}
    for part in parts([one.revises for one in retractions]):
        were.update((row.id, row) for row in conn.execute(_RETRACTED, {"ids": part}))
    kept: list[tuple[Any, ...]] = []
    waiting: list[tuple[Any, ...]] = []
    for number, one in zip(_numbers(conn, len(retractions)), retractions, strict=True):
        was, at = were[one.revises], microseconds(one.recorded_at)
        about = (was.moment, was.event_id, was.event, one.case_id, was.source, was.interaction, was.channel, was.rulebook_version, was.mode)
        nothing = (None, None, None, "{}", "[]", None)
        kept.append((number, one.id, microseconds(was.at), at, *about, *nothing, one.salt, one.revises, True))
        told = (number, instant_text(was.at), instant_text(one.recorded_at), one.case_id, one.id, was.moment)
        entry = retraction_text(*told, "{}", one.revises, "[]", commitment(one.salt, None))
        waiting.append(_waiting(keys, number, one.id, entry, at))
    _write(conn, kept, waiting, [(one.id, one.revises) for one in retractions])


def _outcome_text(outcome: Mapping[str, Any]) -> str:
    return canonical_text(outcome, [*outcome["custom_fields"].values(), *(value for one in outcome["overruled"] for value in one.values())])


def _seen_text(judged: Judged, upto: int | None) -> str:
    return canonical_text(seen_json(judged, upto), [*judged.seen.given.values(), *judged.seen.previous.values()])


def record_text(number: int, one: Recording, outcome: str, matched: str, seen: str) -> str:
    """The record of a decision, in canonical form, put together from the canonical texts of its parts."""
    judged = one.judged
    return decision_text(
        number,
        instant_text(judged.at),
        instant_text(one.recorded_at),
        one.case_id,
        judged.seen.given.get("channel"),
        judged.event,
        one.event_id,
        one.id,
        judged.subject.id,
        judged.subject.source,
        one.mode,
        judged.moment,
        outcome,
        one.revises,
        one.rulebook_hash,
        judged.version,
        matched,
        commitment_of(one.salt, seen),
    )


def decision_text(
    number: int,
    at: str,
    recorded_at: str,
    case_id: str,
    channel: Any,
    event: str,
    event_id: str | None,
    id: str,
    interaction: str,
    source: str,
    mode: str,
    moment: str,
    outcome: str,
    revises: str | None,
    rulebook_hash: str,
    version: int,
    matched: str,
    seen: str,
) -> str:
    """What is recorded of a decision, in canonical form. `seen`: the commitment to what it saw."""
    return (
        f'{{"at":"{at}","case_id":{_word(case_id)},"channel":{_word(channel)},"event":{_word(event)},"event_id":{_word(event_id)}'
        f',"id":{_word(id)},"interaction":{{"id":{_word(interaction)},"source":{_word(source)}}},"mode":{_word(mode)}'
        f',"moment":{_word(moment)},"number":{number},"outcome":{outcome},"recorded_at":"{recorded_at}","revises":{_word(revises)}'
        f',"rulebook":{{"hash":{_word(rulebook_hash)},"version":{version}}},"rules":{matched},"seen":"{seen}","type":"decision"}}'
    )


def retraction_text(
    number: int, at: str, recorded_at: str, case_id: str, id: str, moment: str, outcome: str, revises: str | None, matched: str, seen: str
) -> str:
    """What is recorded of a retraction, in canonical form."""
    return (
        f'{{"at":"{at}","case_id":{_word(case_id)},"id":{_word(id)},"moment":{_word(moment)},"number":{number},"outcome":{outcome}'
        f',"recorded_at":"{recorded_at}","revises":{_word(revises)},"rules":{matched},"seen":"{seen}","type":"retraction"}}'
    )


def signed(number: int, kind: str, id: str, at: int, record: str) -> str:
    """What a waiting record's MAC is made of. The record stands last: nothing in it can pass for what stands before."""
    return f"{number}\n{kind}\n{id}\n{at}\n{record}"


def _word(value: Any) -> str:
    return "null" if value is None else encode_basestring(value)


def _waiting(keys: sealkey.SealKeys, number: int, id: str, record: str, at: int) -> tuple[Any, ...]:
    return (number, KIND, id, packed(record), keys.sign(signed(number, KIND, id, at, record)), at)


def _write(
    conn: Connection, kept: Sequence[tuple[Any, ...]], waiting: Sequence[tuple[Any, ...]], superseded: Sequence[tuple[str, str]]
) -> None:
    _ADD.all(conn, kept)
    _ADD_UNSEALED.all(conn, waiting)
    if superseded:
        conn.execute(_SUPERSEDE, [{"old": old, "new": new} for new, old in superseded])


def _numbers(conn: Connection, count: int) -> Sequence[int]:
    """New numbers, going up. None is ever used twice, also when its decision is gone: PostgreSQL and SQLite both remember the last."""
    if not count:
        return ()
    if conn.dialect.name == "postgresql":
        return sorted(number for (number,) in postgres.rows(conn, _DRAWN, (count,)))
    last = sqlite.rows(conn, _LAST, ())[0][0]
    return range(last + 1, last + 1 + count)
