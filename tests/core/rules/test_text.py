"""Texts that go on: folded and read piece by piece, they say what they say read whole."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.core.rules import random_books
from tsbridge.core.rules.scan import PatternScan, WordScan
from tsbridge.core.rules.text import Folding, find_word, fold

LINES = st.lists(
    st.text(max_size=12) | st.sampled_from([*random_books.TEXTS, " ", "\t", "\r\n", "\u0301bite", "\ufb01", "ς", "a\u2028b"]), max_size=5
)


@given(LINES)
def test_a_text_that_goes_on_folds_to_what_it_folds_to_whole(lines: list[str]) -> None:
    folding = Folding()
    for upto in range(len(lines) + 1):
        text = "\n".join(lines[:upto])
        assert folding.fold("text", text) == folding.fold("text", text) == fold(text)


@given(LINES, LINES, st.sets(st.sampled_from([fold(word) for word in random_books.WORDS])))
def test_a_text_that_goes_on_has_the_words_it_has_whole(story: list[str], other: list[str], words: set[str]) -> None:
    scan = WordScan(words)
    for lines in (story, other, story):
        for upto in range(len(lines) + 1):
            text = fold("\n".join(lines[:upto]))
            assert scan.found(text) == WordScan(words).found(text)


PIECES = st.sampled_from(["bite", "dog", "é", "ø", "c++", "#", "-", " ", "9", "日", "ß", "it", ".", "x"])
WORDS = st.lists(PIECES, min_size=1, max_size=3).map(lambda pieces: fold("".join(pieces))).filter(bool)


@given(st.lists(PIECES, max_size=12).map("".join), st.sets(WORDS, max_size=8))
def test_words_are_found_at_once_where_each_is_found_by_itself(text: str, words: set[str]) -> None:
    folded = fold(text)
    assert WordScan(words).found(folded) == {word for word in words if find_word(folded, word) >= 0}


def test_a_word_that_began_before_the_end_is_found() -> None:
    scan = WordScan({"dog bite", "bite it", "abit"})
    assert scan.found("the dog") == frozenset()
    assert scan.found("the dog bite") == {"dog bite"}
    assert scan.found("the dog bite it") == {"dog bite", "bite it"}
    assert scan.found("grabit") == frozenset()
    assert scan.found("grabit abit") == {"abit"}


def test_patterns_are_those_of_the_text_at_hand() -> None:
    rng, scan = Random(1), PatternScan(random_books.PATTERNS)  # noqa: S311
    for text in rng.choices(random_books.TEXTS, k=40):
        assert scan.found(text) == PatternScan(random_books.PATTERNS).found(text)
