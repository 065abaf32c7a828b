"""Every column that may hold words is known to hold personal data or none, and the page for people says what the map says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import Column, MetaData, Table

from tsbridge.store import columns, personal
from tsbridge.store.all_tables import metadata

GUIDES = Path(__file__).resolve().parents[2] / "docs"


def mapped() -> Counter[str]:
    return Counter([name for place in personal.PLACES for name in place.columns] + list(personal.NONE))


def test_every_column_that_may_hold_words_is_mapped_once() -> None:
    found = mapped()
    assert [name for name in personal.worded(metadata) if name not in found] == []
    assert set(found) - set(personal.worded(metadata)) == set()
    assert [name for name, count in found.items() if count > 1] == []


def test_a_new_column_of_whatever_kind_of_words_is_named() -> None:
    kinds = {"a": columns.Text, "b": columns.Json, "c": columns.Packed, "d": columns.PackedText, "e": personal.LargeBinary}
    silent = {"f": columns.Instant, "g": columns.Integer, "h": columns.Serial}
    more = MetaData()
    Table("fresh", more, *(Column(name, kind) for name, kind in (kinds | silent).items()))
    assert list(personal.worded(more)) == [f"fresh.{name}" for name in kinds]


def test_the_page_has_the_map_line_by_line() -> None:
    written = (GUIDES / "personal-data.md").read_text().splitlines()
    assert [line for line in written if line.startswith("|")] == list(personal.page()), "put the lines of personal.page() there"


def test_every_class_of_the_map_is_one_of_retention() -> None:
    classes = {line.split("|")[1].strip() for line in (GUIDES / "retention.md").read_text().splitlines() if line.startswith("| ")}
    assert {place.kept for place in personal.PLACES} <= classes
