"""An id in the data joins no more than three people, in whatever order it is heard; merges of tickets join as many as agents like."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.seeds import seeds
from tests.work.test_busy_person import effort
from tests.work.test_requesters import cases, merged, walked
from tests.work.walk import Walk, call, ticket
from tsbridge.core.link import NAMESAKES, STRANGERS
from tsbridge.document_files import load_file
from tsbridge.store import shared
from tsbridge.store.db import Database
from tsbridge.store.link_tables import handles, interactions

BOOK = load_file(Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml")
SAYS_SO = "; an id it carries stands for too many people and links nobody"
Delivery = tuple[str, dict[str, Any]]


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    clock.advance(timedelta(days=7))
    return clock


def owned(n: int) -> Delivery:
    """A ticket, each of somebody else."""
    return ticket("created", n, str(1_000 + n), person=str(5_000 + n))


def about_call(n: int, id_: str = "constant") -> Delivery:
    return ticket("created", n, str(1_000 + n), person=str(5_000 + n), external_id=f"talkdesk:acme:{id_}")


def naming(n: int) -> Delivery:
    """Something more of one call, which each time names another ticket."""
    return call("note.created", 100 + n, "c1", zendesk_ticket_id=str(1_000 + n))


def because(database: Database) -> dict[str, str]:
    rows = database.read_now(lambda conn: conn.execute(select(interactions.c.id, interactions.c.link_because)).all())
    return {id_: why for id_, why in rows}


def alone(*ids: str) -> set[frozenset[str]]:
    return {frozenset({id_}) for id_ in ids}


@pytest.mark.parametrize("last_heard", ["call", "ticket"])
def test_a_call_that_names_the_tickets_of_four_people_joins_none_of_them(
    make_database: Callable[[], Database], late: SettableClock, last_heard: str
) -> None:
    three = [told for n in range(STRANGERS) for told in (owned(n), naming(n))]
    fourth = [owned(STRANGERS), naming(STRANGERS)]
    database = make_database()
    walk = walked(database, late, [three])
    assert cases(walk) == {frozenset({"1000", "1001", "1002", "c1"})}
    walk.tell(fourth if last_heard == "call" else fourth[::-1])
    walk.work()
    assert cases(walk) == alone("1000", "1001", "1002", "1003", "c1")
    assert because(database)["c1"] == "opened the case" + SAYS_SO
    assert database.read_now(shared.count) == {"talkdesk": 1}
    assert walk.outcome() == walked(make_database(), late, [[*fourth, *three[::-1]]]).outcome()


def test_a_constant_call_id_joins_no_strangers_and_says_so_to_all_of_them(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    told = [about_call(n) for n in range(STRANGERS + 2)]
    database = make_database()
    walk = walked(database, late, [[one] for one in told])
    assert cases(walk) == alone(*(str(1_000 + n) for n in range(STRANGERS + 2)))
    assert set(because(database).values()) == {"opened the case" + SAYS_SO}
    assert database.read_now(shared.count) == {"call": 1}
    assert walk.outcome() == walked(make_database(), late, [told[::-1]]).outcome()


def test_an_id_used_twice_joins_again_once_two_of_the_people_turn_out_to_be_one(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    told = [about_call(n) for n in range(STRANGERS + 1)]
    database = make_database()
    walk = walked(database, late, [told, [merged("5000", "5001")]])
    assert cases(walk) == {frozenset({"1000", "1001", "1002", "1003"})}
    assert database.read_now(shared.count) == {}
    assert not any(why.endswith(SAYS_SO) for why in because(database).values())


def test_a_ticket_that_calls_of_four_numbers_name_is_joined_with_none_of_them(database: Database, late: SettableClock) -> None:
    calls = [call("call.missed", n, f"c{n}", phone=f"+1415555012{n}", zendesk_ticket_id="1000") for n in range(STRANGERS)]
    walk = walked(database, late, [[ticket("created", 0, "1000", person="5000"), *calls]])
    assert cases(walk) == alone("1000", "c0", "c1", "c2")


def test_tickets_of_many_people_that_agents_merged_are_one_case(database: Database, late: SettableClock) -> None:
    into = [ticket("merged", 50 + n, str(1_000 + n), person=str(5_000 + n), status="closed", merged_into="1000") for n in range(1, 8)]
    walk = walked(database, late, [[owned(n) for n in range(8)], into])
    assert cases(walk) == {frozenset(str(1_000 + n) for n in range(8))}
    assert database.read_now(shared.count) == {}


def entangled(rng: random.Random) -> list[Delivery]:
    """Tickets of a few people and calls that name each other at random, by few ids; some tickets change hands."""
    told: list[Delivery] = []
    for n in range(rng.randint(5, 12)):
        external = {"external_id": f"talkdesk:acme:{rng.choice('xy')}"} if rng.random() < 0.8 else {}
        told.append(ticket("created", n * 2_000, str(n), person=str(rng.randint(40, 46)), **external))
        if rng.random() < 0.2:
            told.append(ticket("updated", n * 2_000 + 5, str(n), person=str(rng.randint(40, 46))))
    told += [
        call("note.created", n * 2_000, rng.choice(("x", "y", "c1", "c2")), zendesk_ticket_id=str(rng.randint(0, 11)))
        for n in range(rng.randint(1, 8))
    ]
    return told + [merged("40", "41", 1)] * rng.randint(0, 1)


@pytest.mark.parametrize("seed", seeds(1, 6))
def test_entangled_ids_end_alike_in_any_order(make_database: Callable[[], Database], late: SettableClock, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    told = entangled(rng)
    expected = walked(make_database(), late, [told]).outcome()
    rng.shuffle(told)
    size = rng.choice((1, 2, 5))
    assert walked(make_database(), late, [told[n : n + size] for n in range(0, len(told), size)]).outcome() == expected


@pytest.mark.parametrize("kind", [naming, about_call])
def test_what_one_more_delivery_costs_does_not_grow_with_what_an_id_stands_for(
    database: Database, late: SettableClock, kind: Callable[[int], Delivery]
) -> None:
    walk = Walk(database, late, BOOK)
    costs, told = [], 0
    for upto in (NAMESAKES + 20, NAMESAKES + 80):
        walk.tell(kind(n) for n in range(told, upto))
        walk.work()
        walk.tell([kind(upto)])
        told = upto + 1
        with effort(database) as spent:
            walk.work()
        costs.append(spent)
    few, many = costs
    assert many.statements <= few.statements + 5
    # Two rows more for each note of the call's own story, which is read as a whole.
    assert many.rows <= few.rows + 10 + (2 * 61 if kind is naming else 0)
    held = select(func.count()).select_from(handles).where(handles.c.source == "talkdesk")
    assert database.read_now(lambda conn: conn.execute(held).scalar_one()) <= NAMESAKES + 1
