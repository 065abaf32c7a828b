"""Cases of calls are resolved when their quiet time is over, on either database, and come back when something is heard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clocks import SettableClock
from tests.work.walk import Walk, call
from tsbridge.document_files import load_file
from tsbridge.store import cases, views
from tsbridge.store.db import Database

BOOK = load_file(Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml")
PHONE = "+14155550123"
HOUR = 60


def statuses(walk: Walk) -> list[str]:
    return [case[1] for case in walk.outcome()["cases"]]


@pytest.mark.parametrize("event", ["call.ended", "call.missed", "call.abandoned", "voicemail.left"])
def test_a_call_that_is_over_resolves_its_case_in_time_and_whatever_comes_then_opens_it(
    database: Database, clock: SettableClock, event: str
) -> None:
    walk = Walk(database, clock, BOOK)
    begun = clock.now()
    walk.tell([call("call.started", 0, phone=PHONE), call(event, 2, phone=PHONE)])
    walk.work()
    (due,) = {case[8] for case in walk.outcome()["cases"]}
    assert statuses(walk) == ["open"]
    clock.advance((due - begun).total_seconds() - 1)
    walk.work()
    assert statuses(walk) == ["open"]
    clock.advance(1)
    walk.work()
    assert statuses(walk) == ["resolved"]
    assert database.read_now(cases.next_due) is None
    resolved = database.read_now(lambda conn: views.case_list(conn, views.CaseFilter(status="resolved"), 10))
    assert len(resolved) == 1
    walk.tell([call("call.note", 73 * HOUR, phone=PHONE, note="call her back")])
    walk.work()
    assert statuses(walk) == ["open"]


def test_a_note_heard_late_takes_back_that_a_case_came_to_rest(make_database: Callable[[], Database], clock: SettableClock) -> None:
    told = [call("call.missed", 0, phone=PHONE), call("call.note", 70 * HOUR, phone=PHONE, note="call her back")]
    outcomes = []
    for batches in ([told], [[one] for one in told]):
        late = SettableClock(clock.now() + timedelta(hours=80))
        walk = Walk(make_database(), late, BOOK)
        for batch in batches:
            walk.tell(batch)
            walk.work()
        outcomes.append(walk.outcome())
        assert statuses(walk) == ["open"]
    assert outcomes[0] == outcomes[1]
