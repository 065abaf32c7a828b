"""When a rulebook tags far more than the ones before it did."""

from __future__ import annotations

from tsbridge.core.runaway import Sample, suspects

BEFORE = Sample(400, {"ts_injury": 20, "ts_seen": 380})


def test_a_tag_on_far_more_than_before_is_suspicious() -> None:
    assert suspects(Sample(100, {"ts_injury": 60, "ts_seen": 97}), BEFORE) == ("ts_injury",)


def test_a_new_tag_on_a_quarter_of_everything_is_suspicious() -> None:
    assert suspects(Sample(100, {"ts_new": 25}), BEFORE) == ("ts_new",)
    assert suspects(Sample(100, {"ts_new": 24}), BEFORE) == ()


def test_a_bad_day_is_not() -> None:
    assert suspects(Sample(100, {"ts_injury": 24}), BEFORE) == ()


def test_without_a_history_or_with_few_decisions_nothing_is_said() -> None:
    assert suspects(Sample(100, {"ts_new": 100}), Sample(49, {})) == ()
    assert suspects(Sample(49, {"ts_new": 49}), BEFORE) == ()
