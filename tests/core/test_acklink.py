"""Tokens of acknowledge links: read back to the letter, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tsbridge.core.acklink import LONGEST, AckLink, address, read, sign

KEYS = {689: b"k" * 32, 690: b"m" * 32}
LINK = AckLink("case", "ana", "mail", "case_01jd", "sev1", datetime(2026, 11, 29, 2, 12, 0, 7, UTC))
TOKEN = sign(LINK, 690, KEYS[690])


@pytest.mark.parametrize(
    "link", [LINK, replace(LINK, kind="group", policy=None), replace(LINK, kind="proof", agent="åsa|\n", about="mail")]
)
def test_a_token_tells_what_it_was_made_for(link: AckLink) -> None:
    assert read(sign(link, 689, KEYS[689]), KEYS) == link


def test_a_token_is_fit_for_an_address() -> None:
    assert address("https://desk.example", TOKEN) == f"https://desk.example/a/{TOKEN}"
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in TOKEN)


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_one_letter_changed_anywhere_makes_it_nothing(place: int) -> None:
    for letter in "A9_-.":
        if TOKEN[place] != letter:
            assert read(TOKEN[:place] + letter + TOKEN[place + 1 :], KEYS) is None
    assert read(TOKEN[:place] + TOKEN[place + 1 :], KEYS) is None
    assert read(TOKEN[:place], KEYS) is None


@pytest.mark.parametrize(
    "change", [{"agent": "ben"}, {"about": "case_02"}, {"policy": "sev2"}, {"policy": None}, {"kind": "group"}, {"way": "chat"}]
)
def test_the_proof_of_one_link_fits_no_other(change: dict[str, object]) -> None:
    other = sign(replace(LINK, **change), 690, KEYS[690])  # type: ignore[arg-type]
    said, proof = other.rpartition(".")[0], TOKEN.rpartition(".")[2]
    assert read(f"{said}.{proof}", KEYS) is None


def test_the_last_letter_of_the_proof_has_one_spelling() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [letter for letter in letters if read(TOKEN[:-1] + letter, KEYS) is not None] == [TOKEN[-1]]


def test_a_key_that_is_gone_or_another_opens_nothing() -> None:
    assert read(TOKEN, {689: KEYS[689]}) is None
    assert read(TOKEN, {690: KEYS[689]}) is None
    assert read(TOKEN, {}) is None


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "690..", TOKEN + "x", TOKEN + "\n", " " + TOKEN, "9" * 5_000, "\u0660" + TOKEN, TOKEN * 9]
)
def test_text_that_is_no_token_is_nothing(text: str) -> None:
    assert read(text, KEYS) is None


def test_what_would_not_fit_is_not_made() -> None:
    with pytest.raises(ValueError, match="short keys"):
        sign(replace(LINK, agent="a" * LONGEST), 690, KEYS[690])
