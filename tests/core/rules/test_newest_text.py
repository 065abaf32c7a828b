"""Rules see the newest 64 KiB of every text; words and patterns the same."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rulebook.books import ZONE, book, leaf, rule
from tsbridge.core.moments import Text
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.text import NEWEST, newest
from tsbridge.core.words import Said
from tsbridge.rulebook.worlds import WORKDAY

FIELDS = ("text", "text.requester", "text.new")
SEEN = {"add_tags": ["ts_seen"]}
JUDGE = Judge(
    read(
        book(
            *(rule(f"words.{field}", leaf(field, "contains", "bitten"), SEEN) for field in FIELDS),
            *(rule(f"pattern.{field}", leaf(field, "matches", r"(?i)\bbitten\b"), SEEN) for field in FIELDS),
            *(rule(f"any.{field}", leaf(field, "contains_any", ["hurt", "bitten", "hospital", "wound"]), SEEN) for field in FIELDS),
        )
    ),
    ZONE,
)
LETTERS = ["word ", "Straße ", "犬に ", "ñandú\n", "🐕 ", "x"]


def seen(*bodies: str) -> dict[str, bool]:
    """Which fields have the word, by the three ways to look for it, which must agree."""
    said = Said()
    for body in bodies:
        said.tell([Text("comment", body, "requester")])
    fields = said.fields(None, new=True)
    judgement = JUDGE.decide({"source": "zendesk", "event": "ticket.commented", **fields}, {}, Standing(), WORKDAY)
    matched = {match.key for match in judgement.matched}
    for field in FIELDS:
        assert len({f"{how}.{field}" in matched for how in ("words", "pattern", "any")}) == 1
    return {field: f"words.{field}" in matched for field in FIELDS}


def as_expected(seed: int) -> bool:
    """Whether words and pattern see the same in a random story of up to 5 MB, and what a plain look into its newest text sees."""
    rng = Random(seed)  # noqa: S311
    whole = rng.choice([200, NEWEST, 3 * NEWEST, 5_000_000 if seed % 6 == 0 else 300_000])
    bodies: list[str] = []
    for n in range(rng.randint(1, 12)):
        size = rng.randint(0, whole // 6)
        letters = rng.choice(LETTERS)
        body = (letters * (size // len(letters.encode()) + 1))[:size]
        if rng.random() < 0.3:
            at = rng.randint(0, len(body))
            body = f"{body[:at]} Bitten {body[at:]}"
        bodies.append(f"{n} {body}")
    kept = "\n".join(bodies).encode()[-NEWEST:].decode(errors="ignore")
    new = bodies[-1].encode()[-NEWEST:].decode(errors="ignore")
    expected = {name: " Bitten " in f" {text} " for name, text in (("text", kept), ("text.requester", kept), ("text.new", new))}
    return seen(*bodies) == expected


@pytest.mark.parametrize("seed", range(60))
def test_a_rule_with_words_and_one_with_the_same_pattern_agree_on_stories_of_up_to_five_megabytes(seed: int) -> None:
    assert as_expected(seed)


def test_a_bite_in_the_newest_comment_of_a_long_thread_is_found_and_one_before_the_bound_is_not() -> None:
    long = "a question about the invoice " * 200_000
    assert seen(long, "my dog was bitten") == {"text": True, "text.requester": True, "text.new": True}
    assert seen("my dog was bitten", long) == {"text": False, "text.requester": False, "text.new": False}
    assert seen("bitten " + "x" * (NEWEST - len("bitten ")))["text"]
    assert not seen("bitten " + "x" * NEWEST)["text"]


def test_what_is_cut_is_said_in_the_judgement_and_at_each_condition() -> None:
    facts = {"source": "zendesk", "event": "ticket.commented", "text": "ä" * NEWEST + " bitten", "text.new": "bitten"}
    assert JUDGE.decide(facts, {}, Standing(), WORKDAY).cut == ("text",)
    told = {one["field"]: one for rule in JUDGE.explain(facts, {}, Standing(), WORKDAY) if rule.matched for one in rule.because}
    assert (told["text"]["cut"], "cut" in told["text.new"]) == (True, False)
    assert JUDGE.decide({**facts, "text": "ä" * (NEWEST // 2)}, {}, Standing(), WORKDAY).cut == ()


@given(st.text(max_size=4), st.integers(0, 3), st.sampled_from(["a", "ß", "日", "🐕"]))
def test_the_newest_part_of_a_text_ends_where_it_ends_and_begins_with_a_character(end: str, more: int, letter: str) -> None:
    text = letter * (NEWEST // len(letter.encode()) + more) + end
    kept = newest(text)
    assert text.endswith(kept)
    assert NEWEST - 4 < len(kept.encode()) <= NEWEST
