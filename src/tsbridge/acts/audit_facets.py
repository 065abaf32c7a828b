"""How many decisions there are of what, among those that somebody asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tsbridge.acts import audit
from tsbridge.acts.audit import Asked
from tsbridge.store import tallies
from tsbridge.store.terms import Titles

Counted = tuple[tuple[str, int], ...]
"""Values and how many decisions have each, the most first."""


@dataclass(frozen=True, slots=True)
class Facets:
    """`count`: of all that is asked for. `by`: by facet (`queue`, `severity`, `escalation` and `routing` for rules of that kind …)."""

    count: int
    by: Mapping[str, Counted] = field(hash=False)


def facets(conn: Connection, titles: Titles, asked: Asked, kinds: Collection[str]) -> Facets:
    """Exact counts."""
    found = tallies.tallied(conn, audit.filter_of(conn, titles, asked), {*kinds, tallies.EVERY})
    by = {kind: tuple(sorted(found[kind].items(), key=lambda one: (-one[1], one[0]))) for kind in kinds if kind in found}
    return Facets(found[tallies.EVERY].total() if tallies.EVERY in found else 0, by)
