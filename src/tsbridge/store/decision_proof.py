"""Whether decisions are what was recorded of them.

What was recorded of a decision is put together again from its row, as when it was recorded. Where that is the record itself, letter for
letter, nothing differs, and nothing had to be read; only what is not, and records of earlier days, are looked at value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import BigInteger, Connection, Integer, RowMapping, Text, bindparam, select, tuple_, type_coerce

from tsbridge.core.chain import commitment, commitment_of
from tsbridge.core.moments import instant_text
from tsbridge.store import tolerant, vault
from tsbridge.store.columns import EPOCH
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.decision_writer import decision_text, retraction_text
from tsbridge.store.link_tables import interactions
from tsbridge.store.statements import Fixed, parts

Broken = dict[str, Any]
Row = RowMapping | Mapping[str, Any]
Books = Mapping[int, tuple[str, str]]
"""By version of the rulebook the hash it stands under, and that of its document."""

ALIKE: Final = 4_096
"""How many outcomes are remembered: most decisions come to one that others came to."""
_D: Final = decisions.c
_STORED: Final = Fixed(
    select(
        *(chain.c.seq, _D.number, type_coerce(_D.at, BigInteger), type_coerce(_D.recorded_at, BigInteger), _D.case_id, _D.channel),
        *(_D.event, _D.event_id, _D.id, _D.interaction, _D.source, _D.mode, _D.moment, type_coerce(_D.outcome, Text), _D.revises),
        *(_D.rulebook_version, type_coerce(_D.matched, Text), type_coerce(_D.seen, Text), _D.salt),
        *(_D.severity, _D.queue, _D.agent, type_coerce(_D.retracted, Integer)),
    )
    .join(chain, chain.c.id == _D.id)
    .where(chain.c.seq.between(bindparam("first"), bindparam("last")))
)


class Decisions:
    """`books`: the rulebooks that there are."""

    def __init__(self, conn: Connection, books: Books) -> None:
        self._conn = conn
        self._books = books
        self._hashes = {version: hash_ for version, (hash_, of_document) in books.items() if hash_ == of_document}
        self._open: Callable[[str], str] = partial(vault.of(conn.dialect).read_json, "decisions.seen")
        self._shown = lru_cache(ALIKE)(_shown)

    def sealed(self, records: Mapping[int, tuple[str, str]]) -> tuple[set[int], list[Broken]]:
        """`records`: ids and texts of entries that follow each other, by their places. Returns where there are decisions, and what is
        broken about them."""
        found, unlike = set[int](), list[int]()
        for row in _STORED.rows(self._conn, first=min(records), last=max(records)):
            found.add(row[0])
            if not self._is_recorded(records[row[0]][1], *row):
                unlike.append(row[0])
        told: list[tuple[Row, Row, Mapping[str, Any]]] = []
        for part in parts(unlike):
            query = select(*tolerant.columns(decisions), chain.c.seq).join(chain, chain.c.id == _D.id).where(chain.c.seq.in_(part))
            for one in self._conn.execute(query).mappings():
                id_, record = records[one["seq"]]
                told.append((one, {"seq": one["seq"], "id": id_}, read_record(record)))
        return found, list(self.differing(told))

    def differing(self, told: Sequence[tuple[Row, Row, Mapping[str, Any]]]) -> Iterator[Broken]:
        """Decisions as they are shown and searched, each with its entry, in the chain or waiting, and the record of that."""
        cases = _cases(self._conn, [row for row, _, record in told if row["case_id"] != record.get("case_id")])
        for row, entry, record in told:
            yield from differing(entry, record, "the decision differs from what was recorded", _decision(row, record))
            # One of an interaction that was linked otherwise later went with it to another case.
            if row["case_id"] != record.get("case_id") and row["case_id"] != cases.get((row["source"], row["interaction"])):
                yield at(row, "the decision differs from what was recorded: case_id")
            yield from _seen(row, record)
            yield from _judged_by(row, record, self._books)

    def _is_recorded(
        self,
        record: str,
        _seq: int,
        number: int,
        at: int,
        recorded_at: int,
        case_id: str,
        channel: str | None,
        event: str,
        event_id: str | None,
        id: str,
        interaction: str,
        source: str,
        mode: str,
        moment: str,
        outcome: str,
        revises: str | None,
        version: int,
        matched: str,
        seen: str | None,
        salt: str,
        severity: int | None,
        queue: str | None,
        agent: str | None,
        retracted: bool,
    ) -> bool:
        """Whether the row, as it is stored, says the record. The outcome is read, so it ends where it ended when it was recorded."""
        try:
            saw = commitment_of(salt, "null" if seen is None else self._open(seen))
            times = (_instant(at), _instant(recorded_at))
            if retracted:
                text = retraction_text(number, *times, case_id, id, moment, outcome, revises, matched, saw)
            else:
                book = self._hashes[version]
                text = decision_text(
                    *(number, *times, case_id, channel, event, event_id, id, interaction, source, mode, moment, outcome, revises),
                    *(book, version, matched, saw),
                )
            return text == record and (severity, queue, agent) == self._shown(outcome)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            return False


def differing(entry: Row, record: Mapping[str, Any], why: str, names: Iterable[str]) -> Iterator[Broken]:
    """One line for a row, naming the columns that differ from its entry."""
    if entry["id"] != record.get("id"):
        yield at(entry, "the entry stands under another id than was recorded")
    if told := list(names):
        yield at(entry, f"{why}: {', '.join(told)}")


def at(row: Row, why: str) -> Broken:
    """What is broken, by its place in the chain; by the decision's id where it has none."""
    return {"seq": row["seq"], "why": why} if row["seq"] is not None else {"seq": None, "id": row["id"], "why": why}


