"""Keys of links, and proofs that a way reaches somebody."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from tsbridge.core.acklink import AckLink, read, sign
from tsbridge.store import link_keys, proved_ways
from tsbridge.store.db import Database

NOW = datetime(2026, 11, 29, 2, 12, tzinfo=UTC)


def entropy(first: int) -> Callable[[int], bytes]:
    count = itertools.count(first)
    return lambda size: bytes([next(count)]) * size


def test_a_period_has_one_key_whoever_asks_first(database: Database) -> None:
    one = database.write_now(lambda conn: link_keys.signing(conn, NOW, entropy(1)))
    other = database.write_now(lambda conn: link_keys.signing(conn, NOW + timedelta(minutes=1), entropy(100)))
    assert one == other == (link_keys.period_of(NOW), b"\x01" * 32)


def test_a_link_is_good_for_two_months_at_least_and_then_for_ever_not(database: Database) -> None:
    link = AckLink("case", "ana", "mail", "case_1", None, NOW)
    fresh = entropy(1)
    period, key = database.write_now(lambda conn: link_keys.signing(conn, NOW, fresh))
    token = sign(link, period, key)
    for days in range(0, 200, 5):
        at = NOW + timedelta(days=days)
        database.write_now(lambda conn, at=at: link_keys.signing(conn, at, fresh))  # type: ignore[misc]
        good = read(token, database.read_now(lambda conn, at=at: link_keys.verifying(conn, at)))  # type: ignore[misc]
        if days <= 60:
            assert good == link
        if days >= 90:
            assert good is None


def test_the_newest_proof_of_each_person_and_way_counts(database: Database) -> None:
    def prove(conn: Connection) -> None:
        proved_ways.prove(conn, "ana", "mail", NOW)
        proved_ways.prove(conn, "ana", "mail", NOW - timedelta(days=3))
        proved_ways.prove(conn, "ana", "chat", NOW - timedelta(days=2))
        proved_ways.prove(conn, "ben", "mail", NOW - timedelta(days=1))
        proved_ways.prove(conn, "ben", "mail", NOW + timedelta(days=1))

    assert database.read_now(proved_ways.proofs) == {}
    database.write_now(prove)
    assert database.read_now(proved_ways.proofs) == {
        ("ana", "chat"): NOW - timedelta(days=2),
        ("ana", "mail"): NOW,
        ("ben", "mail"): NOW + timedelta(days=1),
    }
