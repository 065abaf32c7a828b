"""What `/readyz` looks at of the work: what waits too long, what vendors refuse, whether anybody works, whether there is room.

Each of these degrades and none stops: deliveries can still be taken, and who takes them out of service loses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core.heads import FAILING
from tsbridge.core.ports import Clock
from tsbridge.core.retention import Retention
from tsbridge.core.task_state import Checked
from tsbridge.store import budget, counted, database_info, desired, gauges, leases, retention, stored_values, upstreams, writemode
from tsbridge.store.db import Database
from tsbridge.store.upstreams import Failing
from tsbridge.web.probes import stored
from tsbridge.web.services import Probe

WORKED_ON_WITHIN: Final = timedelta(seconds=60)
WRITTEN_WITHIN: Final = timedelta(minutes=10)
AWAY_FOR: Final = timedelta(minutes=30)
"""How long a vendor may be away before it is said; a refusal is said at once."""
BEATS_WITHIN: Final = timedelta(seconds=30)


def deliveries_probe(database: Database, clock: Clock) -> Probe:
    """Whether deliveries are worked on in time."""

    def read(conn: Connection) -> tuple[datetime | None, int]:
        return gauges.oldest_pending(conn), _deliveries(conn).get("dead", 0)

    def judged(found: tuple[datetime | None, int]) -> Checked:
        oldest, dead = found
        said = f"; {dead} were given up on" if dead else ""
        age = timedelta(0) if oldest is None else clock.now() - oldest
        if age <= WORKED_ON_WITHIN:
            return Checked(True, f"none waits for long{said}")
        return Checked(True, f"the oldest not yet worked on is {int(age.total_seconds())} s old{said}", degraded=True)

    return stored(database, read, judged)


def _deliveries(conn: Connection) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for (_, status), count in counted.load(conn).get("delivery", {}).items():
        found[status] = found.get(status, 0) + count
    return found


class _Writing(NamedTuple):
    mode: writemode.Mode
    oldest: datetime | None
    parked: int
    paused_rules: int


def writeback_probe(database: Database, clock: Clock, setting: str) -> Probe:
    """Which mode of write-back counts and why, and what is not written: paused, waiting too long, or until somebody looks."""

    def read(conn: Connection) -> _Writing:
        wishes = counted.load(conn).get("wish", {})
        parked = sum(count for (_, status), count in wishes.items() if status == "parked")
        rules = len(stored_values.get(conn, desired.PAUSED_RULES) or ())
        return _Writing(writemode.in_force(conn, setting), gauges.oldest_wish(conn), parked, rules)

    def judged(found: _Writing) -> Checked:
        said = []
        if found.mode.effective == writemode.PAUSED:
            said.append("nothing is written")
        age = timedelta(0) if found.oldest is None else clock.now() - found.oldest
        if found.mode.effective == writemode.LIVE and age > WRITTEN_WITHIN:
            said.append(f"the oldest change not yet written is {int(age.total_seconds())} s old")
        if found.parked:
            said.append(f"{found.parked} tickets are not written until somebody looks")
        if found.paused_rules:
            said.append(f"{found.paused_rules} rules are paused")
        return Checked(True, "; ".join([f"{found.mode.effective}: {found.mode.because}", *said]), degraded=bool(said))

    return stored(database, read, judged)


def vendors_probe(database: Database, clock: Clock) -> Probe:
    """Whether Zendesk takes what is written, and the vendors let themselves be read."""

    def read(conn: Connection) -> tuple[flow.Budget, Mapping[str, Failing]]:
        return budget.load(conn), upstreams.failing(conn)

    def judged(found: tuple[flow.Budget, Mapping[str, Failing]]) -> Checked:
        pace, failing = found
        now, said = clock.now(), []
        if pace.reason == "unauthorized" and flow.closed(pace, now) is not None:
            said.append("Zendesk refuses our credentials")
        elif pace.open:
            said.append(f"Zendesk is in trouble ({pace.reason})")
        for task, one in failing.items():
            if one.refused or now - one.since > AWAY_FOR:
                said.append(f"{task} cannot read since {one.since:%Y-%m-%dT%H:%M}Z ({one.reason})")
        return Checked(True, "; ".join(said) or "answer as far as they were asked", degraded=bool(said))

    return stored(database, read, judged)


def heads_probe(database: Database) -> Probe:
    """Whether heads of the proof chain get to where they are kept besides."""

    def judged(failing: Mapping[str, str] | None) -> Checked:
        said = [f"not to the {place} since {since}" for place, since in sorted((failing or {}).items())]
        return Checked(True, "; ".join(said) or "copied wherever they shall be", degraded=bool(said))

    return stored(database, lambda conn: stored_values.get(conn, FAILING), judged)


def workers_probe(database: Database, clock: Clock) -> Probe:
    """Whether any process works on what this one hears, where workers run elsewhere (PostgreSQL).

    Their counts are looked at, not their clocks: a count that moved since the last look is a sign of life.
    """
    before: Mapping[str, int] = {}
    sign = clock.now()

    def judged(beats: Mapping[str, int]) -> Checked:
        nonlocal before, sign
        now = clock.now()
        if any(count != before.get(name) for name, count in beats.items()):
            sign = now
        before = beats
        silent = now - sign
        if silent <= BEATS_WITHIN:
            return Checked(True, f"{len(beats)} work")
        return Checked(True, f"no worker gave a sign for {int(silent.total_seconds())} s: what is heard waits", degraded=True)

    return stored(database, leases.beats, judged)


def retention_probe(database: Database, clock: Clock, kept: Retention) -> Probe:
    """Whether what was kept long enough goes."""

    def judged(late: tuple[str, ...]) -> Checked:
        if not late:
            return Checked(True, "what was kept long enough is gone")
        return Checked(True, f"{', '.join(late)} should have gone more than a day ago; see tsbridge retention", degraded=True)

    return stored(database, lambda conn: retention.behind(conn, kept, clock.now()), judged)


def room_probe(directory: Path, wanted: float = database_info.ROOM_WANTED) -> Probe:
    """Whether a share of the disk of the database's file is free."""

    async def look() -> Checked:
        try:
            found = database_info.room(directory)
        except OSError as failure:
            return Checked(True, f"not known ({type(failure).__name__})", degraded=True)
        return Checked(True, str(found), degraded=found.share < wanted)

    return look
