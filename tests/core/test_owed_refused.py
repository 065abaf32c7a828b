"""Zendesk refuses an update that gives back what a person did: what of it is left out, and when it is tried alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.helpdesk import Edit, Ours
from tsbridge.core.refusals import owed_refused, parts_of

OWED = Edit(add=("pet",), remove=("old",), values=(("custom:7", "tier_2"), ("priority", "low")))
WISHED = Edit(add=("ts_a",), values=(("group_id", "61"),), notes=(("n#1", "hello"),))
BOTH = Edit(("pet", "ts_a"), ("old",), tuple(sorted(OWED.values + WISHED.values)), WISHED.notes)


def left(edit: Edit, wished: Edit, *named: set[str], owed: Edit = OWED) -> tuple[Edit, tuple[tuple[str, ...], ...]] | None:
    after = owed_refused(Ours(owed=owed), edit, wished, named)
    return None if after is None else (after.owed, after.search.groups)


def test_a_refusal_that_means_something_else_is_none_of_what_is_owed() -> None:
    assert left(BOTH, WISHED, {"group_id"}) is None
    assert left(WISHED, WISHED, owed=Edit()) is None


def test_what_is_named_of_the_owed_is_left_out_and_nothing_else() -> None:
    assert left(BOTH, WISHED, {"priority"}) == (Edit(("pet",), ("old",), (("custom:7", "tier_2"),)), ())
    assert left(OWED, Edit(), {"tag:pet"}) == (Edit((), ("old",), OWED.values), ())


@pytest.mark.parametrize("named", [[], [{"tag:ts_a", "tag:pet"}]], ids=["nothing named", "either"])
def test_where_it_may_be_either_the_owed_is_tried_alone(named: list[set[str]]) -> None:
    assert left(BOTH, WISHED, *named) == (OWED, (parts_of(OWED), ("tag:ts_a", "note:n#1", "group_id")))


def test_alone_the_values_are_left_out_first() -> None:
    tags = Edit(("pet",), ("old",))
    assert left(OWED, Edit()) == (tags, ())
    assert left(tags, Edit(), owed=tags) == (Edit(), ())


PARTS = st.frozensets(st.sampled_from([*parts_of(BOTH), "custom:8"]))


@given(st.lists(PARTS, max_size=2))
def test_it_comes_to_an_end_whatever_is_named(named: list[frozenset[str]]) -> None:
    ours = Ours(owed=OWED)
    for _ in range(10):
        owed = ours.owed
        # a drop-down's value goes with its tag, so it may be in the update though it is not in what is owed any more
        derived = (("custom:8", None),) if owed.add else ()
        edit = Edit((*owed.add, "ts_a"), owed.remove, tuple(sorted(owed.values + derived)), WISHED.notes)
        after = owed_refused(ours, edit, WISHED, named)
        if after is None or not owed:
            return
        ours = after
    raise AssertionError(ours)
