"""What was said in a story is the same whether it was held all the time or kept and gone on with, whole or as what came behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from tsbridge.core.moments import ActorKind, Text
from tsbridge.core.rules.text import NEWEST
from tsbridge.core.words import PARTS, Said

Kept = tuple[list[dict[str, Any]], tuple[Any, ...]]


def keep(said: Said, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is kept now, where `rows` were kept before."""
    part = said.part()
    return [json.loads(json.dumps(said.to_json()))] if part is None else [*rows, json.loads(json.dumps(part))]


def back(rows: list[dict[str, Any]], said: Said) -> Said:
    upto: Any = (said.count, said.digest, said.place, said.at)
    made = Said.from_json(rows[0], *upto)
    for part in rows[1:]:
        made.go_on(part, *upto)
    return made


@pytest.mark.parametrize("seed", range(40))
def test_kept_in_parts_it_is_what_it_was(seed: int) -> None:
    rng = Random(seed)  # noqa: S311
    longest = rng.choice([20, 400, NEWEST // 3])
    bodies = [f"{n} " + "word " * (rng.randint(1, longest) // 5) for n in range(30)]
    speakers: list[ActorKind | None] = ["requester", "agent", None]
    held, gone_on, rows = Said(), Said(), list[dict[str, Any]]()
    seen = set[int]()
    for _ in range(120):
        told = [
            Text(rng.choice(["comment"] * 20 + ["subject", "description"]), rng.choice(bodies), rng.choice(speakers))
            for _ in range(rng.randint(1, 3))
        ]
        author = rng.choice([None, "41", "42"])
        held.tell(told, author)
        gone_on.tell(told, author)
        if rng.random() < 0.7:
            rows = keep(gone_on, rows)
            seen.add(len(rows))
            gone_on = back(rows, gone_on)
        assert gone_on.to_json() == held.to_json()
        assert gone_on.fields(None, new=False) == held.fields(None, new=False)
    assert max(seen) > 1, "parts were kept"
    assert min(seen) == 1


def test_what_was_kept_until_0056_is_read() -> None:
    speakers = [[True, "requester", "41"], [True, None, None]]
    before = {"pieces": [["Hello", [[False, None, None]]], ["she was bitten", speakers]], "subject": "Hello", "description": None}
    said = Said.from_json(before, 2, "d", "p", datetime.now(UTC))
    assert said.fields(None, new=False) == {"text": "Hello\nshe was bitten", "text.requester": "Hello\nshe was bitten", "subject": "Hello"}
    assert said.to_json()["speakers"] == [[[False, None, None]], speakers]


def test_a_long_story_is_written_as_what_came_behind_and_now_and_then_anew() -> None:
    said, rows, sizes = Said(), list[dict[str, Any]](), list[int]()
    for n in range(3 * PARTS):
        said.tell([Text("comment", f"word{n}", "requester")])
        rows = keep(said, rows)
        said = back(rows, said)
        sizes.append(len(rows[-1]["bodies"]))
    whole = [n for n, size in enumerate(sizes) if size != 1]
    assert whole == [PARTS + 1, 2 * PARTS + 2], "all the others hold one comment"
