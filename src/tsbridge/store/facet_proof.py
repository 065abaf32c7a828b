"""Whether what decisions are found by, summed up as bits (`store.facets`), is what the decisions are, both ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import Connection, or_, select

from tsbridge.store import facets
from tsbridge.store.decision_tables import decision_blocks, decision_facets
from tsbridge.store.facets import Facet

TOGETHER: Final = 256
"""Blocks whose bits are held at once."""


def broken(conn: Connection) -> Iterator[tuple[int | None, str]]:
    """Where what was summed up is not what the decisions are: the number of one, or None where it is about none that there is."""
    top = facets.built(conn)
    blocks = {row.block: (row.first_at, row.last_at) for row in conn.execute(select(decision_blocks))}
    yield from ((None, f"block {block} of decisions is not summed up") for block in range(top) if block not in blocks)
    outside = select(decision_facets.c.block).where(or_(decision_facets.c.block < 0, decision_facets.c.block >= top)).distinct()
    yield from ((None, f"block {block} of decisions is summed up before its time") for block in conn.execute(outside).scalars())
    for low in range(0, top, TOGETHER):
        held = _held_by_block(conn, low, min(top, low + TOGETHER))
        for block in range(low, min(top, low + TOGETHER)):
            rows = facets.rows_of(conn, block)
            right = facets.summed(rows, block)
            for facet in sorted(right.keys() | held[block].keys()):
                if wrong := right.get(facet, 0) ^ held[block].get(facet, 0):
                    number = block * facets.SIZE + (wrong & -wrong).bit_length() - 1
                    yield number, f"what this decision is found by differs from what was recorded: {facet[0]}"
            times = [row.at for row in rows]
            if block in blocks and blocks[block] != (min(times, default=None), max(times, default=None)):
                yield (rows[0].number if rows else None), f"the times of block {block} of decisions differ from those of its decisions"


def _held_by_block(conn: Connection, low: int, high: int) -> Mapping[int, Mapping[Facet, int]]:
    held: dict[int, dict[Facet, int]] = defaultdict(dict)
    query = select(decision_facets).where(decision_facets.c.block >= low, decision_facets.c.block < high)
    for facet, value, block, bits in conn.execute(query):
        held[block][facet, value] = int.from_bytes(bits, "little")
    return held
