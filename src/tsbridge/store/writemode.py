"""Whether anything is written: of the setting and the switch the more careful counts; and what becomes of a dry run's plans.

What is in force is noted, so that leaving a dry run is seen whoever does it: the switch, or a start with another setting.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.store import desired, locks, stored_values

SWITCH: Final = "writeback_mode"
LIVE, PAUSED, DRY_RUN = "live", "paused", "dry-run"
CAREFUL: Final = (LIVE, PAUSED, DRY_RUN)
"""From careless to careful."""


class Mode(NamedTuple):
    """`mode`: as it was switched, else as it is set. `effective`: what counts, and `because` says why."""

    mode: str
    effective: str
    because: str


def in_force(conn: Connection, setting: str) -> Mode:
    """The mode that counts now, where TSBRIDGE_WRITEBACK says `setting`."""
    switched = stored_values.get(conn, SWITCH)
    if switched is None:
        return Mode(setting, setting, f"TSBRIDGE_WRITEBACK says {setting}, and nobody has switched it")
    if switched == setting:
        return Mode(setting, setting, f"TSBRIDGE_WRITEBACK says {setting}, and it was switched to the same")
    effective = max(setting, switched, key=CAREFUL.index)
    setting_says, switch_says = f"TSBRIDGE_WRITEBACK says {setting}", f"it was switched to {switched}"
    said = (setting_says, switch_says) if effective == setting else (switch_says, setting_says)
    return Mode(switched, effective, f"{said[0]}, which is more careful: {said[1]}")


def enter(conn: Connection, setting: str, now: datetime, *, send: bool = False) -> Mode:
    """Note what is in force now. When that ends a dry run, what it planned is dropped, or sent if asked to (`send`)."""
    mode, before = in_force(conn, setting), stored_values.get(conn, desired.IN_FORCE)
    if before != mode.effective:
        locks.alone(conn)  # before any wish is touched: who concludes cases holds it, too
        stored_values.put(conn, desired.IN_FORCE, mode.effective)
        if mode.effective != DRY_RUN:
            desired.leave_dry_run(conn, now, send=send, queued=before == DRY_RUN)
    return mode


def switch(conn: Connection, setting: str, to: str, now: datetime, *, send: bool = False) -> Mode:
    """Switch the mode, for all processes, until it is switched again."""
    locks.alone(conn)
    stored_values.put(conn, SWITCH, to)
    return enter(conn, setting, now, send=send)
