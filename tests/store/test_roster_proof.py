"""The proof holds the roster's versions and overrides against what was recorded, both ways."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from tests.clocks import START
from tests.roster.rosters import document
from tsbridge.acts import overriding, rostering
from tsbridge.acts.ledger import Entry
from tsbridge.core.roster import Override
from tsbridge.roster.document import read
from tsbridge.store import proof
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.store.roster_tables import overrides, rosters

HOUR = timedelta(hours=1)


class _Undo(Exception):
    pass


@pytest.fixture
def kept(database: Database) -> Database:
    """Two versions, an override, and one that was removed."""

    def write(conn: Connection) -> None:
        for number, title in enumerate(("one", "two"), 1):
            made = {**document(), "title": title}
            rostering.publish(conn, Entry(START, "sam", f"chg_{number}", "s"), made, read(made), title)
        for number in (3, 4):
            one = Override(f"ovr_{number}", "off", "ana", START + number * HOUR, START + (number + 1) * HOUR, "ill")
            overriding.keep(conn, Entry(START, "sam", f"chg_{number}", "s"), one)
        overriding.remove(conn, Entry(START, "kim", "chg_5", "s"), "ovr_4")

    database.write_now(write)
    return database


def whys(database: Database, statement: Any) -> set[str]:
    found: set[str] = set()

    def work(conn: Connection) -> None:
        conn.execute(statement)
        found.update(one["why"] for one in proof.verify(conn)["broken"])
        raise _Undo

    with pytest.raises(_Undo):
        database.write_now(work)
    return found


def test_what_was_recorded_verifies(kept: Database) -> None:
    assert kept.read_now(proof.verify)["ok"] is True


FIRST = rosters.c.version == 1
THIRD, FOURTH = overrides.c.id == "ovr_3", overrides.c.id == "ovr_4"
TAMPERED = [
    (update(rosters).where(FIRST).values(document={"schema": 1}), "version 1 of the roster differs from what was recorded"),
    (update(rosters).where(FIRST).values(hash="sha256:x"), "version 1 of the roster differs from what was recorded"),
    (update(rosters).where(FIRST).values(note="other"), "version 1 of the roster differs from what was recorded"),
    (update(rosters).where(FIRST).values(published_by="kim"), "version 1 of the roster differs from what was recorded"),
    (update(rosters).where(FIRST).values(published_at=START + HOUR), "version 1 of the roster differs from what was recorded"),
    (delete(rosters).where(FIRST), "version 1 of the roster is gone"),
    (update(rosters).where(FIRST).values(version=3), "version 3 of the roster was never recorded"),
    *(
        (update(overrides).where(THIRD).values({name: "other"}), "the override differs from what was recorded")
        for name in ("agent", "why", "rotation", "queue", "instead_of", "made_by")
    ),
    (update(overrides).where(THIRD).values(end_at=START + 9 * HOUR), "the override differs from what was recorded"),
    (
        update(overrides).where(THIRD).values(removed_at=START, removed_by="kim"),
        "whether the override was removed differs from what was recorded",
    ),
    (
        update(overrides).where(FOURTH).values(removed_at=None, removed_by=None),
        "whether the override was removed differs from what was recorded",
    ),
    (delete(overrides).where(THIRD), "the override of this change is gone"),
    (update(overrides).where(THIRD).values(id="ovr_9"), "an override that was never recorded"),
]


@pytest.mark.parametrize(("statement", "why"), TAMPERED)
def test_what_was_altered_taken_away_or_put_in_is_found(kept: Database, statement: Any, why: str) -> None:
    assert why in whys(kept, statement)


def test_a_copied_override_is_found(kept: Database) -> None:
    names = [column.name for column in overrides.c if column.name != "id"]
    copy = select(overrides.c.id + "x", *(overrides.c[name] for name in names)).where(THIRD)
    assert whys(kept, insert(overrides).from_select(["id", *names], copy)) == {"an override that was never recorded"}


def test_a_change_that_was_altered_is_found_at_its_place(kept: Database) -> None:
    assert whys(kept, update(changes).where(changes.c.subject == "ovr_3").values(action="override.remove"))
