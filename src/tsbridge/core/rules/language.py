"""A rulebook as frozen values: what a document means once it is read (`document.read`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple

from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.calendar import Calendar
from tsbridge.core.moments import Value, canonical
from tsbridge.core.roster import Pairs
from tsbridge.core.values import TICKS, plain

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
"""A field to be filled into a note: `{case.id}`."""

INTO: Final = frozenset({"includes", "not_includes", "includes_all"})
"""Operators that look into a set."""


class Leaf(NamedTuple):
    """`{field, operator, value}`. `value` is frozen; a `{list: name}` is resolved; `words` are the folded needles of text operators."""

    field: str
    operator: str
    value: Any = None
    words: tuple[str, ...] = ()
    path: str = ""


class Tree(NamedTuple):
    """All of `all`, one of `any`, none of `none`; parts that are left out do not count."""

    all: tuple[Tree | Leaf, ...] = ()
    any: tuple[Tree | Leaf, ...] = ()
    none: tuple[Tree | Leaf, ...] = ()

    @property
    def unconditional(self) -> bool:
        return not (self.all or self.any or self.none)


Condition = Tree | Leaf


class Action(NamedTuple):
    """`{name: value}`; `value` is frozen: tags a sorted tuple, a custom field (id, value)."""

    name: str
    value: Any


class Rule(NamedTuple):
    """One rule. `on`: event kinds it is asked for. `whole_case`: what it asks for is asked of every ticket of the case."""

    key: str
    kind: str
    title: str
    on: frozenset[str]
    when: Condition
    then: tuple[Action, ...]
    path: str
    whole_case: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """`assign` and `handover`: how it gives work out, and what becomes of it when a shift ends (`core.assign`). `skills`: each with the
    least level. `targets`: within which time, in its calendar, cases shall be acknowledged and resolved."""

    name: str
    zendesk_group_id: str | None
    calendar: str
    assign: str
    skills: Pairs
    handover: str = "keep"
    targets: tuple[tuple[str, timedelta], ...] = ()

    @property
    def gives(self) -> bool:
        """Whether it gives work out by itself."""
        return self.assign != "none"


@dataclass(frozen=True, slots=True)
class Step:
    """Comes due `after` the arming: on the wall clock, or inside the open hours of the calendar `within`."""

    after: timedelta
    within: str | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """`stops_when` ends it for good; while `pauses_when` holds its clock rests. `acknowledged_for`: how long it rests once somebody
    acknowledged the case and then nothing happens. A `repeat` stands among the steps."""

    name: str
    stops_when: Condition | None
    steps: tuple[Step, ...]
    pauses_when: Condition | None = None
    acknowledged_for: timedelta | None = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple(one for one in (self.stops_when, self.pauses_when) if one is not None)


@dataclass(frozen=True, slots=True)
class Test:
    """`roster`: a document that facts about people are worked out from where they are not given."""

    name: str
    given: Mapping[str, Any] = field(hash=False)
    expect: Mapping[str, Any] = field(hash=False)
    at: str | None
    path: str
    roster: Any = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A read document. `hash` names it by content; `reads` is every field a condition or a note looks at; `checkboxes` are the
    custom fields that a condition compares with true or false, `choices` those that it looks into as into a set; `clock_reads` is what is
    looked at when time alone passes; `almanac` knows the days of its calendars."""

    document: Any = field(hash=False, repr=False)
    hash: str
    lists: Mapping[str, tuple[Any, ...]] = field(hash=False)
    calendars: Mapping[str, Calendar] = field(hash=False)
    queues: Mapping[str, Queue] = field(hash=False)
    policies: Mapping[str, Policy] = field(hash=False)
    escalation: tuple[Rule, ...]
    routing: tuple[Rule, ...]
    tests: tuple[Test, ...]
    link_window: timedelta
    calls_rest_after: timedelta
    reads: frozenset[str]
    checkboxes: frozenset[str] = frozenset()
    choices: frozenset[str] = frozenset()
    clock_reads: frozenset[str] = frozenset()
    almanac: Almanac = field(default=INSTALLED, repr=False, compare=False)

    def ticked(self, given: Mapping[str, Value], previous: Mapping[str, Value]) -> tuple[Mapping[str, Value], Mapping[str, Value]]:
        """Facts with every checkbox as a flag: one that was never told of is not ticked. A call has none. Several choices are a set, also
        where an audit tells them as one text.

        What stood before is known only where it was told.
        """
        if self.choices:
            given, previous = _chosen(given, self.choices), _chosen(previous, self.choices)
        if not self.checkboxes:
            return given, previous
        boxes = self.checkboxes if given.get("source") != "talkdesk" else self.checkboxes & given.keys()
        return _ticked(given, boxes), _ticked(previous, self.checkboxes & previous.keys())

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.escalation + self.routing


def _ticked(facts: Mapping[str, Value], boxes: Collection[str]) -> dict[str, Value]:
    flags: dict[str, Value] = {}
    for name in boxes:
        value = facts.get(name)
        flags[name] = False if value in (None, "", ()) else TICKS.get(plain(value), value)
    return {**facts, **flags}


def _chosen(facts: Mapping[str, Value], fields: Collection[str]) -> Mapping[str, Value]:
    texts = ((name, facts.get(name)) for name in fields)
    several = {name: tuple(sorted(words)) for name, text in texts if isinstance(text, str) and len(words := set(text.split())) > 1}
    return {**facts, **several} if several else facts


def content_hash(document: Any) -> str:
    """`sha256:<hex>` of the canonical form: the name of a version."""
    return "sha256:" + hashlib.sha256(canonical(document)).hexdigest()


def leaves(condition: Condition) -> Sequence[Leaf]:
    """Every condition on a field, in the order of the document."""
    if isinstance(condition, Leaf):
        return (condition,)
    found: list[Leaf] = []
    for part in (*condition.all, *condition.any, *condition.none):
        if isinstance(part, Leaf):
            found.append(part)
        else:
            found += leaves(part)
    return found
