"""What is sent to whom next, when, and why it waits. Pure: what was tried and what time it is come in.

Three messages in five minutes are the most that one person gets by one way. The last of the three is kept for a severity 1, which
goes at once and waits only behind three; of anything else the first goes at once, and what follows within a minute is one message.
News of somebody's own duty are messages of their own, which wait behind those about cases; none about a case waits a minute for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tsbridge.core.backoff import MESSAGE
from tsbridge.core.whom import Answer, To

GROUPED: Final = timedelta(minutes=1)
WINDOW: Final = timedelta(minutes=5)
MOST: Final = 3
"""Messages in a window, to one person by one way."""
MOST_LESSER: Final = 2
"""Those of them that are about no severity 1."""
WORST: Final = 1
NO_SEVERITY: Final = 9
QUIET_FOR: Final = (3, 4)
"""Severities that wait for the end of quiet hours."""
UNKNOWN_AGAIN: Final = timedelta(seconds=5)
"""A message whose answer was lost is sent again, under its id, so soon."""


class Try(NamedTuple):
    """One telling of a notice: by which way to whom, what became of it. `failed`: an attempt did; it may still be tried again."""

    agent: str | None
    way: str | None
    status: str
    failed: bool


class Next(NamedTuple):
    """Whom to tell now by which way. `exhausted`: everybody was tried, and nobody can be reached."""

    tell: tuple[tuple[str | None, str], ...] = ()
    exhausted: bool = False


class Wait(NamedTuple):
    """Until when something waits, and why: `grouped`, `throttled` or `quiet_hours`."""

    until: datetime
    why: str


def next_to_tell(answer: Answer, tries: Sequence[Try]) -> Next:
    """Whom to tell now: those meant first, each by the first way not tried yet; the backups, one by one, once none of the first is left."""
    tell: list[tuple[str | None, str]] = []
    lost = 0
    for to in answer.first:
        stands, way = _stands(to, tries)
        if way is not None:
            tell.append((to.agent, way))
        lost += stands == "lost"
    if lost < len(answer.first):
        return Next(tuple(tell))
    for to in answer.backups:
        stands, way = _stands(to, tries)
        if stands == "reached":
            return Next(tuple(tell))
        if way is not None:
            return Next(((to.agent, way),))
    return Next((), exhausted=True)


def _stands(to: To, tries: Sequence[Try]) -> tuple[str, str | None]:
    """Whether somebody is `reached` (or about to be), `lost`, or still `open`, and then by which way next."""
    theirs = [one for one in tries if one.agent == to.agent and (to.agent is not None or one.way in to.ways)]
    if any(one.status == "sent" or (one.status == "waiting" and not one.failed) for one in theirs):
        return "reached", None
    tried: Collection[str | None] = {one.way for one in theirs}
    way = next((way for way in to.ways if way not in tried), None)
    return ("open", way) if way is not None else ("lost", None)


def waits(now: datetime, severity: int, sent: Sequence[datetime], besides: Sequence[datetime] = ()) -> Wait | None:
    """Until when a message waits; None when it may go now. `sent`: when messages went to this person by this way.

    `besides`: when others went that are only counted for the most in a window, since nothing waits to be one message with them.
    """
    lately = sorted(at for at in sent if at > now - WINDOW)
    every = sorted([*lately, *(at for at in besides if at > now - WINDOW)])
    until: list[Wait] = []
    if len(every) >= MOST:
        until.append(Wait(every[-MOST] + WINDOW, "throttled"))
    if severity != WORST and len(lately) >= MOST_LESSER:
        until.append(Wait(lately[-MOST_LESSER] + WINDOW, "throttled"))
    if severity != WORST and lately and lately[-1] > now - GROUPED:
        until.append(Wait(lately[-1] + GROUPED, "grouped"))
    return max(until, default=None)


def hushes(severity: int | None) -> bool:
    """Whether quiet hours hold a message back."""
    return severity in QUIET_FOR


def again_at(now: datetime, failures: int, told: timedelta | None) -> datetime:
    """When a failed message is tried again. `told`: how long the other side wants us to wait."""
    pause = MESSAGE.after(failures)
    return now + min(max(pause, told or pause), timedelta(hours=1))
