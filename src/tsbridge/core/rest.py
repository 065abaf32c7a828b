"""Cases of calls come to rest: a ticket is solved by somebody, a call that is over has nobody who would close it.

A case with calls is resolved when nothing was heard of it for the rulebook's `linking.calls_rest_after` and it asks nothing of
anybody. Whatever comes then opens it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tsbridge.core.casestate import CaseState
from tsbridge.core.severities import PRESSING
from tsbridge.core.track import DONE


def asks_somebody(state: CaseState) -> bool:
    """Whether somebody still has to do something: an open ticket, an escalation to come, severity 1 or 2 that nobody has in hand."""
    if state.armed or (state.severity in PRESSING and not state.in_hand):
        return True
    return any([key.startswith("zendesk:") and track.status not in DONE for key, track in state.tracks.items()])


def planned(state: CaseState, at: datetime, after: timedelta) -> CaseState:
    """The state behind a judgement at `at`, with the time at which it comes to rest if nothing is heard before."""
    if not any([key.startswith("talkdesk:") for key in state.tracks]) or state.resolved or asks_somebody(state):
        return state if state.rests_at is None else state._replace(rests_at=None)
    return state if state.rests_at is not None else state._replace(rests_at=at + after)
