"""Figures about rules: how often each fired, and how often it was right where that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tsbridge.reports.figures import share, wilson
from tsbridge.reports.life import MOVED, UNTAGGED, Life
from tsbridge.reports.model import Column, Figure, Item, Measure
from tsbridge.reports.table import cases_counted

DECIDED: Final = "decisions in force about moments in the time asked for"
FIRED: Final = "cases in which the rule fired and it is known what became of that"
OUTCOME: Final = (
    "a rule was right in a case that is resolved and in which no agent took a tag of the rule's off, or moved the ticket out of its "
    "queue's group"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing(Item):
    """A rule that matched in a decision; of a decision in which none did it has no rule. `pair`: the case and the rule; `right`: None
    where nobody knows (yet)."""

    decision: str
    is_open: bool
    pair: tuple[str | None, str | None]
    right: bool | None = None


def rules() -> Sequence[Measure[Firing]]:
    def known(item: Firing) -> bool:
        return item.right is not None

    def right(item: Firing) -> bool:
        return item.right is True

    def all_known(items: Sequence[Firing]) -> int:
        return len({item.pair for item in items if item.right is not None})

    def all_right(items: Sequence[Firing]) -> int:
        return len({item.pair for item in items if item.right})

    def measure(
        key: str, title: str, unit: str, metric: str, of: Callable[[Sequence[Firing]], Figure], about: Any = known
    ) -> Measure[Firing]:
        return Measure(Column(key, title, unit, metric, FIRED), of, about)

    def bound(place: int) -> Callable[[Sequence[Firing]], Figure]:
        def of(items: Sequence[Firing]) -> Figure:
            interval = wilson(all_right(items), all_known(items))
            return None if interval is None else interval[place]

        return of

    decisions = Column("decisions", "Decisions", "count", "decisions in which the rule matched", DECIDED)
    return (
        Measure(decisions, lambda items: len({item.decision for item in items}), lambda item: True),
        cases_counted("cases", "Cases", "cases in which it matched", DECIDED),
        cases_counted("open", "Open", "of these cases those that are not resolved", DECIDED, lambda item: item.is_open),
        measure("outcomes", "Outcomes known", "count", "cases by rule in which its outcome is known", all_known),
        measure("right", "Right", "count", OUTCOME, all_right, right),
        measure("precision", "Precision", "fraction", "right of those known", lambda items: share(all_right(items), all_known(items))),
        measure("precision_low", "Precision, at least", "fraction", "lower end of its 95 % interval (Wilson)", bound(0)),
        measure("precision_high", "Precision, at most", "fraction", "upper end of its 95 % interval (Wilson)", bound(1)),
    )


@dataclass(frozen=True, slots=True)
class Asks:
    """What a rule asks for that people can undo: tags, and the Zendesk group of the queue it routes to."""

    tags: frozenset[str] = frozenset()
    group: str | None = None

    @classmethod
    def of(cls, rule: Mapping[str, Any], groups: Mapping[str, str | None]) -> Asks:
        """`rule` as the document has it; `groups` by queue."""
        tags: set[str] = set()
        group = None
        for action in rule.get("then") or ():
            tags.update(action.get("add_tags") or ())
            group = groups.get(str(action["route"])) if "route" in action else group
        return cls(frozenset(tags), group)

    @property
    def can_be_undone(self) -> bool:
        return bool(self.tags) or self.group is not None


def was_right(asks: Iterable[Asks], first_at: datetime, life: Life) -> bool | None:
    """Whether a rule that first fired in a case then was right, by all versions of it that did."""
    wanted = [one for one in asks if one.can_be_undone]
    if not wanted:
        return None
    for event in life.events:
        if event.at < first_at:
            continue
        if event.what == UNTAGGED and any(event.what_of in one.tags for one in wanted):
            return False
        if event.what == MOVED and any(one.group is not None and event.what_of != one.group for one in wanted):
            return False
    return True if life.resolved_at is not None else None
