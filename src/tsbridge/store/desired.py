"""Wishes: one row per ticket, coalesced, claimed severe first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)

from tsbridge.core.helpdesk import Ours, Search, Wish, passed_over
from tsbridge.core.helpdesk_json import ours_from, ours_json, wish_from, wish_json
from tsbridge.store import stored_values
from tsbridge.store.statements import Fixed, Insert, Keyed, Update
from tsbridge.store.writing_tables import WISH_IS_OPEN, desired

FINAL: Final = ("parked", "refused", "dry_run")
OPEN: Final = ("waiting", "sending")
DONE: Final = ("confirmed", "unneeded")
DROPPED: Final = "dropped"
"""Why a wish that was planned in a dry run is not sent although the dry run is over."""
IN_FORCE: Final = "writeback_in_force"
"""The name under which the mode in force is kept."""
PAUSED_RULES: Final = "paused_rules"
"""The name under which the keys of paused rules are kept."""
RULE_PAUSED: Final = "rule_paused"
"""Why a wish is parked of which a part waits for a paused rule."""
PART_REFUSED: Final = "part_refused"
"""Why a wish is parked of which Zendesk did not accept a part."""
HEAR_WITHIN: Final = timedelta(seconds=5)
UNHEARD: Final = "unheard"
"""Why a wish waits of which a part would undo what somebody did and nobody has heard yet."""
_PLANNED: Final = (desired.c.status == "dry_run", desired.c.reason.is_distinct_from(DROPPED))

_WISH: Final = Insert(
    desired,
    ("ticket", "id", "case_id", "wish", "version", "revision", "status", "severity", "attempts", "asked_at", "due_at", "ours"),
)
_ABOUT: Final = ("case_id", "severity", "version")
_MOVE: Final = Update(desired, _ABOUT, ("ticket",))
_CHANGE: Final = Update(
    desired,
    (*_ABOUT, "wish", "status", "reason", "attempts", "asked_at", "due_at", "confirmed_at"),
    ("ticket",),
    also="revision = revision + 1",
)
_SEEN: Final = ("ticket", "wish", *_ABOUT, "status", "reason", "asked_at")
_STOOD: Final = Keyed(desired, ("ticket",), _SEEN)
_LOCKED: Final = Keyed(desired, ("ticket",), _SEEN, lock=True)
_NOTHING: Final = Wish()


@dataclass(frozen=True, slots=True)
class ClaimedWish:
    """A wish one writer has for the time of its lease. `revision` fences: a wish that changed meanwhile is not settled.

    `version`: the rulebook whose groups it names. `held`: why parts of it wait, so that it cannot be done: RULE_PAUSED, PART_REFUSED or
    UNHEARD.
    """

    ticket: str
    id: str
    case_id: str
    wish: Wish
    ours: Ours
    revision: int
    attempts: int
    asked_at: datetime
    worker: str
    version: int = 0
    held: str | None = None


class Wished(NamedTuple):
    """What a case wishes of one of its tickets. `version`: the rulebook whose groups the wish names."""

    ticket: str
    case_id: str
    wish: Wish
    severity: int | None
    version: int


def wishes_changed(conn: Connection, wished: Iterable[Wished], now: datetime, new_id: Callable[[str], str]) -> int:
    """Keep what is wished of tickets. The same wish leaves its row untouched; another one is due at once. Returns how many changed.

    A ticket that still waits keeps its place: one that changes all the time is not pushed back by it.
    What a dry run that is over had planned counts as seen to: only what is asked anew is written.
    """
    by_ticket = {one.ticket: one for one in wished}
    stood = {row[0]: row for row in (_LOCKED if conn.dialect.name == "postgresql" else _STOOD).rows(conn, sorted(by_ticket))}
    new: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for ticket, one in sorted(by_ticket.items()):
        about = (one.case_id, one.severity, one.version)
        if ticket not in stood:
            if one.wish != _NOTHING:
                new.append(
                    (ticket, new_id("wb"), one.case_id, wish_json(one.wish), one.version, 1, "waiting", one.severity, 0, now, now, {})
                )
            continue
        _, was, *about_was, status, reason, asked_at = stood[ticket]
        told = wish_json(one.wish)
        if was == told:
            if tuple(about_was) != about:
                moved.append((*about, ticket))
            continue
        if status == "dry_run" and (reason == DROPPED or stored_values.get(conn, IN_FORCE) != "dry-run"):
            ours = conn.execute(select(desired.c.ours).where(desired.c.ticket == ticket)).scalar_one()
            passed = ours_json(passed_over(ours_from(ours), wish_from(was)))
            conn.execute(update(desired).where(desired.c.ticket == ticket).values(ours=passed))
        changed.append((*about, told, "waiting", None, 0, asked_at if status in OPEN else now, now, None, ticket))
    _WISH.all(conn, new)
    _MOVE.all(conn, moved)
    _CHANGE.all(conn, changed)
    return len(new) + len(changed)


def outdated(conn: Connection, version: int, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(ticket, case) of due wishes that name the groups of an earlier rulebook than `version`, in the order of `claim`."""
    earlier = desired.c.version < version
    if conn.execute(select(desired.c.ticket).where(WISH_IS_OPEN, earlier).limit(1)).first() is None:  # as it is all the time
        return []
    rows = conn.execute(_due(now, limit, desired.c.ticket, desired.c.case_id).where(earlier))
    return [(row.ticket, row.case_id) for row in rows]


