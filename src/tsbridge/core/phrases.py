"""Words and phrases that more people use than did: what opens tickets now against what opened them in the eight weeks before.

A phrase counts once a case, as a share of the texts that were read, so that a busy day is none. Nothing here keeps a word: texts go in, and
what rises comes out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tsbridge.core.rates import FEWEST, WINDOWS
from tsbridge.core.rules.text import fold
from tsbridge.core.tails import at_least, believed, exactly

LONGEST: Final = 4_000
"""Characters of a text that are read."""
MOST: Final = 160
"""Phrases of a text."""
VARIES: Final = 0.5
"""How much the share of a phrase changes from day to day (variance, in parts of its level squared)."""
RARE: Final = 1.5
"""How often a phrase counts as seen that was seen once or never: of so few nothing is known."""
TIMES: Final = 3.0
"""So many times its usual share is worth a word."""
SAME: Final = 0.6
"""Phrases of which so much of the cases are the same are one finding."""
MOST_RISING: Final = 5
FEWEST_BEFORE: Final = 200
"""Texts before; of fewer nothing is said."""

_WORD: Final = re.compile(r"[^\W\d_]{3,24}(?:'[^\W\d_]{1,3})?")
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")

Texts = Mapping[str, Sequence[str]]
"""By case the phrases of what opened its tickets."""


@dataclass(frozen=True, slots=True)
class Rise:
    """A phrase that rises. `count` of `texts` cases have it, where `usual` were to be expected."""

    phrase: str
    days: int
    count: int
    texts: int
    usual: float
    chance: float
    cases: tuple[str, ...] = ()


def phrases(text: str) -> tuple[str, ...]:
    """The words of a text and its pairs of words that stand together, folded, each once, sorted.

    What holds digits, or what an address or a link has, is nobody's word.
    """
    found: dict[str, None] = {}
    before = ""
    for chunk in fold(text[:LONGEST]).split(" "):
        word = _EDGES.sub("", chunk)
        if not _WORD.fullmatch(word):
            before = ""
            continue
        found[word] = None
        if before:
            found[f"{before} {word}"] = None
        before = word if chunk[-1:] == word[-1:] else ""  # nothing stands together across the end of a sentence
        if len(found) >= MOST:
            break
    return tuple(sorted(found))


def rising(days: Sequence[Texts], before: Mapping[str, int], texts_before: int, rate: float) -> tuple[Rise, ...]:
    """What rises at the end of these days (the newest last), the surest first.

    `before`: in how many of `texts_before` texts a phrase stood; those of one text may be left out.
    """
    if texts_before < FEWEST_BEFORE:
        return ()
    found: list[Rise] = []
    tested = 0
    for length in WINDOWS:
        cases: dict[str, Sequence[str]] = {case_id: told for day in days[-length:] for case_id, told in day.items()}
        counts = Counter(phrase for told in cases.values() for phrase in told)
        tested += len(before) + len(counts)
        for phrase, count in counts.items():
            usual = max(before.get(phrase, 0), RARE) * len(cases) / texts_before
            if count >= max(FEWEST, TIMES * usual):
                spread = (1 + VARIES * usual) * (1 + len(cases) / texts_before)
                chance = at_least(count, usual, spread) - exactly(count, usual, spread) / 2
                found.append(Rise(phrase, length, count, len(cases), usual, chance))
    limit = believed([one.chance for one in found], max(tested, 1), rate)
    kept: list[Rise] = []
    for one in sorted(found, key=lambda one: (one.chance, -len(one.phrase), one.phrase, one.days)):
        if one.chance <= limit and len(kept) < MOST_RISING:
            theirs = [case_id for day in days[-one.days :] for case_id, told in day.items() if one.phrase in told]
            one = replace(one, cases=tuple(dict.fromkeys(theirs)))
            if not any(_same(one, other) for other in kept):
                kept.append(one)
    return tuple(kept)


def _same(one: Rise, other: Rise) -> bool:
    mine, theirs = set(one.cases), set(other.cases)
    return one.phrase == other.phrase or len(mine & theirs) >= SAME * min(len(mine), len(theirs))
