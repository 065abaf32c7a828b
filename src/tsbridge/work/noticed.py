"""What became live since the last look is said in the log, whoever made it live: a version, a mode of write-back."""

from __future__ import annotations

import logging
from typing import NamedTuple

from sqlalchemy import Connection

from tsbridge.store import rosters, rulebooks, writemode

log = logging.getLogger("tsbridge.work.noticed")


class Live(NamedTuple):
    """What counts at present. `rulebook`, `roster`: versions, 0 where there is none."""

    rulebook: int
    roster: int
    mode: str
    because: str


def live(conn: Connection, setting: str) -> Live:
    """What counts now, where TSBRIDGE_WRITEBACK says `setting`."""
    mode = writemode.in_force(conn, setting)
    return Live(rulebooks.newest(conn), rosters.newest(conn), mode.effective, mode.because)


def say(before: Live | None, now: Live) -> None:
    """What of it is new. Before the first look there is nothing: what a process begins with its first line says."""
    if before is None:
        return
    if now.rulebook != before.rulebook:
        log.info("a rulebook is live", extra={"version": now.rulebook})
    if now.roster != before.roster:
        log.info("a roster is live", extra={"version": now.roster})
    if now.mode != before.mode:
        log.warning("the mode of write-back is another", extra={"mode": now.mode, "reason": now.because})
