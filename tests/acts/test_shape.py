"""What acts return is made of rows, and looks the same as JSON whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tsbridge.acts.shape import From, Place, as_json, of_row

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    agent: str
    seq: Place
    start: From
    others: tuple[str, ...]


ROW = {"agent": "ana", "seq": 7, "start": NINE, "colour": "red"}


def test_a_field_is_what_the_column_of_its_name_says_unless_something_else_is_given() -> None:
    assert of_row(Turn, ROW, others=("ben",)) == Turn("ana", 7, NINE, ("ben",))
    assert of_row(Turn, ROW, others=(), agent="cleo").agent == "cleo"
    with pytest.raises(KeyError):
        of_row(Turn, ROW)


def test_times_are_utc_words_that_python_has_are_named_as_in_the_contract_and_places_are_not_shown() -> None:
    turn = of_row(Turn, ROW, others=("ben",))
    shown = {"agent": "ana", "from": "2026-11-22T09:00:00Z", "others": ["ben"]}
    assert as_json(turn) == shown
    assert as_json([turn, turn]) == as_json((turn, turn)) == [shown, shown]
    assert as_json(of_row(Turn, {**ROW, "start": NINE.replace(microsecond=120_000)}, others=()))["from"] == "2026-11-22T09:00:00.120000Z"
