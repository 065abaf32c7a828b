"""Whether what decisions are found by is what the decisions are, both ways: the tables of their rules and tags, and what was summed up of
them as bits (`store.facets`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain as chained
from typing import Any, Final, NamedTuple

from pydantic_core import from_json
from sqlalchemy import BigInteger, Connection, Table, Text, bindparam, func, literal_column, select, type_coerce

from tsbridge.store import facets
from tsbridge.store.decision_tables import decision_blocks, decision_facets, decision_rules, decision_tags, decisions
from tsbridge.store.decisions import searched_tags
from tsbridge.store.facets import SIZE, Facet
from tsbridge.store.statements import Fixed, Listed, parts

TOGETHER: Final = 16
"""Blocks looked at together: what memory it takes."""
ALIKE: Final = 4_096
"""How many decisions of different kinds are remembered: most are like others."""
_D: Final = decisions.c
_ROWS: Final = Fixed(
    select(
        *(_D.number, type_coerce(_D.at, BigInteger), _D.severity, _D.rulebook_version, _D.queue, _D.channel, _D.agent),
        *(type_coerce(_D.outcome, Text), type_coerce(_D.matched, Text)),
    )
    .where(_D.number.between(bindparam("low"), bindparam("high")))
    .order_by(_D.number)
)
_BLOCKS: Final = select(
    decision_blocks.c.block, type_coerce(decision_blocks.c.first_at, BigInteger), type_coerce(decision_blocks.c.last_at, BigInteger)
)
_OF_DECISIONS: Final = select(_D.number.op(">>")(literal_column(str((SIZE - 1).bit_length()))).label("block")).distinct()
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


class _Like(NamedTuple):
    """What decides by what a decision is found."""

    severity: int | None
    rulebook_version: int
    queue: str | None
    channel: str | None
    agent: str | None
    outcome: Any
    matched: Any


class _Found(NamedTuple):
    facets: Sequence[Facet]
    rules: Sequence[tuple[str, ...]]
    tags: Sequence[tuple[str, ...]]


class _Searched:
    """A table that decisions are searched by, read along its key, which begins with what is looked for."""

    def __init__(self, table: Table, names: Sequence[str], why: str) -> None:
        listed = ", ".join(f"t.{name}" for name in names)
        query = (
            f"SELECT {listed}, count(*), {{numbers}} FROM {{keys}} {{join}} {table.name} t ON t.{names[0]} = k.k0 "
            f"WHERE t.number BETWEEN ? AND ? GROUP BY {listed}"
        )
        of_postgresql = query.replace("{numbers}", "string_agg(t.number::text, ',' ORDER BY t.number)")
        of_sqlite = query.replace("{numbers}", "group_concat(t.number, ',' ORDER BY t.number)")
        self._query = Listed(of_postgresql, 1, [], of_sqlite)
        self._table = table
        self._key = table.c[names[0]]
        self._why = why

    def keys(self, conn: Connection) -> list[str]:
        return list(conn.execute(select(self._key).distinct()).scalars())

    def differing(
        self, conn: Connection, keys: Sequence[str], low: int, high: int, right: Mapping[tuple[str, ...], list[int]]
    ) -> tuple[int, set[int]]:
        """How many rows there are of numbers from `low` to `high`, and the numbers of which there are others than the `right` ones."""
        count, there, wrong = 0, {}, set[int]()
        for *value, many, numbers in self._query.rows(conn, keys, low, high):
            count += many
            there[tuple(value)] = numbers
        for one in there.keys() | right.keys():
            numbers = sorted(right.get(one, ()))
            if (told := there.get(one, "")) != ",".join(map(str, numbers)):
                wrong |= {*numbers} ^ {int(number) for number in told.split(",") if number}
        return count, wrong

    def broken(self, numbers: Iterable[int], known: Callable[[int], bool]) -> Iterator[tuple[int | None, str]]:
        for number in sorted(numbers):
            yield (number, self._why) if known(number) else (None, _missing(number))

    def lonely(self, conn: Connection) -> Iterator[tuple[None, str]]:
        """Rows of decisions that are not there."""
        both = self._table.outerjoin(decisions, _D.number == self._table.c.number)
        query = select(self._table.c.number).distinct().select_from(both).where(_D.number.is_(None))
        yield from ((None, _missing(number)) for number in conn.execute(query).scalars())

    def count(self, conn: Connection) -> int:
        return int(conn.execute(select(func.count()).select_from(self._table)).scalar_one())


_RULES: Final = _Searched(decision_rules, ("key", "kind"), "the rules that this decision is found by differ from what was recorded")
_TAGS: Final = _Searched(decision_tags, ("tag",), "the tags that this decision is found by differ from what was recorded")


def broken(conn: Connection) -> Iterator[tuple[int | None, str]]:
    """Where what is searched is not what the decisions are: the number of one, or None where it is about none that there is."""
    blocks = {block: (first, last) for block, first, last in conn.execute(_BLOCKS)}
    yield from _unlike_a_row(sorted(blocks))
    told = set(conn.execute(select(decision_facets.c.block).distinct()).scalars())
    yield from ((None, f"block {block} of decisions is summed up before its time") for block in sorted(told - blocks.keys()))
    of_decisions = conn.execute(_OF_DECISIONS).scalars()
    found, keys = lru_cache(ALIKE)(_found), {table: table.keys(conn) for table in (_RULES, _TAGS)}
    counts = dict.fromkeys(keys, 0)
    behind = _LOWEST
    every = sorted({*blocks, *of_decisions})
    for some in parts(every, TOGETHER):
        top = _HIGHEST if some[-1] == every[-1] else (some[-1] + 1) * SIZE - 1
        alike: dict[int, dict[tuple[Any, ...], list[int]]] = {block: defaultdict(list) for block in some}
        times: dict[int, list[int]] = {block: [] for block in some}
        known = set[int]()
        for number, at, *told_ in _ROWS.rows(conn, low=some[0] * SIZE, high=(some[-1] + 1) * SIZE - 1):
            alike[number // SIZE][tuple(told_)].append(number)
            times[number // SIZE].append(at)
            known.add(number)
        right: dict[_Searched, dict[tuple[str, ...], list[int]]] = {table: defaultdict(list) for table in keys}
        for like, numbers in chained.from_iterable(one.items() for one in alike.values()):
            for table, values in ((_RULES, found(*like).rules), (_TAGS, found(*like).tags)):
                for value in values:
                    right[table][value] += numbers
        for table in keys:
            many, wrong = table.differing(conn, keys[table], behind, top, right[table])
            counts[table] += many
            yield from table.broken(wrong, known.__contains__)
        held = _held_by_block(conn, some)
        for block in (one for one in some if one in blocks):
            bits = _bits(alike[block], block, found)
            for facet in sorted(bits.keys() | held[block].keys()):
                if wrong_bits := bits.get(facet, 0) ^ held[block].get(facet, 0):
                    number = block * SIZE + (wrong_bits & -wrong_bits).bit_length() - 1
                    yield number, f"what this decision is found by differs from what was recorded: {facet[0]}"
            if blocks[block] != (min(times[block], default=None), max(times[block], default=None)):
                first = min((numbers[0] for numbers in alike[block].values()), default=None)
                yield first, f"the times of block {block} of decisions differ from those of its decisions"
        behind = top + 1
    for table, count in counts.items():
        if count != table.count(conn):
            yield from table.lonely(conn)


def _missing(number: Any) -> str:
    return f"rules or tags of a decision that is not there, number {number}"


def _unlike_a_row(blocks: Sequence[int]) -> Iterator[tuple[None, str]]:
    """Blocks are summed up one after the other, from 0 on."""
    yield from ((None, f"block {block} of decisions is summed up before its time") for block in blocks if block < 0)
    after = 0
    for block in (one for one in blocks if one >= 0):
        if block > after:
            gap = f"block {after} of decisions is" if block - 1 == after else f"blocks {after} to {block - 1} of decisions are"
            yield None, f"{gap} not summed up"
        after = block + 1


def _found(*like: Any) -> _Found:
    told = _Like(*like)
    told = told._replace(outcome=_read(told.outcome, {}), matched=_read(told.matched, []))
    try:
        rules = sorted({key: kind for key, kind in told.matched}.items())
        return _Found(list(facets.facets_of(told)), rules, [(tag,) for tag in searched_tags(told.outcome)])
    except (ValueError, TypeError, AttributeError):
        return _Found((), (), ())  # what cannot be read is found by nothing, and differs from what was recorded


def _read(text: str, nothing: Any) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return nothing


def _bits(alike: Mapping[tuple[Any, ...], list[int]], block: int, found: Callable[..., _Found]) -> Mapping[Facet, int]:
    """By facet the bits of the decisions of a block that have it."""
    made: dict[Facet, int] = defaultdict(int)
    for like, numbers in alike.items():
        bits = sum(1 << (number - block * SIZE) for number in numbers)
        for facet in found(*like).facets:
            made[facet] |= bits
    return made


def _held_by_block(conn: Connection, some: Sequence[int]) -> Mapping[int, Mapping[Facet, int]]:
    held: dict[int, dict[Facet, int]] = defaultdict(dict)
    query = select(decision_facets).where(decision_facets.c.block.in_(some))
    for facet, value, block, bits in conn.execute(query):
        held[block][facet, value] = int.from_bytes(bits, "little")
    return held
