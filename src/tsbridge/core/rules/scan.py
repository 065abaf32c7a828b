"""All words and all patterns that rules look for in a field, found in one pass over its text (an RE2 set).

RE2 is linear in the text whatever is looked for. Three traps of its sets: `Match` gives None when nothing hits, the default
memory is too little for big sets, and a set with too little memory finds nothing instead of saying so. So each is tried out
once it is made; words and patterns of one that does not work are looked for one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import re2

from tsbridge.core.rules.text import PATTERN_TEXT, find_word, search

MEMORY: Final = 64 << 20
WORDS: Final = 4_096
PATTERNS: Final = 256
ALONE: Final = 3
"""So few are looked for one by one: a set costs more than it saves."""
MANY: Final = 12
"""Words that stand in a text, from which on it is worth while to take it apart."""
PROBE: Final = "\x00found\x00"
"""No text has it: a NUL never comes in."""


class WordScan:
    """The whole words of a folded text that are among `words`."""

    def __init__(self, words: Iterable[str]) -> None:
        words = sorted(set(words))
        self._scan = _Scan(words, lambda text, word: word in text, WORDS, literal=True)
        self._alone = {word: f" {word} " for word in words}
        self._longest = max(map(len, words), default=0)
        self._last: tuple[str, frozenset[str]] = "", frozenset()

    def found(self, folded: str) -> frozenset[str]:
        """Due times are judged on the text of the moment before, most moments on that text gone on: only what is new is read."""
        text, found = self._last
        if text != folded:
            if text and folded.startswith(text) and folded[len(text)] == " ":
                start = folded.rfind(" ", 0, max(0, len(text) - self._longest)) + 1  # words that begin in the old text, whole
                found |= self._words_of(folded[start:])
            else:
                found = self._words_of(folded)
            self._last = folded, found
        return found

    def _words_of(self, folded: str) -> frozenset[str]:
        hits = self._scan.hits(folded)
        if len(hits) > MANY:  # the text is taken apart once: mostly a word stands between two spaces
            apart = frozenset(folded.split(" "))
            return frozenset([word for word in hits if word in apart or find_word(folded, word) >= 0])
        text = f" {folded} "
        return frozenset([word for word in hits if self._alone[word] in text or find_word(folded, word) >= 0])


class PatternScan:
    """The patterns among `sources` that match a text."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._scan = _Scan(sorted(set(sources)), lambda text, source: search(source, text) is not None, PATTERNS, literal=False)
        self._last: tuple[str, frozenset[str]] = "", frozenset(self._scan.hits(""))

    def found(self, text: str) -> frozenset[str]:
        last, found = self._last
        if text != last:
            found = frozenset(self._scan.hits(text[:PATTERN_TEXT]))
            self._last = text, found
        return found


class _Scan:
    def __init__(self, wanted: Sequence[str], one: Callable[[str, str], bool], size: int, *, literal: bool) -> None:
        self._one = one
        parts = [tuple(wanted[n : n + size]) for n in range(0, len(wanted), size)]
        self._parts = tuple((part, None if len(part) <= ALONE else _set(part, literal)) for part in parts)

    def hits(self, text: str) -> list[str]:
        found: list[str] = []
        for part, compiled in self._parts:
            places = None if compiled is None else _places(compiled, text)
            if places is None:
                found += [one for one in part if self._one(text, one)]
            else:
                found += [part[place] for place in places]
        return found


def _set(wanted: Sequence[str], literal: bool) -> re2.Set | None:
    """The compiled set; None when it cannot be made, or does not find what is there. Its last member is there to be found."""
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    options.literal = literal
    made = re2.Set.SearchSet(options)
    try:
        for one in (*wanted, PROBE):
            made.Add(one)
        made.Compile()
    except (re2.error, UnicodeEncodeError, RuntimeError):
        return None
    return made if len(wanted) in (made.Match(PROBE) or ()) else None


def _places(compiled: re2.Set, text: str) -> Sequence[int] | None:
    """Where in the set what was found stands; None when the text cannot be asked about."""
    try:
        found: Sequence[int] = compiled.Match(text) or ()
    except UnicodeEncodeError:  # a lone surrogate, which only a test's facts can hold
        return None
    return found
