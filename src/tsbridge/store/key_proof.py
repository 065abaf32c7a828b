"""Whether the API keys, their roles and their ends are what the audit's changes say, both ways: who may what decides who can do what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from tsbridge.core.times import read_time
from tsbridge.store.change_log import by_subject
from tsbridge.store.keys import fingerprint
from tsbridge.store.service_tables import keys

MADE: Final = "key.create"
REVOKED: Final = "key.revoke"


def broken(conn: Connection) -> Iterator[dict[str, Any]]:
    """One entry for each key that differs from what was recorded, was never recorded (then by its id), or is gone."""
    made, revoked = by_subject(conn, MADE), by_subject(conn, REVOKED)
    for row in conn.execute(select(keys).order_by(keys.c.created_at, keys.c.id)).mappings():
        change, revocation = made.pop(row["id"], None), revoked.pop(row["id"], None)
        if change is None:
            yield {"seq": None, "id": row["id"], "why": "a key that was never recorded"}
            continue
        if names := list(_differing(row, change["after"] or {})):
            yield {"seq": change["seq"], "why": f"the key differs from what was recorded: {', '.join(names)}"}
        ended = None if revocation is None else _time(revocation["after"] or {}, "revoked_at")
        if row["revoked_at"] != ended:
            yield {"seq": (revocation or change)["seq"], "why": "whether the key was revoked differs from what was recorded"}
    for change in (*made.values(), *revoked.values()):
        yield {"seq": change["seq"], "why": "the key of this change is gone"}


def _differing(row: RowMapping, after: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in ("name", "role") if row[name] != after.get(name))
    if row["expires_at"] != _time(after, "expires_at"):
        yield "expires_at"
    if "created_at" in after and row["created_at"] != _time(after, "created_at"):  # not in entries of earlier days
        yield "created_at"
    if "secret" in after and fingerprint(row["digest"]) != after["secret"]:
        yield "digest"


def _time(after: Mapping[str, Any], name: str) -> datetime | None:
    return None if after.get(name) is None else read_time(after[name])
