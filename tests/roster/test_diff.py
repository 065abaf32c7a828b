"""What differs between two rosters, told entry by entry."""

from __future__ import annotations

from typing import Any

import pytest

from tests.roster.rosters import document
from tsbridge.roster.diff import diff, touched


def test_equal_rosters_do_not_differ() -> None:
    assert diff(document(), document()) == {"same": True, "parts": [], "other": []}
    assert touched(document(), document()) == {}


def test_each_entry_that_changed_says_how() -> None:
    after: Any = document()
    after["agents"]["ana"]["queues"] = ["safety"]
    after["agents"]["cleo"] = {"queues": ["claims"]}
    del after["lists"]["leads"]
    after["rotations"]["lead"]["every"] = "2w"
    after["cover"] = after["cover"][1:]
    found = diff(document(), after)
    assert [(one["part"], one["name"], one["change"], one["words"]) for one in found["parts"]] == [
        ("agents", "ana", "changed", ["queues: claims has gone."]),
        ("agents", "cleo", "added", ["Agent cleo was added."]),
        ("rotations", "lead", "changed", ["every is 2w, was 1w."]),
        ("lists", "leads", "removed", ["List leads was removed."]),
    ]
    assert [one["part"] for one in found["other"]] == ["cover"]
    assert touched(document(), after) == {"agents": ["ana", "cleo"], "rotations": ["lead"], "lists": ["leads"], "cover": ["cover"]}


@pytest.mark.parametrize("anything", [{}, {"agents": 7}, {"agents": {"ana": None}}, {"cover": {"a": 1}}])
def test_whatever_is_no_roster_is_compared_all_the_same(anything: Any) -> None:
    assert diff(anything, document())["same"] is False
    assert diff(document(), anything)["same"] is False
