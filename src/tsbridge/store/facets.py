"""What the audit filters decisions by, summed up: of every so many decisions which have what, as bits.

Two filters that many decisions fit and none fits both are no work for any index of rows; of bits they are two numbers and an AND. A block
of decisions is summed up once it is whole, beside the work; the decisions behind the last block are few, and looked at one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, text

from tsbridge.store.decision_tables import decision_blocks, decision_facets, decisions
from tsbridge.store.decisions import searched_tags

RULE_KINDS: Final = ("escalation", "routing")
"""Facets that are keys of rules."""
SIZE: Final = 2_048
"""Decisions of a block, by their numbers: so many bits."""
SETTLED: Final = timedelta(minutes=15)
"""After so long no decision comes any more with a number that was drawn before: no transaction lives as long."""
CHUNKS: Final = (0, 16, 64, 256)
"""Blocks looked at together: first few, as most pages are full soon."""
_LOCK: Final = 7_321_889_541
_TAKE: Final = text("SELECT pg_try_advisory_xact_lock(:key)")
_BITS: Final = select(decision_facets.c.block, decision_facets.c.bits).where(
    decision_facets.c.facet == bindparam("facet"),
    decision_facets.c.value == bindparam("value"),
    decision_facets.c.block.between(bindparam("low"), bindparam("high")),
)
_TIMES: Final = select(decision_blocks).where(decision_blocks.c.block.between(bindparam("low"), bindparam("high")))
_BEHIND: Final = select(decisions.c.recorded_at).where(decisions.c.number >= bindparam("number")).order_by(decisions.c.number).limit(1)
COLUMNS: Final = (
    *(decisions.c.number, decisions.c.at, decisions.c.recorded_at, decisions.c.queue, decisions.c.channel, decisions.c.severity),
    *(decisions.c.agent, decisions.c.rulebook_version, decisions.c.outcome, decisions.c.matched),
)

Facet = tuple[str, str]
"""What, and which: ("queue", "safety")."""


class Span(NamedTuple):
    """Times, `since` inclusive and `until` exclusive; None: open."""

    since: datetime | None = None
    until: datetime | None = None


def facets_of(row: Any) -> Iterator[Facet]:
    """What a decision is found by. A rule is told with its kind: a key may have been of another kind before."""
    for facet, value in (("severity", row.severity), ("version", row.rulebook_version)):
        if value is not None:
            yield facet, str(value)
    yield "changed", "no" if row.outcome.get("changes_nothing") else "yes"
    yield from (("kind", kind) for kind in {kind for _, kind in row.matched})
    yield from facets_in_words(row, row.outcome, row.matched)


def facets_in_words(row: Any, outcome: Mapping[str, Any], matched: Iterable[Sequence[str]]) -> Iterator[Facet]:
    """Those of a decision whose values are keys and other words."""
    for facet, value in (("queue", row.queue), ("channel", row.channel), ("agent", row.agent), ("category", outcome.get("category"))):
        if value is not None:
            yield facet, str(value)
    yield from ((kind, key) for key, kind in matched)
    yield from (("tag", tag) for tag in searched_tags(outcome))


def built(conn: Connection) -> int:
    """How many blocks are summed up: 0, 1, 2 … up to this one."""
    return int(conn.execute(select(func.coalesce(func.max(decision_blocks.c.block) + 1, 0))).scalar_one())


def any_whole(conn: Connection) -> bool:
    """Whether there are decisions behind the next block."""
    return conn.execute(_BEHIND, {"number": (built(conn) + 1) * SIZE}).first() is not None


def sum_up(conn: Connection, now: datetime) -> bool:
    """Sum up the next block if nothing can come into it any more; False when there is none, or another process is at it."""
    if conn.dialect.name == "postgresql" and not conn.execute(_TAKE, {"key": _LOCK}).scalar_one():
        return False
    block = built(conn)
    behind = conn.execute(_BEHIND, {"number": (block + 1) * SIZE}).scalar()
    if behind is None:
        return False
    rows = rows_of(conn, block)
    if len(rows) < SIZE and now - behind < SETTLED:
        return False
    times = [row.at for row in rows]
    conn.execute(insert(decision_blocks).values(block=block, first_at=min(times, default=None), last_at=max(times, default=None)))
    if found := summed(rows, block):
        values = [{"facet": facet, "value": value, "block": block, "bits": _bytes(bits)} for (facet, value), bits in sorted(found.items())]
        conn.execute(insert(decision_facets), values)
    return True


def summed(rows: Iterable[Any], block: int) -> Mapping[Facet, int]:
    """By facet the bits of the decisions of a block that have it."""
    found: dict[Facet, int] = defaultdict(int)
    for row in rows:
        bit = 1 << (row.number - block * SIZE)
        for facet in facets_of(row):
            found[facet] |= bit
    return found


def numbers(conn: Connection, groups: Sequence[Sequence[Facet]], span: Span, before: int) -> Iterator[int]:
    """Numbers below `before` of decisions in blocks that have one facet of every group and whose time is within the span, going down."""
    for high, low in pairwise(_edges(min(built(conn), -(-before // SIZE)))):
        held = _held(conn, groups, low, high - 1)
        times = _times(conn, span, low, high - 1)
        for block in range(high - 1, low - 1, -1):
            bits = held.get(block, 0) if groups else (1 << SIZE) - 1
            if before < (block + 1) * SIZE:
                bits &= (1 << (before - block * SIZE)) - 1
            if bits and times is not None and not times.get(block, False):
                bits &= _in_time(conn, span, block) if block in times else 0
            while bits:
                place = bits.bit_length() - 1
                bits ^= 1 << place
                yield block * SIZE + place


def masks(conn: Connection, groups: Sequence[Sequence[Facet]], span: Span, low: int, high: int) -> Mapping[int, int]:
    """By block, from `low` to `high`, the bits of decisions that have one facet of every group and whose time is within the span. Blocks
    without any are left out."""
    times = _times(conn, span, low, high)
    held = _held(conn, groups, low, high) if groups else dict.fromkeys(times or (), (1 << SIZE) - 1)
    if times is None:
        return held
    found = {}
    for block, bits in held.items():
        if block in times:
            found[block] = bits if times[block] else bits & _in_time(conn, span, block)
    return found


def _edges(top: int) -> Iterator[int]:
    yield top
    for many in CHUNKS[1:]:
        top = max(0, top - many)
        yield top
    while top > 0:
        top = max(0, top - CHUNKS[-1])
        yield top


def _held(conn: Connection, groups: Sequence[Sequence[Facet]], low: int, high: int) -> Mapping[int, int]:
    """By block the bits that every group has."""
    held: dict[int, int] | None = None
    for group in groups:
        mine: dict[int, int] = defaultdict(int)
        for facet, value in group:
            for block, bits in conn.execute(_BITS, {"facet": facet, "value": value, "low": low, "high": high}):
                mine[block] |= int.from_bytes(bits, "little")
        held = mine if held is None else {block: held[block] & bits for block, bits in mine.items() if block in held}
        if not held:
            break
    return held or {}


def _times(conn: Connection, span: Span, low: int, high: int) -> Mapping[int, bool] | None:
    """Blocks with decisions in a span, and whether all of them are; None: there is no span."""
    if span == Span():
        return None
    found = {}
    for block, first, last in conn.execute(_TIMES, {"low": low, "high": high}):
        if first is not None and (span.until is None or first < span.until) and (span.since is None or last >= span.since):
            found[block] = (span.since is None or first >= span.since) and (span.until is None or last < span.until)
    return found


def _in_time(conn: Connection, span: Span, block: int) -> int:
    query = select(decisions.c.number).where(decisions.c.number.between(block * SIZE, (block + 1) * SIZE - 1), *within(span))
    return sum(1 << (number - block * SIZE) for number in conn.execute(query).scalars())


def within(span: Span) -> list[Any]:
    """What a row of `decisions` must be to lie in the span."""
    since = [] if span.since is None else [decisions.c.at >= span.since]
    return since if span.until is None else [*since, decisions.c.at < span.until]


def rows_of(conn: Connection, block: int) -> Sequence[Any]:
    """What is summed up of a block."""
    mine = decisions.c.number.between(block * SIZE, (block + 1) * SIZE - 1)
    return conn.execute(select(*COLUMNS).where(mine).order_by(decisions.c.number)).all()


def _bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
