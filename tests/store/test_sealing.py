"""Sealing: what waits is sealed once, in order, whoever dies or comes second; what was tampered with while it waited is found."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, func, insert, select, text, update

from tests.clocks import START, SettableClock
from tests.store.test_proof import altered, doubled, found_after, of_decisions, removed
from tests.test_serve import until
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import Walk
from tsbridge.core.moments import canonical_text
from tsbridge.store import chain, decision_writer, proof, schema, sealing, sealkey
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decision_rules, decisions, unsealed
from tsbridge.store.decision_writer import Retraction
from tsbridge.store.keyfile import UnusableKey
from tsbridge.store.packing import unpacked

Fresh = Callable[..., AbstractContextManager[str]]
_context = multiprocessing.get_context("fork")


async def _nothing() -> None:
    """A sealer that is away."""


def decided(database: Database, clock: SettableClock) -> Walk:
    """A story told and decided; nothing is sealed."""
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, BOOK)
    walk.sealer.seal = _nothing  # type: ignore[method-assign]
    walk.tell(STORY)
    walk.work()
    return walk


@pytest.fixture
def waiting(database: Database, clock: SettableClock) -> Database:
    return decided(database, clock).database


def count(database: Database) -> int:
    return database.read_now(lambda conn: conn.execute(select(func.count()).select_from(unsealed)).scalar_one())


def seal_all(database: Database) -> list[int]:
    """Seal until nothing is left; how many each transaction sealed."""
    done: list[int] = []
    after: int | None = sealing.LOWEST
    while after is not None:
        one = database.write_now(lambda conn, after=after: sealing.seal(conn, after))  # type: ignore[misc]
        done.append(one.count)
        after = one.last
    return done


def places(database: Database) -> list[tuple[int, int]]:
    """The numbers of all decisions and their places, in the order of the places."""
    query = select(chain.chain.c.seq, decisions.c.number).join(decisions, decisions.c.id == chain.chain.c.id).order_by(chain.chain.c.seq)
    return [tuple(row) for row in database.read_now(lambda conn: conn.execute(query).all())]


def test_what_waits_is_told_and_counts_as_whole(waiting: Database) -> None:
    many = count(waiting)
    assert many > len(STORY)
    assert waiting.read_now(proof.verify) == {
        **{"ok": True, "entries": 0, "unsealed": many, "broken": []},
        "head": {"seq": 0, "hash": "0" * 64},
    }


def test_it_is_sealed_in_the_order_of_its_numbers_and_byte_for_byte(waiting: Database) -> None:
    records = waiting.read_now(lambda conn: [one.record for one in sealing.waiting(conn)])
    assert seal_all(waiting) == [len(records)]
    assert count(waiting) == 0
    assert [number for _, number in places(waiting)] == sorted(number for _, number in places(waiting))
    kept = waiting.read_now(lambda conn: conn.exec_driver_sql("SELECT record FROM chain ORDER BY seq").scalars().all())
    assert [unpacked(record) for record in kept] == records
    assert all(canonical_text(chain_record) == record for chain_record, record in zip(_records(waiting), records, strict=True))
    assert waiting.read_now(proof.verify)["ok"] is True


def _records(database: Database) -> list[Any]:
    return list(database.read_now(lambda conn: conn.execute(select(chain.chain.c.record).order_by(chain.chain.c.seq)).scalars()))


def test_a_change_among_the_decisions_takes_its_place_at_once(waiting: Database, clock: SettableClock) -> None:
    about = {"actor": "ana", "action": "rule.pause", "subject": "abc", "before": None, "after": None, "salt": "s"}
    waiting.write_now(lambda conn: chain.add_change(conn, id="chg_1", at=clock.now(), **about))  # type: ignore[arg-type]
    many = count(waiting)
    assert waiting.read_now(chain.head)["seq"] == 1
    seal_all(waiting)
    verdict = waiting.read_now(proof.verify)
    assert (verdict["ok"], verdict["entries"], verdict["unsealed"]) == (True, many + 1, 0)


def of_waiting() -> list[tuple[str, Any]]:
    return [
        *((f"unsealed.{column.name} altered", altered(unsealed, column.name)) for column in unsealed.columns),
        ("a row of unsealed gone", removed(unsealed)),
        ("a row of unsealed invented", doubled(unsealed, "invented", number=9_000, id="invented")),
    ]


def test_every_tampering_while_it_waits_is_found_where_it_is(waiting: Database) -> None:
    whole = waiting.read_now(proof.verify)
    missed = []
    for name, tamper in [*of_waiting(), *of_decisions()]:
        place, found = found_after(waiting, tamper)
        if place not in found:
            missed.append(name)
    assert missed == []
    assert waiting.read_now(proof.verify) == whole


@pytest.mark.parametrize("seed", range(6))
def test_what_was_tampered_with_while_it_waited_is_found_after_the_sealing_of_the_rest(waiting: Database, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    rows = waiting.read_now(lambda conn: conn.execute(select(unsealed)).mappings().all())
    victim = rng.choice(rows)
    column = rng.choice(["number", "kind", "id", "record", "mac", "at"])
    other = {
        "number": 9_000 + seed,
        "kind": "change",
        "id": "dec_other",
        "record": victim["record"].replace('"mode":"live"', '"mode":"shadow"') if "live" in victim["record"] else "{}",
        "mac": "0" * 64,
        "at": victim["at"] + timedelta(microseconds=1),
    }[column]
    waiting.write_now(lambda conn: conn.execute(update(unsealed).where(unsealed.c.id == victim["id"]).values({column: other})) and None)
    assert sum(seal_all(waiting)) == len(rows) - 1, "it is not sealed and stops nobody"
    verdict = waiting.read_now(proof.verify)
    assert (verdict["ok"], verdict["unsealed"], verdict["entries"]) == (False, 1, len(rows) - 1)
    assert victim["id"] in {one.get("id") for one in verdict["broken"]} | ({"dec_other"} if column == "id" else set())
    assert [seq for seq, _ in places(waiting)] == list(range(1, len(rows)))


def test_a_record_put_back_after_it_was_sealed_is_not_sealed_twice(waiting: Database) -> None:
    (first, *_) = waiting.read_now(lambda conn: conn.execute(select(unsealed).order_by(unsealed.c.number)).mappings().all())
    seal_all(waiting)
    before = waiting.read_now(chain.head)
    waiting.write_now(lambda conn: conn.execute(insert(unsealed).values(**first)) and None)
    seal_all(waiting)
    assert waiting.read_now(chain.head) == before
    assert [one["id"] for one in waiting.read_now(proof.verify)["broken"]] == [first["id"]]


def test_more_that_nothing_proves_than_one_transaction_takes_keeps_nobody_from_being_sealed(
    waiting: Database, clock: SettableClock
) -> None:
    many = count(waiting)
    junk = {"kind": "decision", "record": "{}", "mac": "", "at": clock.now()}
    before_all = [{**junk, "number": -n, "id": f"junk{n}"} for n in range(sealing.STEP + 5)]
    waiting.write_now(lambda conn: conn.execute(insert(unsealed), before_all) and None)
    assert sum(seal_all(waiting)) == many
    assert count(waiting) == len(before_all)


def test_a_record_that_waits_for_more_than_a_minute_is_broken(waiting: Database, clock: SettableClock) -> None:
    def verdict() -> dict[str, Any]:
        return waiting.read_now(lambda conn: proof.verify(conn, now=clock.now()))

    clock.advance(sealing.PATIENCE)
    assert verdict()["ok"] is True
    assert waiting.read_now(lambda conn: sealing.overdue(conn, clock.now())) == 0
    clock.advance(0.001)
    assert len(verdict()["broken"]) == verdict()["unsealed"] == count(waiting)
    assert waiting.read_now(lambda conn: sealing.overdue(conn, clock.now())) == count(waiting)
    seal_all(waiting)
    assert verdict()["ok"] is True


def test_another_key_proves_nothing_and_the_right_one_seals_later(waiting: Database) -> None:
    many = count(waiting)
    with Database.open(waiting.url.render_as_string(hide_password=False), ["another key, of thirty-two and more"]) as stranger:
        assert seal_all(stranger) == [0]
        assert len(stranger.read_now(proof.verify)["broken"]) == many
    assert seal_all(waiting) == [many]


def before_numbers(conn: Connection) -> str:
    """The revision before decisions had numbers."""
    scripts = ScriptDirectory(str(schema.scripts())).walk_revisions()
    (mine,) = (one for one in scripts if one.doc == "Decisions have a number of their own; their place in the chain comes afterwards")
    assert isinstance(mine.down_revision, str)
    schema.downgrade(conn, mine.down_revision)
    return mine.down_revision


def test_decisions_of_before_keep_their_place_as_their_number_and_are_found_by_it(waiting: Database) -> None:
    seal_all(waiting)
    names, vault = ("decisions", "decision_rules", "decision_tags"), waiting.data_keys.vault

    def plain(kept: Any) -> Any:
        return vault.read_json("decisions.seen", kept) if isinstance(kept, str | bytes) else kept

    def told(conn: Connection, order: str) -> list[Any]:
        rows = [conn.exec_driver_sql(f"SELECT * FROM {name} ORDER BY {order}").mappings() for name in names]  # noqa: S608
        return [sorted(str([plain(value) for value in row.values()]) for row in part) for part in rows]

    now, head = waiting.read_now(lambda conn: told(conn, "number")), waiting.read_now(chain.head)
    waiting.write_now(before_numbers)
    assert len(waiting.read_now(lambda conn: told(conn, "seq"))[0]) == len(now[0])
    schema.migrate(waiting)
    assert [[*map(len, part)] for part in waiting.read_now(lambda conn: told(conn, "number"))] == [[*map(len, part)] for part in now]
    assert waiting.read_now(proof.verify) == {"ok": True, "entries": len(now[0]), "unsealed": 0, "head": head, "broken": []}
    (id_,) = waiting.read_now(lambda conn: conn.execute(select(decisions.c.id).order_by(decisions.c.number).limit(1)).scalars())
    waiting.write_now(lambda conn: decision_writer.retract_all(conn, [Retraction(id_, "next", "case", START, "salt")]))
    assert waiting.read_now(lambda conn: conn.execute(select(func.max(decisions.c.number))).scalar_one()) == len(now[0]) + 1


def test_there_is_no_way_back_while_decisions_wait(waiting: Database) -> None:
    with pytest.raises(RuntimeError, match="let them be sealed first"):
        waiting.write_now(before_numbers)
    assert waiting.read_now(proof.verify)["ok"] is True


# Whoever seals may die at any statement


def _die_before(url: str, statement: int) -> None:
    """In a process of its own: seal, and be killed before that statement of the transaction, or before its commit."""
    with Database.open(url) as database:
        seen = 0

        def work(conn: Connection) -> None:
            def count(*_: Any) -> None:
                nonlocal seen
                seen += 1
                if seen == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

            event.listen(conn, "before_cursor_execute", count)
            sealing.seal(conn)
            os.kill(os.getpid(), signal.SIGKILL)

        database.write_now(work)


@pytest.mark.parametrize("statement", range(1, 8))
def test_a_sealer_killed_at_any_statement_is_taken_over_and_leaves_nothing_half(waiting: Database, statement: int) -> None:
    many = count(waiting)
    victim = _context.Process(target=_die_before, args=(waiting.url.render_as_string(hide_password=False), statement))
    victim.start()
    victim.join(30)
    assert victim.exitcode == -signal.SIGKILL
    assert count(waiting) == many, "nothing was committed"
    sealed = until(lambda: [one for one in seal_all(waiting) if one])  # PostgreSQL may take a moment to see that it is gone
    assert sealed == [many]
    assert [seq for seq, _ in places(waiting)] == list(range(1, many + 1))
    assert waiting.read_now(proof.verify)["ok"] is True


def test_on_postgresql_who_comes_second_has_nothing_to_do_and_takes_over_when_the_first_one_dies(
    postgres: Any, clock: SettableClock
) -> None:
    with postgres.fresh() as url, Database.open(url) as database, Database.open(url) as second:
        many = count(decided(database, clock).database)
        seen: list[Any] = []

        class Died(Exception):
            pass

        def first(conn: Connection) -> None:
            assert sealing.seal(conn).count == many
            seen.append(second.write_now(sealing.seal))
            raise Died

        with pytest.raises(Died):
            database.write_now(first)
        assert seen == [sealing.Sealed(0, None)]
        assert seal_all(second) == [many]
        assert database.read_now(proof.verify)["ok"] is True


def test_on_postgresql_a_sealer_whose_connection_breaks_gives_the_turn_back_at_once(postgres: Any, clock: SettableClock) -> None:
    with postgres.fresh() as url, Database.open(url) as database, Database.open(url) as second:
        many = count(decided(database, clock).database)
        with database._side._engine.connect() as lost:  # type: ignore[attr-defined]
            lost.begin()
            assert sealing.seal(lost).count == many
            pid = lost.execute(text("SELECT pg_backend_pid()")).scalar_one()
            second.write_now(lambda conn: conn.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid}) and None)
            assert seal_all(second) == [many]
            lost.invalidate()


def test_on_postgresql_a_decision_that_commits_late_is_sealed_after_those_with_higher_numbers(postgres: Any, clock: SettableClock) -> None:
    """Numbers are drawn before the commit; places are given after it, and the chain has no gaps all the same."""
    with postgres.fresh() as url, Database.open(url) as database, Database.open(url) as other:
        walk = decided(database, clock)
        seal_all(database)
        ids = database.read_now(lambda conn: conn.execute(select(decisions.c.id).order_by(decisions.c.number)).scalars().all())

        def retraction(conn: Connection, id: str) -> None:
            decision_writer.retract_all(conn, [Retraction(ids[0] if id == "late" else ids[1], id, "case", walk.clock.now(), "salt")])

        def late(conn: Connection) -> None:
            retraction(conn, "late")
            other.write_now(lambda conn: retraction(conn, "early"))
            assert seal_all(other) == [1]

        database.write_now(late)
        assert seal_all(other) == [1]
        assert [seq for seq, _ in places(database)] == list(range(1, len(ids) + 3))
        numbers = [number for _, number in places(database)][-2:]
        assert numbers == sorted(numbers, reverse=True)
        newest = database.read_now(
            lambda conn: conn.execute(select(decisions.c.id).order_by(decisions.c.number.desc()).limit(2)).scalars().all()
        )
        assert newest == ["early", "late"], "lists have an order of their own"


def test_on_postgresql_several_sealers_beside_several_who_decide_leave_no_gap_and_no_double(postgres: Any, clock: SettableClock) -> None:
    with postgres.fresh() as url, Database.open(url) as database, Database.open(url) as other:
        decided(database, clock)
        ids = database.read_now(lambda conn: conn.execute(select(decisions.c.id).order_by(decisions.c.number)).scalars().all())
        seal_all(database)
        told, left = threading.Barrier(6), [3]
        sealed: list[list[int]] = []
        failures: list[BaseException] = []

        def decide(who: int) -> None:
            for n in range(20):
                made = [Retraction(ids[who], f"{who}.{n}.{k}", "case", START, "salt") for k in range(1 + (n * 7 + who) % 5)]
                database.write_now(lambda conn, made=made: decision_writer.retract_all(conn, made))  # type: ignore[misc]
            left[0] -= 1

        def seal(mine: Database) -> None:
            while left[0]:
                sealed.append(seal_all(mine))

        def together(work: Callable[[Any], None], about: Any) -> None:
            told.wait()
            try:
                work(about)
            except BaseException as failure:
                failures.append(failure)
                left[0] = 0

        work = [(decide, 0), (decide, 1), (decide, 2), (seal, database), (seal, other), (seal, other)]
        threads = [threading.Thread(target=together, args=one) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        seal_all(other)
        assert count(database) == 0
        many = database.read_now(lambda conn: conn.execute(select(func.count()).select_from(decisions)).scalar_one())
        assert [seq for seq, _ in places(database)] == list(range(1, many + 1))
        assert len({number for _, number in places(database)}) == many
        why = {one["why"] for one in database.read_now(proof.verify)["broken"]}
        assert why <= {"which decision stands in its place differs from what was recorded"}, "each was retracted many times over"


def test_a_number_is_never_used_again_also_when_its_decision_is_gone(waiting: Database, clock: SettableClock) -> None:
    last = waiting.read_now(lambda conn: conn.execute(select(func.max(decisions.c.number))).scalar_one())
    (id_,) = waiting.read_now(lambda conn: conn.execute(select(decisions.c.id).order_by(decisions.c.number).limit(1)).scalars())

    def work(conn: Connection) -> None:
        for table in (decisions, unsealed, decision_rules):
            conn.execute(table.delete().where(table.c.number == last))

    waiting.write_now(work)
    waiting.write_now(lambda conn: decision_writer.retract_all(conn, [Retraction(id_, "next", "case", clock.now(), "salt")]))
    assert waiting.read_now(lambda conn: conn.execute(select(decisions.c.number).where(decisions.c.id == "next")).scalar_one()) > last


def test_the_key_beside_a_sqlite_file_is_made_once_and_is_for_its_owner_alone(sqlite_files: Any) -> None:
    with sqlite_files.fresh() as url, Database.open(url) as one, Database.open(url) as two:
        assert not one.seal_keys.proves("text", "mac")
        file = sealkey.file_of(one.url)
        assert not file.exists(), "who only looks makes nothing"
        mac = one.seal_keys.sign("text")
        assert file.stat().st_mode & 0o777 == 0o600
        assert two.seal_keys.proves("text", mac)
        assert two.seal_keys.sign("text") == mac
        assert sorted(path.name for path in file.parent.iterdir() if "key" in path.name) == ["tsbridge.db.seal-key"]


def test_keys_that_were_given_go_before_and_the_first_one_signs(sqlite_files: Any) -> None:
    old, new = "the old key, of thirty-two letters", "the new key, of thirty-two letters"
    with sqlite_files.fresh() as url, Database.open(url, [old]) as before, Database.open(url, [new, old]) as now:
        mac = before.seal_keys.sign("text")
        assert now.seal_keys.proves("text", mac)
        assert now.seal_keys.sign("text") != mac
        assert not before.seal_keys.proves("text", now.seal_keys.sign("text"))
        assert now.seal_keys.source == "setting"
        assert not sealkey.file_of(now.url).exists()


def test_a_key_file_that_holds_none_is_told_by_its_name_and_without_its_contents(sqlite_files: Any) -> None:
    with sqlite_files.fresh() as url, Database.open(url) as database:
        sealkey.file_of(database.url).write_text("short")
        with pytest.raises(UnusableKey, match="seal-key: expected a key of at least 32 characters") as refused:
            database.seal_keys.sign("text")
        assert "short" not in str(refused.value)
