"""One rule's writing is paused; the others write on, and nothing that was written comes off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.walk import Walk, ticket
from tsbridge.core.helpdesk import Asked, Current, Ours, Wish, apply, hold, plan, settled
from tsbridge.store import desired, stored_values
from tsbridge.store.db import Database

BITE = {"field": "text", "operator": "contains_any", "value": ["bite"]}
BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"safety": {"zendesk_group_id": 61000000010}, "intake": {}},
    "policies": {"call": {"steps": [{"after": "10m", "actions": [{"add_tags": ["escalated"]}]}]}},
    "rules": [
        {
            "key": "injury",
            "kind": "escalation",
            "when": BITE,
            "then": [
                {"add_tags": ["hurt", "shared"]},
                {"remove_tags": ["calm"]},
                {"set_priority": "urgent"},
                {"note": "Call them."},
                {"escalate": "call"},
            ],
        },
        {"key": "all", "kind": "escalation", "when": {}, "then": [{"add_tags": ["seen", "shared"]}]},
        {"key": "to-safety", "kind": "routing", "when": BITE, "then": [{"route": "safety"}]},
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


class Both:
    """A walk and a writer on one database: what is told becomes a ticket."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        clock.advance(timedelta(days=1))
        self.clock = clock
        self.walk = Walk(database, clock, BOOK)
        self.desk = WritingDesk(database, clock)

    def pause(self, *rules: str) -> None:
        def write(conn: Any) -> None:
            stored_values.put(conn, desired.PAUSED_RULES, sorted(rules))
            desired.resume_rules(conn, self.clock.now())

        self.desk.database.write_now(write)

    def tell(self, kind: str, minute: float, id_: str, **more: Any) -> None:
        self.walk.tell([ticket(kind, minute, id_, **more)])
        self.walk.work()
        anyio.run(self.desk.round)


@pytest.fixture
def both(database: Database, clock: SettableClock) -> Both:
    return Both(database, clock)


def test_what_only_a_paused_rule_asks_for_is_not_written_and_the_rest_is(both: Both) -> None:
    both.pause("injury")
    id_ = both.desk.ticket(tags=["calm"])
    both.tell("created", 0, id_, description="a bite", tags="calm")
    assert both.desk.tags(id_) == {"calm", "seen", "shared", "escalated"}  # ten minutes have passed: the step of the policy goes on
    assert both.desk.seen(id_)["priority"] != "urgent"
    assert both.desk.seen(id_)["group_id"] == 61000000010
    assert both.desk.notes(id_) == []
    assert both.desk.status(id_) == ("parked", "rule_paused")


def test_a_rule_that_goes_on_writes_what_waited(both: Both) -> None:
    both.pause("injury", "to-safety")
    id_ = both.desk.ticket(tags=["calm"])
    both.tell("created", 0, id_, description="a bite", tags="calm")
    assert both.desk.seen(id_)["group_id"] != 61000000010
    both.pause("to-safety")
    anyio.run(both.desk.round)
    assert both.desk.tags(id_) == {"hurt", "seen", "shared", "escalated"}
    assert (both.desk.seen(id_)["priority"], len(both.desk.notes(id_))) == ("urgent", 1)
    assert both.desk.status(id_) == ("parked", "rule_paused")
    both.pause()
    anyio.run(both.desk.round)
    assert both.desk.seen(id_)["group_id"] == 61000000010
    assert both.desk.status(id_) == ("confirmed", None)


def test_what_a_rule_wrote_before_it_was_paused_stays(both: Both) -> None:
    id_ = both.desk.ticket()
    both.tell("created", 0, id_, description="a bite")
    before = both.desk.tags(id_)
    assert "hurt" in before
    both.pause("injury")
    both.tell("comment_added", 20, id_, text="another bite", priority="urgent", tags=" ".join(sorted(before)))
    assert both.desk.tags(id_) == before
    assert len(both.desk.notes(id_)) == 1


TAGS = st.sampled_from("abcd")
PLACES = st.sampled_from(["1", "2", "3"])
TAGGED = st.dictionaries(TAGS, PLACES)
NAMES = [*(f"tag:{tag}" for tag in "abcd"), *(f"absent:{tag}" for tag in "abcd"), "priority", "custom:7", "note:x"]
PARTS = st.frozensets(st.sampled_from(NAMES))


@given(st.frozensets(TAGS), TAGGED, TAGGED, st.sampled_from(["low", "high", None]), TAGGED, st.frozensets(TAGS), PARTS)
def test_a_held_part_is_never_touched_and_letting_go_ends_where_it_would_have_without(
    has: frozenset[str],
    tags: dict[str, str],
    absent: dict[str, str],
    priority: str | None,
    seen: dict[str, str],
    put: frozenset[str],
    parts: frozenset[str],
) -> None:
    absent = {tag: by for tag, by in absent.items() if tag not in tags}
    wish = Wish(
        tuple(sorted(tags.items())),
        tuple(sorted(absent.items())),
        priority=None if priority is None else Asked(priority, "2"),
        custom_fields=(("7", Asked("x", "2")),),
        notes=(("x#1", "text"), ("y#1", "text")),
    )
    ours = Ours(tags=seen, put=put & has & seen.keys())
    current = Current("1", "open", has, {"priority": None})
    waiting = hold(wish, ours, parts)
    first = plan(current, waiting, ours)
    touched = {f"tag:{tag}" for tag in first.add} | {f"absent:{tag}" for tag in first.remove if tag in absent}
    assert not parts & (touched | {name for name, _ in first.values} | {f"note:{key.partition('#')[0]}" for key, _ in first.notes})
    between, ours_then = apply(current, first), settled(ours, waiting, current, first)
    second = plan(between, wish, ours_then)
    whole = plan(current, wish, ours)
    assert apply(between, second) == apply(current, whole)
    assert {*first.notes, *second.notes} == set(whole.notes)
    assert not {*first.notes} & {*second.notes}
