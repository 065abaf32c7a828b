"""`kept`: a few named values that must outlive the process: the write-back mode, our own user at Zendesk, cursors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store.service_tables import kept
from tsbridge.store.statements import Insert, Keyed

_NAMED: Final = Keyed(kept, ("name",), ("name", "value"))
_HELD: Final = Keyed(kept, ("name",), ("value",), lock=True)
_PUT: Final = Insert(kept, ("name", "value"), "(name) DO UPDATE SET value = excluded.value")
_PUT_FIRST: Final = Insert(kept, ("name", "value"), "DO NOTHING")

TURN: Final = {"by", "until"}
"""What is kept of a turn."""


def mappings(source: str) -> str:
    """The name under which the mappings of a source's own body shapes are kept."""
    return f"{source}_mappings"


def get(conn: Connection, name: str) -> Any:
    """The JSON value kept under this name; None when there is none."""
    return next((value for _, value in _NAMED.rows(conn, (name,))), None)


def several(conn: Connection, names: Iterable[str]) -> dict[str, Any]:
    """The values kept under these names; those under which there is none are left out."""
    return dict(_NAMED.rows(conn, sorted(names)))


def put(conn: Connection, name: str, value: Any) -> None:
    """Keep a JSON value (not None) under this name, instead of what was there."""
    _PUT.all(conn, [(name, value)])


def lock(conn: Connection, name: str, at_first: Any) -> Any:
    """The value kept under this name, `at_first` when there is none, held until the transaction ends: others wait to change it."""
    hold = _HELD if conn.dialect.name == "postgresql" else _NAMED
    if not (held := hold.rows(conn, (name,))):
        _PUT_FIRST.all(conn, [(name, at_first)])  # whoever does so at the same time waits for the other one
        held = hold.rows(conn, (name,))
    return held[0][-1]


def take_turn(conn: Connection, name: str, who: str, now: datetime, span: timedelta) -> bool:
    """Have a turn that one process at a time has, for a while; asked for again in time it goes on. False while another one has it.

    One that ends much later than any could was taken by a clock that was ahead, and holds nobody up.
    """
    held = lock(conn, name, {"by": "", "until": instant_text(now)})
    if held["by"] != who and now < read_instant(held["until"]) <= now + 2 * span:
        return False
    put(conn, name, {"by": who, "until": instant_text(now + span)})
    return True


def forget(conn: Connection, name: str) -> None:
    conn.execute(delete(kept).where(kept.c.name == name))
