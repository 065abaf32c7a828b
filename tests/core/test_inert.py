"""Whatever people are called and write, within our notes it is words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seeds import examples
from tsbridge.core.inert import CLOSE, GAP, OPEN, leaving, quiet, strange

SIGNS = re.compile(
    r"\{\{|\{%|\]\(|(?<![\u200a*~])[*~]+|[*~](?![*~\u200a])|(?<!\w)_\w|://|\bwww\.|`|(?<!\u200b)@|(?<!\u200b)#|(?<!\u200b)<|[\u202a-\u202e\u2066-\u2069\x00\x1b]"
)


@pytest.mark.parametrize(
    "name",
    [
        *("{{ticket.comments}}", "{% if true %}", "@here", "<!channel>", "[press](https://evil.example)", "![x](http://evil.example/p)"),
        *("**bold**", "`code`", "# head", "https://evil.example", "www.evil.example", "\u202egnihtyna", f"a{CLOSE}{{{{b}}}}{OPEN}c"),
        *("<img src=x onerror=alert(1)>", "a\x1b[31mb", "_i_", "~~no~~", "{{{{x}}}}", "@" * 3),
    ],
)
def test_a_name_fills_nothing_in_calls_nobody_and_leads_nowhere(name: str) -> None:
    left = leaving(f"Asked by {strange(name)}, see https://wiki.example/injuries **now**.")
    ours = "see https://wiki.example/injuries **now**."
    assert left.endswith(ours)
    assert not SIGNS.search(left.removesuffix(ours)), left


@pytest.mark.parametrize(
    "name", ["Ana Müller-O'Neill", "ana.m+x@example.com", "+1 (415) 555-0123", "snake_case_id", "日本語", "case_01AB", "עברית"]
)
def test_words_and_addresses_are_as_they_came(name: str) -> None:
    assert strange(name) == leaving(strange(name)) == name


def test_until_a_text_leaves_a_value_in_it_is_found_as_it_came() -> None:
    assert "{{ticket.comments}}" in strange("{{ticket.comments}}")


@pytest.mark.parametrize(("text", "left"), [("call <Ana>", f"call <{GAP}Ana>"), ("</b> <!-- <?x", f"<{GAP}/b> <{GAP}!-- <{GAP}?x")])
def test_what_zendesk_would_take_for_html_stays_words(text: str, left: str) -> None:
    assert leaving(text) == left


def test_less_than_is_no_html() -> None:
    assert leaving("wait <15 min, 1 < 2 <3") == "wait <15 min, 1 < 2 <3"


@examples(20, 60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["{", "{{", "%}", "a ", "*", "@"]), st.text("{}%@*[]()#`\u2068\u2069\u202ea :/w.", max_size=8)),
        max_size=4,
    )
)
def test_no_placeholder_comes_together_out_of_pieces(pieces: list[tuple[str, str]]) -> None:
    left = leaving("".join(ours + strange(theirs) for ours, theirs in pieces))
    assert not re.search(r"\{[{%]", left)
    assert not re.search("[\u2066-\u2069\u202e]", left)


@given(st.text(max_size=30))
def test_nothing_is_lost_but_what_steers(text: str) -> None:
    kept = [letter for letter in quiet(text) if letter.isalnum()]
    assert kept == [letter for letter in text if letter.isalnum()]
