"""What there is by state is counted as it changes, by the tables themselves"""

# ruff: noqa: S608  # statements of the names below
from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


class Told(NamedTuple):
    """What of a table is counted. `kind` and `label` are expressions over a row, written `{r}`; `columns`: those they look at.

    `goes`: a row that is deleted counts no more; else it was history that
    is not kept any longer, and stays counted. `more`: a label whose rows count as often as the column of that name says.
    """

    what: str
    kind: str
    label: str
    columns: tuple[str, ...]
    goes: bool = False
    more: tuple[str, str] | None = None


TELLING = "CASE WHEN {r}.reason IN ('nobody_on_call', 'nobody_reached') THEN 'nobody' ELSE {r}.status END"
WISH = "CASE WHEN {r}.status = 'parked' THEN coalesce({r}.reason, '') ELSE '' END"
COUNTED = {
    "inbox": Told("delivery", "{r}.source", "{r}.status", ("status", "duplicates"), more=("duplicate", "duplicates")),
    "cases": Told("case", "''", "{r}.status", ("status",), goes=True),
    "escalations": Told("step", "''", "{r}.status", ("status",), goes=True),
    "desired": Told("wish", WISH, "{r}.status", ("status", "reason")),
    "notifications": Told("telling", "''", TELLING, ("status", "reason")),
    "assignments": Told("assignment", "''", "''", ()),
}
INTO = "INSERT INTO counted (what, kind, label, lane, count)"
ADD = "ON CONFLICT (what, kind, label, lane) DO UPDATE SET count = counted.count + excluded.count"


def upgrade() -> None:
    op.create_table(
        "counted",
        sa.Column("what", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("label", sa.Text(), primary_key=True),
        sa.Column("lane", sa.Integer(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    false = "false" if postgresql else "0"
    waits, severe = "status IN ('waiting', 'sending')", f"severity = 1 AND status = 'open' AND acknowledged IS {false}"
    op.create_index("desired_oldest", "desired", ["asked_at"], sqlite_where=sa.text(waits), postgresql_where=sa.text(waits))
    op.create_index("cases_in_nobodys_hands", "cases", ["opened_at"], sqlite_where=sa.text(severe), postgresql_where=sa.text(severe))
    for table, told in COUNTED.items():
        op.execute(f"{INTO} SELECT '{told.what}', kind, label, 0, sum(n) FROM ({rows(told, table, 1)}) AS r GROUP BY kind, label")
        for statement in (on_postgresql if postgresql else on_sqlite)(table, told):
            op.execute(statement)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table, told in COUNTED.items():
        for act in acts(told):
            op.execute(f"DROP TRIGGER {table}_counted_{act}" + (f" ON {table}" if postgresql else ""))
            if postgresql:
                op.execute(f"DROP FUNCTION {table}_counted_{act}()")
    op.drop_index("cases_in_nobodys_hands", "cases")
    op.drop_index("desired_oldest", "desired")
    op.drop_table("counted")


def acts(told: Told) -> list[str]:
    return ["insert", *(["update"] if told.columns else []), *(["delete"] if told.goes else [])]


def rows(told: Told, table: str, n: int) -> str:
    """How the rows of a table count, each `n` times."""
    plain = f"SELECT {told.kind} AS kind, {told.label} AS label, {n} AS n FROM {table}".format(r=table)
    if told.more is None:
        return plain
    label, times = told.more
    return f"{plain} UNION ALL SELECT {told.kind}, '{label}', {n} * {{r}}.{times} FROM {table} WHERE {{r}}.{times} <> 0".format(r=table)


def on_sqlite(table: str, told: Told) -> list[str]:
    made = []
    for act, signs in (("insert", {"NEW": 1}), ("update", {"OLD": -1, "NEW": 1}), ("delete", {"OLD": -1})):
        if act in acts(told):
            of = f"UPDATE OF {', '.join(told.columns)}" if act == "update" else act
            same = [(told.kind, told.label), *([(f"{{r}}.{told.more[1]}",)] if told.more else [])]
            when = " OR ".join(f"{one.format(r='OLD')} IS NOT {one.format(r='NEW')}" for group in same for one in group)
            body = "".join(f"{sqlite_add(told, row, n)}; " for row, n in signs.items())
            made.append(
                f"CREATE TRIGGER {table}_counted_{act} AFTER {of} ON {table} {f'WHEN {when} ' if act == 'update' else ''}BEGIN {body}END"
            )
    return made


def sqlite_add(told: Told, row: str, n: int) -> str:
    """A statement for each label: a row of a trigger cannot be selected from."""
    first = f"{INTO} VALUES ('{told.what}', {told.kind}, {told.label}, 0, {n}) {ADD}".format(r=row)
    if told.more is None:
        return first
    label, times = told.more
    again = f"{INTO} SELECT '{told.what}', {told.kind}, '{label}', 0, {n} * {{r}}.{times} WHERE {{r}}.{times} <> 0 {ADD}".format(r=row)
    return f"{first}; {again}"


def on_postgresql(table: str, told: Told) -> list[str]:
    """Counted by the statement, not by the row: within a transaction each change of a count leaves a version behind, through which the
    next one goes."""
    made = []
    for act, signs in (("insert", {"fresh": 1}), ("update", {"gone": -1, "fresh": 1}), ("delete", {"gone": -1})):
        if act not in acts(told):
            continue
        told_rows = " UNION ALL ".join(rows(told, name, n) for name, n in signs.items())
        body = (
            f"{INTO} SELECT '{told.what}', kind, label, mod(pg_backend_pid(), 4096), sum(n) FROM ({told_rows}) AS r "
            f"GROUP BY kind, label HAVING sum(n) <> 0 ORDER BY kind, label {ADD}; RETURN NULL;"
        )
        tables = {"insert": "NEW TABLE AS fresh", "update": "OLD TABLE AS gone NEW TABLE AS fresh", "delete": "OLD TABLE AS gone"}
        made.append(f"CREATE FUNCTION {table}_counted_{act}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
        made.append(
            f"CREATE TRIGGER {table}_counted_{act} AFTER {act} ON {table} REFERENCING {tables[act]} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_counted_{act}()"
        )
    return made
