"""One transaction per piece of work, urgent work first, readers that never wait, and a database that refuses to be unsafe."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.clocks import START, CountingIds, SettableClock
from tests.databases import Postgres
from tsbridge.store import claiming, inbox, leases, postgres, schema, sqlite, stored_values, wakeup
from tsbridge.store.availability import BadDatabase, unavailable
from tsbridge.store.db import Database, parse
from tsbridge.store.inbox import Delivery
from tsbridge.store.intake import Intake
from tsbridge.store.served_alone import AlreadyServed, claim_alone

pytestmark = pytest.mark.anyio


def delivery(number: int) -> Delivery:
    return Delivery(f"evt_{number}", "zendesk", f"k{number}", START, {}, b"{}")


def test_work_that_raises_leaves_nothing_behind(database: Database) -> None:
    def work(conn: Connection) -> None:
        stored_values.put(conn, "half", 1)
        raise KeyError("on the way")

    with pytest.raises(KeyError):
        database.write_now(work)
    assert database.read_now(lambda conn: stored_values.get(conn, "half")) is None


def test_a_kept_value_is_replaced_and_forgotten(database: Database) -> None:
    for value in ("live", {"id": "1", "list": [1, 2]}, False):
        database.write_now(lambda conn, value=value: stored_values.put(conn, "mode", value))  # type: ignore[misc]
        assert database.read_now(lambda conn: stored_values.get(conn, "mode")) == value
    database.write_now(lambda conn: stored_values.forget(conn, "mode"))
    assert database.read_now(lambda conn: stored_values.get(conn, "mode")) is None


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_whoever_asked_is_told_when_something_was_written_here_or_by_another_process(database: Database) -> None:
    told: list[None] = []

    async def heard() -> int:
        await database.look()  # of what was written here it is told behind the transaction
        return len(told)

    await database.write(lambda conn: stored_values.get(conn, "mode"))  # the first settles the data keys
    assert await heard() == 0
    database.on_change(lambda: told.append(None))
    await database.write(lambda conn: stored_values.get(conn, "mode"))
    assert await heard() == 0, "nothing was written"
    await database.write(lambda conn: stored_values.put(conn, "mode", "live"))
    assert await heard() == 1
    with Database.open(database.url.render_as_string(hide_password=False)) as other:
        other.write_now(lambda conn: stored_values.put(conn, "mode", "paused"))
    assert len(told) == 1
    assert await heard() == 2


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        database.read_now(lambda conn: stored_values.put(conn, "mode", "live"))
    assert database.read_now(lambda conn: stored_values.get(conn, "mode")) is None


async def test_a_reader_sees_one_moment_and_waits_for_no_writer(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def write(conn: Connection) -> None:
        stored_values.put(conn, "mode", "new")
        begun.set()
        assert go_on.wait(10)

    def read(conn: Connection) -> tuple[Any, Any]:
        before = stored_values.get(conn, "mode")
        go_on.set()
        writing_done.wait(10)
        return before, stored_values.get(conn, "mode")

    writing_done = threading.Event()
    await database.write(lambda conn: stored_values.put(conn, "mode", "old"))
    writing = asyncio.create_task(database.write(write))
    writing.add_done_callback(lambda _: writing_done.set())
    await asyncio.to_thread(begun.wait, 10)
    assert await database.read(read) == ("old", "old")
    await writing
    assert await database.read(lambda conn: stored_values.get(conn, "mode")) == "new"


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_urgent_work_goes_before_what_waits(database: Database) -> None:
    order: list[str] = []
    begun, held = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        order.append("first")
        begun.set()
        held.wait(10)

    first = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(begun.wait, 10)
    rest = [database.write(lambda conn, n=n: order.append(n), urgent=n == "urgent") for n in ("a", "b", "urgent")]  # type: ignore[misc]
    waiting = [asyncio.create_task(one) for one in rest]
    await asyncio.sleep(0)
    held.set()
    await asyncio.gather(first, *waiting)
    assert order == ["first", "urgent", "a", "b"]


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
def test_work_that_asks_for_another_transaction_is_told_instead_of_waiting_for_ever(database: Database) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        database.write_now(lambda conn: database.write_now(lambda inner: None))


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_the_files_of_a_database_are_its_owners_alone_whatever_the_umask(
    fresh_url: Callable[..., AbstractContextManager[str]], before: int | None
) -> None:
    with fresh_url(migrated=before is not None) as url:
        file = Path(url.removeprefix("sqlite:///"))
        if before is not None:
            file.chmod(before)
        umask = os.umask(0)
        try:
            with Database.open(url) as database:
                schema.migrate(database)
                database.write_now(lambda conn: stored_values.put(conn, "mode", "live"))
                modes = {path.name: oct(path.stat().st_mode & 0o777) for path in file.parent.glob(f"{file.name}*")}
                assert modes == {f"{file.name}{more}": "0o600" for more in ("", "-wal", "-shm", ".data-key")}
        finally:
            os.umask(umask)


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_connection_that_broke_meanwhile_is_replaced_and_the_work_done(database: Database, database_url: str) -> None:
    runs: list[int] = []

    def work(conn: Connection) -> None:
        runs.append(conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        stored_values.put(conn, "mode", "live")

    database.write_now(lambda conn: stored_values.put(conn, "mode", "old"))
    with Database.open(database_url) as other:
        cut = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        other.write_now(lambda conn: conn.execute(cut).all())
    database.write_now(work)
    assert len(runs) == 1
    assert database.read_now(lambda conn: stored_values.get(conn, "mode")) == "live"


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_connection_that_breaks_during_the_work_has_it_done_once_in_the_end(database: Database, database_url: str) -> None:
    runs: list[int] = []

    def work(conn: Connection) -> None:
        runs.append(conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        inbox.keep(conn, [delivery(1)])
        if len(runs) == 1:
            with Database.open(database_url) as other:
                other.write_now(lambda kill: kill.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": runs[0]}).all())
        inbox.keep(conn, [delivery(2)])

    database.write_now(work)
    assert len(runs) == 2
    assert database.read_now(inbox.counts)["zendesk"].received == 2


def test_on_postgresql_of_two_that_wait_for_each_other_the_one_that_is_ended_is_done_again(postgres: Any) -> None:
    with postgres.fresh() as url, Database.open(url) as database:
        for name in ("a", "b"):
            database.write_now(lambda conn, name=name: stored_values.put(conn, name, []))  # type: ignore[misc]
        both = threading.Barrier(2)

        def work(conn: Connection, first: str, second: str, runs: list[str]) -> None:
            runs.append(first)
            in_turn = (first, second) if len(runs) == 1 else (second, first)  # done again as the other one does, so that it waits for that
            for name in in_turn:
                stored_values.put(conn, name, [*stored_values.lock(conn, name, []), first])
                if len(runs) == 1 and name == first:
                    both.wait(30)

        runs: tuple[list[str], list[str]] = ([], [])
        other = threading.Thread(target=database.write_now, args=(lambda conn: work(conn, "b", "a", runs[1]),))
        other.start()
        database.write_now(lambda conn: work(conn, "a", "b", runs[0]))
        other.join(30)
        assert sorted(map(len, runs)) == [1, 2]
        for name in ("a", "b"):
            assert sorted(database.read_now(lambda conn, name=name: stored_values.get(conn, name))) == ["a", "b"]  # type: ignore[misc]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_on_postgresql_whoever_waited_for_a_lock_sees_what_was_written_meanwhile_whatever_the_server_has_by_default(
    postgres: Any, level: str
) -> None:
    with postgres.fresh() as url:
        with Database.open(url) as database:
            name = database.url.database
            database.write_now(
                lambda conn: conn.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")
            )
        with Database.open(url) as database:

            def work(conn: Connection) -> Any:
                assert stored_values.get(conn, "mode") is None
                database.write_now(lambda other: stored_values.put(other, "mode", "live"))
                return stored_values.get(conn, "mode")

            assert database.write_now(work) == "live"


ENDS = "DO $$ BEGIN RAISE EXCEPTION 'ended' USING ERRCODE = '%s'; END $$"


@pytest.mark.parametrize("code", ["40P01", "40001"])
@pytest.mark.parametrize("ends", [4, 5])
async def test_on_postgresql_work_that_the_server_ends_again_and_again_is_done_five_times_at_most(
    postgres: Any, code: str, ends: int
) -> None:
    pauses: list[float] = []
    with postgres.fresh() as url, Database.open(url, sleep=pauses.append, jitter=lambda: 0.5) as database:
        kinds: dict[str, Callable[[Any], Any]] = {
            "write_now": database.write_now,
            "read_now": database.read_now,
            "write": database.write,
            "urgent": lambda work: database.write(work, urgent=True),
            "read": database.read,
            "submit": lambda work: asyncio.wrap_future(database.submit(work)),
        }
        for kind, run in kinds.items():
            runs: list[None] = []
            pauses.clear()

            def work(conn: Connection, runs: list[None] = runs) -> str:
                runs.append(None)
                if len(runs) <= ends:
                    conn.exec_driver_sql(ENDS % code)
                return "done"

            async def come(run: Callable[[Any], Any] = run, work: Callable[[Connection], str] = work) -> str:
                came = run(work)
                return await came if isinstance(came, Awaitable) else came  # type: ignore[no-any-return]

            if ends == 4:
                assert await come() == "done", kind
            else:
                with pytest.raises(DBAPIError) as failed:
                    await come()
                assert unavailable(failed.value), kind
            assert (len(runs), pauses) == (5, [0.01, 0.02, 0.04, 0.08]), kind


def test_on_postgresql_work_that_the_server_ends_at_its_commit_is_done_again(postgres: Any) -> None:
    pauses: list[float] = []
    with postgres.fresh() as url, Database.open(url, sleep=pauses.append, jitter=lambda: 0.5) as database:

        def set_up(conn: Connection) -> None:
            for line in (
                "CREATE SEQUENCE commits",
                "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('commits') < 3 THEN "
                "RAISE EXCEPTION 'ended' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$",
                "CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON kept DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ends()",
            ):
                conn.exec_driver_sql(line)

        database.write_now(set_up)
        database.write_now(lambda conn: stored_values.put(conn, "mode", "live"))
        assert database.read_now(lambda conn: stored_values.get(conn, "mode")) == "live"
        assert pauses == [0.01, 0.02]


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_what_asks_the_driver_itself_is_done_again_when_all_connections_broke(database: Database, database_url: str) -> None:
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    runs: list[int] = []

    def work(conn: Connection) -> None:
        runs.append(postgres.rows(conn, "SELECT pg_backend_pid()")[0][0])
        if len(runs) == 1:
            with Database.open(database_url) as other:
                other.write_now(lambda conn: conn.execute(text(cut)).all())
        postgres.execute(conn, "INSERT INTO kept (name, value) VALUES (%s, '1')", ("mode",))

    async def several() -> None:  # so that the pool has several connections
        await asyncio.gather(*(database.read(lambda conn: conn.exec_driver_sql("SELECT pg_sleep(0.05)").all()) for _ in range(4)))

    asyncio.run(several())
    database.write_now(work)
    assert len(runs) == 2
    assert database.read_now(lambda conn: stored_values.get(conn, "mode")) == 1


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_what_the_driver_itself_refuses_is_an_error_like_any_other(database: Database) -> None:
    def twice(conn: Connection) -> None:
        for _ in range(2):
            postgres.execute(conn, "INSERT INTO kept (name, value) VALUES (%s, %s)", ("mode", '"said by somebody"'))

    with pytest.raises(IntegrityError) as refused:
        database.write_now(twice)
    assert not unavailable(refused.value)
    assert "said by" not in str(refused.value)
    assert database.read_now(lambda conn: stored_values.get(conn, "mode")) is None


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_server_that_may_lose_commits_is_refused(postgres: Postgres, fresh_url: Callable[..., AbstractContextManager[str]]) -> None:
    with fresh_url() as url:
        with Database.open(url) as database:
            name = database.url.database
        postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with pytest.raises(BadDatabase, match="synchronous_commit=off"):
            Database.open(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x", "nonsense", "postgres//x"])
def test_a_url_that_will_not_do_is_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(BadDatabase, match=r"expected|begins with"):
        Database.open(url)


def test_an_error_about_the_url_holds_no_password() -> None:
    with pytest.raises(BadDatabase) as refused:
        parse("mysql://user:secret@host/db")
    assert "secret" not in str(refused.value)


def test_sqlite_versions_that_lose_commits_are_known() -> None:
    sound = [(3, 44, 6), (3, 44, 9), (3, 50, 7), (3, 51, 3), (3, 53, 0), (4, 0, 0)]
    unsound = [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 49, 1), (3, 50, 6), (3, 51, 0), (3, 51, 2)]
    assert all(map(sqlite.is_sound, sound))
    assert not any(map(sqlite.is_sound, unsound))
    assert sqlite.is_sound(sqlite.library().sqlite_version_info)


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
def test_a_commit_on_sqlite_is_on_disk_and_in_a_log_that_is_carried_over(database: Database, database_url: str) -> None:
    def pragma(name: str) -> Any:
        return database.write_now(lambda conn: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one())

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys"), pragma("trusted_schema")) == ("wal", 2, 1, 0)
    log = Path(database_url.removeprefix("sqlite:///") + "-wal")
    body = b"x" * 100_000
    sizes = []
    for number in range(1_000):  # 100 MB without a pause, through a log that starts again from its beginning
        database.write_now(lambda conn, n=number: inbox.keep(conn, [delivery(n)._replace(body=body)]))  # type: ignore[misc]
        sizes.append(log.stat().st_size)
    assert max(sizes) < 80 << 20
    assert any(later < sooner for sooner, later in itertools.pairwise(sizes))


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
def test_a_second_process_cannot_serve_the_same_sqlite_file(database_url: str) -> None:
    begin = "import sys; from tsbridge.store.served_alone import claim_alone"
    code = f"{begin}; claim_alone(sys.argv[1]); print('mine', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(AlreadyServed, match="PostgreSQL for several"):
            claim_alone(database_url)
        other.kill()
    mine = claim_alone(database_url)
    with pytest.raises(AlreadyServed):
        claim_alone(database_url)
    mine.release()
    mine.release()
    claim_alone(database_url).release()


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_any_number_of_processes_may_serve_postgresql(database_url: str) -> None:
    claims = [claim_alone(database_url), claim_alone(database_url)]
    for claim in claims:
        claim.release()


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "begin", ["SET TRANSACTION READ ONLY", "SET LOCAL ROLE pg_monitor"], ids=["it takes no writes", "it takes none of ours any more"]
)
def test_a_database_that_takes_no_writes_is_to_be_asked_later(database: Database, begin: str) -> None:
    def work(conn: Connection) -> None:
        conn.exec_driver_sql(begin)
        stored_values.put(conn, "a", 1)

    with pytest.raises(DBAPIError) as refused:
        database.write_now(work)
    assert unavailable(refused.value)


def test_what_is_done_after_a_transaction_may_fail_and_writing_goes_on() -> None:
    def carry_over() -> None:
        raise sqlite.library().OperationalError("disk I/O error")

    thread = sqlite.WriterThread("tsbridge-test", carry_over)
    assert [thread.submit(lambda n=n: n, urgent=False).result(20) for n in range(3)] == [0, 1, 2]  # type: ignore[misc]
    thread.close()


def test_what_makes_storing_impossible_is_told_from_what_is_wrong_with_the_work(database: Database) -> None:
    def twice(conn: Connection) -> None:
        conn.exec_driver_sql("INSERT INTO kept (name, value) VALUES ('a', '1'), ('a', '2')")

    with pytest.raises(IntegrityError) as wrong:
        database.write_now(twice)
    assert not unavailable(wrong.value)
    assert unavailable(BadDatabase("gone"))


async def test_one_delivery_that_cannot_be_stored_does_not_take_the_others_with_it(database: Database, clock: SettableClock) -> None:
    intake = Intake(database, clock, CountingIds())
    taken = await intake.keep("zendesk", "first", {}, b"{}")
    clashing = Intake(database, clock, CountingIds())  # its first id is taken already
    results = await asyncio.gather(*(clashing.keep("zendesk", f"k{n}", {}, b"{}") for n in range(4)), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["CannotStore", "Receipt", "Receipt", "Receipt"]
    assert database.read_now(inbox.counts)["zendesk"].pending == 4
    assert taken.status == "accepted"


async def test_who_came_during_a_commit_is_committed_before_those_of_that_commit_are_told(database: Database, clock: SettableClock) -> None:
    order: list[str] = []

    class Watched:
        """The database; while it is asked to commit the first delivery a second one comes."""

        dialect = database.dialect

        async def write(self, work: Any, **how: bool) -> Any:
            order.append("commit")
            if order == ["commit"]:
                come("second")
            return await database.write(work, **how)

    def come(key: str) -> None:
        told = answers[key] = asyncio.get_running_loop().create_future()

        def tell(receipt: object) -> None:
            order.append(key)
            told.set_result(receipt)

        intake.take("zendesk", key, {}, b"{}", tell)

    answers: dict[str, asyncio.Future[Any]] = {}
    intake = Intake(Watched(), clock, CountingIds())  # type: ignore[arg-type]
    come("first")
    assert (await answers["first"]).status == "accepted"
    assert (await answers["second"]).status == "accepted"
    assert order == ["commit", "commit", "first", "second"]


async def test_a_sender_who_cannot_be_told_keeps_no_other_from_being_told(database: Database, clock: SettableClock) -> None:
    intake, loop = Intake(database, clock, CountingIds()), asyncio.get_running_loop()
    troubles: list[object] = []
    loop.set_exception_handler(lambda loop, told: troubles.append(told["exception"]))
    gone = ConnectionError("gone")

    def fail(told: object) -> None:
        raise gone

    intake.take("zendesk", "k1", {}, b"{}", fail)
    kept = await asyncio.gather(intake.keep("zendesk", "k2", {}, b"{}"), intake.keep("zendesk", "k3", {}, b"{}"))
    assert [one.status for one in kept] == ["accepted", "accepted"]
    assert troubles == [gone]
    assert (await intake.keep("zendesk", "k1", {}, b"{}")).status == "duplicate"


async def test_who_waits_for_a_database_that_hangs_is_told_in_time_and_what_comes_later_is_kept(
    database: Database, database_url: str, clock: SettableClock
) -> None:
    held, over = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("LOCK TABLE inbox IN EXCLUSIVE MODE")
        held.set()
        over.wait(20)

    with Database.open(database_url) as other:
        holding = other.submit(hold)
        assert await asyncio.to_thread(held.wait, 20)
        intake = Intake(database, clock, CountingIds("early"), within_s=0.05)
        results = await asyncio.gather(*(intake.keep("zendesk", f"k{n}", {}, b"{}") for n in range(3)), return_exceptions=True)
        over.set()
        await asyncio.wrap_future(holding)
    assert [str(result) for result in results] == ["no_answer"] * 3
    assert (await Intake(database, clock, CountingIds("late")).keep("zendesk", "k1", {}, b"{}")).event_id
    assert sum(database.read_now(inbox.counts)["zendesk"]) in (1, 4)  # what was under way may have been kept after all


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
async def test_what_one_process_keeps_wakes_the_listeners_of_another(database: Database, database_url: str, clock: SettableClock) -> None:
    heard: list[str] = []
    listening, told = threading.Event(), threading.Event()

    def hear(what: str) -> None:
        heard.append(what)
        (told if listening.is_set() else listening).set()

    with Database.open(database_url) as other:
        listener = wakeup.Listener(other, hear)
        assert await asyncio.to_thread(listening.wait, 10)
        await Intake(database, clock, CountingIds(), tells_as="this").keep("zendesk", "k", {}, b"{}")
        assert await asyncio.to_thread(told.wait, 10)
        await asyncio.to_thread(listener.close)
    assert set(heard) == {wakeup.INBOX}


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
async def test_what_a_process_keeps_itself_does_not_wake_it_twice(database: Database, clock: SettableClock) -> None:
    heard: list[str] = []
    listening, told = threading.Event(), threading.Event()

    def hear(what: str) -> None:
        heard.append(what)
        (told if listening.is_set() else listening).set()

    listener = wakeup.Listener(database, hear, "this")
    assert await asyncio.to_thread(listening.wait, 10)
    await Intake(database, clock, CountingIds(), tells_as="this").keep("zendesk", "k", {}, b"{}")
    database.write_now(lambda conn: wakeup.tell(conn, wakeup.WISHES))  # comes behind it
    assert await asyncio.to_thread(told.wait, 10)
    await asyncio.to_thread(listener.close)
    assert heard == [wakeup.INBOX, wakeup.WISHES]


def test_leases_of_the_dead_end_at_once_and_their_claims_stay_known(database: Database) -> None:
    database.write_now(lambda conn: inbox.keep(conn, [delivery(1), delivery(2)]))
    now = datetime.now(UTC)
    assert len(database.write_now(lambda conn: claiming.claim(conn, "w1", now, timedelta(minutes=1), 9))) == 2
    assert database.write_now(lambda conn: claiming.claim(conn, "w2", now, timedelta(minutes=1), 9)) == []
    assert database.write_now(lambda conn: leases.end_all(conn, now)) == 2
    alone = database.write_now(lambda conn: claiming.claim(conn, "w2", now, timedelta(minutes=1), 9))
    assert len(alone) == 1  # it may be the killer


def test_closing_finishes_what_was_handed_in(database_url: str) -> None:
    database = Database.open(database_url)
    futures = [database.submit(lambda conn, n=n: stored_values.put(conn, f"n{n}", n)) for n in range(20)]  # type: ignore[misc]
    database.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with Database.open(database_url) as again:
        assert again.read_now(lambda conn: stored_values.get(conn, "n19")) == 19
