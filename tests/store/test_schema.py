"""The migrations build exactly the tables of the code, on both databases, and come down again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, text, update
from sqlalchemy.exc import DBAPIError

from tsbridge.store import chain, schema
from tsbridge.store.all_tables import metadata
from tsbridge.store.db import Database

Fresh = Callable[..., AbstractContextManager[str]]


def test_the_migrated_database_has_exactly_the_tables_of_the_code(database: Database) -> None:
    def differences(conn: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata))

    assert database.read_now(differences) == []


def test_every_constraint_of_the_code_is_in_the_database(database: Database) -> None:
    def checks(conn: Connection) -> set[str | None]:
        return {check["name"] for table in metadata.tables for check in inspect(conn).get_check_constraints(table)}

    assert {"inbox_status", "desired_status"} <= database.read_now(checks)


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert schema.migrate(database) == schema.head() == schema.current(database)


def test_a_downgrade_leaves_nothing_behind_and_can_be_undone(database: Database) -> None:
    database.write_now(lambda conn: schema.downgrade(conn, "base"))
    assert set(database.read_now(lambda conn: inspect(conn).get_table_names())) <= {"alembic_version"}
    assert schema.current(database) is None
    assert schema.migrate(database) == schema.head()


def test_several_processes_may_migrate_at_once(fresh_url: Fresh) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(8)

    def one(url: str) -> None:
        together.wait()
        try:
            with Database.open(url) as mine:
                schema.migrate(mine)
        except BaseException as failure:
            failures.append(failure)

    with fresh_url(migrated=False) as url:
        threads = [threading.Thread(target=one, args=(url,)) for _ in range(together.parties)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with Database.open(url) as database:
            schema.check(database)


def test_a_schema_from_the_future_is_refused_and_left_alone(database: Database) -> None:
    database.write_now(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None)
    with pytest.raises(schema.SchemaTooNew, match="newer version"):
        schema.migrate(database)
    with pytest.raises(schema.SchemaTooNew):
        schema.check(database)
    assert schema.current(database) == "9999"


def test_a_database_without_tables_is_told_from_a_ready_one(fresh_url: Fresh) -> None:
    with fresh_url(migrated=False) as url, Database.open(url) as empty:
        assert schema.current(empty) is None
        with pytest.raises(RuntimeError, match="tsbridge migrate"):
            schema.check(empty)


@pytest.mark.parametrize(
    "act",
    [
        update(metadata.tables["chain"]).values(hash="another"),
        delete(metadata.tables["chain"]),
    ],
    ids=["update", "delete"],
)
def test_rows_of_the_chain_cannot_be_changed_or_removed(database: Database, act: Any) -> None:
    row = {"seq": 1, "kind": "change", "id": "chg_1", "record": {}, "previous_hash": "a", "hash": "b"}
    database.write_now(lambda conn: conn.execute(insert(metadata.tables["chain"]).values(row)) and None)
    with pytest.raises(DBAPIError, match="only ever added to"):
        database.write_now(lambda conn: conn.execute(act) and None)
    assert database.read_now(chain.head)["hash"] == "b"


def test_the_names_of_the_migrations_are_their_revisions_in_their_order() -> None:
    scripts = ScriptDirectory(str(schema.scripts())).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == schema.revisions()
