"""What the bridge makes of a busy desk on the recommended set-up, held against what people really did there.

`busy` is run with 500 tickets by `python -m benchmarks truth`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.day import Day, Way
from tsbridge.simulator.zendesk import Display
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio

SECONDS = Way("seconds, English")
MINUTES = Way("minutes, translated", display=Display(stamps="minutes", locale="ja", escaped=False), lost=0.3)
FEW_READS = Way("seconds, few reads", reads=20)
"""Most of what rings is judged by its first impression, and by the audits minutes later."""
EVENTS = Way("event subscriptions", rings="events")
CATCHING_UP = Way("catching up alone", rings="nothing")


async def busy(databases: Callable[[], Database], clock: SettableClock, seed: int, tickets: int, writer: Way, *others: Way) -> Day:
    """A busy day: `writer` hears, judges and writes, the `others` hear of the same day in their ways."""
    day = Day(databases, clock, seed, writer, *others)
    await day.set_up()
    await day.live(tickets)
    return day


def found_wrong(day: Day) -> dict[str, Any]:
    """Everything that is not as people left it, and every bridge that ended otherwise than the one that writes."""
    wrong: dict[str, Any] = {"tickets": day.wrong_tickets()}
    for bridge in day.bridges:
        wrong[f"decisions, {bridge.way.name}"] = day.wrong_decisions(bridge)
        wrong[f"facts, {bridge.way.name}"] = day.wrong_facts(bridge)
        wrong[f"end, {bridge.way.name}"] = bridge.end() != day.bridges[0].end()
    return {what: found for what, found in wrong.items() if found}


SOAK = pytest.mark.soak
ON_WHICH = [
    ("sqlite", 3, MINUTES, 8),
    pytest.param("sqlite", 2, SECONDS, 30, marks=SOAK),
    pytest.param("postgresql", 3, MINUTES, 30, marks=SOAK),
]
"""A busy day costs tens of seconds: here a small one, busy ones by `make soak`, all by `python -m benchmarks truth`."""


@pytest.mark.parametrize(("fresh_url", "seed", "writer", "tickets"), ON_WHICH, indirect=["fresh_url"])
async def test_a_busy_day_ends_as_people_left_it_and_alike_however_it_was_heard(
    make_database: Callable[[], Database], clock: SettableClock, seed: int, writer: Way, tickets: int
) -> None:
    day = await busy(make_database, clock, seed, tickets, writer, EVENTS, CATCHING_UP)
    assert found_wrong(day) == {}
    assert day.in_between > tickets // 6  # people were quicker than our update
    assert all(day.did[what] > tickets // 10 for what in ("writes", "reply", "untag", "ours off", "status", "priority", "group"))
    assert all(bridge.lost > tickets // 6 for bridge in day.bridges if bridge.way.rings != "nothing")
