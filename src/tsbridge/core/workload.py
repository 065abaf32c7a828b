"""What a case asks of people: one piece of work for each of its threads with a ticket that waits for us (ADR 10: a guess joins none)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tsbridge.core.casestate import CaseState
from tsbridge.core.track import ASSIGNEE, DONE, Track

RESTING = ("pending", "hold")
"""Statuses in which a ticket waits for somebody else: it takes nobody's place."""


class Piece(NamedTuple):
    """A thread of a case and who has it.

    `ticket`: the oldest one that waits for us. `since`: when that was opened. `holder`: a Zendesk user's id; `agent`: their key where
    the desk itself gave it. `waits`: it is to be given to somebody.
    """

    thread: str
    ticket: str
    queue: str | None
    severity: int | None
    category: str | None
    channel: str
    since: datetime
    holder: str | None
    agent: str | None
    waits: bool


def pieces(state: CaseState) -> tuple[Piece, ...]:
    """The work of a case, by thread. A ticket that somebody else is to move (pending, on hold) or that is done is none."""
    found: dict[str, tuple[datetime, str]] = {}
    for key, track in state.tracks.items():
        if key.startswith("zendesk:") and track.status not in (*DONE, *RESTING):
            name = state.thread_of(key)
            if name in state.threads and not state.threads[name].resolved:
                found[name] = min(found.get(name, (track.opened_at, key)), (track.opened_at, key))
    return tuple([_piece(state, name, key) for name, (_, key) in sorted(found.items())])


def _piece(state: CaseState, name: str, key: str) -> Piece:
    thread, track, routed, held = state.threads[name], state.tracks[key], state.asked_of(key).routed, state.holder(key)
    queue = None if routed is None else str(routed.value)
    given = None if held is None else held.given
    moved = given is not None and given.queue != queue  # routed on since: it is another queue's to give
    news = max(thread.stirred, "" if routed is None else routed.by)
    waits = routed is not None and not _moved_by_hand(track, routed.by) and (moved or (held is None and _may_be_given(track, news)))
    return Piece(
        name,
        key.removeprefix("zendesk:"),
        queue,
        thread.severity,
        thread.category,
        str(track.facts.get("channel") or "email"),
        track.opened_at,
        None if held is None else held.id,
        None if given is None else given.agent,
        waits,
    )


def _moved_by_hand(track: Track, routed: str) -> bool:
    """Whether a person moved the ticket to another group after it was routed: it is not ours to give any more."""
    return track.declined.get("ticket.group_id", "") > routed


def _may_be_given(track: Track, news: str) -> bool:
    """Whether nobody undid an assignment of ours, or something came since that asks anew."""
    return ASSIGNEE not in track.declined or track.declined[ASSIGNEE] < news