def brought_up(conn: Connection, tickets: Sequence[str], version: int) -> None:
    """What is wished of these tickets names the groups of `version`."""
    conn.execute(update(desired).where(desired.c.ticket.in_(tickets), desired.c.version < version).values(version=version))


def claim(conn: Connection, worker: str, now: datetime, lease: timedelta, limit: int, version: int = 0) -> list[ClaimedWish]:
    """Take due wishes: severe first, then the oldest. A wish that somebody is writing for is left alone.

    So is one that names the groups of an earlier rulebook than `version`: it is planned anew first (`outdated`).
    """
    query = _due(now, limit, desired).where(desired.c.version >= version).with_for_update(skip_locked=True)
    rows = conn.execute(query).all()
    if rows:
        conn.execute(
            update(desired)
            .where(desired.c.ticket.in_([row.ticket for row in rows]))
            .values(status="sending", claimed_by=worker, lease_until=now + lease)
        )
    return [
        ClaimedWish(r.ticket, r.id, r.case_id, wish_from(r.wish), ours_from(r.ours), r.revision, r.attempts, r.asked_at, worker, r.version)
        for r in rows
    ]


def _due(now: datetime, limit: int, *what: Any) -> Select[Any]:
    """Wishes that may be claimed: severe first, then the oldest; read in this order along an index, so that a few cost the same
    however many wait."""
    due_at = type_coerce(desired.c.due_at, BigInteger) + literal_column("0")  # no index of due times: most of what waits is due
    return (
        select(*what)
        .where(WISH_IS_OPEN, due_at <= literal(now, desired.c.due_at.type))
        .where(or_(desired.c.lease_until.is_(None), desired.c.lease_until <= now))
        .order_by(desired.c.severity.nulls_last(), desired.c.asked_at, desired.c.ticket)
        .limit(limit)
    )


def unclaim(conn: Connection, worker: str, now: datetime) -> None:
    """End what a worker has claimed, whether it heard of it or not: it writes for none of it any more."""
    mine = (desired.c.status == "sending", desired.c.claimed_by == worker, desired.c.lease_until > now)
    conn.execute(update(desired).where(*mine).values(lease_until=now))


def hold(conn: Connection, claimed: ClaimedWish, now: datetime, lease: timedelta) -> bool:
    """Hold a claimed wish longer. False when the lease has run out and somebody else may have it."""
    held = conn.execute(update(desired).where(*_ours(claimed), desired.c.lease_until > now).values(lease_until=now + lease))
    return bool(held.rowcount)


def settle(
    conn: Connection,
    claimed: ClaimedWish,
    status: str,
    now: datetime,
    ours: Ours,
    *,
    reason: str | None = None,
    plan: Any = None,
    wrote: bool = False,
) -> bool:
    """Finish a wish; `wrote`: with an attempt that went through. When it changed meanwhile, what is ours is kept and it waits again.
    One of which a part is held is parked, or looked at again soon: the rest is written.

    False when somebody else has it by now: nothing is kept, and what was written has to be found out from the ticket.
    """
    if claimed.held is not None and status in DONE:
        status, reason = "waiting" if claimed.held == UNHEARD else "parked", claimed.held
    done = conn.execute(
        update(desired)
        .where(*_ours(claimed), desired.c.revision == claimed.revision)
        .values(
            status=status,
            reason=reason,
            ours=ours_json(ours),
            plan=plan,
            attempts=desired.c.attempts + int(wrote),
            confirmed_at=now if status in DONE else None,
            due_at=now + HEAR_WITHIN if reason == UNHEARD else desired.c.due_at,
            claimed_by=None,
            lease_until=None,
        )
    )
    if done.rowcount:
        return True
    again = {"status": "waiting", "reason": None, "ours": ours_json(ours), "due_at": now, "claimed_by": None, "lease_until": None}
    return bool(conn.execute(update(desired).where(*_ours(claimed)).values(**again)).rowcount)


def keep_ours(conn: Connection, claimed: ClaimedWish, ours: Ours) -> bool:
    """Keep what is ours by now, in the middle of writing. False when somebody else has the wish."""
    return bool(conn.execute(update(desired).where(*_ours(claimed)).values(ours=ours_json(ours))).rowcount)


