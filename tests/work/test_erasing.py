"""A person is forgotten, in every table and file; no decision moves, nothing that comes late brings them back, and it is certified."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, select, update

from tests.clocks import SettableClock
from tests.readable import opened
from tests.work.test_redaction import CARD, NAME, Redacting, holding, in_force
from tests.work.walk import call
from tsbridge.acts import erasing as acts
from tsbridge.acts.errors import NotFound
from tsbridge.acts.ledger import Ledger
from tsbridge.core import crashpoint
from tsbridge.core.erasure import fault, missing, place
from tsbridge.core.moments import BARS
from tsbridge.doctor.retention import forgotten
from tsbridge.ed25519 import proves, public_key_of, sign
from tsbridge.log import ALLOWED
from tsbridge.store import chain, inbox, proof
from tsbridge.store.all_tables import metadata
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.store.erasure_tables import erased_people, erasures
from tsbridge.store.link_tables import handles
from tsbridge.store.tombstones import HIDDEN
from tsbridge.work.erasing import ROOM, Erasing

MAIL, PHONE, SEED = "ana.silva@example.com", "+14155550123", bytes(32)
STREET = "12 Elm Street"
PLANTED = (CARD, NAME, "Ana Silva", MAIL, PHONE, "415-555-0123", "(415) 555 0123", STREET, "my sister bit")


async def signed(message: bytes) -> tuple[str, str]:
    return public_key_of(SEED).hex(), sign(SEED, message).hex()


class Erased(Redacting):
    """Somebody known by a ticket, a call, notes at the desk, and by what others say of them."""

    def fill(self) -> str:
        self.ticket = self.report()
        self.case = str(self.walk.outcome()["members"][0][0])
        self.walk.tell([call("call.ended", 3, "call-0001", phone=PHONE, zendesk_ticket_id=self.ticket)])
        self.walk.tell([call("call.note", 4, "call-0001", phone=PHONE, note=f"lives at {STREET}, my sister bit")])
        self.walk.work()
        asyncio.run(self.walk.desk.note(self.case, "kim", f"rang Ana Silva, 415-555-0123, {STREET}"))
        asyncio.run(self.walk.desk.acknowledge(self.case, "kim", f"{NAME} is safe"))
        self.other = self.world.add_user("Bo Lind", "bo@example.com")
        said = {"body": f"write to Ana Silva at {MAIL} or (415) 555 0123, not to me"}
        made = self.world.create({"subject": "About another", "comment": said, "requester_id": self.other["id"]}, self.other, via="mail")
        self.elsewhere = str(made["id"])
        self.ring(self.elsewhere)
        self.settle(self.elsewhere)
        self.world.change(int(self.elsewhere), {"comment": {"body": "it is my sister bit him", "public": True}}, self.person, via="mail")
        self.ring(self.elsewhere)
        self.walk.work()
        self.database.write_now(lambda conn: inbox.keep(conn, [self.broken()]))
        self.clock.advance(600)
        return self.ticket

    def body(self, ticket: str, description: str, comment: str | None = None) -> dict[str, Any]:
        """With the requester that the ticket has."""
        told = super().body(ticket, description, comment)
        user = self.world.store.users[self.world.ticket(int(ticket))["requester_id"]]
        told["ticket"]["requester"] |= {"name": user["name"], "email": user["email"]}
        return told

    def broken(self) -> inbox.Delivery:
        body = json.dumps({"from": MAIL.upper(), "who": "Ana Silva"}).encode()
        return inbox.Delivery("evt_broken", "zendesk", "broken", self.clock.now(), {}, body, quarantined="not_json")

    @property
    def database(self) -> Database:
        return self.walk.database

    def worker(self, **limits: int) -> Erasing:
        walk = self.walk
        return Erasing(walk.database, walk.clock, walk.ids, lambda: "salt", walk.rulebooks, signed, **limits)

    def begin(self, person: str = MAIL) -> str:
        entry = Ledger(self.clock, self.walk.ids, lambda length: b"\1" * length).entry("root")
        return self.database.write_now(lambda conn: acts.begin(conn, entry, self.walk.ids, acts.named(person)))

    def erase(self, person: str = MAIL, **limits: int) -> Mapping[str, Any]:
        id_ = self.begin(person)
        asyncio.run(self.finish(**limits))
        found = self.database.read_now(lambda conn: acts.show(conn, id_)).certificate
        assert found is not None
        return found

    async def finish(self, **limits: int) -> None:
        worker = self.worker(**limits)
        while await worker.step():
            pass


@pytest.fixture
def plain(database: Database, clock: SettableClock) -> Erased:
    """On a database that encrypts nothing."""
    database.write_now(lambda conn: None)
    database.data_keys.vault.fill(())
    desk = Erased(database, clock)
    desk.fill()
    return desk


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Erased:
    desk = Erased(database, clock)
    desk.fill()
    return desk


def test_nothing_planted_stands_in_any_table_file_or_dump_and_no_decision_moves(plain: Erased) -> None:
    desk = plain
    database, stood, before = desk.database, in_force(desk.database), desk.walk.outcome()
    assert {"moments.body", "inbox.body", "cases.state", "changes.after", "handles.value"} <= set(holding(database, *PLANTED))
    assert all(word.encode() in dumped(database) for word in (NAME, MAIL, STREET))
    desk.erase()
    assert holding(database, *PLANTED) == []
    left = dumped(database)
    assert [word for word in PLANTED if word.encode() in left] == []
    assert {"handles.value", "moments.body"} <= set(holding(database, "bo@example.com", "not to me"))  # somebody else's story
    assert in_force(database) == stood
    after = desk.walk.outcome()
    assert [case[:9] for case in after["cases"]] == [case[:9] for case in before["cases"]]
    assert after["decisions"] == before["decisions"]
    assert after["members"] == before["members"]
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


def test_the_plan_counts_and_changes_and_names_nothing(desk: Erased) -> None:
    before = everything(desk.database)
    found = desk.database.read_now(lambda conn: acts.plan(conn, acts.named(PHONE)))
    assert (found.known_by, found.interactions, found.cases) == ({"email": 1, "phone": 1, "zendesk_user": 1}, 2, (desk.case,))
    assert {"moments", "decisions", "inbox", "handles", "desired", "intents", "changes"} <= found.tables.keys()
    assert not any(word in str(found) for word in PLANTED)
    assert everything(desk.database) == before


def everything(database: Database) -> str:
    def look(conn: Connection) -> str:
        return repr([conn.exec_driver_sql(f'SELECT * FROM "{table.name}"').all() for table in metadata.sorted_tables])  # noqa: S608

    return database.read_now(look)


def test_in_small_parts_and_by_one_worker_after_another_it_comes_to_the_same(desk: Erased) -> None:
    id_ = desk.begin(PHONE)
    assert holding(desk.database, MAIL) != []

    async def killed_again_and_again() -> int:
        steps = 0
        while await desk.worker(decisions=1, moments=1).step():
            steps += 1
        return steps

    assert asyncio.run(killed_again_and_again()) > 10
    assert holding(desk.database, *PLANTED) == []
    verdict = desk.database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]
    assert desk.database.read_now(lambda conn: acts.show(conn, id_)).status == "done"


def test_the_doctor_says_whose_words_are_still_there_and_whose_bytes(desk: Erased) -> None:
    desk.begin()

    def said() -> list[str]:
        return [line.words.partition(" ")[0] for line in forgotten(desk.database, desk.clock.now())]

    assert said() == []
    desk.clock.advance(3600)
    assert said() == ["1"]
    asyncio.run(desk.finish())
    assert said() == []
    desk.database.write_now(lambda conn: conn.execute(update(erasures).values(rewritten_at=None)) and None)
    assert said() == ["Bytes"]
    assert asyncio.run(desk.worker().rewrite(0)) is (desk.database.dialect == "postgresql")  # no SQLite file is so small
    assert asyncio.run(desk.worker().rewrite(ROOM)) is (desk.database.dialect == "sqlite")
    assert said() == []


def test_the_log_says_that_somebody_was_erased_and_not_who(desk: Erased, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        id_ = desk.erase()["id"]
    (line,) = [one for one in caplog.records if one.name == "tsbridge.erasing"]
    assert (line.message, line.erasure_id, line.count) == ("a person was erased", id_, 2)  # type: ignore[attr-defined]
    assert {"erasure_id", "count"} <= ALLOWED
    assert not any(word in str(vars(one)) for one in caplog.records for word in PLANTED)


class Killed(Exception):
    """The process dies."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("point", [name for name in crashpoint.POINTS if name.startswith("erasing.")])
