"""Calls that webhooks did not tell of are found in Talkdesk's reports, once, and end where telling them would have ended."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.vendors.test_talkdesk_client import Desk
from tests.work.walk import Walk
from tsbridge.core.backoff import RECORDING
from tsbridge.core.moments import read_instant
from tsbridge.simulator.talkdesk.automations import body
from tsbridge.store import inbox as inbox_rows
from tsbridge.store import stored_values, upstreams
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.moment_tables import moments
from tsbridge.store.wanted_tables import recordings_wanted
from tsbridge.work.calls import AGAIN, EVERY, PLACE, CallReconciler
from tsbridge.work.recordings import LOOKS, Recordings

pytestmark = pytest.mark.anyio

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"intake": {"zendesk_group_id": 1}, "calls": {"zendesk_group_id": 2}},
    "rules": [
        {"key": "lost", "kind": "escalation", "title": "Nobody answered", "on": ["call"],
         "when": {"all": [{"field": "call.outcome", "operator": "in", "value": ["missed", "abandoned", "voicemail"]}]},
         "then": [{"set_severity": 2}, {"add_tags": ["ts_lost"]}]},
        {"key": "refund", "kind": "escalation", "title": "Refund", "on": ["call"],
         "when": {"all": [{"field": "call.disposition", "operator": "is", "value": "Refund"}]}, "then": [{"set_category": "refund"}]},
        {"key": "rest", "kind": "routing", "title": "The rest", "when": {}, "then": [{"route": "intake"}]},
    ],
}  # fmt: skip


class Bridge:
    """A walk whose calls come from a simulated account: told by webhooks, as far as these arrive, and found in reports."""

    def __init__(self, database: Database) -> None:
        self.desk = Desk()
        self.walk = Walk(database, self.desk.clock, BOOK)
        self.database = database
        self.reconcilers = [self.reconciler(name) for name in ("w1", "w2")]
        self.recordings = Recordings(database, self.desk.clock, self.walk.ids, self.desk.client, self._wake)
        self.woken = 0

    def reconciler(self, name: str) -> CallReconciler:
        return CallReconciler(self.database, self.desk.clock, self.walk.ids, self.desk.client, name, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def hear(self, arrives: Callable[[], bool]) -> int:
        """The automations tell what happened, as far as it arrives; returns how much was lost."""
        firings, self.desk.talkdesk.world.firings = self.desk.talkdesk.world.firings, []
        told = [("talkdesk", body(firing)) for firing in firings if arrives()]
        self.walk.tell(told)
        return len(firings) - len(told)

    async def work(self) -> None:
        await self.walk._work()

    async def catch_up(self) -> None:
        """Both workers look; time goes on until each has looked again."""
        for _ in range(2):
            for one in self.reconcilers:
                await one.round()
            await self.recordings.round()
            await self.work()
            self.desk.pass_time(EVERY)

    def cases(self) -> list[Any]:
        """What the cases came to, without what hangs on the second a delivery was heard."""
        found = self.walk.outcome()["cases"]
        return sorted((row[0], row[1], row[2], row[3], row[4], row[7]) for row in found)

    def count(self, table: Any) -> int:
        return self.database.read_now(lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one())


def play(desk: Desk, number: int, rng: random.Random) -> None:
    """A call, of one of the kinds that happen."""
    call = desk.act("started", phone=f"+1415555{number:04d}", line="+12025550142", ring_groups=["billing"])
    desk.pass_time(timedelta(seconds=rng.randint(5, 60)))
    kind = rng.choice(["ended", "ended", "missed", "abandoned", "voicemail"])
    if kind == "ended":
        desk.act("answered", call_id=call, agent="owen@example.com")
        desk.pass_time(timedelta(seconds=60))
        desk.act("ended", call_id=call)
        if rng.random() < 0.5:
            desk.act("disposition", call_id=call, disposition="Refund")
    elif kind == "voicemail":
        desk.act("voicemail", call_id=call, transcription="Please ring me back.", seconds=20)
    else:
        desk.act(kind, call_id=call)


@pytest.mark.parametrize("old_reports", [False, True], ids=["reports of today", "reports of before May 2026"])
async def test_with_a_tenth_of_the_webhooks_lost_everything_is_found_within_two_looks_and_told_once(
    make_database: Callable[[], Database], old_reports: bool
) -> None:
    outcomes, lost = [], 0
    for share in (0.0, 0.1):
        bridge = Bridge(make_database())
        bridge.desk.talkdesk.api.old_reports = old_reports
        rng, fate = random.Random(5), random.Random(9)  # noqa: S311  # a seeded world
        await bridge.catch_up()  # the first look: from here on nothing may be missed
        for number in range(40):
            play(bridge.desk, number, rng)
        lost += bridge.hear(lambda share=share, fate=fate: fate.random() >= share)  # type: ignore[misc]
        await bridge.work()
        bridge.desk.pass_time(timedelta(minutes=6))
        await bridge.catch_up()
        outcomes.append(bridge.cases())
        told, decided = bridge.count(moments), bridge.count(decisions)
        await bridge.catch_up()
        await bridge.catch_up()
        assert (bridge.count(moments), bridge.count(decisions)) == (told, decided)  # the same reports again tell nothing
    assert lost > 5
    assert outcomes[0] == outcomes[1]


async def lost_voicemail(bridge: Bridge) -> tuple[str, dict[str, Any]]:
    """A message was left, no webhook told of it, the report did; its recording is held back. Returns the call, and the recording."""
    await bridge.catch_up()
    call = bridge.desk.act("started", phone="+14155550001", line="+12025550142")
    bridge.desk.act("voicemail", call_id=call, transcription="Help", seconds=20)
    bridge.desk.talkdesk.world.firings.clear()
    kept = dict(bridge.desk.talkdesk.world.recordings)
    bridge.desk.talkdesk.world.recordings.clear()
    bridge.desk.pass_time(timedelta(minutes=6))
    for one in bridge.reconcilers:
        await one.round()
    await bridge.work()
    return call, kept


def looks(bridge: Bridge, call: str) -> int:
    return bridge.desk.asked.count(f"/calls/{call}/recordings")


async def test_a_recording_is_looked_for_less_and_less_often_and_counts_once_it_is_there(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    call, recording = await lost_voicemail(bridge)
    assert looks(bridge, call) == 0
    pauses: list[timedelta] = []
    for _ in range(6):
        due = await bridge.recordings.round()
        assert await bridge.recordings.round() == due  # not before its time
        assert isinstance(due, datetime)
        pauses.append(due - bridge.desk.clock.now())
        bridge.desk.pass_time(pauses[-1])
    assert pauses == [*RECORDING.pauses, RECORDING.longest]
    assert looks(bridge, call) == 6
    await bridge.work()
    assert bridge.cases()[0][2] is None  # heard of, nothing said yet
    bridge.desk.talkdesk.world.recordings.update(recording)
    woken = bridge.woken
    assert await bridge.recordings.round() is False
    assert bridge.woken == woken + 1
    await bridge.work()
    assert bridge.cases()[0][2] == 2
    decided = bridge.count(decisions)
    bridge.desk.pass_time(EVERY)
    await bridge.catch_up()
    assert (bridge.count(decisions), bridge.count(recordings_wanted)) == (decided, 0)


async def test_without_a_recording_there_was_no_message_and_nobody_looks_for_ever(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    call, _ = await lost_voicemail(bridge)
    while (due := await bridge.recordings.round()) is not False:
        assert isinstance(due, datetime)
        while bridge.desk.clock.now() < due:
            bridge.desk.pass_time(min(EVERY, due - bridge.desk.clock.now()))
            for one in bridge.reconcilers:
                await one.round()
    assert looks(bridge, call) == LOOKS
    await bridge.catch_up()
    await bridge.catch_up()
    assert bridge.cases()[0][2] is None
    assert (looks(bridge, call), bridge.count(recordings_wanted)) == (LOOKS, 0)


async def test_an_outage_costs_no_look_and_two_workers_share_them(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    call, recording = await lost_voicemail(bridge)
    other = Recordings(bridge.database, bridge.desk.clock, bridge.walk.ids, bridge.desk.client, bridge._wake)
    bridge.desk.talkdesk.faults.down = True
    for _ in range(3 * LOOKS):
        due = await bridge.recordings.round()
        assert isinstance(due, datetime)
        bridge.desk.pass_time(due - bridge.desk.clock.now())
    bridge.desk.talkdesk.faults.down = False
    asked = looks(bridge, call)
    await asyncio.gather(bridge.recordings.round(), other.round())
    assert looks(bridge, call) == asked + 1
    bridge.desk.talkdesk.world.recordings.update(recording)
    bridge.desk.pass_time(RECORDING.first)
    await asyncio.gather(bridge.recordings.round(), other.round())
    await bridge.work()
    assert bridge.cases()[0][2] == 2


async def test_a_message_that_a_webhook_told_of_after_all_is_not_told_again(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    await bridge.catch_up()
    call = bridge.desk.act("started", phone="+14155550001", line="+12025550142")
    bridge.desk.act("voicemail", call_id=call, transcription="Help", seconds=20)
    bridge.desk.pass_time(timedelta(minutes=6))
    for one in bridge.reconcilers:
        await one.round()
    assert bridge.hear(lambda: True) == 0  # late
    await bridge.work()
    decided = bridge.count(decisions)
    assert await bridge.recordings.round() is False
    await bridge.work()
    assert bridge.count(decisions) == decided


async def test_a_long_absence_is_caught_up_in_stretches_and_goes_on_after_a_fall(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    await bridge.catch_up()
    rng = random.Random(3)  # noqa: S311  # a seeded world
    for number in range(6):
        play(bridge.desk, number, rng)
        bridge.desk.pass_time(timedelta(hours=20))
    bridge.desk.talkdesk.world.firings.clear()
    first = bridge.reconcilers[0]
    bridge.desk.talkdesk.faults.down = True
    assert await first.round() is not True
    bridge.desk.talkdesk.faults.down = False
    bridge.desk.pass_time(timedelta(hours=1))
    assert await first.round() is True
    other = bridge.reconciler("w9")  # the first one falls; its turn runs out
    bridge.desk.pass_time(timedelta(hours=1))
    while await other.round() is True:
        pass
    await bridge.work()
    assert len(bridge.cases()) == 6
    read_to = read_instant(bridge.database.read_now(lambda conn: stored_values.get(conn, PLACE)))
    assert timedelta(minutes=5) <= bridge.desk.clock.now() - read_to < timedelta(minutes=6)


async def test_one_process_looks_at_a_time_and_what_it_finds_says_that_it_was_polled(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    await bridge.catch_up()
    bridge.desk.whole_call()
    bridge.desk.talkdesk.world.firings.clear()
    bridge.desk.pass_time(AGAIN)
    before = bridge.desk.asked.count("/data/reports/calls/jobs")
    for one in bridge.reconcilers:
        await one.round()
    assert bridge.desk.asked.count("/data/reports/calls/jobs") == before + 1
    assert bridge.woken == 1
    rows = bridge.database.read_now(lambda conn: conn.execute(select(inbox.c.polled, inbox.c.body)).all())
    assert rows
    assert all(row.polled for row in rows)
    assert {json.loads(row.body)["tsbridge_event"] for row in rows} == {"call.started", "call.answered", "call.ended"}
    assert bridge.database.read_now(inbox_rows.counts)["talkdesk"].pending == len(rows)


async def test_a_row_with_one_of_a_calls_two_ids_tells_nothing_that_webhooks_told_by_both(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    await bridge.catch_up()
    call = bridge.desk.whole_call()
    firings, bridge.desk.talkdesk.world.firings = bridge.desk.talkdesk.world.firings, []
    named = [{**body(firing), "interaction_id": "an-id-of-its-own"} for firing in firings if firing.event != "call.answered"]
    bridge.walk.tell([("talkdesk", told) for told in named])
    await bridge.work()
    bridge.desk.pass_time(timedelta(minutes=6))
    assert {told["call_id"] for told in named} == {call}
    for one in (*bridge.reconcilers, *bridge.reconcilers):
        await bridge.recordings.round()
        await one.look(bridge.desk.clock.now() - timedelta(hours=1), bridge.desk.clock.now())
        await bridge.work()
    rows = bridge.database.read_now(lambda conn: conn.execute(select(moments.c.interaction, moments.c.event)).all())
    assert sorted(map(tuple, rows)) == [("an-id-of-its-own", f"call.{event}") for event in ("answered", "ended", "started")]


async def test_a_talkdesk_that_refuses_us_or_is_away_is_noted_since_when_until_it_answers(make_database: Callable[[], Database]) -> None:
    bridge = Bridge(make_database())
    await bridge.reconcilers[0].round()
    bridge.desk.pass_time(timedelta(hours=1))
    begun = bridge.desk.clock.now()

    def noted() -> dict[str, Any]:
        return dict(bridge.database.read_now(upstreams.failing))

    refused = Desk(secret="another")
    stranger = CallReconciler(bridge.database, bridge.desk.clock, bridge.walk.ids, refused.client, "w3", bridge._wake)
    await stranger.round()
    assert [(one.refused, one.since) for one in noted().values()] == [(True, begun)]
    bridge.desk.talkdesk.faults.down = True
    bridge.desk.pass_time(timedelta(hours=1))
    await bridge.reconcilers[0].round()
    assert [(task, one.refused, one.since) for task, one in noted().items()] == [("calls", False, begun)]
    bridge.desk.talkdesk.faults.down = False
    bridge.desk.pass_time(EVERY)
    await bridge.reconcilers[0].round()
    assert noted() == {}
