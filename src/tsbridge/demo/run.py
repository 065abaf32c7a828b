"""`tsbridge demo`: the bridge, a Zendesk and a Talkdesk on this machine, and a weekend of incidents through real HTTP.

Starts the two simulators in this process and the bridge in one of its own, all on free loopback ports with a fresh
database and fresh secrets; plays the weekend; waits until everything has settled; prints what came of it and explains one
decision. Exit code 0 only if every expectation of every story holds in the simulated Zendesk.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tsbridge.demo.look_around import furnish, weekly_pack
from tsbridge.demo.process import Bridge, NotRunning
from tsbridge.demo.stage import Stage, now, set_up
from tsbridge.demo.summary import Figures, Result, figure, in_plain_words, one_minute, page, table
from tsbridge.simulator.scenario import Scenario, friday_before, weekend, weeks
from tsbridge.simulator.scenario_play import Played, Player, Unmet, unmet
from tsbridge.simulator.scenario_stories import SAME_MINUTE

PLAY_S = 20.0
"""The weekend passes in about this time, if the machine is quick enough."""
BEFORE_S = 5.0
"""And each of the weekends and weeks before it, for a demo that stays: without them nobody knows what is usual."""
SETTLE_S = 150.0
STALL_S = 30.0
"""When nothing has moved for so long, waiting longer helps nobody."""
SEVERITY_1 = "ts_sev1"


def run(*, stay: bool = False, seed: int = 7, tickets: int = 300, calls: int = 120) -> int:
    """The demo; returns the exit code. With `stay` everything is left running until Ctrl-C."""
    try:
        return asyncio.run(_demo(stay, seed, tickets, calls))
    except KeyboardInterrupt:
        _say("\nstopped")
        return 1
    except NotRunning as problem:
        _say(f"\n{problem}")
        return 1


async def _demo(stay: bool, seed: int, tickets: int, calls: int) -> int:
    began = time.monotonic()
    friday = friday_before(now())
    before: list[Scenario] = []
    if stay:  # from five weeks before on, each weekend a third as busy, so that all of them take not much longer
        *before, scenario = weeks(seed, friday, tickets=tickets // 3, calls=calls // 3)
    else:
        scenario = weekend(seed, friday, tickets=tickets, calls=calls)
    behind = " behind five weeks" if before else ""
    _say(f"A weekend at an incident desk{behind}: {scenario.tickets} tickets, {scenario.calls} calls, {len(scenario.acts)} acts.")
    with tempfile.TemporaryDirectory(prefix="tsbridge-demo-") as folder:
        async with set_up(Path(folder), seed) as stage:
            _say(f"Running: Zendesk at {stage.zendesk_url}, Talkdesk at {stage.talkdesk_url}, the bridge at {stage.bridge.url}.")
            for earlier in before:
                await _play(stage, earlier, BEFORE_S)
            played = await _play(stage, scenario, PLAY_S)
            result = await _settle(stage, scenario, played, began)
            minute = await _same_minute(stage, scenario, played)
            failed = figure(result.figures, "tsbridge_notifications_total", status="failed")
            untold = [*stage.told.missing(), *([f"{failed} messages were not taken"] if failed else [])]
            result = replace(result, unmet=[*result.unmet, *minute.wrong, *untold])
            _say("\n" + page(result))
            if minute.told:
                _say("\nA severity 1 that one minute of everything did not confuse:\n" + minute.told)
            if told := stage.told.one_message():
                _say("\nOne of the messages, as the mail server got it:\n" + told)
            explained = await _one_decision(stage.bridge)
            if explained:
                _say("\nOne of the decisions, in plain words:\n" + explained)
            _say("\n" + ("Every expected tag arrived." if result.good else "NOT everything is as the stories expect: see above."))
            if not result.good and (words := stage.bridge.last_words(12)):
                _say(f"\nThe bridge's last words:\n{words}")
            if stay:
                await _stay(stage, scenario.start)
            return 0 if result.good else 1


# -- the weekend ----------------------------------------------------------------------------------------------------


async def _play(stage: Stage, scenario: Scenario, within_s: float) -> Played:
    """A scenario, act for act; the simulators send what happens while it happens."""
    speed = (scenario.end - scenario.start).total_seconds() / within_s
    player = Player(
        scenario,
        {"zendesk": stage.people, "talkdesk": stage.callers},
        stage.look,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        speed=speed,
        patience_s=SETTLE_S,
    )
    progress = _Progress()

    async def watch() -> None:
        while True:
            played = player.played
            at = played.at or scenario.start
            done = f"{at:%a %H:%M}  {played.done}/{played.total} acts"
            progress.show(f"{done}  {stage.sent()} webhooks sent  {stage.written()} write-backs received")
            stage.bridge.check()
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    playing = asyncio.create_task(player.play())
    try:
        await asyncio.wait({watching, playing}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
        return await playing
    finally:
        for task in (watching, playing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        progress.done()


async def _settle(stage: Stage, scenario: Scenario, played: Played, began: float) -> Result:
    """Wait until nothing is on its way any more and every expectation holds; or until waiting helps no more."""
    progress, started = _Progress(), time.monotonic()
    moved, seen = started, ""
    while True:
        figures = await stage.bridge.figures()
        wrong = await unmet(scenario.expected, played.ids, stage.look)
        on_its_way = stage.on_its_way() + sum(
            (
                figure(figures, "tsbridge_deliveries", status="pending"),
                figure(figures, "tsbridge_writebacks", status="waiting"),
                figure(figures, "tsbridge_writebacks", status="sending"),
            )
        )
        now = time.monotonic()
        state = f"{on_its_way} {wrong} {stage.written()}"
        if state != seen:
            moved, seen = now, state
        if (not on_its_way and not wrong) or now - started > SETTLE_S or now - moved > STALL_S:
            progress.done()
            return _result(stage, scenario, played, figures, wrong, now - began)
        progress.show(f"settling: {on_its_way} on their way, {len(wrong)} tickets not yet as expected")
        await asyncio.sleep(0.3)


def _result(stage: Stage, scenario: Scenario, played: Played, figures: Figures, wrong: Sequence[Unmet], seconds: float) -> Result:
    wanted = sum(len(expected.must) for expected in scenario.expected)
    return Result(
        figures=figures,
        tickets=scenario.tickets,
        calls=scenario.calls,
        refused_by_door=stage.refused(),
        tags_wanted=wanted,
        tags_confirmed=wanted - sum(len(one.missing) for one in wrong),
        checks=len(scenario.expected),
        unmet=[str(one) for one in wrong],
        gave_up=played.gave_up,
        mails=stage.told.mails,
        posts=stage.told.posts,
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True)
class _Minute:
    """What came of the tickets at which an agent did everything in one minute: one told in words, and cases that are not as they should."""

    told: str
    wrong: tuple[str, ...]


async def _same_minute(stage: Stage, scenario: Scenario, played: Played) -> _Minute:
    told, wrong = "", []
    off = {act.ref: act.args["tags"][0] for act in scenario.acts if act.act == "untag"}
    for expected in scenario.expected:
        if not expected.story.endswith(SAME_MINUTE) or SEVERITY_1 not in expected.must:
            continue
        ticket_id = played.ids[expected.ref]
        case = (await stage.bridge.get("/v1/cases", ticket=ticket_id))["items"][0]
        if (case["status"], case["severity"]) != ("resolved", 1):
            wrong.append(f"ticket {ticket_id} ({expected.story}): its case is {case['status']}, severity {case['severity']}")
        elif not told and off[expected.ref] not in (ticket := await stage.look(ticket_id)).tags:
            told = one_minute(ticket_id, off[expected.ref], ticket.status, sorted(ticket.tags), case)
    return _Minute(told, tuple(wrong))


async def _one_decision(bridge: Bridge) -> str:
    """The explanation of a decision that put a severe ticket's tags there, as the audit gives it."""
    listed = await bridge.get("/v1/audit/routing", severity="1", limit="200")
    told = [one for one in listed["items"] if one["outcome"]["tags_added"] and one["interaction"]["source"] == "zendesk"]
    confirmed = [one for one in told if (one.get("writeback") or {}).get("status") == "confirmed" and not one.get("retracted")]
    opening = [one for one in confirmed if one["event"] == "ticket.created" and one["outcome"]["escalations"]]
    chosen = (opening or confirmed or told or listed["items"])[:1]
    return in_plain_words(await bridge.get(f"/v1/audit/routing/{chosen[0]['id']}")) if chosen else ""


async def _stay(stage: Stage, began: datetime) -> None:
    """Leave everything running until Ctrl-C."""
    keys = await furnish(stage)
    _say(
        f"\nStill running. Look around at {stage.bridge.url}/console, or {stage.bridge.url}/docs, with the key\n    {stage.key}\n"
        f"  of an admin. What others see and may do:\n{table((role, key, '') for role, key in keys.items())}\n"
        f"  The weekly pack as a page:\n    {weekly_pack(stage.bridge.url, keys['viewer'], began)}\n"
        f"  simulated Zendesk {stage.zendesk_url}, Talkdesk {stage.talkdesk_url}. Ctrl-C ends it all."
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set():
        stage.bridge.check()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)


class _Progress:
    """One live line on a terminal; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._last = 0.0

    def show(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last < (0.2 if self._live else 4.0):
            return
        self._last = now
        if self._live:
            sys.stdout.write(f"\r\x1b[2K  {line}")
            sys.stdout.flush()
        else:
            _say(f"  {line}")

    def done(self) -> None:
        if self._live:
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
