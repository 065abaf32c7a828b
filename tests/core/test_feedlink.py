"""Links to feeds say whose they are and prove it; everything else is no link."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tsbridge.core.feedlink import FeedLink, claimed, proven, sign

SECRET, OTHER = b"\x01" * 32, b"\x02" * 32
LINKS = st.builds(
    FeedLink,
    st.sampled_from(["agent", "queue"]),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=200),
)


@given(LINKS)
def test_a_link_is_for_whom_it_was_made_and_good_under_its_own_secret_alone(link: FeedLink) -> None:
    token = sign(link, SECRET)
    assert claimed(token) == link
    assert proven(token, link, SECRET)
    assert not proven(token, link, OTHER)


@given(LINKS, LINKS)
def test_a_link_is_good_for_nobody_else(link: FeedLink, other: FeedLink) -> None:
    assume(link != other)
    assert not proven(sign(link, SECRET), other, SECRET)


@given(st.integers(0, 60), st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_a_link_of_which_one_letter_is_another_is_not_good(place: int, letter: str) -> None:
    token = sign(FeedLink("agent", "ana"), SECRET)
    place %= len(token)
    altered = token[:place] + letter + token[place + 1 :]
    assume(altered != token)
    assert not proven(altered, FeedLink("agent", "ana"), SECRET)
    assert (link := claimed(altered)) is None or not proven(altered, link, SECRET)


@pytest.mark.parametrize(
    "token",
    ["", "a", "a..", "x.YW5h." + "A" * 22, "a.YW5h." + "A" * 23, "a.A." + "A" * 22, "a._w." + "A" * 22, "a.AA." + "A" * 22, "a." * 2_000],
)
def test_what_cannot_be_a_link_is_none(token: str) -> None:
    assert claimed(token) is None


def test_a_key_too_long_for_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="short key"):
        sign(FeedLink("queue", "q" * 1_000), SECRET)
