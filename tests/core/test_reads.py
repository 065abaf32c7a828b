"""What may be read of Zendesk in a minute: never more than the limit, whoever asks, and something left for what cannot wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.reads import Reads, next_free, reads_from, reads_json, take, wait_until

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 30)), max_size=40),
)
def test_no_sixty_seconds_ever_hold_more_than_the_limit(limit: int, asked: list[tuple[int, int]]) -> None:
    reads, now, made = Reads(), START, []
    for wait_ms, wanted in asked:
        now += timedelta(milliseconds=wait_ms)
        reads, taken = take(reads_from(reads_json(reads)), "rings", limit, wanted, now)
        made += [now] * taken
    for first in made:
        assert sum(first <= at < first + timedelta(seconds=60) for at in made) <= limit


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 10)), min_size=1, max_size=20))
def test_at_the_time_told_a_read_is_free_again(limit: int, asked: list[tuple[int, int]]) -> None:
    reads, now = Reads(), START
    for wait_ms, wanted in asked:
        now += timedelta(milliseconds=wait_ms)
        reads, _ = take(reads, "rings", limit, wanted, now)
    due = next_free(reads, limit, now)
    assert due - now <= timedelta(seconds=61)
    assert take(reads, "rings", limit, 1, due)[1] == 1


def test_a_reader_with_a_share_leaves_the_rest_to_others() -> None:
    reads, taken = take(Reads(), "catching_up", 5, 100, START)
    assert taken == 5
    reads, taken = take(reads, "catching_up", 5, 100, START)
    assert taken == 0
    reads, taken = take(reads, "severe", 10, 100, START)
    assert taken == 5
    assert dict(reads.counted) == {"catching_up": 5, "severe": 5}


def test_while_told_to_wait_nobody_reads() -> None:
    reads = wait_until(wait_until(Reads(), START + timedelta(seconds=30)), START + timedelta(seconds=5))
    assert take(reads, "severe", 10, 1, START + timedelta(seconds=29))[1] == 0
    assert next_free(reads, 10, START) == START + timedelta(seconds=30)
    assert take(reads, "severe", 10, 1, START + timedelta(seconds=30))[1] == 1
