"""What is personal is encrypted: nothing of it stands in the files, what is not encrypted is read, and no key is ever lost by us."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from tests.clocks import CountingIds, SettableClock
from tests.databases import Postgres, Sqlite
from tests.seeds import examples
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, call, ticket
from tsbridge.aes import Cipher
from tsbridge.core.moments import Handle, canonical_text
from tsbridge.store import datakeys, decisions, erased_person, personal, proof, schema, stored_values, vault
from tsbridge.store.all_tables import metadata
from tsbridge.store.case_tables import cases
from tsbridge.store.columns import Private, Vaulted
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.store.decision_tables import decisions as decision_rows
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.keyfile import UnusableKey
from tsbridge.store.link_tables import acquaintances, handles
from tsbridge.store.moment_tables import moments, texts
from tsbridge.store.vault import Unreadable, Vault

KEY, OTHER = "k" * 32, "o" * 32
WORDS, NAME = "Wuffelhausen", "Quibblestone"
MAIL, PHONE = "p41@example.com", "+14155550123"
PLANTED = (WORDS, NAME, MAIL, PHONE[2:])
SAID = f"my dog {WORDS} was bitten, says {NAME}. " + "It was in the park and nobody helped. " * 10
MORE = (
    ticket("created", 40, "4712", text="I want compensation", phone="+14155550123"),
    call("call.missed", 45, "c2", phone="+14155550199"),
    ticket("created", 50, "4900", text="hi", person="43", phone="+14155550123"),  # a second person with that number
    ticket("created", 55, "4901", text="hello", person="41"),
    call("call.ended", 70, "c3", zendesk_ticket_id="4711"),
)
STORY = (
    ticket("created", 0, text=SAID, phone="+14155550123"),
    ticket("commented", 3, text=f"thank you, {NAME}"),
    call("call.missed", 20, phone="+14155550123"),
)
DUMPED, ONE_COLUMN, SPOIL = "SELECT t::text FROM {} t", "SELECT {} FROM {}", "UPDATE {} SET {} = ? WHERE {} = ?"
PRIVATE = [column for table in metadata.sorted_tables for column in table.columns if isinstance(column.type, Private)]


def filled(*secrets: str, raw: bool = False) -> Vault:
    made = Vault(raw=raw)
    made.fill(secrets)
    return made


# What a vault keeps


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.booleans(), st.booleans())
@examples(20, 60)
def test_what_is_kept_comes_back_and_is_nowhere_in_what_is_kept(said: str, raw: bool, with_key: bool) -> None:
    held = filled(*([KEY] if with_key else []), raw=raw)
    told = canonical_text({"said": said})
    assert held.read_json("t.c", held.keep_json("t.c", told)) == told
    assert held.read_text("t.c", held.keep_text("t.c", said)) == said
    assert held.read_bytes("t.c", held.keep_bytes("t.c", said.encode())) == said.encode()


@pytest.mark.parametrize("raw", [True, False])
def test_the_same_words_are_the_same_bytes_in_one_column_and_others_in_another(raw: bool) -> None:
    held = filled(KEY, raw=raw)
    assert held.keep_text("t.c", WORDS) == held.keep_text("t.c", WORDS) != held.keep_text("t.d", WORDS)
    assert isinstance(held.keep_text("t.c", WORDS), bytes if raw else str)


@pytest.mark.parametrize("size", [0, 1, 2046, 2047, 2048, 4094, 4095, 20_000])
def test_the_nonce_is_a_hash_of_place_and_text_however_long(size: int) -> None:
    cipher, plain = Cipher(KEY), b"woof" * (size // 4) + b"w" * (size % 4)
    whole = hashlib.blake2b(b"t.c\0" + plain, digest_size=12, key=cipher.derived(b"nonces"))
    assert cipher.encrypt(b"t.c", plain)[:12] == whole.digest()


@pytest.mark.parametrize("raw", [True, False])
def test_what_was_encrypted_for_one_column_does_not_open_in_another(raw: bool) -> None:
    held = filled(KEY, raw=raw)
    with pytest.raises(Unreadable, match="for this column"):
        held.read_json("desired.plan", held.keep_json("intents.plan", canonical_text({"texts": [SAID]})))
    with pytest.raises(Unreadable, match="for this column"):
        held.read_bytes("recordings_wanted.body", held.keep_bytes("inbox.body", SAID.encode()))


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("at", [-1, -20, 12])
def test_what_was_changed_does_not_open(raw: bool, at: int) -> None:
    kept = filled(KEY, raw=raw).keep_text("t.c", SAID)
    changed = kept[:at] + (b"\x00" if kept[at] else b"\x01") + kept[at:][1:] if isinstance(kept, bytes) else kept[:at] + "*" + kept[at:][1:]
    with pytest.raises(ValueError, match="expected") as refused:
        filled(KEY, raw=raw).read_text("t.c", changed)
    assert WORDS not in str(refused.value)
    with pytest.raises(ValueError, match="expected"):
        filled(KEY, raw=raw).read_text("t.c", kept[:14])


def test_all_keys_decrypt_the_first_encrypts_and_a_missing_one_is_named() -> None:
    old, both, new = filled(OTHER), filled(KEY, OTHER), filled(KEY)
    kept = old.keep_text("t.c", WORDS)
    assert both.read_text("t.c", kept) == WORDS
    assert both.keep_text("t.c", WORDS) == new.keep_text("t.c", WORDS) != kept
    with pytest.raises(Unreadable, match=f"t.c: the data key {Cipher(OTHER).id} "):
        new.read_text("t.c", kept)
    assert (both.is_newest(kept), both.is_newest(both.keep_text("t.c", WORDS)), both.is_newest(None), both.is_newest("plain")) == (
        False,
        True,
        True,
        False,
    )


@pytest.mark.parametrize("said", ["~1 hour", "~2abcdef", "~0", "\0~2abcdef", "", "~"])
def test_what_only_looks_encrypted_is_kept_as_it_is_where_there_is_no_key(said: str) -> None:
    assert filled().read_text("t.c", filled().keep_text("t.c", said)) == said
    assert filled(KEY).read_text("t.c", filled().keep_text("t.c", said)) == said, "as it is after a key has come"
    assert filled(KEY).read_bytes("t.c", filled().keep_bytes("t.c", said.encode())) == said.encode()


def test_each_column_is_encrypted_for_itself() -> None:
    assert [f"{column.table.name}.{column.name}" for column in PRIVATE] == [
        column.type.place for column in PRIVATE if isinstance(column.type, Private)
    ]
    assert PRIVATE


IDS = {"handles.whose", "interactions.requester", "merged_users.id", "merged_users.remains", "users_deleted.user"}
"""Zendesk's users: they name nobody without the account (ADR 24)."""
DIGESTS = {"pattern_findings.about", "erased_people.mark", "erased_interactions.words"}


