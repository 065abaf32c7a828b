"""Law 1: a few people, some numbers and weeks of tickets and calls end alike, in whatever order and batches they are heard."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.seeds import seeds
from tests.work.walk import Walk, call, ticket
from tsbridge.document_files import load_file
from tsbridge.store.db import Database

BOOK = load_file(Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml")
PHONES = ("+14155550123", "+14155550124", "+14155550125")
DAY = 24 * 60
Delivery = tuple[str, dict[str, Any]]


def history(rng: random.Random) -> list[Delivery]:
    """Tickets of three people, some with a number, comments on them, and calls: from a number, an address, or nobody."""
    told: list[Delivery] = []
    opened: dict[str, tuple[float, str, str]] = {}
    for n in range(rng.randint(8, 30)):
        minute = -rng.choice((0, 0, 1, 2, 5, 9, 20)) * DAY - rng.randint(0, DAY)
        kind = rng.random()
        if kind < 0.45:
            opened[str(100 + n)] = minute, rng.choice(("41", "42", "43")), rng.choice(("", *PHONES))
            told.append(about(str(100 + n), opened, "created", 0, rng.choice(("hello", "bitten", "refund"))))
        elif kind < 0.6 and opened:
            told.append(about(rng.choice(sorted(opened)), opened, "commented", rng.randint(1, 3_000), rng.choice(("more", "hurt"))))
        else:
            known = {"contact_email": f"p{rng.choice(('41', '42', '44'))}@example.com"} if rng.random() < 0.3 else {}
            told.append(call("call.missed", minute, f"c{n}", phone=rng.choice(("", *PHONES)), **known))
            if rng.random() < 0.3:
                told.append(call("call.abandoned", minute + 1, f"c{n}", abandon_kind=rng.choice(("short", ""))))
            elif rng.random() < 0.2:
                told.append(call("call.ended", minute + 1, f"c{n}", call_type="outbound"))
    return told


def about(id_: str, opened: dict[str, tuple[float, str, str]], kind: str, later: float, text: str) -> Delivery:
    minute, person, phone = opened[id_]
    return ticket(kind, minute + later, id_, text=text, person=person, phone=phone)


@pytest.mark.parametrize("seed", seeds(2, 12))
def test_a_history_ends_alike_in_any_order(make_database: Callable[[], Database], clock: SettableClock, seed: int) -> None:
    clock.advance(timedelta(days=7))
    rng = random.Random(seed)  # noqa: S311  # reproducible, not secret
    told = history(rng)
    expected = ended(make_database(), clock, [told])
    rng.shuffle(told)
    size = rng.choice((1, 3, 7))
    assert ended(make_database(), clock, [told[n : n + size] for n in range(0, len(told), size)]) == expected


def ended(database: Database, clock: SettableClock, batches: list[list[Delivery]]) -> dict[str, Any]:
    walk = Walk(database, clock, BOOK)
    for batch in batches:
        walk.tell(batch)
        walk.work()
    return walk.outcome()
