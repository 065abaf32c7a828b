"""Statements about many keys at once find the same rows on both databases, whatever the keys look like."""

from __future__ import annotations

import pytest

from tsbridge.store import stored_values
from tsbridge.store.db import Database
from tsbridge.store.service_tables import kept
from tsbridge.store.statements import Keyed

ODD = (
    "plain",
    "",
    "NULL",
    "null",
    'a "word"',
    "back\\slash",
    '\\"',
    "{braces},commas",
    "line\nbreak",
    " blank ",
    "\u00e9\U0001f600",
    "it's",
)
FOUND = Keyed(kept, ("name",), ("name", "value"))


@pytest.mark.parametrize("fresh_url", ["sqlite", "postgresql"], indirect=True)
def test_keys_of_every_look_are_found_and_no_others(database: Database) -> None:
    for name in ODD:
        database.write_now(lambda conn, name=name: stored_values.put(conn, name, [name]))  # type: ignore[misc]
    assert sorted(database.read_now(lambda conn: FOUND.rows(conn, ODD))) == sorted((name, [name]) for name in ODD)
    for name in ODD:
        assert database.read_now(lambda conn, name=name: FOUND.rows(conn, [name])) == [(name, [name])]  # type: ignore[misc]
    assert database.read_now(lambda conn: FOUND.rows(conn, ["a word", "slash", "braces"])) == []