def test_killed_at_any_point_it_goes_on_and_is_done_once(desk: Erased, point: str) -> None:
    crashpoint.arm(point, die)
    try:
        with pytest.raises(Killed):
            desk.erase()
    finally:
        crashpoint.disarm()
    if point == "erasing.begun":
        assert desk.database.read_now(lambda conn: acts.listed(conn, 10)) == []
        desk.begin()
    asyncio.run(desk.finish())
    (found,) = desk.database.read_now(lambda conn: acts.listed(conn, 10))
    assert found.certificate is not None
    assert fault(dict(found.certificate), frozenset(), proves) is None
    assert holding(desk.database, *PLANTED) == []
    assert desk.database.read_now(proof.verify)["ok"]


def test_what_is_told_again_or_late_brings_nobody_back(desk: Erased) -> None:
    desk.erase()
    stood = in_force(desk.database)
    body = desk.body(desk.ticket, f"my card is {CARD}, {NAME} has it")
    desk.walk.tell([("zendesk", body | {"delivery": "again"})])
    desk.walk.work()
    desk.writing.wire.unreachable = True  # with Zendesk away the delivery itself would tell it
    desk.clock.advance(60)
    told = body["ticket"] | {"latest_comment": f"----\nAna Silva, 9:00\n\nmy card is {CARD}, {NAME} has it"}
    desk.walk.tell([("zendesk", body | {"delivery": "once more", "ticket": told})])
    desk.walk.work()
    desk.writing.wire.unreachable = False
    desk.walk.tell([call("call.ended", 3.5, "call-0001", phone=PHONE)])
    desk.walk.tell([call("call.note", 2, "call-0000", phone=PHONE, note=f"{STREET}")])  # of a call that nobody had heard of
    desk.walk.work()
    desk.settle(desk.ticket)
    asyncio.run(desk.finish())
    assert holding(desk.database, *PLANTED) == []
    assert set(stood) <= set(in_force(desk.database))
    assert desk.database.read_now(proof.verify)["ok"]


