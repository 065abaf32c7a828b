"""A version goes live for every process with its next transaction, and no decision mixes two."""

from __future__ import annotations

import copy
import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK, ticket
from tests.work.walk import Walk
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.rulebooks import live_version


def marked(name: str) -> dict[str, Any]:
    """A rulebook in which both the first and the last rule say which version it is."""
    book = copy.deepcopy(BOOK)
    everything = {"kind": "escalation", "when": {}}
    book["rules"] = [
        {"key": f"first-{name}", **everything, "then": [{"add_tags": [f"first_{name}"]}]},
        *[rule for rule in book["rules"] if rule["kind"] == "escalation"],
        {"key": f"last-{name}", **everything, "then": [{"add_tags": [f"last_{name}"]}]},
        *[rule for rule in book["rules"] if rule["kind"] == "routing"],
    ]
    return book


def test_a_process_that_judged_by_the_old_version_judges_the_next_delivery_by_the_new_one(
    database: Database, database_url: str, clock: SettableClock
) -> None:
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, marked("one"))
    walk.tell([ticket("created", 0, "7000")])
    walk.work()
    with Database.open(database_url) as elsewhere:
        Walk(elsewhere, clock, marked("two"))  # publishes, as another process would
    walk.tell([ticket("created", 1, "7001", person="50")])
    walk.work()
    assert told(database) == {"7000": ("one", 1), "7001": ("two", 2)}


def test_decisions_made_while_somebody_publishes_are_wholly_of_one_version(database: Database, clock: SettableClock) -> None:
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, marked("one"))
    go = threading.Event()

    def publish() -> None:
        go.wait()
        for _ in range(3):
            walk.publish(marked("two"))
            walk.publish(marked("one"))

    publisher = threading.Thread(target=publish)
    publisher.start()
    walk.tell([ticket("created", n, str(8_000 + n), person=str(n)) for n in range(12)])
    go.set()
    walk.work()
    publisher.join()
    walk.tell([ticket("created", 20, "9000", person="99")])
    walk.work()
    found = told(database)
    assert len(found) == 13
    assert found["9000"] == ("one", database.read_now(live_version))
    assert all(version % 2 == (name == "one") for name, version in found.values())


def told(database: Database) -> dict[str, tuple[str, int]]:
    """Ticket -> the version its decision's tags and rules are of, and the version it names. Fails where they are of two."""
    found = {}
    rows = database.read_now(lambda conn: conn.execute(select(decisions)).all())
    for row in rows:
        marks = {tag.partition("_")[2] for tag in row.outcome["tags_added"] if tag.startswith(("first_", "last_"))}
        rules = {key.partition("-")[2] for key, _ in row.matched if key.startswith(("first-", "last-"))}
        assert len(marks) == 1
        assert rules == marks
        found[row.interaction] = (marks.pop(), row.rulebook_version)
    return found
