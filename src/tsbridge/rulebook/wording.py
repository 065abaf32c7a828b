"""Texts for conditions on words: one that has what shall be there and lacks what shall not, or the proof that none can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import Final

from tsbridge.core.rules.language import Leaf
from tsbridge.core.rules.text import find_word
from tsbridge.core.values import plain
from tsbridge.rulebook.patterns import examples
from tsbridge.rulebook.solved import Literal

GLUE: Final = " / "
FILLERS: Final = ("something else", "qzx", "zz9 qv")
COMBINATIONS: Final = 64
TEXT_OPERATORS: Final = frozenset({"contains_any", "contains_all", "starts_with", "matches"})


class Impossible(Exception):
    """No text at all satisfies these conditions."""


def texts(literals: Sequence[Literal]) -> Iterator[str]:
    """Texts worth a try, most likely first. Raises `Impossible` where the conditions exclude each other."""
    there, absent = _contains(literals, True), _contains(literals, False)
    forbidden = {word for leaf in absent if leaf.operator == "contains_any" or len(leaf.words) == 1 for word in leaf.words}
    prefix = _prefix(literals, forbidden)
    needs = list(_needs(there, forbidden))
    forced = [need[0] for need in needs if len(need) == 1]
    for leaf in absent:
        if forced and all(any(find_word(held, word) >= 0 for held in forced) for word in leaf.words):
            raise Impossible
    shapes = [tuple(examples(leaf.value)) for leaf, wanted in literals if wanted and leaf.operator == "matches"]
    for words in islice(product(*needs), COMBINATIONS):
        for found in islice(product(*shapes), COMBINATIONS):
            yield from _joined(prefix, [*found, *words])


def _contains(literals: Iterable[Literal], wanted: bool) -> list[Leaf]:
    return [leaf for leaf, want in literals if want is wanted and leaf.operator in ("contains_any", "contains_all")]


def _needs(there: Iterable[Leaf], forbidden: set[str]) -> Iterator[tuple[str, ...]]:
    """For every word that must be there the words that would do: a text with a phrase has all that stands whole in it."""
    for leaf in there:
        allowed = tuple(word for word in leaf.words if not any(find_word(word, no) >= 0 for no in forbidden))
        if not allowed or (leaf.operator == "contains_all" and len(allowed) < len(leaf.words)):
            raise Impossible
        if leaf.operator == "contains_any":
            yield allowed
        else:
            yield from ((word,) for word in allowed)


def _prefix(literals: Iterable[Literal], forbidden: set[str]) -> str:
    wanted = sorted({leaf.words[0] for leaf, want in literals if want and leaf.operator == "starts_with"}, key=len)
    if not wanted:
        return ""
    longest = wanted[-1]
    if not all(longest.startswith(one) for one in wanted):
        raise Impossible
    if any(not want and leaf.operator == "starts_with" and longest.startswith(leaf.words[0]) for leaf, want in literals):
        raise Impossible
    # whatever follows the prefix, a word that ends before its last letter stays where it is
    if any(0 <= at < len(longest) - len(no) for no in forbidden for at in (find_word(longest, no),)):
        raise Impossible
    return longest


def _joined(prefix: str, parts: list[str]) -> Iterator[str]:
    body = GLUE.join(parts)
    if prefix:
        yield prefix + (GLUE + body if body else "")
        yield prefix + "zq" + (GLUE + body if body else "")
    elif body:
        yield body
        yield body + GLUE + FILLERS[1]
        yield FILLERS[1] + GLUE + body
        yield "\n".join(parts)
    else:
        yield from FILLERS


def mentioned(leaf: Leaf) -> tuple[str, ...]:
    """The values a leaf compares with, as text."""
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    return tuple(plain(value) for value in values if value is not None)
