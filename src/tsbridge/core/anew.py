"""A case as it stands and as another rulebook would have it: what of the two anybody would notice, and what had been done before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tsbridge.core.casestate import CaseState
from tsbridge.core.due import due_at
from tsbridge.core.helpdesk import Wish
from tsbridge.core.moments import instant_text, value_json
from tsbridge.core.notices import REVISED, Kept
from tsbridge.core.quiet import NOTHING_DONE, Done
from tsbridge.core.replay import Stand
from tsbridge.core.track import key_of


def stand_of(state: CaseState) -> Stand:
    """What the case is shown by. `escalations`: the policies that it armed, those that are over included."""
    policies = {one.policy for one in state.armed} | {one.policy for one in state.ended}
    return Stand(state.queue, state.severity, tuple(sorted(state.tags)), tuple(sorted(policies)))


def shown(state: CaseState, wishes: Mapping[str, Wish]) -> dict[str, Any]:
    """The case as plain JSON values: where it stands, when time alone changes it next, what it wishes of each ticket."""
    due = due_at(state)
    return {
        **stand_of(state).to_json(),
        "category": state.category,
        "next_due": None if due is None else instant_text(due),
        "wishes": {ticket: _wish(wish) for ticket, wish in sorted(wishes.items())},
    }


def _wish(wish: Wish) -> dict[str, Any]:
    return {
        "tags": [tag for tag, _ in wish.tags],
        "absent": [tag for tag, _ in wish.absent],
        "values": {name: value_json(one.value) for name, one in sorted(wish.singles().items())},
        "notes": [key for key, _ in wish.notes],
    }


def done_before(state: CaseState, messages: Iterable[Kept], known: Mapping[str, Done]) -> dict[str, Done]:
    """By interaction what has been done about it up to now. `messages`: the notices there are of it; `known`: from before."""
    steps: dict[str, set[str]] = defaultdict(set)
    notes: dict[str, Counter[str]] = defaultdict(Counter)
    told: dict[str, set[str]] = defaultdict(set)
    for over in state.ended:
        if over.status == "fired":
            steps[key_of(over.interaction)].add(f"{over.policy}/{over.step}")
    for name, _, of in state.notes:
        who = name.rpartition("#")[0]
        if not who.startswith("desk:"):
            notes[of][who] += 1
    for kept in messages:
        if kept.over != REVISED and not kept.ahead:
            told[key_of(kept.notice.interaction)].add(f"{kept.notice.by} {kept.notice.target}")
    found = {
        key: known.get(key, NOTHING_DONE).and_also(
            Done(tuple(sorted(steps[key])), tuple(sorted(notes[key].items())), tuple(sorted(told[key])))
        )
        for key in sorted({*steps, *notes, *told, *known})
    }
    return {key: one for key, one in found.items() if one != NOTHING_DONE}
