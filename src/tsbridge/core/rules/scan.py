"""All words and all patterns that rules look for in a field, found in one pass over its text (an RE2 set).

RE2 is linear in the text whatever is looked for. Three traps of its sets: `Match` gives None when nothing hits, the default
memory is too little for big sets, and a set with too little memory finds nothing instead of saying so. So each is tried out
once it is made; words and patterns of one that does not work are looked for one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import re2

from tsbridge.core.rules.text import find_word, search

MEMORY: Final = 64 << 20
WORDS: Final = 16_384
PATTERNS: Final = 2_048
ALONE: Final = 3
"""So few words are looked for one by one: a set costs more than it saves. Of patterns it saves with the first."""
MANY: Final = 12
"""Words that stand in a text, from which on it is worth while to take it apart."""
PROBE: Final = "\x00found\x00"
"""No text has it: a NUL never comes in."""
EDGE: Final = "[^a-z0-9]"
"""What a whole word stands between, in folded text that is ASCII. Read byte by byte: any other letter counts as an edge, too."""


class WordScan:
    """The whole words of a folded text that are among `words`."""

    def __init__(self, words: Iterable[str]) -> None:
        words = sorted(set(words))
        self._scan = _Scan(words, lambda text, word: find_word(text, word) >= 0, WORDS, _between_edges)
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
        hits = self._scan.hits(f" {folded} ")
        if folded.isascii():
            return frozenset(hits)
        apart = frozenset(folded.split(" ") if len(hits) > MANY else ())  # mostly a word stands between two spaces
        return frozenset([word for word in hits if word in apart or find_word(folded, word) >= 0])


class PatternScan:
    """The patterns among `sources` that match a text."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._scan = _Scan(sorted(set(sources)), lambda text, source: search(source, text) is not None, PATTERNS)
        self._last: tuple[str, frozenset[str]] = "", frozenset(self._scan.hits(""))

    def found(self, text: str) -> frozenset[str]:
        last, found = self._last
        if text != last:
            found = frozenset(self._scan.hits(text))
            self._last = text, found
        return found


class _Scan:
    """`one`: whether a single one stands in a text. `written`: it as a pattern over bytes; without, they are patterns of text."""

    def __init__(
        self, wanted: Sequence[str], one: Callable[[str, str], bool], size: int, written: Callable[[str], str] | None = None
    ) -> None:
        self._one = one
        self._alone: list[str] = []
        self._sets: list[tuple[Sequence[str], re2.Set]] = []
        for n in range(0, len(wanted), size):
            part = wanted[n : n + size]
            compiled = None if written is not None and len(part) <= ALONE else _set(part, written)
            if compiled is None:
                self._alone += part
            else:
                self._sets.append((part, compiled))

    def hits(self, text: str) -> list[str]:
        found = self._one_by_one(self._alone, text) if self._alone else []
        for part, compiled in self._sets:
            try:
                found += [part[place] for place in compiled.Match(text) or ()]
            except UnicodeEncodeError:  # a lone surrogate, which only a test's facts can hold
                found += self._one_by_one(part, text)
        return found

    def _one_by_one(self, wanted: Sequence[str], text: str) -> list[str]:
        return [one for one in wanted if self._one(text, one)]


def _between_edges(word: str) -> str:
    before, after = (EDGE if end.isalnum() else "" for end in (word[0], word[-1]))
    return f"{before}{re2.escape(word)}{after}"


def _set(wanted: Sequence[str], written: Callable[[str], str] | None) -> re2.Set | None:
    """The compiled set; None when it cannot be made, or does not find what is there. Its last member is there to be found."""
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    if written is not None:
        options.encoding = re2.Options.Encoding.LATIN1
    made = re2.Set.SearchSet(options)
    try:
        for one in (*wanted, PROBE):
            made.Add(one if written is None else written(one))
        made.Compile()
    except (re2.error, UnicodeEncodeError, RuntimeError):
        return None
    return made if len(wanted) in (made.Match(f" {PROBE} ") or ()) else None
