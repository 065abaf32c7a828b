"""How many decisions have what, of those that somebody asks for: exact, from what was summed up of them and the few behind that."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, select

from tsbridge.store import facets, routing_filter
from tsbridge.store.decision_tables import decision_facets, decisions
from tsbridge.store.facets import SIZE, Span
from tsbridge.store.routing_filter import RoutingFilter

ALL: Final = (1 << SIZE) - 1
EVERY: Final = "changed"
"""A facet that every decision has one of."""


def tallied(conn: Connection, wanted: RoutingFilter, kinds: Collection[str]) -> Mapping[str, Counter[str]]:
    """By facet and value. Every decision has one value of `changed`, so that its sum is how many there are."""
    few = routing_filter.few(conn, wanted)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    first = 0 if few is not None else facets.built(conn) * SIZE
    behind = select(*facets.COLUMNS).where(decisions.c.number >= first, *(few or ()), *routing_filter.conditions(conn, wanted))
    for row in conn.execute(behind):
        for facet, value in facets.facets_of(row):
            if facet in kinds:
                found[facet][value] += 1
    if few is None and first:
        _summed(conn, wanted, kinds, first // SIZE, found)
    return found


def _summed(conn: Connection, wanted: RoutingFilter, kinds: Collection[str], blocks: int, found: dict[str, Counter[str]]) -> None:
    """What the blocks tell."""
    groups = routing_filter.groups(wanted)
    masks = facets.masks(conn, groups, wanted.span, 0, blocks - 1)
    if not groups and wanted.span == Span():
        masks = dict.fromkeys(range(blocks), ALL)
    if not masks:
        return
    table = decision_facets.c
    rows = select(table.facet, table.value, table.block, table.bits).where(table.facet.in_(sorted(kinds)), table.block < blocks)
    for facet, value, block, bits in conn.execute(rows):
        mask = masks.get(block, 0)
        if mask:
            found[facet][value] += (int.from_bytes(bits, "little") & mask).bit_count()
