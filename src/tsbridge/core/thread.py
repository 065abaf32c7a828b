"""What rules set and asked for among interactions joined by name: a thread of a case (ADR 10, ADR 27).

Rules judge one interaction at a time, and what they set for it is its own (`Own`). What stands for the thread is made of all that its
interactions have: its severity is the worst of them, and of a single value what was asked about the more severe one counts; among
equals the newest asking. So nothing that happens on one ticket takes from the case what another is in it for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from tsbridge.core.escalation import Armed
from tsbridge.core.helpdesk import Asked
from tsbridge.core.moments import Value
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.severities import weight, worst
from tsbridge.core.track import EMPTY


class Given(NamedTuple):
    """Work that the desk gave to somebody: at which place of the story, to which agent of the roster, out of which queue, and why."""

    by: str
    agent: str
    queue: str
    because: str


class Taken(NamedTuple):
    """Who took something in hand, when and by which way: `api`, `link` or `console` at our desk, `assignment`, `reply` or `status` at
    Zendesk. `by`: a key's or a person's name, Zendesk's id of an agent, or None where nobody told."""

    at: datetime
    by: str | None
    way: str


class Own(NamedTuple):
    """What rules set and asked for about one interaction itself. `firing`: the rules that matched when they were last asked about it;
    `turns_at`: when other rules match though nothing happens on it; `quiet`: what was told of it last is quiet up to then;
    `escalates`: what its rules asked for that another had armed already, by policy and when that was."""

    severity: int | None = None
    category: Asked | None = None
    queue: Asked | None = None
    priority: Asked | None = None
    custom_fields: Mapping[str, Asked] = EMPTY
    firing: tuple[str, ...] = ()
    turns_at: datetime | None = None
    quiet: datetime | None = None
    escalates: tuple[tuple[str, datetime], ...] = ()

    def asked(self, judgement: Judgement, standing: Asked | None, place: str, anew: bool, leaves: Mapping[str, Any]) -> Own:
        """With what a judgement asks for in single values, and what else it `leaves`. `standing`: the queue that the thread is in: who
        leaves it there asks for nothing new."""
        queue, customs = self.queue, self.custom_fields
        if judgement.queue and (queue is None or queue.value != judgement.queue):
            queue = standing if standing is not None and standing.value == judgement.queue else Asked(judgement.queue, place)
        category = self.category
        if judgement.category and (category is None or category.value != judgement.category):
            category = Asked(judgement.category, place)
        if judgement.custom_fields:
            found = dict(customs)
            for name, value in judgement.custom_fields:
                if (one := asked_for(found.get(name), value, place, anew)) is not None:
                    found[name] = one
            customs = found
        severity = self.severity if judgement.severity is None else judgement.severity
        priority = asked_for(self.priority, judgement.priority, place, anew)
        return self._replace(severity=severity, category=category, queue=queue, priority=priority, custom_fields=customs, **leaves)


NOTHING: Final = Own()


class Thread(NamedTuple):
    """What stands for interactions joined by name. `latest`: which of them told something last; `own`: by interaction what it has itself;
    `taken`: the first act of an agent's that shows that somebody has them in hand; `step_due`: when the next step of what is armed comes
    due; `stirred`: the place of the newest moment that may bring back what a person undid.
    """

    latest: str = ""
    own: Mapping[str, Own] = EMPTY
    level: int = 0
    tags: Mapping[str, str] = EMPTY
    absent: Mapping[str, str] = EMPTY
    assign: Asked | None = None
    resolved: bool = False
    taken: Taken | None = None
    armed: tuple[Armed, ...] = ()
    step_due: datetime | None = None
    given: Given | None = None
    stirred: str = ""

    @property
    def stands(self) -> Own:
        """What of what its interactions have counts for all of them."""
        if len(self.own) > 1:
            return together([(one.severity, one) for one in self.own.values()])
        for one in self.own.values():  # most have one
            return one
        return NOTHING

    @property
    def severity(self) -> int | None:
        return self.stands.severity

    @property
    def category(self) -> str | None:
        found = self.stands.category
        return None if found is None else str(found.value)

    @property
    def routed(self) -> Asked | None:
        """The queue, and which moment asked for it."""
        return self.stands.queue

    @property
    def queue(self) -> str | None:
        found = self.stands.queue
        return None if found is None else str(found.value)

    @property
    def priority(self) -> Asked | None:
        return self.stands.priority

    @property
    def custom_fields(self) -> Mapping[str, Asked]:
        return self.stands.custom_fields

    def asked(self, judgement: Judgement, key: str, place: str, anew: bool, leaves: Mapping[str, Any] = EMPTY, **besides: Any) -> Thread:
        """The thread with what a judgement about `key`, one of its interactions, asks of its tickets; what else it `leaves` of that one,
        and `besides` of the thread."""
        tags, absent, assign = self.tags, self.absent, self.assign
        if judgement.tags_added or judgement.tags_removed:
            tags, absent = dict(tags), dict(absent)
            for tag in judgement.tags_added:
                tags[tag] = place if anew else tags.get(tag, place)
                absent.pop(tag, None)
            for tag in judgement.tags_removed:
                absent[tag] = place if anew else absent.get(tag, place)
                tags.pop(tag, None)
        if judgement.assign is not None:
            assign = asked_for(assign, judgement.assign, place, anew)
        own = self.own.get(key, NOTHING).asked(judgement, self.routed, place, anew, leaves)
        return self._replace(tags=tags, absent=absent, assign=assign, own={**self.own, key: own}, **besides)

    def stands_like(self, other: Thread) -> bool:
        """Whether the same stands: two threads that agree here differ only in what was heard."""
        if self is other:
            return True
        mine, theirs = self.stands, other.stands
        return (
            self.level == other.level
            and self.armed == other.armed
            and self.tags.keys() == other.tags.keys()
            and self.absent.keys() == other.absent.keys()
            and mine.severity == theirs.severity
            and all([_same(a, b) for a, b in zip(mine[1:4], theirs[1:4], strict=True)])
            and _values(mine.custom_fields) == _values(theirs.custom_fields)
        )