def read_record(text: str) -> Mapping[str, Any]:
    """Nothing where it cannot be read, which the chain itself tells."""
    try:
        record = from_json(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _instant(at: int) -> str:
    """`core.moments.instant_text` of a stored instant."""
    minute, rest = divmod(at, 60_000_000)
    second, fraction = divmod(rest, 1_000_000)
    return f"{_minute(minute)}{second:02d}.{fraction:06d}Z"


@lru_cache(ALIKE)
def _minute(minute: int) -> str:
    return (EPOCH + timedelta(minutes=minute)).isoformat()[:17]


def _shown(outcome: str) -> tuple[Any, ...]:
    """What is shown of an outcome in columns of its own."""
    told = from_json(outcome)
    return told.get("severity"), told.get("queue"), (told.get("assignee") or {}).get("id")


def _cases(conn: Connection, rows: Sequence[Row]) -> Mapping[tuple[str, str], str]:
    """The cases that the interactions of these decisions belong to."""
    found: dict[tuple[str, str], str] = {}
    for part in parts(sorted({(row["source"], row["interaction"]) for row in rows})):
        columns = (interactions.c.source, interactions.c.id, interactions.c.case_id)
        for source, id_, case_id in conn.execute(select(*columns).where(tuple_(*columns[:2]).in_(part))):
            found[source, id_] = case_id
    return found


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


def _seen(row: Row, record: Mapping[str, Any]) -> Iterator[Broken]:
    if row["seen"] is None and row["held"] is not None:  # all that it saw went, and what is kept of it is held by a change
        return
    if record.get("seen") != commitment(row["salt"], row["seen"]):
        yield at(row, "what the decision saw differs from what was recorded, or is gone")


def _judged_by(row: Row, record: Mapping[str, Any], books: Mapping[int, tuple[str, str]]) -> Iterator[Broken]:
    named = (record.get("rulebook") or {}).get("hash")
    if named is not None and books.get(row["rulebook_version"]) != (named, named):
        yield at(row, "the rulebook that judged differs from what was recorded, or is gone")
