"""What decisions are found by when somebody types words: parts of keys, tags and names of queues, and of titles of rules.

A word stands for all facets (`store.facets`) that it is in, whatever they are; of several words each has to be found.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic_core import from_json
from sqlalchemy import Connection, Text, func, literal, select, type_coerce, union_all

from tsbridge.core.rules.text import fold
from tsbridge.store import agents, facets
from tsbridge.store.decision_tables import decision_facets, decisions
from tsbridge.store.facets import RULE_KINDS, Facet
from tsbridge.store.version_tables import rulebooks

WORDED: Final = (*RULE_KINDS, "queue", "category", "tag", "channel", "agent")
"""Facets whose values are words."""
MOST_WORDS: Final = 8
"""More words than these are not looked for."""


class Titles:
    """By key of a rule every title it ever had. A version never changes: each is read once in a process. Safe to share."""

    def __init__(self) -> None:
        self._known: Mapping[str, frozenset[str]] = {}
        self._version = 0
        self._lock = threading.Lock()

    def of(self, conn: Connection) -> Mapping[str, frozenset[str]]:
        with self._lock:
            known, after = self._known, self._version
        found = defaultdict(set, {key: set(titles) for key, titles in known.items()})
        newer = select(rulebooks.c.version, rulebooks.c.document).where(rulebooks.c.version > after).order_by(rulebooks.c.version)
        for version, document in conn.execute(newer):
            after = version
            for rule in document.get("rules", ()):
                found[rule["key"]].add(fold(str(rule.get("title") or "")))
        titles = {key: frozenset(some) for key, some in found.items()}
        with self._lock:
            if after > self._version:
                self._known, self._version = titles, after
        return titles


def meant(conn: Connection, titles: Titles, typed: str) -> tuple[tuple[Facet, ...], ...]:
    """By word the facets it may mean: a decision has to have one of each. A word that is found nowhere means none."""
    words = list(dict.fromkeys(fold(typed).split()))[:MOST_WORDS]
    if not words:
        return ()
    names = _names(conn, titles)
    return tuple(tuple(facet for facet, told in names.items() if any(word in name for name in told)) for word in words)


def _names(conn: Connection, titles: Titles) -> Mapping[Facet, frozenset[str]]:
    """Every facet that a decision has, with what it goes by."""
    titled, people = titles.of(conn), agents.names(conn)
    found: dict[Facet, frozenset[str]] = {}
    for facet, value in _values(conn):
        more = titled.get(value) if facet in RULE_KINDS else people.get(value) if facet == "agent" else None
        found[facet, value] = frozenset((fold(value), *(more or ())))
    return found


def _values(conn: Connection) -> list[Facet]:
    """The facets with words of all decisions: those summed up, and those of the few that are not yet; sorted."""
    return sorted({*_summed_up(conn), *_behind(conn)})


def _summed_up(conn: Connection) -> Iterator[Facet]:
    """From each value straight to the next one, by the index."""
    d = decision_facets
    begin = union_all(*(select(literal(one).label("facet")) for one in WORDED)).subquery()
    first = select(func.min(d.c.value)).where(d.c.facet == begin.c.facet).scalar_subquery()
    seen = select(begin.c.facet, first.label("value")).cte("seen", recursive=True)
    following = select(func.min(d.c.value)).where(d.c.facet == seen.c.facet, d.c.value > seen.c.value).scalar_subquery()
    seen = seen.union_all(select(seen.c.facet, following).where(seen.c.value.is_not(None)))
    yield from ((facet, value) for facet, value in conn.execute(select(seen).where(seen.c.value.is_not(None))))


def _behind(conn: Connection) -> Iterator[Facet]:
    """Of the decisions behind the last block; many are alike in all that has words."""
    alike = (decisions.c.queue, decisions.c.channel, decisions.c.agent, type_coerce(decisions.c.outcome, Text).label("outcome"))
    columns = (*alike, type_coerce(decisions.c.matched, Text).label("matched"))
    query = select(*columns).where(decisions.c.number >= facets.built(conn) * facets.SIZE).distinct()
    for row in conn.execute(query):
        yield from facets.facets_in_words(row, from_json(row.outcome), from_json(row.matched))
