"""The budget: permits, limits learned from headers, waits, the breaker."""

from __future__ import annotations

import json
from bisect import bisect_left
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import START
from tsbridge.core.budget import (
    Budget,
    budget_from,
    budget_json,
    closed,
    failed,
    free,
    heard,
    per_minute,
    probing,
    succeeded,
    take,
    wait_until,
)

SECOND = timedelta(seconds=1)


def spend(budget: Budget, wanted: float, now: datetime) -> tuple[Budget, int]:
    """Take all there is."""
    count = 0
    while (taken := take(budget, wanted, now)) is not None:
        budget, count = taken, count + 1
    return budget, count


def test_the_first_update_never_waits_and_a_quarter_of_a_minute_may_go_at_once() -> None:
    assert free(Budget(), 60, START) == (15, START)
    assert spend(Budget(), 60, START)[1] == 15


def test_then_updates_come_evenly() -> None:
    spent, _ = spend(Budget(), 60, START)
    assert free(spent, 60, START) == (0, START + SECOND)
    assert spend(spent, 60, START + SECOND)[1] == 1


@given(
    limit=st.integers(10, 400),
    wanted=st.integers(5, 600),
    steps=st.lists(st.floats(0, 20, allow_nan=False).map(lambda s: timedelta(seconds=s)), max_size=60),
)
def test_in_no_sixty_seconds_more_than_seventy_percent_of_a_limit(limit: int, wanted: int, steps: list[timedelta]) -> None:
    budget, now = heard(Budget(), {"tickets-update": (limit, limit, 60)}, START), START
    sent: list[datetime] = []
    for step in steps:
        now += step
        budget, count = spend(budget, wanted, now)
        sent += [now] * count
    for place, start in enumerate(sent):  # times only go on, so a minute's are those up to a place
        assert bisect_left(sent, start + timedelta(minutes=1)) - place <= max(1, limit * 0.7)


@given(wanted=st.integers(1, 300), minutes=st.integers(2, 5))
def test_over_time_the_whole_pace_is_used(wanted: int, minutes: int) -> None:
    budget, now, count = Budget(), START, 0
    while now < START + timedelta(minutes=minutes):
        budget, more = spend(budget, wanted, now)
        count += more
        now = max(free(budget, wanted, now)[1], now + timedelta(milliseconds=10))
    assert count >= 0.95 * wanted * minutes - wanted / 4 - 1


def test_a_smaller_limit_that_zendesk_tells_slows_the_pace() -> None:
    assert per_minute(heard(Budget(), {"tickets-update": (20, 20, 60)}, START), 60) == 14
    assert per_minute(heard(Budget(), {"tickets-update": (300, 300, 60)}, START), 60) == 60


def test_when_others_used_up_most_of_a_limit_we_wait_for_the_next_minute() -> None:
    budget = heard(Budget(), {"account": (700, 200, 17)}, START)
    assert closed(budget, START) == START + timedelta(seconds=17)
    assert closed(heard(Budget(), {"account": (700, 300, 17)}, START), START) is None
    assert take(budget, 60, START) is None


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    budget = wait_until(wait_until(Budget(), START + 60 * SECOND, "rate_limited"), START + SECOND, "other")
    assert closed(budget, START) == START + 60 * SECOND
    assert budget.reason == "rate_limited"


def test_five_failures_in_a_row_open_the_breaker_and_one_answer_closes_it() -> None:
    budget = Budget()
    for _ in range(4):
        budget = failed(budget, START, "unreachable")
    assert not budget.open
    budget = failed(budget, START, "unreachable")
    assert budget.open
    assert closed(budget, START) == START + timedelta(seconds=30)
    budget = succeeded(budget, START + timedelta(seconds=31))
    assert not budget.open
    assert closed(budget, START + timedelta(seconds=31)) is None


def test_half_of_ten_calls_within_a_minute_open_it_too() -> None:
    budget = Budget()
    for second in range(9):
        budget = (succeeded if second % 2 else lambda b, at: failed(b, at, "server_error"))(budget, START + second * SECOND)
    assert not budget.open
    assert failed(budget, START + 9 * SECOND, "server_error").open


def test_failures_of_an_earlier_minute_do_not_count() -> None:
    budget = Budget()
    for second in range(9):
        budget = (succeeded if second % 2 else lambda b, at: failed(b, at, "server_error"))(budget, START + second * SECOND)
    assert not failed(budget, START + timedelta(seconds=100), "server_error").open


def test_while_open_there_are_two_probes_a_minute() -> None:
    budget, now, probes = Budget(), START, 0
    for _ in range(5):
        budget = failed(budget, now, "unavailable")
    while now < START + timedelta(minutes=10):
        until = closed(budget, now)
        if until is None:
            probes += 1
            budget = failed(probing(budget, now), now, "unavailable")
        else:
            now = until
    assert probes <= 20


@given(st.lists(st.tuples(st.sampled_from(["take", "fail", "good", "wait", "hear"]), st.integers(0, 30)), max_size=20))
def test_it_survives_its_way_through_json(steps: list[tuple[str, int]]) -> None:
    budget, now = Budget(), START
    for what, seconds in steps:
        now += seconds * SECOND
        if what == "take":
            budget = take(budget, 60, now) or budget
        elif what == "fail":
            budget = failed(budget, now, "cut")
        elif what == "good":
            budget = succeeded(budget, now)
        elif what == "wait":
            budget = wait_until(budget, now + SECOND, "rate_limited")
        else:
            budget = heard(budget, {"tickets-update": (100, 20, 5)}, now)
    assert budget_from(json.loads(json.dumps(budget_json(budget)))) == budget
    assert budget_from(None) == Budget()