def together(of_each: Sequence[tuple[int | None, Own]]) -> Own:
    """What several have, each counted with a severity, as what counts for all of them."""

    def first(name: str) -> Asked | None:
        return first_of((severity, getattr(one, name)) for severity, one in of_each)

    names = sorted({name for _, one in of_each for name in one.custom_fields})
    customs = {name: first_of((severity, one.custom_fields.get(name)) for severity, one in of_each) for name in names}
    return Own(
        worst(severity for severity, _ in of_each),
        first("category"),
        first("queue"),
        first("priority"),
        {name: one for name, one in customs.items() if one is not None},
    )


def first_of(asking: Iterable[tuple[int | None, Asked | None]]) -> Asked | None:
    """Of what was asked about several, each with its severity, what counts for all of them."""
    found = [(-weight(severity), one.by, str(one.value), one) for severity, one in asking if one is not None]
    return max(found, key=itemgetter(0, 1, 2))[-1] if found else None


def for_case(judgement: Judgement) -> Judgement:
    """What of a judgement rules asked of the whole case, of all that can be asked of a ticket."""
    parts = judgement.for_case
    return judgement._replace(
        severity=None,
        category=None,
        tags_added=tuple([tag for tag in judgement.tags_added if f"tag:{tag}" in parts]),
        tags_removed=tuple([tag for tag in judgement.tags_removed if f"absent:{tag}" in parts]),
        custom_fields=tuple([(name, value) for name, value in judgement.custom_fields if f"custom:{name}" in parts]),
        queue=judgement.queue if "queue" in parts else None,
        priority=judgement.priority if "priority" in parts else None,
        assign=judgement.assign if "assign" in parts else None,
    )


def asked_singles(asked: Thread) -> Iterator[tuple[str, Asked]]:
    """The single values that rules asked for, by the field they are read back in."""
    if (priority := asked.priority) is not None:
        yield "ticket.priority", priority
    if asked.assign is not None:
        yield "ticket.assignee_id", asked.assign
    for name, one in asked.custom_fields.items():
        yield f"ticket.custom.{name}", one


def merged_of(asking: Iterable[Thread], whole: Thread) -> Thread:
    """What several threads, and rules about the `whole` case, ask of one ticket. The newest asking counts, but for a single value of a
    less severe thread."""
    threads = tuple(asking)
    severity = worst(one.severity for one in threads)
    tags: dict[str, str] = {}
    absent: dict[str, str] = {}
    assign: Asked | None = None
    for one in (*threads, whole):
        for tag, by in one.tags.items():
            tags[tag] = max(by, tags.get(tag, ""))
        for tag, by in one.absent.items():
            absent[tag] = max(by, absent.get(tag, ""))
        if assign is None or (one.assign is not None and one.assign.by > assign.by):
            assign = one.assign
    return Thread(
        own={"": together([*((one.severity, one.stands) for one in threads), (severity, whole.stands)])},
        tags={tag: by for tag, by in tags.items() if by >= absent.get(tag, "")},
        absent={tag: by for tag, by in absent.items() if by > tags.get(tag, "")},
        assign=assign,
    )


def asked_for(standing: Asked | None, value: Value, place: str, anew: bool) -> Asked | None:
    """What is asked for once a judgement asked for a value (None: for none)."""
    if value is None:
        return standing
    if standing is not None and standing.value == value and not anew:
        return standing
    return Asked(value, place)


def _same(one: Any, other: Any) -> bool:
    """Whether two asked for the same, if perhaps at different times."""
    return one is other or (one is not None and other is not None and one.value == other.value)


def _values(asked: Mapping[str, Asked]) -> dict[str, Any]:
    return {name: one.value for name, one in asked.items()}