def test_an_old_ticket_that_is_found_later_is_forgotten_as_it_comes(desk: Erased) -> None:
    said = {"body": f"{NAME} again, at {STREET}"}
    made = desk.world.create({"subject": "Unheard", "comment": said, "requester_id": desk.person["id"]}, desk.person, via="mail")
    desk.clock.advance(600)
    desk.erase()
    desk.clock.advance(600)
    desk.ring(str(made["id"]))
    desk.settle(str(made["id"]))
    asyncio.run(desk.finish())
    assert holding(desk.database, *PLANTED) == []
    assert str(made["id"]) in {member[2] for member in desk.walk.outcome()["members"]}


def test_what_the_person_asks_for_afterwards_is_new_and_kept(desk: Erased) -> None:
    desk.erase()
    desk.clock.advance(600)
    said = {"body": f"hello, this is {NAME}"}
    made = desk.world.create({"subject": "New", "comment": said, "requester_id": desk.person["id"]}, desk.person, via="mail")
    desk.ring(str(made["id"]))
    desk.settle(str(made["id"]))
    assert "moments.body" in holding(desk.database, NAME)
    cases = {member[2]: member[0] for member in desk.walk.outcome()["members"]}
    assert cases[str(made["id"])] not in (cases[desk.ticket], cases["call-0001"])
    again = desk.database.read_now(lambda conn: acts.plan(conn, acts.named(MAIL)))
    assert again.interactions == 1


def test_a_new_comment_on_an_old_ticket_is_heard_and_the_old_words_stay_away(desk: Erased) -> None:
    desk.erase()
    desk.clock.advance(600)
    desk.world.change(int(desk.ticket), {"comment": {"body": "is anybody there", "public": True}}, desk.person, via="mail")
    desk.ring(desk.ticket)
    desk.walk.work()
    assert "moments.body" in holding(desk.database, "is anybody there")
    assert holding(desk.database, *PLANTED) == []


def test_nobody_is_found_twice_nor_by_what_nobody_is_known_by(desk: Erased) -> None:
    desk.erase()
    for person in (MAIL, PHONE, str(desk.person["id"]), "nobody@example.com"):
        with pytest.raises(NotFound):
            desk.database.read_now(lambda conn, person=person: acts.plan(conn, acts.named(person)))  # type: ignore[misc]


def test_an_address_that_several_users_have_leads_to_no_other_ticket_of_theirs(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)  # whose deliveries give every requester the same address
    first = desk.report()
    bo = desk.world.add_user("Bo Lind", "bo@example.com")
    made = desk.world.create({"subject": "x", "comment": {"body": "y"}, "requester_id": bo["id"]}, bo, via="mail")
    desk.ring(str(made["id"]))
    desk.settle(str(made["id"]))
    by_user = database.read_now(lambda conn: acts.plan(conn, acts.named(str(desk.person["id"]))))
    assert (by_user.known_by, by_user.interactions, by_user.shared) == ({"zendesk_user": 1}, 1, 1)
    assert first in {member[2] for member in desk.walk.outcome()["members"]}


