"""Which reads of vendors do not succeed, since when and why: for whoever looks how we are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import stored_values

NAME: Final = "reads_failing"


class Failing(NamedTuple):
    """`reason`: a code of ours. `refused`: coming again does not mend it."""

    since: datetime
    reason: str
    refused: bool


def failing(conn: Connection) -> Mapping[str, Failing]:
    """By the task that reads."""
    known = stored_values.get(conn, NAME) or {}
    return {task: Failing(read_instant(one["since"]), one["reason"], one["refused"]) for task, one in sorted(known.items())}


def note(conn: Connection, task: str, reason: str | None, refused: bool, now: datetime) -> None:
    """How a read ended: `reason` says why it failed, None that it did not. It fails since the first time."""
    known = dict(stored_values.lock(conn, NAME, {}))
    before = known.pop(task, {"since": instant_text(now)})
    if reason is not None:
        known[task] = {"since": before["since"], "reason": reason, "refused": refused}
    stored_values.put(conn, NAME, known)
