"""What time alone changes of a case, and when: the next due time of its threads, and that it comes to rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.casestate import CaseState
from tsbridge.core.thread import Thread
from tsbridge.core.track import subject_of

RESTS_AFTER: Final = timedelta(days=30)
"""A case that nobody touched for this long is no longer woken by conditions on the time of day."""


def due_at(state: CaseState) -> datetime | None:
    """The next instant at which time alone changes something; None while the case is resolved or at rest."""
    found = next_due(state)
    return None if found is None else found[0]


def next_due(state: CaseState) -> tuple[datetime, Thread] | None:
    """What time alone changes next: when, and in which thread; that the whole case comes to rest is told of its latest interaction."""
    waiting = [
        (thread.next_due, name)
        for name, thread in state.threads.items()
        if thread.next_due is not None and not thread.resolved and not _at_rest(state, thread)
    ]
    if state.rests_at is not None and not state.resolved and (not waiting or state.rests_at < min(waiting)[0]):
        return state.rests_at, state.thread(subject_of(state.latest))
    if not waiting:
        return None
    due, name = min(waiting)
    return due, state.threads[name]


def _at_rest(state: CaseState, thread: Thread) -> bool:
    if thread.armed or state.last_at is None or thread.next_due is None:
        return False
    return thread.next_due - state.last_at > RESTS_AFTER
