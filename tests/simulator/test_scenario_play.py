"""The player: acts happen in the simulators in the weekend's order and time, and people wait for what they react to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tsbridge.simulator.scenario import Scenario
from tsbridge.simulator.scenario_play import Played, Player, Ticket, unmet
from tsbridge.simulator.scenario_sheet import Act, Expected, System

START = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


class Account:
    """Remembers what was done in it and when."""

    def __init__(self) -> None:
        self.done: list[tuple[datetime, str, str]] = []

    async def perform(self, at: datetime, act: Act, ids: Mapping[str, str]) -> str:
        self.done.append((at, act.story, act.act))
        return f"47{len(self.done)}"


class Time:
    """Real time that passes only by being slept through."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def act(minutes: int, story: str, act: str, ref: str = "", after: tuple[str, str] | None = None) -> Act:
    return Act(START + timedelta(minutes=minutes), story, "zendesk", act, {}, ref, after)


def play(acts: list[Act], tags_from: Mapping[str, float], *, speed: float = 0.0) -> tuple[Played, Account, Time]:
    """`tags_from`: tag -> the real time from which it is seen on every ticket."""
    account, time = Account(), Time()

    async def look(_: str) -> Ticket:
        return Ticket(frozenset(tag for tag, since in tags_from.items() if time.now >= since))

    scenario = Scenario(1, START, START + timedelta(hours=62), tuple(acts), (), 1, 0)
    accounts: dict[System, Account] = {"zendesk": account}
    player = Player(scenario, accounts, look, monotonic=time.monotonic, sleep=time.sleep, speed=speed, patience_s=20)
    return asyncio.run(player.play()), account, time


def test_who_reacts_to_a_tag_waits_for_it_and_the_rest_of_the_story_waits_behind() -> None:
    acts = [
        act(0, "one", "ticket", "t1"),
        act(10, "one", "untag", "t1", ("t1", "ts_injury")),
        act(20, "one", "tag", "t1"),
        act(30, "two", "ticket", "t2"),
    ]
    played, account, _ = play(acts, {"ts_injury": 105.0})
    assert [(story, name) for _, story, name in account.done] == [("one", "ticket"), ("two", "ticket"), ("one", "untag"), ("one", "tag")]
    assert played.gave_up == []
    assert played.done == played.total == 4


def test_the_weekends_clock_never_goes_back_for_those_who_waited() -> None:
    acts = [act(0, "one", "ticket", "t1"), act(10, "one", "untag", "t1", ("t1", "x")), act(30, "two", "ticket", "t2")]
    _, account, _ = play(acts, {"x": 101.0})
    assert [at for at, _, _ in account.done] == [START, START + timedelta(minutes=30), START + timedelta(minutes=30)]


def test_who_waits_in_vain_goes_on_in_the_end_and_it_is_told() -> None:
    played, account, time = play([act(0, "one", "ticket", "t1"), act(10, "one", "untag", "t1", ("t1", "never"))], {})
    assert played.gave_up == ["one"]
    assert [name for _, _, name in account.done] == ["ticket", "untag"]
    assert 120.0 <= time.now < 122.0


def test_the_weekend_passes_at_the_speed_asked_for() -> None:
    _, _, time = play([act(0, "one", "ticket", "t1"), act(600, "two", "ticket", "t2")], {}, speed=3600.0)
    assert 110.0 <= time.now < 110.5


def test_expectations_name_what_is_missing_what_is_too_much_and_the_wrong_group() -> None:
    async def look(ticket_id: str) -> Ticket:
        return {"1": Ticket(frozenset({"a", "x"}), "Intake"), "2": Ticket(frozenset({"a"}), "Safety")}[ticket_id]

    expected = [Expected("t1", "s1", ("a", "b"), ("x", "y"), "Safety"), Expected("t2", "s2", ("a",), ("x",), "Safety")]
    (found,) = asyncio.run(unmet(expected, {"t1": "1", "t2": "2"}, look))
    assert (found.missing, found.unwanted, found.wrong_group) == (("b",), ("x",), True)
    assert str(found) == "ticket 1 (s1): lacks b, must not have x, is not in Safety"


def test_a_ticket_that_must_stand_solved_and_does_not_is_unmet() -> None:
    async def look(ticket_id: str) -> Ticket:
        return {"1": Ticket(frozenset(), status="open"), "2": Ticket(frozenset(), status="solved")}[ticket_id]

    expected = [Expected("t1", "s1", status="solved"), Expected("t2", "s2", status="solved")]
    (found,) = asyncio.run(unmet(expected, {"t1": "1", "t2": "2"}, look))
    assert str(found) == "ticket 1 (s1): is not solved"
