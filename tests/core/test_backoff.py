"""One policy says how long to wait after failures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tsbridge.core import backoff
from tsbridge.core.backoff import Backoff, doubling

NAMED = sorted(name for name, value in vars(backoff).items() if isinstance(value, Backoff))


def test_each_pause_is_twice_the_one_before_up_to_the_longest_which_goes_on() -> None:
    policy = doubling(timedelta(seconds=5), timedelta(seconds=30))
    assert [policy.after(n).total_seconds() for n in (1, 2, 3, 4, 5, 1_000_000)] == [5, 10, 20, 30, 30, 30]


def test_what_has_not_failed_yet_waits_like_what_failed_once() -> None:
    assert doubling(timedelta(seconds=5), timedelta(seconds=30)).after(0) == timedelta(seconds=5)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_a_pause_is_waited_where_many_may_come_back_at_once(share: float) -> None:
    policy = doubling(timedelta(seconds=4), timedelta(seconds=8))
    assert policy.after(2, share) == timedelta(seconds=8 * share)


@pytest.mark.parametrize("name", NAMED)
def test_every_policy_in_use_waits_longer_each_time_and_ends_at_an_hour_at_most(name: str) -> None:
    policy: Backoff = getattr(backoff, name)
    pauses = [policy.after(n) for n in range(1, 40)]
    assert pauses == sorted(pauses)
    assert timedelta(0) < policy.first == pauses[0]
    assert pauses[-1] == policy.longest <= timedelta(hours=1)
