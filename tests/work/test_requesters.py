"""A ticket is its newest requester's: whoever opened it, in whatever order it is heard; users that were merged are one."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.seeds import seeds
from tests.work.walk import Walk, at, call, ticket
from tsbridge.core.link import CROWD
from tsbridge.core.moments import Handle, Interaction
from tsbridge.document_files import load_file
from tsbridge.store import links, schema
from tsbridge.store.db import Database
from tsbridge.store.link_tables import acquaintances, handles, interactions

BOOK = load_file(Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml")
DAY = 24 * 60
PHONE, OTHER = "+14155550123", "+14155550124"
Delivery = tuple[str, dict[str, Any]]


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    """All is heard a week later: the order of arrival is free."""
    clock.advance(timedelta(days=7))
    return clock


def walked(database: Database, clock: SettableClock, batches: list[list[Delivery]]) -> Walk:
    walk = Walk(database, clock, BOOK)
    for batch in batches:
        walk.tell(batch)
        walk.work()
    return walk


def cases(walk: Walk) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for case_id, _, id_, _, _ in walk.outcome()["members"]:
        found.setdefault(case_id, set()).add(id_)
    return {frozenset(ids) for ids in found.values()}


def merged(lost: str, left: str, minute: float = 0) -> Delivery:
    return "zendesk", {
        "type": "zen:event-type:user.merged",
        "id": f"m{lost}-{left}",
        "time": at(minute),
        "subject": f"zen:user:{lost}",
        "zendesk_event_version": "2022-11-06",
        "detail": {"id": lost, "role": "end-user"},
        "event": {"user": {"id": left}},
    }


OPENED_FOR_SOMEBODY = [
    ticket("created", 0, "1", person="7", phone=OTHER, text="taken down by phone"),
    ticket("updated", 1, "1", person="41", phone=PHONE, by="7"),
    ticket("created", 30, "2", person="41"),
    call("call.missed", 40, "c1", phone=PHONE),
    ticket("created", 50, "3", person="7"),
    call("call.missed", 60, "c2", phone=OTHER),
]


@pytest.mark.parametrize("seed", range(2))
def test_a_ticket_that_an_agent_opened_for_somebody_is_that_persons(
    make_database: Callable[[], Database], late: SettableClock, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    deliveries = OPENED_FOR_SOMEBODY[:]
    rng.shuffle(deliveries)
    walk = walked(make_database(), late, [[one] for one in deliveries])
    assert cases(walk) == {frozenset({"1", "2", "c1"}), frozenset({"3", "c2"})}
    assert walk.outcome() == walked(make_database(), late, [OPENED_FOR_SOMEBODY]).outcome()


def test_a_ticket_given_back_is_the_first_persons_again_with_all_that_was_told_of_them(database: Database, late: SettableClock) -> None:
    walk = walked(
        database,
        late,
        [
            [ticket("created", 0, "1", person="41", phone=PHONE)],
            [ticket("updated", 1, "1", person="42", phone=OTHER)],
            [ticket("updated", 2, "1", person="41")],
            [call("call.missed", 3, "c1", phone=PHONE), call("call.missed", 4, "c2", phone=OTHER)],
        ],
    )
    assert cases(walk) == {frozenset({"1", "c1"}), frozenset({"c2"})}


def test_a_ticket_that_leaves_a_crowd_makes_it_none(make_database: Callable[[], Database], late: SettableClock) -> None:
    crowd = [ticket("created", n, str(100 + n), person="41") for n in range(CROWD + 1)]
    leaves = ticket("updated", 30, "105", person="42")
    walk = walked(make_database(), late, [crowd, [leaves]])
    assert cases(walk) == {frozenset(str(100 + n) for n in range(CROWD + 1) if n != 5), frozenset({"105"})}
    assert walk.outcome() == walked(make_database(), late, [[leaves], crowd]).outcome()


def changing_hands(rng: random.Random) -> list[Delivery]:
    """Tickets that pass between few people with and without numbers, their comments, calls, and users that are merged."""
    told: list[Delivery] = []
    phones = {"41": PHONE, "42": OTHER, "43": PHONE, "7": "+14155550125"}
    for n in range(rng.randint(5, 14)):
        minute = -rng.choice((0, 0, 1, 2, 9, 40)) * DAY - rng.randint(0, DAY)
        if rng.random() < 0.7:
            for kind in ["created", *rng.choices(("updated", "commented"), k=rng.randint(0, 3))]:
                person = rng.choice(sorted(phones))
                told.append(
                    ticket(
                        kind, minute, str(100 + n), person=person, phone=rng.choice(("", phones[person])), text=rng.choice(("", "bitten"))
                    )
                )
                minute += rng.randint(1, 300)
        else:
            told.append(call("call.missed", minute, f"c{n}", phone=rng.choice(sorted(phones.values()))))
    return told + rng.choice(([], [merged("42", "43")], [merged("42", "43"), merged("43", "44")], [merged("41", "43"), merged("7", "44")]))


@pytest.mark.parametrize("seed", seeds(1, 6))
def test_tickets_that_change_hands_end_alike_in_any_order(make_database: Callable[[], Database], late: SettableClock, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    told = changing_hands(rng)
    expected = walked(make_database(), late, [told]).outcome()
    rng.shuffle(told)
    size = rng.choice((1, 2, 5))
    assert walked(make_database(), late, [told[n : n + size] for n in range(0, len(told), size)]).outcome() == expected


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_users_that_were_merged_are_one_person_whenever_it_is_heard(
    make_database: Callable[[], Database], late: SettableClock, when: str
) -> None:
    first, second = ticket("created", 0, "1", person="41", phone=PHONE), ticket("created", 20, "2", person="42", phone=PHONE)
    told = {
        "before": [merged("41", "42"), first, second],
        "between": [first, merged("41", "42"), second],
        "after": [first, second, merged("41", "42")],
    }
    walk = walked(make_database(), late, [[one] for one in [*told[when], call("call.missed", 30, "c1", phone=PHONE)]])
    assert cases(walk) == {frozenset({"1", "2", "c1"})}  # the number is in no doubt any more
    asked = {"both": [Interaction("zendesk", "1"), Interaction("zendesk", "2")]}
    assert Handle("zendesk_user", "42") in walk.database.read_now(lambda conn: links.sure_people(conn, asked)["both"])


def test_a_merged_persons_contacts_are_counted_together(database: Database, late: SettableClock) -> None:
    book = {**BOOK, "tests": []}
    walk = Walk(database, late, book)
    walk.tell(
        [ticket("created", 0, "1", person="41"), ticket("created", 100, "2", person="42"), ticket("created", 3 * DAY, "3", person="42")]
    )
    walk.work()
    walk.tell([merged("41", "42")])
    walk.work()
    counted = database.read_now(lambda conn: links.counts(conn, [Handle("zendesk_user", "42")], late.now()))
    assert counted["requester.contacts_30d"] == 3


def test_a_number_of_three_users_stays_in_doubt_when_two_of_them_are_merged(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    shared = [ticket("created", n, str(n), person=str(40 + n), phone=PHONE) for n in (1, 2, 3)]
    calls = [call("call.missed", 10, "c1", phone=PHONE)]
    walk = walked(make_database(), late, [shared, [merged("41", "42")], calls])
    assert cases(walk) == {frozenset({"1", "2"}), frozenset({"3"}), frozenset({"c1"})}
    assert walk.outcome() == walked(make_database(), late, [[merged("41", "42")], [*calls, *shared[::-1]]]).outcome()


def test_the_migration_knows_whose_stored_tickets_are(database: Database, late: SettableClock) -> None:
    told = OPENED_FOR_SOMEBODY + [ticket("created", n, str(50 + n), person=str(60 + n), phone=PHONE) for n in range(3)]
    walked(database, late, [told])

    def known(conn: Any) -> list[list[Any]]:
        queries = (
            select(handles),
            select(interactions.c.id, interactions.c.requester, interactions.c.requester_place),
            select(acquaintances.c.kind, acquaintances.c.value, acquaintances.c.other_kind),  # which two of a kind tells nothing
        )
        return [sorted(map(tuple, conn.execute(query).all()), key=repr) for query in queries]

    before = database.read_now(known)
    database.write_now(lambda conn: schema.downgrade(conn, "0005"))
    schema.migrate(database)
    assert database.read_now(known) == before
