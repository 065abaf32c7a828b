"""Words in text: folded alike on both sides, found as whole words, in any language."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

import re2

PATTERN_LENGTH: Final = 512
PROGRAM_SIZE: Final = 2_000
NEWEST: Final = 65_536
"""Bytes of a text, in UTF-8, that rules see: the newest ones, so that what was said last is always heard."""
_ASCII_FOLDED: Final = bytes(ord(" " if chr(code).isspace() else chr(code).lower()) for code in range(128)) + bytes(128)
"""What each ASCII character folds to."""


class BadPattern(ValueError):
    """A pattern that RE2 or our limits refuse; the text says why."""


def newest(text: str) -> str:
    """The last `NEWEST` bytes of a text, from a character's beginning on."""
    tail = text[-NEWEST:]  # a character is a byte at least
    if tail.isascii():
        return tail
    end = tail.encode("utf-8", "surrogatepass")[-NEWEST:]
    start = next((place for place in range(4) if end[place] & 0xC0 != 0x80), 0)
    return end[start:].decode("utf-8", "surrogatepass")


def fold(text: str) -> str:
    """The form in which texts and words are compared: NFKC, case folded, accents dropped, any white space one space.

    "Straße", "STRASSE" and "strasse" are the same, and so are "café" and "CAFE".
    """
    if text.isascii():
        plain = text.encode().translate(_ASCII_FOLDED).decode()
        return " ".join(plain.split()) if "  " in plain else plain.strip(" ")
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


class Folding:
    """Folds the texts of fields. Mostly a text is the one before, gone on by a line: then only what is new is folded."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, str]] = {}

    def fold(self, field: str, text: str) -> str:
        before, folded = self._last.get(field, ("", ""))
        if text != before:
            if before and text.startswith(before) and text[len(before)] == "\n":  # nothing grows together across a line's end
                folded = f"{folded} {fold(text[len(before) :])}".strip(" ")
            else:
                folded = fold(text)
            self._last[field] = text, folded
        return folded


def find_word(folded: str, word: str) -> int:
    """Where the folded `word` stands in the folded text as whole words; -1 where it does not.

    A hit counts when no letter or digit touches it where the word itself begins or ends with one.
    """
    if not word:
        return -1
    at = folded.find(word)
    while at >= 0:
        end = at + len(word)
        joined_before = at > 0 and folded[at - 1].isalnum() and word[0].isalnum()
        joined_after = end < len(folded) and folded[end].isalnum() and word[-1].isalnum()
        if not joined_before and not joined_after:
            return at
        at = folded.find(word, at + 1)
    return -1


def excerpt(folded: str, at: int, length: int, around: int = 24) -> str:
    """A few words around a hit, with an ellipsis where the text goes on."""
    start, end = max(0, at - around), min(len(folded), at + length + around)
    return ("…" if start else "") + folded[start:end] + ("…" if end < len(folded) else "")


@lru_cache(maxsize=4_096)
def pattern(source: str) -> re2._Regexp:
    """A compiled RE2 pattern; raises `BadPattern`."""
    if len(source) > PATTERN_LENGTH:
        raise BadPattern(f"longer than {PATTERN_LENGTH} characters")
    if "\\C" in source:
        raise BadPattern("\\C is not allowed: it may split a character")
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    try:
        compiled = re2.compile(source, options)
    except (re2.error, UnicodeEncodeError) as refused:
        said = refused.args[0] if refused.args else "not understood"
        raise BadPattern(said.decode() if isinstance(said, bytes) else str(said)) from None
    if compiled.programsize > PROGRAM_SIZE or compiled.reverseprogramsize < 0:
        raise BadPattern("too large once compiled; use smaller repeats")
    return compiled


def search(source: str, text: str) -> tuple[int, int] | None:
    """The first match of a pattern in a text."""
    try:
        found = pattern(source).search(text)
    except UnicodeEncodeError:
        return None
    return None if found is None else found.span()
