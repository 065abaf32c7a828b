"""What Zendesk's business rules do to each other where not all of it is carried over.

A rule may mean the same as its trigger, alone, and something else among the others: when another one changes what it reads
or sets, and that change stays with Zendesk, is decided later, or comes in an order that nobody told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tsbridge.rulebook.zendesk_order import ALL_TAGS, ASSIGNEE, GROUP, Carried, Part


class Writer(NamedTuple):
    """A business rule that writes. `at_once`: rules below it see that; None as `action`: what is written is no matter of ours."""

    place: int
    title: str
    category: str
    action: Mapping[str, Any] | None
    kept: bool
    at_once: bool


def name_neighbours(business: Sequence[Carried], told_order: bool) -> None:
    """Add to each carried rule's parts what others do to it. `told_order`: whether the order of the categories is known."""
    writers: dict[str, list[Writer]] = defaultdict(list)
    for place, one in enumerate(business):
        for slot, action in _writes(one):
            writers[slot].append(Writer(place, one.title, one.category, action, slot in one.stays, slot not in (GROUP, ASSIGNEE)))
    for place, one in enumerate(business):
        if not one.does_something():
            continue
        for slot in sorted(one.reads):
            unseen = [w for w in _of(writers, slot) if w.place != place and (w.kept or not w.at_once)]
            if unseen:
                why = f"reads {slot}, which “{unseen[0].title}” sets: the rule sees that with the next event, not at once"
                one.parts.append(Part("order", "differs", why))
        for slot, action in _sets(one):
            stronger = [w for w in _of(writers, slot) if w.kept and w.place > place and w.action != action]
            if stronger:
                why = f"“{stronger[0].title}” behind it sets {slot} too and stays with Zendesk, where this rule does not give way to it"
                one.parts.append(Part(f"order of {slot}", "differs", why))
        if not told_order and _crosses(one, place, writers):
            why = "Zendesk asks category by category, and nothing here tells their order: put trigger_categories beside the triggers"
            one.parts.append(Part("order", "differs", why))


def _sets(one: Carried) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return [*one.settings.items(), *([(GROUP, one.group)] if one.group else [])]


def _writes(one: Carried) -> Iterable[tuple[str, Mapping[str, Any] | None]]:
    return [*_sets(one), *one.stays.items()]


def _of(writers: Mapping[str, Sequence[Writer]], slot: str) -> list[Writer]:
    """Those that write a slot; who replaces all tags writes each of them."""
    return [*writers.get(slot, ()), *(writers.get(ALL_TAGS, ()) if slot.startswith("tags ") else ())]


def _crosses(one: Carried, place: int, writers: Mapping[str, Sequence[Writer]]) -> bool:
    """Whether somebody of another category writes what it reads, or something else where it writes."""
    foreign = [w for slot in one.reads for w in _of(writers, slot)]
    foreign += [w for slot, action in _sets(one) for w in _of(writers, slot) if w.action != action]
    return any(w.place != place and w.category != one.category for w in foreign)
