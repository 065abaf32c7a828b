"""A wrong moment leaves its story: everything is as if it had never been told, and nothing brings it back."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.seeds import first
from tests.work.test_hearing import Desk, reported
from tests.work.test_walk_laws import BOOK, MORE, STORY
from tests.work.walk import Walk, call, ticket
from tsbridge.acts.errors import NotFound
from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import wish_json
from tsbridge.store import proof
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes, decisions
from tsbridge.store.link_tables import acquaintances, handles
from tsbridge.store.moment_tables import moments
from tsbridge.vendors.zendesk import normalize

ALL = (*STORY, *MORE)
NOTHING = json.dumps(wish_json(Wish()), sort_keys=True)


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    clock.advance(timedelta(days=1))
    return clock


def walked(database: Database, clock: SettableClock, deliveries: Any, book: Any = BOOK) -> Walk:
    walk = Walk(database, clock, book)
    walk.tell(deliveries)
    walk.work()
    return walk


def told_by(database: Database, event: str, text: str = "") -> str:
    """The id of the one moment of this event that says `text`."""
    query = select(moments.c.digest, moments.c.body).where(moments.c.event == event)
    (found,) = [digest for digest, body in database.read_now(lambda conn: conn.execute(query).all()) if text in json.dumps(body)]
    return str(found)


def withdraw(walk: Walk, moment: str, reason: str = "told by mistake") -> str:
    return str(asyncio.run(walk.desk.withdraw(moment, "Sue", reason)).case_id)


def end(walk: Walk) -> dict[str, Any]:
    """What stands, without the traces that something stood once: members of whose story nothing is left, wishes for nothing."""
    found = walk.outcome()
    resting = {row[0] for row in found["cases"] if row[9]["opened_at"] is None}
    found["cases"] = [row for row in found["cases"] if row[0] not in resting]
    found["members"] = [row for row in found["members"] if row[0] not in resting]
    found["wishes"] = [row for row in found["wishes"] if row[2] != NOTHING]
    found["people"] = sorted(walk.database.read_now(lambda conn: [tuple(r) for r in conn.execute(select(acquaintances))]))
    people = select(handles).where(handles.c.role == "person")
    found["contacts"] = sorted(walk.database.read_now(lambda conn: [tuple(r) for r in conn.execute(people)]))
    return found


@pytest.mark.parametrize("number", first(6, [*range(0, len(ALL), 2), *range(1, len(ALL), 2)]))
def test_after_it_everything_is_as_if_the_moment_had_never_been_told(fresh_url: Any, late: SettableClock, number: int) -> None:
    without = [*ALL[:number], *ALL[number + 1 :]]
    with fresh_url() as one, fresh_url() as other, Database.open(one) as database, Database.open(other) as beside:
        known = {m for (m,) in database.read_now(lambda conn: conn.execute(select(moments.c.digest)).all())}
        walk = walked(database, late, without)
        before = database.read_now(lambda conn: set(conn.execute(select(moments.c.digest)).scalars()))
        assert known < before
        expected = end(walked(beside, late, without))
        walk.tell([ALL[number]])
        walk.work()
        (fresh,) = database.read_now(lambda conn: set(conn.execute(select(moments.c.digest)).scalars())) - before
        withdraw(walk, fresh)
        assert end(walk) == expected
        verdict = database.read_now(proof.verify)
        assert verdict["ok"], verdict["broken"]


def test_a_story_of_which_nothing_is_left_takes_back_what_it_decided_and_asked_for(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [ticket("created", 0, text="my dog was bitten")])
    (case,) = walk.outcome()["cases"]
    moment = told_by(database, "ticket.created")
    assert withdraw(walk, moment) == case[0]
    found = walk.outcome()
    assert found["decisions"] == []
    assert [(ticket, wish) for ticket, _, wish in found["wishes"]] == [("4711", NOTHING)]
    ((id_, status, severity, *_),) = found["cases"]
    assert (id_, status, severity) == (case[0], "resolved", None)
    assert found["steps"] == []
    late.advance(timedelta(days=3))
    walk.work()
    assert walk.outcome() == found
    walk.tell([ticket("commented", 30, text="he was bitten")])
    walk.work()
    ((_, status, severity, *_),) = walk.outcome()["cases"]
    assert (status, severity) == ("open", 1)


def test_it_is_recorded_once_with_its_reason_and_without_its_words(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [ticket("created", 0, text="my dog was bitten"), ticket("commented", 9, text="nonsense")])
    moment = told_by(database, "ticket.commented")
    withdraw(walk, moment, "another ticket's text")
    stood, at = end(walk), late.now()
    late.advance(60)
    withdraw(walk, moment, "again")
    assert end(walk) == stood
    rows = database.read_now(lambda conn: conn.execute(select(changes)).mappings().all())
    (row,) = [row for row in rows if row["action"] == "moment.withdraw"]
    assert (row["actor"], row["after"]) == ("Sue", {"moment": moment, "reason": "another ticket's text"})
    assert "nonsense" not in str(dict(row))
    kept = database.read_now(lambda conn: conn.execute(select(moments).where(moments.c.digest == moment)).mappings().one())
    assert (kept["withdrawn_at"], kept["withdrawn_by"], kept["withdrawn_because"]) == (at, "Sue", "another ticket's text")
    assert "nonsense" in str(kept["body"])


def test_a_moment_that_nobody_told_cannot_be_withdrawn(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [ticket("created", 0)])
    with pytest.raises(NotFound):
        withdraw(walk, "0" * 64)
    assert database.read_now(lambda conn: conn.execute(select(changes)).all()) == []


def test_no_repeat_brings_it_back(database: Database, late: SettableClock) -> None:
    said = ticket("commented", 9, text="my dog was bitten")
    walk = walked(database, late, [ticket("created", 0), said])
    withdraw(walk, told_by(database, "ticket.commented"))
    stood = end(walk)
    again = {**said[1], "delivery": "another"}
    walk.tell([("zendesk", again)])
    walk.work()
    assert normalize.normalize(again, received_at=late.now()).moments == normalize.normalize(said[1], received_at=late.now()).moments
    assert end(walk) == stood


def test_revisions_say_what_changed_and_retractions_what_no_longer_holds(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [ticket("created", 0), ticket("commented", 9, text="bitten"), ticket("commented", 20, text="thanks")])
    moment = told_by(database, "ticket.commented", "bitten")
    withdraw(walk, moment)
    rows = database.read_now(lambda conn: conn.execute(select(decisions).order_by(decisions.c.number)).mappings().all())
    assert [row["moment"] for row in rows if row["retracted"] and not row["moment"].startswith("clock:")] == [moment]
    standing = [row for row in rows if row["superseded_by"] is None and not row["retracted"]]
    assert {row["severity"] for row in standing} == {4}
    assert any(row["revises"] for row in standing)


def test_what_a_person_did_by_mistake_at_the_desk_leaves_as_well(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [ticket("created", 0, text="bitten")])
    (case,) = walk.outcome()["cases"]
    stood = end(walk)
    asyncio.run(walk.desk.resolve(case[0], "Sue", None))
    assert walk.outcome()["cases"][0][1] == "resolved"
    assert withdraw(walk, told_by(database, "case.resolved")) == case[0]
    assert end(walk)["cases"][0][1] == "open"
    assert end(walk)["wishes"] == stood["wishes"]


def test_a_call_that_named_the_wrong_ticket_leaves_its_case(database: Database, late: SettableClock) -> None:
    walk = walked(
        database, late, [ticket("created", 0), call("call.ended", 5, "c1"), call("disposition.set", 6, "c1", zendesk_ticket_id="4711")]
    )
    assert len(walk.outcome()["cases"]) == 1
    withdraw(walk, told_by(database, "call.disposition"))
    assert len(walk.outcome()["cases"]) == 2


def test_contacts_are_counted_without_it(database: Database, late: SettableClock) -> None:
    book = {
        "schema": 1,
        "queues": {"often": {}, "intake": {}},
        "rules": [
            {
                "key": "often",
                "kind": "routing",
                "when": {"all": [{"field": "requester.contacts_30d", "operator": "at_least", "value": 2}]},
                "then": [{"route": "often"}],
            },
            {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
        ],
    }
    weeks = 60 * 24 * 8
    late.advance(timedelta(days=9))
    walk = walked(database, late, [ticket("created", 0, "1", person="41"), ticket("created", weeks, "2", person="41")], book)
    queues = select(cases.c.queue).order_by(cases.c.opened_at)
    assert database.read_now(lambda conn: conn.execute(queues).scalars().all())[1] == "often"
    query = select(moments.c.digest).where(moments.c.interaction == "1")
    withdraw(walk, database.read_now(lambda conn: conn.execute(query).scalar_one()))
    assert database.read_now(lambda conn: conn.execute(queues).scalars().all()) == [None, "intake"]


def test_reading_the_audits_again_does_not_bring_it_back(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    number = reported(desk)
    desk.settle(number)
    assert desk.writing.tags(number) == {"ts_injury"}
    withdraw(desk.walk, told_by(database, "ticket.created"))
    assert desk.events(number) == []
    for _ in range(3):
        clock.advance(60)
        desk.ring(number)
        desk.settle(number)
    assert desk.events(number) == []
    assert desk.writing.tags(number) == set()
