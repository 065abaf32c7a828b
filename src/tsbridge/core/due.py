"""What time alone changes of a case, and when: the next due time of its threads, and that it comes to rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.casestate import NO_THREAD, CaseState
from tsbridge.core.moments import Interaction
from tsbridge.core.thread import NOTHING, Thread
from tsbridge.core.track import key_of, subject_of

RESTS_AFTER: Final = timedelta(days=30)
"""A case that nobody touched for this long is no longer woken by conditions on the time of day."""


def due_at(state: CaseState) -> datetime | None:
    """The next instant at which time alone changes something; None while the case is resolved or at rest."""
    found = next_due(state)
    return None if found is None else found[0]


def next_due(state: CaseState) -> tuple[datetime, Interaction, datetime | None] | None:
    """What time alone changes next: when, about which interaction, and up to when that is quiet; that the whole case comes to rest is told
    of its latest one. A step is judged about what armed it."""
    waiting: list[tuple[datetime, str]] = []
    for name, thread in state.threads.items():
        if thread.resolved:
            continue
        if thread.step_due is not None:
            waiting.append((thread.step_due, key_of(thread.armed[0].interaction) if thread.armed else thread.latest or name))
        waiting += [
            (one.turns_at, of) for of, one in thread.own.items() if one.turns_at is not None and not _at_rest(state, thread, one.turns_at)
        ]
    if state.rests_at is not None and not state.resolved and (not waiting or state.rests_at < min(waiting)[0]):
        return _about(state, state.rests_at, state.latest)
    if not waiting:
        return None
    return _about(state, *min(waiting))


def _about(state: CaseState, due: datetime, key: str) -> tuple[datetime, Interaction, datetime | None]:
    own = state.threads.get(state.thread_of(key), NO_THREAD).own.get(key, NOTHING)
    return due, subject_of(key), own.quiet


def _at_rest(state: CaseState, thread: Thread, due: datetime) -> bool:
    return not thread.armed and state.last_at is not None and due - state.last_at > RESTS_AFTER
