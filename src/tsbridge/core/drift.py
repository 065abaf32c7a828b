"""Drift: what we saw to on a ticket and what it reads now, with the cause as far as the ticket's audits tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tsbridge.core.helpdesk import Current, Edit, Ours, Wish
from tsbridge.core.moments import Value
from tsbridge.core.stale import Overwrote, restates
from tsbridge.core.track import tag_set
from tsbridge.core.values import alike

Cause = Literal["person", "trigger", "lost", "rulebook", "merged", "closed"]
Policy = Literal["accept", "ask", "heal"]

POLICY: Final[Mapping[Cause, Policy]] = {
    "person": "accept",
    "trigger": "ask",
    "lost": "heal",
    "rulebook": "accept",
    "merged": "accept",
    "closed": "accept",
}
"""People win; a rule of Zendesk's own against ours is for people to settle; what was lost is written again, unless the rulebook
does not ask for it any more; what is closed stays."""
MERGED: Final = "closed_by_merge"
"""The tag Zendesk puts on a ticket that was merged into another."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a ticket as an audit tells it. `rule`: the title of the trigger that made it, when one did."""

    at: datetime
    what: str
    previous: Value
    value: Value
    author: str | None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. `what`: `tag:<tag>`, or a single value's name; `by`: who or which rule; `since`: when, as far as known."""

    what: str
    wanted: Value
    actual: Value
    cause: Cause
    policy: Policy
    by: str | None = None
    since: datetime | None = None


def drifts(
    current: Current,
    wish: Wish,
    ours: Ours,
    changes: Sequence[Change],
    own_id: str | None,
    live: Set[str] | None = None,
    outdone: Set[str] = frozenset(),
) -> list[Drift]:
    """What reads otherwise than we saw to it that it does. What is still to be written is no drift.

    `live`: the parts that the live rulebook can ask for (`wish_origins.parts`); None: whatever is wished. `outdone`: parts that are not
    looked at, because another part about the same drop-down outdoes them (`choices.outdone`).
    """
    found: list[Drift] = []
    for tag, by in wish.tags:
        if ours.tags.get(tag) == by and tag not in current.tags and f"tag:{tag}" not in outdone:
            change = _taken_off(changes, tag)
            stale = _is_stale(change, tag, changes, own_id)
            asked_for = live is None or f"tag:{tag}" in live
            found.append(_drift(current, f"tag:{tag}", tag, None, change, own_id, asked_for, stale=stale))
    for tag, by in wish.absent:
        if ours.absent.get(tag) == by and tag in current.tags and f"absent:{tag}" not in outdone:
            change = _put_on(changes, tag)
            stale = _is_stale(change, tag, changes, own_id)
            asked_for = live is None or f"absent:{tag}" in live
            found.append(_drift(current, f"tag:{tag}", None, tag, change, own_id, asked_for, stale=stale))
    for name, asked in sorted(wish.singles().items()):
        if ours.values.get(name) == asked and name not in outdone and not alike(current.values.get(name), asked.value):
            to = current.values.get(name)
            change = _last(one for one in changes if one.what == name and alike(one.value, to))
            found.append(_drift(current, name, asked.value, to, change, own_id, live is None or name in live))
    return found


def undone_by(edit: Edit, changes: Sequence[Change]) -> tuple[str, ...]:
    """Who last undid what `edit` has to do once more: a rule's title, or a user's id. Sorted; empty when no audit tells."""
    last = [
        *(_taken_off(changes, tag) for tag in edit.add),
        *(_put_on(changes, tag) for tag in edit.remove),
        *(_last(one for one in changes if one.what == name and not alike(one.value, value)) for name, value in edit.values),
    ]
    return tuple(sorted({by for change in last if change is not None and (by := change.rule or change.author) is not None}))


def _drift(
    current: Current,
    what: str,
    wanted: Value,
    actual: Value,
    change: Change | None,
    own_id: str | None,
    still_asked: bool,
    *,
    stale: bool = False,
) -> Drift:
    cause: Cause
    if current.frozen is not None:
        cause = "merged" if MERGED in current.tags else "closed"
    elif change is None or stale:
        cause = "lost" if still_asked else "rulebook"
    elif change.rule is not None or (own_id is not None and change.author == own_id) or (change.author or "-").startswith("-"):
        cause = "trigger"  # in our own update, only a rule can have undone what we wrote
    else:
        cause = "person"
    by = None if change is None else change.rule or change.author
    return Drift(what, wanted, actual, cause, POLICY[cause], by, None if change is None else change.at)


def _is_stale(change: Change | None, tag: str, changes: Iterable[Change], own_id: str | None) -> bool:
    """Whether a list of tags that undid what a write of ours did to `tag` only restates, within a minute, the list before that write."""
    if change is None or change.rule is not None or own_id is None or change.author == own_id:
        return False
    ours = [one for one in changes if one.what == "tags" and one.author == own_id and one.rule is None]
    found = [Overwrote(one.at, tuple(sorted(tag_set(one.previous)))) for one in ours if tag in tag_set(one.previous) ^ tag_set(one.value)]
    return restates(change.at, tag_set(change.value), found)


def _taken_off(changes: Iterable[Change], tag: str) -> Change | None:
    return _last(one for one in changes if one.what == "tags" and tag in tag_set(one.previous) and tag not in tag_set(one.value))


def _put_on(changes: Iterable[Change], tag: str) -> Change | None:
    return _last(one for one in changes if one.what == "tags" and tag not in tag_set(one.previous) and tag in tag_set(one.value))


def _last(found: Iterable[Change]) -> Change | None:
    return max(found, key=lambda one: one.at, default=None)