def later(conn: Connection, claimed: ClaimedWish, due_at: datetime, *, reason: str, counted: bool = True, ours: Ours | None = None) -> None:
    """Give a wish back for later. `counted`: it was an attempt; waiting because we were told to is none."""
    values: dict[str, Any] = {"status": "waiting", "reason": reason, "due_at": due_at, "claimed_by": None, "lease_until": None}
    if counted:
        values["attempts"] = desired.c.attempts + 1
    if ours is not None:
        values["ours"] = ours_json(ours)
    conn.execute(update(desired).where(*_ours(claimed)).values(**values))


def retry(conn: Connection, writeback_id: str, now: datetime) -> bool:
    """Have a wish tried once more, at once, with what was refused of it. False when there is none under this id or it needs no retry."""
    mine = (desired.c.id == writeback_id, desired.c.status.in_((*FINAL, "waiting")))
    kept = conn.execute(select(desired.c.ours).where(*mine).with_for_update()).scalar_one_or_none()
    if kept is None:
        return False
    ours = ours_json(replace(ours_from(kept), refused={}, search=Search()))
    conn.execute(update(desired).where(*mine).values(status="waiting", reason=None, attempts=0, due_at=now, ours=ours))
    return True


def planned(conn: Connection) -> int:
    """How many wishes a dry run has planned that were neither sent nor dropped."""
    return conn.execute(select(func.count()).select_from(desired).where(*_PLANNED)).scalar_one()


def leave_dry_run(conn: Connection, now: datetime, *, send: bool, queued: bool) -> None:
    """A dry run is over: what it planned waits to be sent, or is dropped. `queued`: so is what it had not come to yet.

    Whoever has one of these claimed was planning, not writing: it is taken from them.
    """
    meant = or_(and_(*_PLANNED), WISH_IS_OPEN) if queued else and_(*_PLANNED)
    ends = {"status": "waiting", "reason": None, "due_at": now} if send else {"status": "dry_run", "reason": DROPPED}
    free = {"claimed_by": None, "lease_until": None, "revision": desired.c.revision + 1}
    conn.execute(update(desired).where(meant).values(**ends, **free))


def resume_rules(conn: Connection, now: datetime) -> int:
    """Everything that is parked for a paused rule, perhaps besides a refused part, waits again: a rule goes on."""
    parked = (desired.c.status == "parked", desired.c.reason.in_((RULE_PAUSED, PART_REFUSED)))
    return conn.execute(update(desired).where(*parked).values(status="waiting", reason=None, due_at=now)).rowcount


_NOW: Final = bindparam("now", type_=desired.c.due_at.type)
_FREE_AT: Final = case((desired.c.lease_until > desired.c.due_at, desired.c.lease_until), else_=desired.c.due_at)
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
_FIRST_UNCLAIMED: Final = select(desired.c.due_at).where(WISH_IS_OPEN, desired.c.lease_until.is_(None)).order_by(desired.c.due_at).limit(1)
_FIRST_FREED: Final = select(func.min(_FREE_AT, type_=desired.c.due_at.type)).where(
    WISH_IS_OPEN, desired.c.lease_until.is_not(None), desired.c.due_at < bindparam("before", type_=desired.c.due_at.type)
)
_DUE_NOW: Final = and_(WISH_IS_OPEN, desired.c.due_at <= _NOW, or_(desired.c.lease_until.is_(None), desired.c.lease_until <= _NOW))
_HOW_MANY_DUE: Final = Fixed(
    select(func.count()).select_from(
        select(literal_column("1")).select_from(desired).where(_DUE_NOW).limit(bindparam("most", type_=Integer)).subquery()
    )
)
_WHY: Final = bindparam("why", type_=Text)
_UNSAID: Final = and_(WISH_IS_OPEN, desired.c.status == "waiting", or_(desired.c.reason.is_(None), desired.c.reason != _WHY))
_SAY_WHY: Final = Fixed(  # what a worker concludes about is left for later: each might wait for the other
    update(desired)
    .where(desired.c.ticket.in_(select(desired.c.ticket).where(_UNSAID).with_for_update(skip_locked=True)))
    .values(reason=_WHY)
)


def next_due(conn: Connection) -> datetime | None:
    """When the next wish may be claimed. What is due before the first unclaimed one is claimed: little, however much waits."""
    first: datetime | None = conn.execute(_FIRST_UNCLAIMED).scalar()
    freed: datetime | None = conn.execute(_FIRST_FREED, {"before": first or _FOREVER}).scalar()
    return min((at for at in (first, freed) if at is not None), default=None)


def due(conn: Connection, now: datetime, most: int) -> int:
    """How many wishes may be claimed now, counted up to `most`."""
    return int(_HOW_MANY_DUE.rows(conn, now=now, most=most)[0][0])


def nobody_writes(conn: Connection, reason: str) -> int:
    """Say why wishes wait for nobody; returns how many did not say so yet. Those that somebody changes at the moment are left out."""
    return _SAY_WHY.run(conn, why=reason)


def _ours(claimed: ClaimedWish) -> tuple[Any, ...]:
    return (desired.c.ticket == claimed.ticket, desired.c.claimed_by == claimed.worker)
