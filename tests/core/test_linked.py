"""Claims that share what their makers are known by belong together."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.clocks import START
from tsbridge.core.linked import CROWD, Claim, rings
from tsbridge.core.moments import Handle, Interaction


def claim(number: int, *people: str) -> Claim:
    handles = frozenset(Handle(*person.split(":")) for person in people)
    return Claim(Interaction("zendesk", str(number)), START + timedelta(hours=number), handles)


CHAIN = [
    claim(1, "email:a", "phone:1"),
    claim(2, "email:b", "phone:1"),
    claim(3, "email:b", "phone:2"),
    claim(4, "email:c", "phone:2"),
    claim(5, "email:c"),
]
"""Nobody shares anything with all."""


def test_claims_are_linked_around_corners_in_whatever_order_they_are_told() -> None:
    strangers = [claim(10 + number, f"email:x{number}", f"phone:9{number}") for number in range(30)]
    (ring,) = rings(CHAIN + strangers)
    assert [one.subject.id for one in ring.claims] == ["1", "2", "3", "4", "5"]
    assert (ring.identities, ring.shared, ring.since) == (3, 4, CHAIN[0].at)
    for seed in range(5):
        shuffled = CHAIN + strangers
        random.Random(seed).shuffle(shuffled)  # noqa: S311
        assert rings(shuffled) == (ring,)


def test_a_family_that_shares_a_number_and_one_person_with_many_claims_are_no_ring() -> None:
    assert rings(CHAIN[:3]) == ()
    assert rings([claim(number, "email:a", "phone:1") for number in range(8)]) == ()


def test_a_number_that_a_crowd_has_links_nobody() -> None:
    assert rings([claim(number, f"email:{number}", "phone:0") for number in range(CROWD + 1)]) == ()
    assert len(rings([claim(number, f"email:{number}", "phone:0") for number in range(CROWD)])) == 1