def test_all_that_is_the_customers_is_encrypted_but_ids_and_digests() -> None:
    mapped = {name for place in personal.PLACES if place.whose == "customer" for name in place.columns}
    kept = {
        f"{column.table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Vaulted)
    }
    assert mapped - kept == IDS | DIGESTS


# What a database holds


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lived_in(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database in which people have been heard, encrypted. Not to be changed."""
    maker: Sqlite | Postgres = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    with maker.fresh() as url:
        with Database.open(url, data_keys=[KEY]) as database:
            live(database)
        yield url


def live(database: Database) -> Walk:
    clock = SettableClock()
    clock.advance(86_400)
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY)
    walk.work()
    return walk


def whole(database: Database) -> bytes:
    """Every byte that is kept of it: files, or what a dump would hold."""
    if database.dialect == "sqlite":
        file = Path(database.url.database or "")
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*") if path.suffix != ".data-key")
    return "".join(row for name in metadata.tables for row in database.read_now(partial(dumped, name=name))).encode()


def dumped(conn: Connection, name: str) -> list[str]:
    conn.exec_driver_sql("SET LOCAL bytea_output = 'escape'")
    return list(conn.execute(text(DUMPED.format(name))).scalars())


def test_nothing_that_people_said_stands_in_the_bytes_and_all_of_it_is_there(lived_in: str) -> None:
    with Database.open(lived_in, data_keys=[KEY]) as database:
        database.write_now(lambda conn: None)
        found = whole(database)
        assert b"ticket.created" in found
        assert [planted for planted in PLANTED if planted.encode() in found] == []
        told = database.read_now(lambda conn: [canonical_text(body) for body in conn.execute(select(moments.c.body)).scalars()])
        assert all(any(planted in body for body in told) for planted in PLANTED)
        assert database.read_now(proof.verify)["ok"]


def test_every_value_of_a_personal_column_is_under_the_newest_key(lived_in: str) -> None:
    with Database.open(lived_in, data_keys=[KEY]) as database:
        database.write_now(lambda conn: None)
        held = database.data_keys.vault
        for column in PRIVATE:
            kept = database.read_now(lambda conn, column=column: plain(conn, column))  # type: ignore[misc]
            assert all(held.is_newest(one) for one in kept), column
        assert database.read_now(lambda conn: len(plain(conn, moments.c.body))) == len(STORY)


def plain(conn: Connection, column: Any) -> list[Any]:
    """The values of a column as they are stored."""
    return list(conn.exec_driver_sql(ONE_COLUMN.format(column.name, column.table.name)).scalars())


@pytest.mark.parametrize("given", [[], [OTHER]])
def test_without_its_key_nothing_is_read_nor_written(lived_in: str, given: list[str]) -> None:
    with Database.open(lived_in, data_keys=given) as database:
        for run in (database.read_now, database.write_now):
            with pytest.raises(UnusableKey, match=f"encrypted under the data key {Cipher(KEY).id}, which is not in TSBRIDGE_DATA_KEY"):
                run(lambda conn: conn.execute(select(moments.c.body)).all())
        file = database.data_keys.file
        assert file is None or not file.exists()


def test_the_file_beside_sqlite_is_made_once_and_never_again(sqlite_files: Sqlite) -> None:
    with sqlite_files.fresh() as url:
        with Database.open(url) as database:
            file = database.data_keys.file
            assert file is not None
            database.read_now(lambda conn: None)
            assert not file.exists(), "nothing is encrypted yet"
            live(database)
        kept = file.read_text()
        assert (file.name, file.stat().st_mode & 0o777) == ("tsbridge.db.data-key", 0o600)
        with Database.open(url, data_keys=[KEY]) as both:  # the setting comes later: the file's key still reads
            before = both.write_now(decided)
            live(both)
            assert both.read_now(decided) == before
            assert len(both.read_now(datakeys.on_record)) == 2
        file.unlink()
        with Database.open(url) as without, pytest.raises(UnusableKey, match=r"or in .*tsbridge\.db\.data-key: bring it back"):
            without.write_now(lambda conn: None)
        assert not file.exists()
        file.write_text("z" * 64)
        with Database.open(url, data_keys=[KEY]) as wrong, pytest.raises(UnusableKey, match="encrypted under the data key "):
            wrong.write_now(lambda conn: None)
        file.write_text(kept)
        with Database.open(url, data_keys=[KEY]) as again:
            assert again.read_now(decided) == before


def decided(conn: Connection) -> list[Any]:
    ids = conn.execute(select(decision_rows.c.id).order_by(decision_rows.c.number)).scalars().all()
    return [decisions.load(conn, id_) for id_ in ids]


def test_what_was_kept_before_there_was_a_key_is_read_and_goes_on(postgres: Postgres) -> None:
    with postgres.fresh() as url:
        with Database.open(url) as keyless:
            live(keyless)
            before = keyless.read_now(decided)
            assert WORDS.encode() in whole(keyless)
            assert keyless.read_now(datakeys.on_record) == []
        with Database.open(url, data_keys=[KEY]) as database:
            live(database)
            assert database.read_now(decided) == before
            assert database.read_now(datakeys.on_record) == [Cipher(KEY).id]
            assert database.read_now(proof.verify)["ok"]


@pytest.mark.parametrize("maker", ["sqlite_files", "postgres"])
def test_a_build_of_before_gets_everything_as_it_was(request: pytest.FixtureRequest, maker: str) -> None:
    with request.getfixturevalue(maker).fresh() as url, Database.open(url, data_keys=[KEY]) as database:
        live(database)
        before, known = database.read_now(decided), database.read_now(known_by)
        (mine,) = (path.name[:4] for path in (schema.scripts() / "versions").glob("*_encrypted.py"))
        database.write_now(lambda conn: schema.downgrade(conn, f"{int(mine) - 1:04d}"))
        assert WORDS in str(database.read_now(lambda conn: plain(conn, moments.c.body) + plain(conn, texts.c.body)))
        assert not any(str(value).startswith(("~", "b'\\x00~")) for value in database.read_now(lambda conn: plain(conn, cases.c.state)))
        assert SAID.encode() in b"".join(map(bytes, database.read_now(lambda conn: plain(conn, inbox.c.body))))
        assert MAIL in database.read_now(lambda conn: plain(conn, handles.c.value))
        schema.migrate(database)
        assert database.read_now(decided) == before
        assert database.read_now(known_by) == known


# What people are found by


@pytest.mark.parametrize("value", ["p41@example.com", "+14155550123", "41", "erased:0123", "~3abc", "~3AAAA", "a@b", "+"])
def test_addresses_and_numbers_are_found_again_and_ids_stay_as_they_are(value: str) -> None:
    held = filled(KEY)
    assert held.keep_identity(value) == value, "there is no key to find by yet"
    held.find_by(b"i" * 32)
    kept = held.keep_identity(value)
    assert (kept == value) == (not vault.tells_somebody(value))
    assert (held.keep_identity(value), held.read_identity(kept)) == (kept, value)


def test_somebody_is_found_by_whatever_they_are_known_by(lived_in: str) -> None:
    with Database.open(lived_in, data_keys=[KEY]) as database:
        for asked in (("email", MAIL), ("phone", PHONE), ("zendesk_user", "41")):
            person = database.read_now(partial(erased_person.find, asked=(asked,)))
            assert person is not None
            assert {Handle("email", MAIL), Handle("phone", PHONE)} <= person.people
            assert [one.id for one in sorted(person.subjects)] == ["c1", "4711"]
        assert database.read_now(partial(erased_person.find, asked=(("email", "nobody@example.com"),))) is None


def test_nothing_is_encrypted_before_the_tables_are_those_of_a_build_that_reads_it(database: Database, database_url: str) -> None:
    def as_of(conn: Connection, revision: str) -> None:
        conn.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})

    def of_before(conn: Connection) -> None:
        stored_values.forget(conn, datakeys.NAME)
        as_of(conn, "0048")
        conn.execute(
            text("INSERT INTO handles (kind, value, source, interaction, role) VALUES ('email', 'a@b.example', 'zendesk', '1', 'person')")
        )

    database.write_now(of_before)
    with Database.open(database_url, data_keys=[KEY]) as newer:
        newer.write_now(lambda conn: None)
        assert newer.read_now(known_by_address) == ["a@b.example"], "who goes back finds it as it was"
        newer.write_now(lambda conn: as_of(conn, schema.head()))
        newer.write_now(lambda conn: None)
        assert newer.read_now(known_by_address)[0].startswith("~3")


def known_by_address(conn: Connection) -> list[str]:
    return list(conn.exec_driver_sql("SELECT value FROM handles").scalars())


def test_cases_and_links_are_the_same_when_the_key_comes_in_the_middle(postgres: Postgres) -> None:
    plain_one, encrypted = heard(postgres, [], []), heard(postgres, [KEY], [KEY])
    assert heard(postgres, [], [KEY]) == plain_one == encrypted


def heard(postgres: Postgres, *keys: list[str]) -> Any:
    """What comes of a story in two parts, each heard with these keys."""
    clock, ids = SettableClock(), CountingIds()
    clock.advance(86_400)
    with postgres.fresh() as url:
        for part, given in enumerate(keys):
            with Database.open(url, data_keys=given) as database:
                walk = Walk(database, clock, BOOK, worker=f"w{part + 1}", ids=ids)
                walk.tell((STORY, MORE)[part])
                walk.work()
                outcome, known = walk.outcome(), database.read_now(known_by)
    assert all(stored.startswith("~3") == bool(keys[-1]) for stored in known.pop("stored"))
    return outcome, known


def known_by(conn: Connection) -> dict[str, list[Any]]:
    stored = "SELECT value FROM handles WHERE kind IN ('email', 'phone')"
    return {
        "handles": sorted(map(str, conn.execute(select(handles)))),
        "acquaintances": sorted(map(str, conn.execute(select(acquaintances)))),
        "stored": list(conn.exec_driver_sql(stored).scalars()),
    }


# What somebody did to it


def test_what_was_tampered_with_is_told_by_verify_and_stops_nothing_else(sqlite_files: Sqlite) -> None:
    with sqlite_files.fresh() as url, Database.open(url, data_keys=[KEY]) as database:
        walk = live(database)
        walk.publish(BOOK)
        first, second = database.read_now(
            lambda conn: conn.execute(select(decision_rows.c.number).order_by(decision_rows.c.number).limit(2)).scalars().all()
        )
        change = database.read_now(lambda conn: conn.execute(select(changes.c.seq).order_by(changes.c.seq.desc()).limit(1)).scalar_one())

        def tamper(conn: Connection) -> None:
            spoil(conn, "decisions", "seen", "number", first)
            spoil(conn, "decisions", "held", "number", second)
            spoil(conn, "changes", "after", "seq", change)

        database.write_now(tamper)
        found = database.read_now(proof.verify)
        assert not found["ok"]
        whys = {(one["seq"], one["why"]) for one in found["broken"]}
        assert any(why.startswith("what the decision saw differs") for _, why in whys)
        assert any(why == "what is kept of words that are gone differs from what was recorded" for _, why in whys)
        assert any(seq == change and why.endswith(": after") for seq, why in whys)
        walk.tell([ticket("created", 60, "4999", person="77", text="something else")])
        walk.work()
        assert "4999" in database.read_now(lambda conn: conn.execute(select(decision_rows.c.interaction)).scalars().all())


def test_a_ticket_whose_words_were_tampered_with_holds_no_other(sqlite_files: Sqlite) -> None:
    with sqlite_files.fresh() as url, Database.open(url, data_keys=[KEY]) as database:
        walk = live(database)
        digests = database.read_now(
            lambda conn: conn.execute(select(moments.c.digest).where(moments.c.interaction == "4711")).scalars().all()
        )
        database.write_now(lambda conn: [spoil(conn, "moments", "body", "digest", digest) for digest in digests])
        walk.tell([ticket("commented", 61, text="again"), ticket("created", 62, "4999", person="77", text="something else")])
        walk.work()
        rows = select(inbox.c.status, inbox.c.reason).order_by(inbox.c.seq.desc()).limit(2)
        other, its = database.read_now(lambda conn: [tuple(row) for row in conn.execute(rows)])
        assert (other[0], its) == ("applied", ("pending", "Unreadable"))


def spoil(conn: Connection, table: str, column: str, key: str, of: Any, under: str = KEY) -> None:
    """Bytes that say they are under the key, and are not."""
    conn.exec_driver_sql(SPOIL.format(table, column, key), (b"\0~2" + Cipher(under).id.encode() + b"x" * 40, of))
