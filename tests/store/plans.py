"""How a database means to go about a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text


def plan(conn: Connection, statement: Any, values: dict[str, Any] | None = None) -> str:
    """The plan in the database's own words. PostgreSQL is asked what it would do with tables too large to be read through."""
    compiled = statement.compile(conn, compile_kwargs={"render_postcompile": True})
    bound = compiled.construct_params(values)
    processors = compiled._bind_processors
    bound = {name: processors[name](value) if name in processors else value for name, value in bound.items()}
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        conn.execute(text("SET LOCAL enable_sort = off"))
        words = conn.exec_driver_sql(f"EXPLAIN {compiled}", bound)
        return "\n".join(str(row[0]) for row in words)
    ordered = tuple(bound[name] for name in compiled.positiontup or ())
    return "\n".join(str(row[3]) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ordered))
