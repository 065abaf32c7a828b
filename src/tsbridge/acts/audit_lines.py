"""Decisions and changes as lines of NDJSON and CSV, however many: read in pieces, each in a short transaction, so that a slow reader
holds nothing open, and made without an object a decision. What is alike in many decisions becomes text once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from json import dumps
from json.encoder import encode_basestring
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import Connection

from tsbridge.acts.audit import changes, outcome_of
from tsbridge.acts.csvtext import cell, csv_text, ndjson
from tsbridge.acts.shape import as_json
from tsbridge.store import agents, routing
from tsbridge.store.change_log import ChangeFilter
from tsbridge.store.columns import EPOCH
from tsbridge.store.routing import Stored
from tsbridge.store.routing_filter import RoutingFilter

PIECE: Final = 2_000
"""Decisions read at once."""
FEW_CHANGES: Final = 200
"""Changes read at once: one may hold a whole rulebook."""
ALIKE: Final = 4_096
"""How many texts of one kind are remembered: what memory a stream takes does not grow with its length."""

COLUMNS: Final = (
    *("id", "number", "seq", "sealed", "at", "recorded_at", "event", "event_id", "case_id", "source", "interaction", "channel"),
    *("rulebook_version", "rulebook_hash", "mode", "rules", "severity", "category", "queue", "assignee", "priority"),
    *("tags_added", "tags_removed", "escalations", "writeback_id", "writeback_status", "confirmed_at"),
    *("revises", "superseded_by", "retracted", "previous_hash", "hash"),
)
"""Ids, names of rules, tags and queues: no text, no address, no number of a person."""
CHANGE_COLUMNS: Final = ("id", "seq", "at", "actor", "action", "subject", "before", "after", "previous_hash", "hash")

Wish = routing.StoredWish
Line = Callable[[Stored, str | None, Wish | None], str]
"""Of a decision, the hash of its rulebook, and the wish that carries it."""


class Decisions:
    """Everything that matches, newest first, as of when it was begun. `before`: only those with a lower number."""

    def __init__(self, wanted: RoutingFilter, before: int | None = None, *, as_csv: bool) -> None:
        self._wanted = wanted
        self._before = before
        self._as_csv = as_csv
        self._line: Line | None = None
        self.count = 0
        self.over = False

    def piece(self, conn: Connection) -> bytes:
        """The next lines; a CSV begins with its header. Nothing is left once it is `over`. May be tried again when the connection broke."""
        first = self._line is None
        line = self._line or (_csv_line() if self._as_csv else _json_line(agents.keys(conn)))
        books = routing.book_hashes(conn)
        before = routing.newest(conn) + 1 if self._before is None else self._before
        rows = routing.stored_list(conn, self._wanted, PIECE, before)
        wishes = routing.stored_wishes(conn, rows)
        lines = [line(row, books.get(row.version), wishes.get(row.id)) for row in rows]
        self._line, self._before = line, rows[-1].number if rows else before
        self.count, self.over = self.count + len(rows), len(rows) < PIECE
        return (csv_text([COLUMNS]) if first and self._as_csv else b"") + "".join(lines).encode()


class Changes:
    """Everything that somebody changed and that matches, newest first."""

    def __init__(self, asked: ChangeFilter, before: int | None = None, *, as_csv: bool) -> None:
        self._asked = asked
        self._before = before
        self._as_csv = as_csv
        self._begun = self.over = False

    def piece(self, conn: Connection) -> bytes:
        """As of `Decisions`."""
        found = changes(conn, self._asked, FEW_CHANGES, self._before)
        items = [as_json(one) for one in found]
        header = [CHANGE_COLUMNS] if self._as_csv and not self._begun else []
        self._begun, self.over = True, len(found) < FEW_CHANGES
        self._before = found[-1].seq if found else self._before
        if self._as_csv:
            return csv_text([*header, *(_change_cells(one) for one in items)])
        return ndjson(items)


def _change_cells(item: Mapping[str, Any]) -> list[str]:
    held = {name: None if item[name] is None else dumps(item[name], ensure_ascii=False) for name in ("before", "after")}
    return [cell({**item, **held}[name]) for name in CHANGE_COLUMNS]


def _csv_line() -> Line:
    quoted, alike = lru_cache(ALIKE)(_quoted), lru_cache(ALIKE)(_judged_cells)

    def line(row: Stored, book: str | None, wish: Wish | None) -> str:
        id_, number, at, recorded_at, event, event_id, case_id, source, interaction, channel, version, mode, matched, outcome = row[:14]
        revises, superseded_by, retracted, seq, previous, hashed = row[14:]
        carried = ",," if wish is None else f"{wish.id},{wish.status},{_time(wish.confirmed_at)}"
        return (
            f"{id_},{number},{'' if seq is None else seq},{'false' if seq is None else 'true'},{_time(at)},{_time(recorded_at)}"
            f",{quoted(event)},{event_id or ''},{case_id},{source},{quoted(interaction)},{quoted(channel)},{version},{book or ''},{mode}"
            f",{alike(matched, outcome)},{carried},{revises or ''},{superseded_by or ''}"
            f",{'true' if retracted else 'false'},{previous or ''},{hashed or ''}\r\n"
        )

    return line


def _judged_cells(matched: str, outcome: str) -> str:
    told: dict[str, Any] = from_json(outcome)
    listed = (" ".join(told.get(name) or ()) for name in ("tags_added", "tags_removed", "escalations"))
    named = (told.get("assignee") or {}).get("id")
    shown = (*(told.get(name) for name in ("severity", "category", "queue")), named, told.get("priority"))
    return _cells((" ".join(key for key, _ in from_json(matched)), *shown, *listed))


def _json_line(keys: Mapping[str, str]) -> Line:
    """`keys`: of the roster, by Zendesk ids."""

    @lru_cache(ALIKE)
    def rules(matched: str) -> str:
        return _dumped([{"key": key, "kind": kind, "matched": True} for key, kind in from_json(matched)])

    @lru_cache(ALIKE)
    def judged(outcome: str) -> str:
        return _dumped(outcome_of(from_json(outcome), keys))

    quoted = encode_basestring
    word, wish_json = lru_cache(ALIKE)(_word), lru_cache(ALIKE)(_wish_json)

    def line(row: Stored, book: str | None, wish: Wish | None) -> str:
        id_, number, at, recorded_at, event, event_id, case_id, source, interaction, channel, version, mode, matched, outcome = row[:14]
        revises, superseded_by, retracted, seq, previous, hashed = row[14:]
        after = "null" if revises is None else quoted(revises)
        before = "null" if superseded_by is None else quoted(superseded_by)
        place = 'null,"sealed":false' if seq is None else f'{seq},"sealed":true'
        links = 'null,"hash":null' if seq is None else f'{quoted(previous or "")},"hash":{quoted(hashed or "")}'
        return (
            f'{{"id":{quoted(id_)},"number":{number},"seq":{place},"at":"{_time(at)}","recorded_at":"{_time(recorded_at)}"'
            f',"event":{word(event)},"event_id":{_word(event_id)},"case_id":{quoted(case_id)}'
            f',"interaction":{{"source":{word(source)},"id":{quoted(interaction)}}},"channel":{word(channel)}'
            f',"rulebook":{{"version":{version},"hash":{word(book)}}},"mode":{word(mode)}'
            f',"rules":{rules(matched)},"outcome":{judged(outcome)},"writeback":{"null" if wish is None else wish_json(wish)}'
            f',"revises":{after},"superseded_by":{before},"retracted":{"true" if retracted else "false"},"previous_hash":{links}}}\n'
        )

    return line


def _wish_json(wish: Wish) -> str:
    confirmed = "null" if wish.confirmed_at is None else f'"{_time(wish.confirmed_at)}"'
    return (
        f'{{"id":{_word(wish.id)},"ticket":{_word(wish.ticket)},"status":{_word(wish.status)},"reason":{_word(wish.reason)}'
        f',"attempts":{wish.attempts},"confirmed_at":{confirmed}}}'
    )


def _time(at: int | None) -> str:
    """RFC 3339 UTC, microseconds only where there are any; nothing of None."""
    if at is None:
        return ""
    minute, rest = divmod(at, 60_000_000)
    second, fraction = divmod(rest, 1_000_000)
    return f"{_minute(minute)}{second:02d}.{fraction:06d}Z" if fraction else f"{_minute(minute)}{second:02d}Z"


@lru_cache(ALIKE)
def _minute(minute: int) -> str:
    """The text of a time up to its seconds. `minute`: since 1970."""
    return (EPOCH + timedelta(minutes=minute)).isoformat()[:17]


def _word(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _dumped(value: Any) -> str:
    return dumps(value, ensure_ascii=False, separators=(",", ":"))


def _quoted(value: str | None) -> str:
    if not value or value.isalnum():  # most are; csv writes a lonely nothing as two quotes
        return value or ""
    return _cells((value,))


def _cells(values: Iterable[Any]) -> str:
    return csv_text([[cell(value) for value in values]]).decode().removesuffix("\r\n")
