"""Whom an erasure is about: all that somebody alone is known by, and no further."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert

from tests.clocks import START
from tsbridge.core.moments import Handle
from tsbridge.store.db import Database
from tsbridge.store.erased_person import MOST, Person, find
from tsbridge.store.link_tables import handles, merged_users

ANA, BO = Handle("zendesk_user", "41"), Handle("zendesk_user", "42")
MAIL, WORK, PHONE = Handle("email", "ana@example.com"), Handle("email", "ana@work.example"), Handle("phone", "+14155550123")

Told = tuple[str, Handle, str]
"""An interaction (`t1` a ticket, `c1` a call), what it was told of, and in which role."""


def known(database: Database, *told: Told) -> None:
    rows = [
        {"source": "zendesk" if of[0] == "t" else "talkdesk", "interaction": of, "kind": one.kind, "value": one.value, "role": role}
        for of, one, role in told
    ]
    more = {"opened_at": START, "whose": ""}
    database.write_now(lambda conn: conn.execute(insert(handles), [row | more for row in rows]) and None)


def about(of: str, *people: Handle) -> list[Told]:
    return [(of, one, "person") for one in people]


def named(database: Database, *asked: Handle) -> Person | None:
    return database.read_now(lambda conn: find(conn, asked))


def subjects(found: Person | None) -> Iterable[str]:
    assert found is not None
    return sorted(one.id for one in found.subjects)


def test_from_one_address_it_goes_on_to_everything_their_user_is_known_by(database: Database) -> None:
    known(database, *about("t1", ANA, MAIL), *about("t2", ANA, WORK, PHONE), *about("c1", PHONE), *about("t3", BO))
    for asked in (MAIL, WORK, PHONE, ANA):
        found = named(database, asked)
        assert subjects(found) == ["c1", "t1", "t2"]
        assert found is not None
        assert (found.people, found.shared) == (frozenset((ANA, MAIL, WORK, PHONE)), 0)


def test_users_that_were_merged_are_one(database: Database) -> None:
    known(database, *about("t1", ANA, MAIL), *about("t2", BO))
    database.write_now(lambda conn: conn.execute(insert(merged_users).values(id="40", remains="41")) and None)
    assert subjects(named(database, Handle("zendesk_user", "40"))) == ["t1"]


def test_a_number_of_a_household_stays_with_the_others(database: Database) -> None:
    known(database, *about("t1", ANA, MAIL, PHONE), *about("t2", BO, PHONE), *about("c1", PHONE))
    found = named(database, MAIL)
    assert subjects(found) == ["t1"]
    assert found is not None
    assert (found.people, found.shared) == (frozenset((ANA, MAIL)), 1)
    by_number = named(database, PHONE)
    assert subjects(by_number) == ["c1", "t1", "t2"]
    assert by_number is not None
    assert by_number.people == frozenset((PHONE,))


def test_who_calls_about_a_ticket_is_its_requester_unless_the_number_is_somebody_elses(database: Database) -> None:
    ticket, other = Handle("ticket", "t1"), Handle("phone", "+14155550199")
    known(database, *about("t1", ANA, MAIL), ("t1", ticket, "name"), *about("c1", PHONE), ("c1", ticket, "name"))
    known(database, *about("c2", other), ("c2", ticket, "name"), *about("t2", BO, other))
    assert subjects(named(database, MAIL)) == ["c1", "t1"]
    assert subjects(named(database, PHONE)) == ["c1", "t1"]


def test_what_was_told_of_a_former_requester_is_not_about_them(database: Database) -> None:
    known(database, *about("t1", BO), ("t1", MAIL, "former"))
    assert named(database, MAIL) is None
    assert named(database, Handle("email", "nobody@example.com")) is None


def test_a_mailbox_is_nobody(database: Database) -> None:
    def fill(conn: Connection) -> None:
        row = {"source": "talkdesk", "kind": "phone", "value": PHONE.value, "role": "person", "opened_at": START, "whose": ""}
        conn.execute(insert(handles), [row | {"interaction": f"c{n}"} for n in range(MOST + 1)])

    database.write_now(fill)
    assert named(database, PHONE) is None
    database.write_now(lambda conn: conn.execute(delete(handles).where(handles.c.interaction == "c7")) and None)
    assert len(list(subjects(named(database, PHONE)))) == MOST
