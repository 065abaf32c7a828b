"""Addresses and numbers that people are known by come to be encrypted, all at once, when there is a key for the first time.

Whoever reads them meanwhile waits, or sees them as they were: one form or the other is looked for, never both.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, bindparam, column, literal, select, table, tuple_, update

from tsbridge.store.vault import Vault, tells_somebody

PLACES: Final = (("handles", "kind", "value"), ("acquaintances", "kind", "value"), ("acquaintances", "other_kind", "other_value"))
"""Columns of the type `Identity`, each with the column beside it by which an index finds it."""
AT_ONCE: Final = 1_000


def encrypt_all(conn: Connection, vault: Vault) -> None:
    for name, kind, value in PLACES:
        its = table(name, column(kind), column(value))
        both = (its.c[kind], its.c[value])
        put = update(its).where(both[0] == bindparam("of"), both[1] == bindparam("was")).values({value: bindparam("now")})
        after: tuple[Any, ...] | None = None
        while True:
            further = [] if after is None else [tuple_(*both) > tuple_(*(literal(one) for one in after))]
            rows = [tuple(row) for row in conn.execute(select(*both).where(*further).distinct().order_by(*both).limit(AT_ONCE))]
            if not rows:
                break
            after = rows[-1]
            if changed := [{"of": of, "was": was, "now": vault.keep_identity(was)} for of, was in rows if tells_somebody(was)]:
                conn.execute(put, changed)
