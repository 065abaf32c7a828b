"""Work that waits is given to whoever is there, has room and may get it; people win."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.team import Team, roster
from tests.work.walk import OWN, at, ticket
from tsbridge.core.moments import read_instant
from tsbridge.store import assignments
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.writing_tables import desired
from tsbridge.work.choosing import candidate_json
from tsbridge.work.loop import Loop, Task


def book(**safety: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "queues": {"safety": {"zendesk_group_id": 61, "assign": "least_loaded", **safety}, "claims": {"zendesk_group_id": 62}},
        "policies": {
            "sev1": {
                "stops_when": {"any": [{"field": "case.acknowledged", "operator": "is", "value": True}]},
                "steps": [{"after": "15m", "actions": [{"add_tags": ["ts_l2"]}]}],
            }
        },
        "rules": [
            {
                "key": "hurt",
                "kind": "escalation",
                "when": {"field": "text", "operator": "contains", "value": "bitten"},
                "then": [{"set_severity": 1}, {"set_category": "safety_incident"}, {"escalate": "sev1"}],
            },
            {
                "key": "to-claims",
                "kind": "routing",
                "when": {"field": "text", "operator": "contains", "value": "refund"},
                "then": [{"route": "claims"}],
            },
            {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
        ],
    }


@pytest.fixture
def now(clock: SettableClock) -> SettableClock:
    clock.set(read_instant(at(60)))
    return clock


def team(database: Database, clock: SettableClock, people: dict[str, Any] | None = None, **safety: Any) -> Team:
    return Team(database, clock, book(**safety), roster({"ana": "08:00-17:00", "ben": "08:00-17:00"}) if people is None else people)


def come(desk: Team, *ids: str, text: str = "hello", minute: float = 0) -> None:
    desk.tell([ticket("created", minute, id_, text=text, person=f"1{id_}") for id_ in ids])
    desk.give()


def wished(desk: Team, id_: str) -> tuple[Any, Any]:
    wish = desk.database.read_now(lambda conn: conn.execute(select(desired.c.wish).where(desired.c.ticket == id_)).scalar_one())
    return (wish["assignee_id"] or [None])[0], (wish["group_id"] or [None])[0]


def case(desk: Team) -> Any:
    return desk.database.read_now(lambda conn: conn.execute(select(cases)).one())


def test_what_is_routed_to_a_queue_is_given_to_people_and_wished_with_the_group(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1", "2")
    assert desk.who() == {"1": "ana", "2": "ben"}
    assert wished(desk, "1") == ("7", "61")
    first = desk.given()[0]
    assert (first.agent, first.zendesk_user_id, first.queue, first.roster_version) == ("ana", "7", "safety", 1)
    assert [(one["agent"], one["chosen"]) for one in first.candidates] == [("ana", True), ("ben", False)]
    assert all(one["because"] for one in first.candidates)


def test_a_case_says_who_has_it_and_why(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1")
    row = case(desk)
    assert (row.assignee, row.agent, row.acknowledged) == ("7", "ana", False)
    assert row.assigned_because == "ana comes first by key, all else being equal"
    told = desk.database.read_now(
        lambda conn: conn.execute(select(decisions.c.outcome).where(decisions.c.event == "case.given")).scalar_one()
    )
    assert told["assignee"] == {"id": "7", "agent": "ana", "because": row.assigned_because}


def test_nobody_gets_anything_without_a_roster_a_shift_or_a_queue_that_gives(database: Database, now: SettableClock) -> None:
    desk = Team(database, now, book(), None)
    come(desk, "1")
    assert desk.who() == {"1": None}
    desk.employ(roster({"ana": "20:00-23:00"}))
    assert desk.give() == read_instant(at(60)).replace(hour=20)
    assert desk.who() == {"1": None}
    desk.employ(roster({"ana": "08:00-17:00"}))
    come(desk, "2", text="refund")
    assert desk.who() == {"1": "ana", "2": None}


def test_what_waits_is_given_when_somebody_comes_on_shift_the_most_severe_first(database: Database, now: SettableClock) -> None:
    desk = team(database, now, roster({"ana": "11:00-17:00"}, agents={"ana": {"capacity": {"email": 2}}}))
    come(desk, "1", "2")
    come(desk, "3", text="bitten", minute=1)
    assert desk.give() == read_instant(at(120))
    now.set(read_instant(at(120)))
    desk.give()
    assert desk.who() == {"1": None, "2": None, "3": "ana"}


def test_what_waits_is_given_when_a_case_closes(database: Database, now: SettableClock) -> None:
    desk = team(database, now, roster({"ana": "08:00-17:00"}, agents={"ana": {"capacity": {"email": 1}}}))
    come(desk, "1", "2")
    assert desk.who() == {"1": "ana", "2": None}
    desk.tell([ticket("updated", 30, "1", by="7", status="solved")])
    desk.give()
    assert desk.who() == {"2": "ana"}


def test_a_ticket_that_waits_for_the_requester_takes_nobodys_place(database: Database, now: SettableClock) -> None:
    desk = team(database, now, roster({"ana": "08:00-17:00"}, agents={"ana": {"capacity": {"email": 1}}}))
    come(desk, "1", "2")
    desk.tell([ticket("updated", 30, "1", by="7", status="pending")])
    desk.give()
    assert desk.who() == {"2": "ana"}


def test_what_a_person_assigned_counts_as_load_and_is_left_alone(database: Database, now: SettableClock) -> None:
    desk = team(database, now, roster({"ana": "08:00-17:00"}, agents={"ana": {"capacity": {"email": 1}}}))
    desk.tell([ticket("created", 0, "1", person="11", assignee_id="7")])
    desk.give()
    come(desk, "2")
    assert desk.who() == {"1": "ana", "2": None}
    assert desk.given() == []
    assert case_of(desk, "1").assigned_because == "assigned in Zendesk"


def case_of(desk: Team, id_: str) -> Any:
    return next(
        row for row in desk.database.read_now(lambda conn: conn.execute(select(cases)).all()) if f"zendesk:{id_}" in row.state["tracks"]
    )


def test_what_a_person_undoes_is_not_given_again_before_the_requester_speaks(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1")
    now.set(read_instant(at(70)))
    desk.tell([ticket("updated", 61, "1", by=OWN.id or "", assignee_id="7"), ticket("updated", 65, "1", by="5", assignee_id="")])
    desk.give()
    assert desk.who() == {"1": None}
    assert wished(desk, "1")[0] is None
    desk.tell([ticket("commented", 66, "1", text="anybody there?", person="11", assignee_id="")])
    desk.give()
    assert desk.who() == {"1": "ben"}  # ana got something longest ago no more
    assert [row.agent for row in desk.given()] == ["ana", "ben"]


def test_what_a_person_takes_over_stays_theirs(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1")
    now.set(read_instant(at(70)))
    desk.tell([ticket("updated", 61, "1", by=OWN.id or "", assignee_id="7"), ticket("updated", 65, "1", by="8", assignee_id="8")])
    desk.give()
    assert desk.who() == {"1": "ben"}
    assert case(desk).acknowledged


def test_who_was_faster_than_the_desk_has_it(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1")
    assert desk.who() == {"1": "ana"}
    desk.tell([ticket("updated", 59, "1", by="8", assignee_id="8")])  # before it was given, and heard only now
    desk.give()
    assert desk.who() == {"1": "ben"}
    assert wished(desk, "1")[0] is None


def test_what_the_desk_gives_stops_and_acknowledges_nothing(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1", text="my dog was bitten", minute=55)
    now.set(read_instant(at(61)))
    desk.tell([ticket("updated", 60.5, "1", by=OWN.id or "", assignee_id="7")])
    desk.give()
    assert not case(desk).acknowledged
    now.set(read_instant(at(80)))
    desk.give()
    assert case(desk).tags == ["ts_l2"]


def test_what_is_routed_on_is_given_anew_or_left_where_a_queue_gives_nothing(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    come(desk, "1")
    desk.tell([ticket("commented", 61, "1", text="I want a refund", person="11")])
    desk.give()
    piece = desk.next("claims")
    assert piece.waiting == 1
    assert [(one.agent, one.chosen) for one in piece.ranked] == [("ana", False), ("ben", False)]


@pytest.mark.parametrize(("handover", "who"), [("keep", "ana"), ("offer", "ben")])
def test_when_a_shift_ends_work_stays_or_is_offered_on(database: Database, now: SettableClock, handover: str, who: str) -> None:
    desk = team(database, now, roster({"ana": "08:00-12:00", "ben": "12:00-20:00"}), handover=handover)
    come(desk, "1")
    assert desk.who() == {"1": "ana"}
    now.set(read_instant(at(180)))
    desk.give()
    assert desk.who() == {"1": who}
    assert [row.instead_of for row in desk.given()] == ([None, "7"] if handover == "offer" else [None])
    assert wished(desk, "1")[0] == {"ana": "7", "ben": "8"}[who]


def test_nobody_gets_more_distressing_cases_in_a_shift_than_the_limit_says(database: Database, now: SettableClock) -> None:
    limits = {"distressing": {"categories": ["safety_incident"], "per_shift": 2}}
    desk = team(database, now, roster({"ana": "08:00-17:00"}, limits=limits))
    come(desk, "1", "2", "3", text="bitten")
    for id_ in ("1", "2"):
        desk.tell([ticket("updated", 30, id_, by="7", status="solved")])
    come(desk, "4")
    assert desk.who() == {"3": None, "4": "ana"}
    now.advance(timedelta(days=1))
    desk.give()
    assert desk.who() == {"3": "ana", "4": "ana"}


def test_skills_are_asked_for(database: Database, now: SettableClock) -> None:
    skilled = {"ana": {"skills": {"safety": 1}}, "ben": {"skills": {"safety": 3}}}
    desk = team(database, now, roster({"ana": "08:00-17:00", "ben": "08:00-17:00"}, agents=skilled), skills={"safety": 2})
    come(desk, "1", "2")
    assert desk.who() == {"1": "ben", "2": "ben"}


def test_sticky_work_goes_to_who_had_the_person_before(database: Database, now: SettableClock) -> None:
    desk = team(database, now, assign="sticky")
    desk.tell([ticket("created", 0, "1", person="11", assignee_id="8")])
    desk.tell([ticket("updated", 5, "1", person="11", by="8", status="solved", assignee_id="8")])
    desk.give()
    now.advance(timedelta(days=3))
    desk.tell([ticket("created", 60 * 24 * 3 + 50, "2", person="11"), ticket("created", 60 * 24 * 3 + 50, "3", person="12")])
    desk.give()
    assert desk.who() == {"2": "ben", "3": "ana"}


def test_turns_go_round(database: Database, now: SettableClock) -> None:
    desk = team(database, now, assign="round_robin")
    for minute, id_ in enumerate(("1", "2", "3", "4")):
        come(desk, id_, minute=minute)
        now.advance(timedelta(minutes=1))
    assert [row.agent for row in desk.given()] == ["ana", "ben", "ana", "ben"]


def test_the_preview_says_what_is_done_next(database: Database, now: SettableClock) -> None:
    desk = team(database, now, roster({"ana": "08:00-17:00", "ben": "08:00-17:00"}, agents={"ana": {"capacity": {"email": 1}}}))
    for id_ in ("1", "2", "3"):
        desk.tell([ticket("created", 0, id_, person=f"1{id_}")])
        desk.work()
        preview = desk.next("safety")
        asyncio.run(desk.giving.round())
        row = desk.given()[-1]
        assert preview.piece is not None
        assert preview.piece["ticket"] == row.ticket == id_
        assert row.candidates == [candidate_json(one) for one in preview.ranked]
        now.advance(timedelta(seconds=1))
    assert desk.next("safety").waiting == 0


def test_work_that_nobody_can_get_holds_nothing_back(database: Database, now: SettableClock) -> None:
    limits = {"distressing": {"categories": ["safety_incident"], "per_shift": 0}}
    desk = team(database, now, roster({"ana": "08:00-17:00"}, limits=limits))
    come(desk, *(str(n) for n in range(1, 31)), text="bitten")
    come(desk, "99")
    assert desk.who()["99"] == "ana"
    assert Counter(desk.who().values()) == {None: 30, "ana": 1}


def test_four_workers_give_nothing_twice_and_break_no_cap(database: Database, now: SettableClock) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    capacity = {key: {"capacity": {"email": 5}} for key in ("ana", "ben", "cem")}
    desk = team(database, now, roster(dict.fromkeys(capacity, "08:00-17:00"), agents=capacity))
    desk.tell([ticket("created", n / 10, str(n), person=f"1{n}") for n in range(24)])
    desk.work()
    workers = [threading.Thread(target=asyncio.run, args=(_until_done(desk),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    given = desk.given()
    assert len({row.ticket for row in given}) == len(given) == 15
    assert Counter(row.agent for row in given) == {"ana": 5, "ben": 5, "cem": 5}


async def _until_done(desk: Team) -> None:
    giver = desk.giver()
    while await giver.round() is True:
        pass


def test_room_that_frees_is_taken_within_two_seconds_though_nobody_is_woken(database: Database, now: SettableClock) -> None:
    desk = team(database, now, roster({"ana": "08:00-17:00"}, agents={"ana": {"capacity": {"email": 1}}}))
    come(desk, "1", "2")
    began = now.now()

    async def passes(_: asyncio.Event, span: timedelta) -> None:
        if now.now() >= began + timedelta(seconds=10):
            loop.stop()
        elif now.now() == began + timedelta(seconds=4):
            desk.tell([ticket("updated", 30, "1", by="7", status="solved")])
            await desk.ingest.round()
        now.advance(span or timedelta(seconds=1))

    loop = Loop([Task("assign", desk.giving.round)], now, wait=passes)
    asyncio.run(loop.run())
    assert desk.who() == {"2": "ana"}
    assert desk.given()[-1].at <= began + timedelta(seconds=6)


def at_zendesk(database: Database, now: SettableClock) -> tuple[WritingDesk, Team, str]:
    """A ticket that the simulated Zendesk has, given to ana and not written yet."""
    writing = WritingDesk(database, now)
    id_ = writing.ticket()
    ana = {"ana": {"zendesk_user_id": 41000000007}}
    desk = Team(database, now, book(zendesk_group_id=61000000010), roster({"ana": "08:00-17:00"}, agents=ana))
    come(desk, id_)
    assert desk.who() == {id_: "41000000007"}
    return writing, desk, id_


def test_assignee_and_group_are_written_in_the_same_update(database: Database, now: SettableClock) -> None:
    writing, _, id_ = at_zendesk(database, now)
    asyncio.run(writing.until_quiet())
    assert (writing.seen(id_)["group_id"], writing.seen(id_)["assignee_id"]) == (61000000010, 41000000007)
    assert writing.puts(id_) == 1


def test_who_takes_the_ticket_before_it_is_written_keeps_it(database: Database, now: SettableClock) -> None:
    writing, _, id_ = at_zendesk(database, now)
    admin = writing.zendesk.world.admin["id"]
    writing.edit(id_, assignee_id=admin)
    asyncio.run(writing.until_quiet(timedelta(minutes=5)))
    assert writing.seen(id_)["assignee_id"] == admin


def refusing(database: Database, now: SettableClock, users: dict[str, int]) -> tuple[WritingDesk, Team, str]:
    """A ticket given to ana, whom the simulated Zendesk does not know, in a team of these users."""
    writing = WritingDesk(database, now)
    id_ = writing.ticket()
    people = roster(dict.fromkeys(users, "08:00-17:00"), agents={key: {"zendesk_user_id": user} for key, user in users.items()})
    desk = Team(database, now, book(zendesk_group_id=61000000010), people)
    come(desk, id_)
    assert [row.agent for row in desk.given()] == ["ana"]
    return writing, desk, id_


def test_whom_zendesk_refuses_for_a_ticket_is_passed_over_for_it(database: Database, now: SettableClock) -> None:
    writing, desk, id_ = refusing(database, now, {"ana": 7, "ben": 8, "cem": 41000000007})
    for last in ("ana", "ben", "cem"):
        asyncio.run(writing.until_quiet(timedelta(minutes=1)))
        preview = desk.next("safety")
        assert (preview.piece is None) == (last == "cem")
        desk.give()
        assert [candidate_json(one) for one in preview.ranked] == desk.given()[-1].candidates or last == "cem"
    assert [(row.agent, row.instead_of) for row in desk.given()] == [("ana", None), ("ben", "7"), ("cem", "8")]
    passed = {one["agent"]: one["because"] for one in desk.given()[-1].candidates if not one["chosen"]}
    assert passed == {key: [{"step": "refused", "says": "Zendesk does not take them for this ticket"}] for key in ("ana", "ben")}
    assert writing.seen(id_)["assignee_id"] == 41000000007


def test_work_that_zendesk_takes_nobody_for_stays_with_the_last_of_them(database: Database, now: SettableClock) -> None:
    writing, desk, id_ = refusing(database, now, {"ana": 7, "ben": 8})
    for _ in range(4):
        asyncio.run(writing.until_quiet(timedelta(minutes=1)))
        desk.give()
    assert [row.agent for row in desk.given()] == ["ana", "ben"]
    assert desk.who() == {id_: "ben"}


def test_whom_zendesk_refuses_for_one_ticket_gets_others(database: Database, now: SettableClock) -> None:
    writing, desk, _ = refusing(database, now, {"ana": 7, "cem": 41000000007})
    asyncio.run(writing.until_quiet(timedelta(minutes=1)))
    desk.give()
    come(desk, "99", minute=2)
    assert [row.agent for row in desk.given()] == ["ana", "cem", "ana"]


def test_agents_are_held_by_locks_of_their_own(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer")

    def hold(*agents: str) -> None:
        def other(conn: Any) -> None:
            conn.execute(text("SET LOCAL lock_timeout = '50ms'"))
            assignments.lock_agents(conn, agents)

        database.write_now(other)

    def first(conn: Any) -> None:
        assignments.lock_agents(conn, ["ana", "ben"])
        with pytest.raises(OperationalError):
            hold("ben", "cem")
        hold("cem")

    database.write_now(first)
    hold("ana", "ben")


def test_in_a_dry_run_nothing_is_given(database: Database, now: SettableClock) -> None:
    desk = team(database, now)
    desk.giving = desk.giver("dry-run")
    come(desk, "1")
    assert desk.who() == {"1": None}
    desk.giving = desk.giver()
    desk.give()
    assert desk.who() == {"1": "ana"}