def test_the_certificate_holds_and_an_altered_one_does_not(desk: Erased) -> None:
    told = desk.erase()
    trusted = frozenset((public_key_of(SEED).hex(),))
    assert fault(told, trusted, proves) is None
    hashes = desk.database.read_now(lambda conn: chain.hashes(conn, [place(told)]))
    assert missing(told, hashes) is None
    assert (told["interactions"], told["cases"], told["left"]) == (2, [desk.case], [])
    assert {"moments", "decisions", "changes", "inbox", "handles"} <= told["erased"].keys()
    assert not any(word in json.dumps(told) for word in PLANTED)
    for name in told.keys() - {"public_key", "signature"}:
        assert fault({**told, name: "else"}, trusted, proves) is not None, name
    assert fault(told, frozenset(("00" * 32,)), proves) is not None
    assert missing({**told, "entry": {"seq": place(told), "hash": "0" * 64}}, hashes) is not None
    assert missing({**told, "entry": {"seq": 10**6, "hash": "0" * 64}}, {}) is not None


def test_what_is_left_of_changes_is_proven(desk: Erased) -> None:
    desk.erase()
    emptied = select(changes).where(changes.c.salt == "", changes.c.action == "case.noted")
    row = desk.database.read_now(lambda conn: conn.execute(emptied).mappings().one())
    assert (row["actor"], row["after"]) == ("kim", {"desk.note": BARS})
    for forged in ({"actor": "lou"}, {"after": {"desk.note": "all is well"}}, {"salt": "salt"}):
        write(desk.database, row["seq"], forged)
        assert [one["seq"] for one in desk.database.read_now(proof.verify)["broken"]] == [row["seq"]], forged
        write(desk.database, row["seq"], {name: row[name] for name in forged})
    assert desk.database.read_now(proof.verify)["ok"]


def test_a_change_that_was_emptied_by_nobody_is_found(desk: Erased) -> None:
    noted = select(changes.c.seq).where(changes.c.action == "case.noted")
    seq = desk.database.read_now(lambda conn: conn.execute(noted).scalar_one())
    write(desk.database, seq, {"after": {"desk.note": BARS}, "salt": ""})
    assert [one["seq"] for one in desk.database.read_now(proof.verify)["broken"]] == [seq]


def write(database: Database, seq: int, values: Mapping[str, Any]) -> None:
    database.write_now(lambda conn: conn.execute(update(changes).where(changes.c.seq == seq).values(**values)) and None)


def dumped(database: Database) -> bytes:
    """Every byte of a SQLite database and what lies beside it; of PostgreSQL all that a dump has. What is kept packed is opened, too."""
    held = json.dumps(holding_text(database), ensure_ascii=False).encode()
    if database.dialect == "sqlite":
        file = Path(str(database.url.database))
        return held + b"".join(one.read_bytes() for one in sorted(file.parent.glob(f"{file.name}*")))
    with psycopg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False)) as conn:
        for table in metadata.sorted_tables:
            with conn.cursor().copy(f'COPY "{table.name}" TO STDOUT') as told:  # type: ignore[arg-type]
                held += b"".join(bytes(part) for part in told)
    return held


def holding_text(database: Database) -> list[str]:
    def look(conn: Connection) -> list[str]:
        told = []
        for table in metadata.sorted_tables:
            for row in conn.exec_driver_sql(f'SELECT * FROM "{table.name}"').mappings():  # noqa: S608
                told += [opened(conn, table.columns[name], value).decode(errors="replace") for name, value in row.items()]
        return told

    return database.read_now(look)


def test_keys_tell_nothing_of_whom_they_are_about_without_the_key(desk: Erased) -> None:
    desk.erase()
    kept = desk.database.read_now(lambda conn: conn.execute(select(erased_people.c.mark)).scalars().all())
    guesses = [hashlib.sha256(f"{kind}:{value}".encode()).hexdigest() for kind, value in (("email", MAIL), ("phone", PHONE))]
    assert len(kept) == 3
    assert not any(guess[:32] in kept for guess in guesses)
    assert desk.database.read_now(lambda conn: conn.execute(select(erasures.c.person)).scalars().all()) == [None]
    values = desk.database.read_now(lambda conn: conn.execute(select(handles.c.value).where(handles.c.role != "name")).scalars().all())
    assert {value.startswith(HIDDEN) for value in values} == {True, False}  # hers, and his
