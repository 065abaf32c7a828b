"""What the bridge makes of a busy desk, held against what really happened there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clocks import SettableClock
from tests.work.day import SPANISH, TRIGGERS, Day, Way
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio
TICKETS = 60

async def test_x(make_database, clock):
    day = Day(make_database, clock, 1, TRIGGERS)
    day._left = {}
    await day.set_up()
    await day.live(TICKETS)
    print(day.did, day.in_between, day.bridges[0].sent, day.bridges[0].lost)
    wrong = day.wrong_tickets()
    for k, v in list(wrong.items())[:3]: print(k, v, day.truths[k].asked, day.truths[k].undone); print(told(day, k))
    b = day.bridges[0]
    wd, wf = day.wrong_decisions(b), day.wrong_facts(b)
    for w in (wd, wf):
        print(len(w))
        for k, v in list(w.items())[:2]: print(k, *v, sep="\n  "); print(told(day, k))
    assert not wrong
    assert not wd
    assert not wf


def told(day: Day, ticket: str) -> str:
    lines = []
    for a in day.world.store.audits[int(ticket)]:
        ev = [(e.get("type")[:3], e.get("field_name") or (e.get("body") or "")[:30], e.get("previous_value"), e.get("value"), "R" if e.get("via",{}).get("channel")=="rule" else "") for e in a["events"]]
        who = {day.world.bridge["id"]: "US", day.truths[ticket].requester: "req"}.get(a["author_id"], "agent")
        lines.append(f"{a['id']} {a['created_at']} {who} {a['metadata']['custom'].get('tsbridge','')} {ev}")
    return "\n".join(lines)
