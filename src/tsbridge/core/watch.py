"""What should have happened, out of a story judged anew, held against what is kept: what is late, what is missing. Pure.

The watchdog goes by nothing that the workers keep for themselves: neither due times nor steps nor notices are believed to be right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from tsbridge.core.casestate import CaseState
from tsbridge.core.due import due_at
from tsbridge.core.moments import CLOCK, Actor
from tsbridge.core.notices import Kept, Notice, asked, ended, is_hushed
from tsbridge.core.story import Judged
from tsbridge.core.track import DONE, key_of

DUE_UNJUDGED: Final = "due_unjudged"
"""The due time that is kept for it has come, and no worker judged it."""
DUE_LOST: Final = "due_lost"
"""Nobody judged it when its story says that something came due, or nothing will wake it when something does."""
STEP_LATE: Final = "step_late"
"""A step should have fired and did not."""
STEP_LOST: Final = "step_lost"
"""A step that its story tells of is not kept."""
NOTICE_LOST: Final = "notice_lost"
"""Somebody is to be told, and nothing is kept of that."""
NOT_TOLD: Final = "not_told"
"""Nobody was told, nor tried, for longer than the rules allow."""
NOT_GIVEN: Final = "not_given"
"""Work waits although somebody could have it."""
UNREADABLE: Final = "case_unreadable"
"""The case cannot be judged at all."""

BY_CASE: Final = (DUE_LOST, STEP_LATE, STEP_LOST, NOTICE_LOST, UNREADABLE)
"""Found by judging a case's story."""
AT_ONCE: Final = (DUE_UNJUDGED, NOT_TOLD, NOT_GIVEN)
"""Found by one look at all there is."""
KINDS: Final = tuple(sorted((*BY_CASE, *AT_ONCE)))

TOLERANCE: Final = timedelta(seconds=60)
"""How late a step may be."""
GIVEN_WITHIN: Final = timedelta(minutes=2)
"""For how long work may be found waiting that somebody could have."""
TOLD_WITHIN: Final = timedelta(minutes=2)
WORST_TOLD_WITHIN: Final = timedelta(seconds=30)
"""How long after it was asked, or after it may go, a message is on its way; of a severity 1."""
WALK_AGE: Final = timedelta(minutes=30)
"""A whole walk over all open cases that is older than this is no watch any more."""


class Finding(NamedTuple):
    """Something that is late or missing `since` then. `about`: the id of the step, the notice, the work's thread, or of the case."""

    kind: str
    about: str
    case_id: str
    since: datetime


class Standing(NamedTuple):
    """What is kept of a case. `decided`: the outcome of the decision in force by moment; `steps`: status by id; `due_at`: when it is
    judged next by the clock alone."""

    decided: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, str]
    notices: Sequence[Kept]
    due_at: datetime | None


def compare(
    case_id: str,
    state: CaseState,
    judged: Sequence[Judged],
    expected: Iterable[Mapping[str, Any]],
    actors: Mapping[str, Actor],
    kept: Standing,
    now: datetime,
) -> tuple[Finding, ...]:
    """Hold a case that was judged whole, up to the latest time that it has to be judged by, against what is kept of it.

    `expected`: the rows of its steps as they follow from `state`; `actors`: who caused each moment, by digest.
    """
    steps = list(_steps(case_id, expected, kept.steps))
    told = {one.since for one in steps if one.kind == STEP_LATE}
    missing = [one for one in _undecided(case_id, judged, kept.decided) if one.since not in told]
    found = [*steps, *missing, *_notices(case_id, state, judged, actors, kept, now)]
    due = due_at(state)
    if due is not None and due > now and (kept.due_at is None or kept.due_at > due):
        found.append(Finding(DUE_LOST, case_id, case_id, now))
    first: dict[tuple[str, str], Finding] = {}
    for one in found:
        first.setdefault((one.kind, one.about), one)
    return tuple(first.values())


def _undecided(case_id: str, judged: Iterable[Judged], decided: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Due times that were never judged, and steps that the decision about them does not have."""
    for one in judged:
        if one.event == CLOCK:
            outcome = decided.get(one.moment)
            if any(step not in (outcome or {}).get("steps", ()) for step in one.outcome["steps"]):
                yield Finding(STEP_LATE, one.moment, case_id, one.at)
            elif outcome is None:
                yield Finding(DUE_LOST, case_id, case_id, one.at)


def _steps(case_id: str, expected: Iterable[Mapping[str, Any]], kept: Mapping[str, str]) -> Iterator[Finding]:
    for row in expected:
        status = kept.get(row["id"])
        fired = row["status"] == "fired"
        if status is None:
            yield Finding(STEP_LOST, row["id"], case_id, row["due_at"] if fired else row["armed_at"])
        elif fired and status != "fired":
            yield Finding(STEP_LATE, row["id"], case_id, row["due_at"])


def _notices(
    case_id: str, state: CaseState, judged: Sequence[Judged], actors: Mapping[str, Actor], kept: Standing, now: datetime
) -> Iterator[Finding]:
    """Notices that are not kept although somebody should still be told."""
    known = {one.notice.asking for one in kept.notices}
    asking: dict[str, tuple[Judged, Notice]] = {notice.asking: (one, notice) for one in judged for notice in asked(one)}
    spare = Counter(one.notice.target for one in kept.notices if one.notice.asking not in asking)
    for name, (one, notice) in asking.items():
        if name in known or one.moment not in kept.decided or is_hushed(one, notice):
            continue
        if spare[notice.target]:  # it was told under another name, before its story was judged otherwise
            spare[notice.target] -= 1
        elif not _rested(notice, state, judged) and ended(notice, state, judged, actors, now) is None:
            yield Finding(NOTICE_LOST, notice.id, case_id, notice.at)


def _rested(notice: Notice, state: CaseState, judged: Iterable[Judged]) -> bool:
    """Whether what it is about was done at some time since, though it is open again: what is found out then is told to nobody."""
    thread = state.thread_of(key_of(notice.interaction))
    return any(
        one.at >= notice.at
        and (
            one.event == "case.resolved"
            or one.outcome.get("resolved")
            or (one.seen.given.get("ticket.status") in DONE and state.thread_of(key_of(one.subject)) == thread)
        )
        for one in judged
    )


def overdue(asked_at: datetime, may_go_at: datetime | None, severity: int | None, now: datetime) -> datetime | None:
    """Since when a notice that nobody was told of is too late; None while it is not. `may_go_at`: until when its message has to wait."""
    since = max(asked_at, may_go_at or asked_at) + (WORST_TOLD_WITHIN if severity == 1 else TOLD_WITHIN)
    return since if since <= now else None
