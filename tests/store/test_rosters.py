"""Roster versions and overrides: what was known at an instant can be asked for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from tests.clocks import START
from tsbridge.core.roster import Override
from tsbridge.store import rosters
from tsbridge.store.db import Database

HOUR = timedelta(hours=1)


def override(id: str, kind: str = "oncall", agent: str = "ana", start: int = 1, hours: int = 2, rotation: str | None = "lead") -> Override:
    at = START + start * HOUR
    return Override(id, kind, agent, at, at + hours * HOUR, "a swap", None, rotation if kind == "oncall" else None)  # type: ignore[arg-type]


def add(database: Database, one: Override, at: datetime = START) -> rosters.Made:
    def write(conn: Connection) -> rosters.Made:
        rosters.lock(conn)
        return rosters.add_override(conn, one, at, "sam")

    return database.write_now(write)


def remove(database: Database, id: str, at: datetime) -> rosters.Made | None:
    def write(conn: Connection) -> rosters.Made | None:
        rosters.lock(conn)
        return rosters.remove_override(conn, id, at, "kim")

    return database.write_now(write)


def publish(database: Database, document: object, at: datetime) -> int:
    def write(conn: Connection) -> int:
        rosters.lock(conn)
        return rosters.publish(conn, document, "sha256:x", "why", at, "sam")

    return database.write_now(write)


def test_without_a_roster_nothing_is_live(database: Database) -> None:
    assert database.read_now(rosters.live) is None
    assert database.read_now(lambda conn: rosters.known_at(conn, START)) is None
    with pytest.raises(rosters.NoRoster):
        database.read_now(lambda conn: rosters.get(conn, 1))


def test_the_past_has_the_version_it_had_then(database: Database) -> None:
    assert [publish(database, {"schema": n}, START + n * HOUR) for n in (1, 2)] == [1, 2]
    known = [database.read_now(lambda conn, n=n: rosters.version_known_at(conn, START + n * HOUR)) for n in (0, 1, 2, 9)]  # type: ignore[misc]
    assert known == [0, 1, 2, 2]
    live = database.read_now(rosters.live)
    assert live is not None
    assert (live.version, live.document, live.published_by) == (2, {"schema": 2}, "sam")
    assert [one.version for one in database.read_now(lambda conn: rosters.versions(conn, 10))] == [2, 1]


def test_overrides_are_known_from_when_they_were_made_until_they_were_removed(database: Database) -> None:
    add(database, override("ovr_1", start=10), START + HOUR)
    gone = remove(database, "ovr_1", START + 3 * HOUR)
    assert gone is not None
    assert (gone.removed_by, gone.removed_at) == ("kim", START + 3 * HOUR)
    known = [
        [one.id for one in database.read_now(lambda conn, n=n: rosters.overrides_known_at(conn, START + n * HOUR, START))]  # type: ignore[misc]
        for n in (0, 1, 2, 3)
    ]
    assert known == [[], ["ovr_1"], ["ovr_1"], []]
    learnt = database.read_now(lambda conn: rosters.learnt_between(conn, START, START + 4 * HOUR))
    assert list(learnt) == [START + HOUR, START + 3 * HOUR]


def test_what_is_over_and_what_was_removed_stays_on_record(database: Database) -> None:
    add(database, override("ovr_1"))
    add(database, override("ovr_2", start=5))
    remove(database, "ovr_1", START)
    assert remove(database, "ovr_1", START) is None
    assert remove(database, "ovr_9", START) is None
    kept = database.read_now(lambda conn: rosters.listed(conn, 10))
    assert [(one.override.id, one.removed_by) for one in kept] == [("ovr_2", None), ("ovr_1", "kim")]
    last = kept[0].override
    behind = database.read_now(lambda conn: rosters.listed(conn, 10, (last.start, last.id), agent="ana"))
    assert [one.override.id for one in behind] == ["ovr_1"]
    assert database.read_now(lambda conn: rosters.listed(conn, 10, agent="ben")) == []
    assert [
        one.override.id for one in database.read_now(lambda conn: rosters.listed(conn, 10, since=START + 4 * HOUR, until=START + 6 * HOUR))
    ] == ["ovr_2"]


@pytest.mark.parametrize(
    ("first", "second", "meets"),
    [
        (override("ovr_1"), override("ovr_2", agent="ben"), True),
        (override("ovr_1"), override("ovr_2", agent="ben", start=3), False),
        (override("ovr_1"), override("ovr_2", rotation="second"), False),
        (override("ovr_1", rotation=None), override("ovr_2", agent="ben", rotation=None), True),
        (override("ovr_1", "off"), override("ovr_2", "off", start=2), True),
        (override("ovr_1", "off"), override("ovr_2", "off", agent="ben"), False),
        (override("ovr_1", "off"), override("ovr_2", "shift"), False),
        (override("ovr_1", "shift"), override("ovr_2", "shift", start=2), True),
    ],
)
def test_two_of_a_kind_do_not_say_who_has_the_same_at_once(database: Database, first: Override, second: Override, meets: bool) -> None:
    add(database, first)
    if not meets:
        add(database, second)
        return
    with pytest.raises(rosters.Overlapping) as refused:
        add(database, second)
    assert refused.value.id == "ovr_1"
    remove(database, "ovr_1", START)
    add(database, second)


def test_the_revision_grows_with_every_change_and_with_nothing_else(database: Database) -> None:
    seen = [database.read_now(rosters.revision)]
    publish(database, {"schema": 1}, START)
    seen.append(database.read_now(rosters.revision))
    add(database, override("ovr_1"))
    seen.append(database.read_now(rosters.revision))
    remove(database, "ovr_9", START)
    seen.append(database.read_now(rosters.revision))
    remove(database, "ovr_1", START)
    seen.append(database.read_now(rosters.revision))
    assert seen == [0, 1, 2, 2, 3]


def test_of_two_that_overlap_at_once_one_is_kept(database: Database) -> None:
    results = [database.submit(_adding(override(f"ovr_{n}", agent=f"a{n}"))) for n in range(8)]
    failures = [one.exception() for one in results]
    assert sum(failure is None for failure in failures) == 1
    assert {type(failure) for failure in failures if failure is not None} == {rosters.Overlapping}


def _adding(one: Override):  # type: ignore[no-untyped-def]
    def write(conn: Connection) -> rosters.Made:
        rosters.lock(conn)
        return rosters.add_override(conn, one, START, "sam")

    return write
