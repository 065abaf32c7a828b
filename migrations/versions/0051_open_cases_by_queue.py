"""Open cases are counted by queue, severity and whether somebody has them in hand"""

# ruff: noqa: S608  # statements of the names below
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

BEFORE = "''"
# store.counted.open_cases reads it.
KIND = (
    "CASE WHEN {r}.status = 'open' THEN coalesce(CAST({r}.severity AS TEXT), '-') || "
    "CASE WHEN {r}.acknowledged IS TRUE THEN ' held ' ELSE ' free ' END || coalesce({r}.queue, '') ELSE '' END"
)
COLUMNS = ("status", "severity", "acknowledged", "queue")
INTO = "INSERT INTO counted (what, kind, label, lane, count)"
ADD = "ON CONFLICT (what, kind, label, lane) DO UPDATE SET count = counted.count + excluded.count"


OPEN = "status = 'open'"


def upgrade() -> None:
    count_by(KIND, COLUMNS)
    op.drop_index("cases_open", "cases")
    op.drop_index("cases_in_nobodys_hands", "cases")


def downgrade() -> None:
    severe = sa.text(f"severity = 1 AND {OPEN} AND acknowledged IS {'false' if op.get_bind().dialect.name == 'postgresql' else '0'}")
    op.create_index("cases_in_nobodys_hands", "cases", ["opened_at"], sqlite_where=severe, postgresql_where=severe)
    op.create_index("cases_open", "cases", ["queue", "severity"], sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN))
    count_by(BEFORE, ("status",))


def count_by(kind: str, columns: tuple[str, ...]) -> None:
    """Count anew, and from now on so."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for act in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER cases_counted_{act}" + (" ON cases" if postgresql else ""))
        if postgresql:
            op.execute(f"DROP FUNCTION cases_counted_{act}()")
    op.execute("DELETE FROM counted WHERE what = 'case'")
    op.execute(f"{INTO} SELECT 'case', kind, label, 0, sum(n) FROM ({rows(kind, 'cases', 1)}) AS r GROUP BY kind, label")
    for statement in on_postgresql(kind) if postgresql else on_sqlite(kind, columns):
        op.execute(statement)


def rows(kind: str, table: str, n: int) -> str:
    return f"SELECT {kind.format(r=table)} AS kind, {table}.status AS label, {n} AS n FROM {table}"


def on_sqlite(kind: str, columns: tuple[str, ...]) -> list[str]:
    made = []
    for act, signs in (("insert", {"NEW": 1}), ("update", {"OLD": -1, "NEW": 1}), ("delete", {"OLD": -1})):
        of = f"UPDATE OF {', '.join(columns)}" if act == "update" else act
        when = f"WHEN {' OR '.join(f'OLD.{column} IS NOT NEW.{column}' for column in columns)} " if act == "update" else ""
        body = "".join(f"{INTO} VALUES ('case', {kind.format(r=row)}, {row}.status, 0, {n}) {ADD}; " for row, n in signs.items())
        made.append(f"CREATE TRIGGER cases_counted_{act} AFTER {of} ON cases {when}BEGIN {body}END")
    return made


def on_postgresql(kind: str) -> list[str]:
    """By the statement, not by the row, as all that is counted."""
    made = []
    tables = {"insert": "NEW TABLE AS fresh", "update": "OLD TABLE AS gone NEW TABLE AS fresh", "delete": "OLD TABLE AS gone"}
    for act, signs in (("insert", {"fresh": 1}), ("update", {"gone": -1, "fresh": 1}), ("delete", {"gone": -1})):
        told = " UNION ALL ".join(rows(kind, name, n) for name, n in signs.items())
        body = (
            f"{INTO} SELECT 'case', kind, label, mod(pg_backend_pid(), 4096), sum(n) FROM ({told}) AS r "
            f"GROUP BY kind, label HAVING sum(n) <> 0 ORDER BY kind, label {ADD}; RETURN NULL;"
        )
        made.append(f"CREATE FUNCTION cases_counted_{act}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
        made.append(
            f"CREATE TRIGGER cases_counted_{act} AFTER {act} ON cases REFERENCING {tables[act]} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION cases_counted_{act}()"
        )
    return made
