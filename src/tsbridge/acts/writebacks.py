"""Wishes for tickets and how far they got: the way from a decision to a confirmed tag; whether anything is written at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection

from tsbridge.acts.errors import Conflict, NotFound, need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import of_row
from tsbridge.core.helpdesk_json import ours_from, wish_from
from tsbridge.store import desired, drift_rows, stored_values, views, wakeup, wish_origins, writemode
from tsbridge.store.rulebooks import LiveRulebook

Status = Literal["waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run"]
ModeName = Literal["live", "dry-run", "paused"]
Backlog = Literal["drop", "send"]
Cause = Literal["person", "trigger", "lost", "rulebook", "merged", "closed"]
RETRIED: Final = ("parked", "refused", "dry_run", "waiting")


@dataclass(frozen=True, slots=True)
class Writeback:
    id: str
    ticket: str
    case_id: str
    status: Status
    reason: str | None
    severity: int | None
    attempts: int
    revision: int
    asked_at: datetime
    due_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WritebackPart:
    """`part`: `tag:<tag>`, `absent:<tag>`, a value's name or a note's; asked for by `rule` (or `<policy>/<step>`) in `decision_id`."""

    part: str
    status: Literal["written", "waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run"]
    reason: str | None
    rule: str | None
    decision_id: str | None


@dataclass(frozen=True, slots=True)
class WritebackWhole(Writeback):
    """`plan`: what was planned last."""

    plan: dict[str, Any] | None
    wish: dict[str, Any]
    parts: tuple[WritebackPart, ...]


@dataclass(frozen=True, slots=True)
class ModeShown:
    """`mode`: as it was switched, else as it is set. `effective`: what counts, and `because` says why. `backlog`: how many tickets' wishes
    a dry run has planned."""

    mode: ModeName
    effective: ModeName
    because: str
    backlog: int


@dataclass(frozen=True, slots=True)
class PausedRules:
    paused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DriftItem:
    """What a ticket reads against what we saw to. `policy`: `accept` leaves it, `heal` writes it again, `ask` is for people to settle."""

    id: str
    ticket: str
    what: str
    case_id: str
    wanted: Any
    actual: Any
    cause: Cause
    policy: Literal["accept", "ask", "heal"]
    by: str | None
    since: datetime | None
    found_at: datetime


def listed(
    conn: Connection, limit: int, after: str | None = None, status: str | None = None, ticket: str | None = None, case_id: str | None = None
) -> list[Writeback]:
    """One wish per ticket, the newest first. `after`: the id of the last one seen."""
    return [of_row(Writeback, row) for row in views.writeback_list(conn, limit, after, status, ticket, case_id)]


def show(conn: Connection, live: LiveRulebook, writeback_id: str) -> WritebackWhole:
    """One wish with each of its parts. Raises `NotFound`."""
    row = need(views.writeback(conn, writeback_id), "writeback")
    parts = wish_origins.parts(conn, live, dict(row), wish_from(row["wish"]), ours_from(row["ours"]))
    return of_row(WritebackWhole, row, parts=tuple(WritebackPart(**part) for part in parts))


def retry(conn: Connection, entry: Entry, writeback_id: str) -> None:
    """Have a parked, refused or waiting wish tried at once. Raises `NotFound`, `Conflict`."""
    row = need(views.writeback(conn, writeback_id), "writeback")
    if row["status"] not in RETRIED:
        raise Conflict(f"This one is {row['status']}; only parked, refused, dry-run and waiting ones can be tried again.")
    desired.retry(conn, writeback_id, entry.at)
    wakeup.tell(conn, wakeup.WISHES)
    entry.change(conn, "writeback.retry", writeback_id, {"status": row["status"], "reason": row["reason"]}, {"status": "waiting"})


def mode(conn: Connection, setting: str) -> ModeShown:
    """The mode that counts now, where TSBRIDGE_WRITEBACK says `setting`."""
    return _mode(conn, writemode.in_force(conn, setting))


def change_mode(conn: Connection, entry: Entry, setting: str, to: ModeName, backlog: Backlog = "drop") -> ModeShown:
    """Switch write-back. `backlog`: whether what a dry run has planned is sent when this ends it."""
    before = writemode.in_force(conn, setting)
    planned = desired.planned(conn)
    after = writemode.switch(conn, setting, to, entry.at, send=backlog == "send")
    if before.mode != after.mode:
        wakeup.tell(conn, wakeup.WISHES)
        ended = before.effective == writemode.DRY_RUN != after.effective
        became = {"mode": after.mode, **({"backlog": backlog, "planned": planned} if ended else {})}
        entry.change(conn, "writeback.mode", "writeback", {"mode": before.mode}, became)
    return _mode(conn, after)


def paused_rules(conn: Connection) -> PausedRules:
    """The rules whose writing is paused."""
    return PausedRules(tuple(stored_values.get(conn, desired.PAUSED_RULES) or ()))


def pause_rule(conn: Connection, entry: Entry, live: LiveRulebook, key: str, *, paused: bool) -> PausedRules:
    """Pause what one rule writes, or let it go on. Raises `NotFound` for one that the live rulebook does not have."""
    before = paused_rules(conn).paused
    book = live.live(conn).book
    if key not in before and all(one.key != key for one in (*book.escalation, *book.routing)):
        raise NotFound("rule")
    if (key in before) == paused:
        return PausedRules(before)
    after = sorted({*before, key} if paused else {*before} - {key})
    stored_values.put(conn, desired.PAUSED_RULES, after)
    if not paused:
        desired.resume_rules(conn, entry.at)
        wakeup.tell(conn, wakeup.WISHES)
    entry.change(conn, "writeback.rule", key, {"paused": list(before)}, {"paused": after})
    return PausedRules(tuple(after))


def drifted(
    conn: Connection, limit: int, before: tuple[datetime, str] | None = None, ticket: str | None = None, cause: str | None = None
) -> list[DriftItem]:
    """Differences that stand, newest first."""
    return [DriftItem(**row) for row in drift_rows.listed(conn, limit, before, ticket, cause)]


def _mode(conn: Connection, found: writemode.Mode) -> ModeShown:
    return ModeShown(**found._asdict(), backlog=desired.planned(conn))
