"""What rules set and asked for among interactions joined by name: a thread of a case (ADR 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from tsbridge.core.escalation import Armed
from tsbridge.core.helpdesk import Asked
from tsbridge.core.moments import Value
from tsbridge.core.rules.judgement import Judgement
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


class Thread(NamedTuple):
    """What stands for interactions joined by name. `latest`: which of them told something last; `taken`: the first act of an agent's
    that shows that somebody has them in hand; `quiet`: what was told last is quiet up to then; `stirred`: the place of the newest moment
    that may bring back what a person undid.
    """

    latest: str = ""
    severity: int | None = None
    category: str | None = None
    queue: str | None = None
    queue_by: str = ""
    level: int = 0
    tags: Mapping[str, str] = EMPTY
    absent: Mapping[str, str] = EMPTY
    priority: Asked | None = None
    assign: Asked | None = None
    custom_fields: Mapping[str, Asked] = EMPTY
    resolved: bool = False
    taken: Taken | None = None
    firing: tuple[str, ...] = ()
    armed: tuple[Armed, ...] = ()
    next_due: datetime | None = None
    quiet: datetime | None = None
    given: Given | None = None
    stirred: str = ""

    def asked(self, judgement: Judgement, place: str, anew: bool) -> dict[str, Any]:
        """What becomes of the thread by what a judgement asks of its tickets: the fields in which it is another."""
        asked: dict[str, Any] = {}
        if judgement.tags_added or judgement.tags_removed:
            tags, absent = dict(self.tags), dict(self.absent)
            for tag in judgement.tags_added:
                tags[tag] = place if anew else tags.get(tag, place)
                absent.pop(tag, None)
            for tag in judgement.tags_removed:
                absent[tag] = place if anew else absent.get(tag, place)
                tags.pop(tag, None)
            asked.update(tags=tags, absent=absent)
        if judgement.custom_fields:
            customs = dict(self.custom_fields)
            for name, value in judgement.custom_fields:
                if (one := _asked(customs.get(name), value, place, anew)) is not None:
                    customs[name] = one
            asked["custom_fields"] = customs
        if judgement.queue is not None and judgement.queue != self.queue:
            asked.update(queue=judgement.queue or self.queue, queue_by=place)
        if judgement.priority is not None:
            asked["priority"] = _asked(self.priority, judgement.priority, place, anew)
        if judgement.assign is not None:
            asked["assign"] = _asked(self.assign, judgement.assign, place, anew)
        return asked

    def stands_like(self, other: Thread) -> bool:
        """Whether the same stands: two threads that agree here differ only in what was heard."""
        return self is other or (
            _STANDS(self) == _STANDS(other)
            and self.tags.keys() == other.tags.keys()
            and self.absent.keys() == other.absent.keys()
            and _values(self.custom_fields) == _values(other.custom_fields)
            and (None if self.priority is None else self.priority.value) == (None if other.priority is None else other.priority.value)
        )


_STANDS: Final = attrgetter("severity", "category", "queue", "level", "armed")


def for_case(judgement: Judgement) -> Judgement:
    """What of a judgement rules asked of the whole case, of all that can be asked of a ticket."""
    parts = judgement.for_case
    return judgement._replace(
        tags_added=tuple([tag for tag in judgement.tags_added if f"tag:{tag}" in parts]),
        tags_removed=tuple([tag for tag in judgement.tags_removed if f"absent:{tag}" in parts]),
        custom_fields=tuple([(name, value) for name, value in judgement.custom_fields if f"custom:{name}" in parts]),
        queue=judgement.queue if "queue" in parts else None,
        priority=judgement.priority if "priority" in parts else None,
        assign=judgement.assign if "assign" in parts else None,
    )


def asked_singles(asked: Thread) -> Iterator[tuple[str, Asked]]:
    """The single values that rules asked for, by the field they are read back in."""
    if asked.priority is not None:
        yield "ticket.priority", asked.priority
    if asked.assign is not None:
        yield "ticket.assignee_id", asked.assign
    for name, one in asked.custom_fields.items():
        yield f"ticket.custom.{name}", one


def merged_of(asking: Iterable[Thread]) -> Thread:
    """What several ask of one ticket; the newest asking counts."""
    tags: dict[str, str] = {}
    absent: dict[str, str] = {}
    customs: dict[str, Asked] = {}
    merged = Thread()
    for one in asking:
        for tag, by in one.tags.items():
            tags[tag] = max(by, tags.get(tag, ""))
        for tag, by in one.absent.items():
            absent[tag] = max(by, absent.get(tag, ""))
        for name, value in one.custom_fields.items():
            customs[name] = _newer(customs.get(name), value) or value
        if one.queue is not None and one.queue_by >= merged.queue_by:
            merged = merged._replace(queue=one.queue, queue_by=one.queue_by)
        merged = merged._replace(priority=_newer(merged.priority, one.priority), assign=_newer(merged.assign, one.assign))
    return merged._replace(
        tags={tag: by for tag, by in tags.items() if by >= absent.get(tag, "")},
        absent={tag: by for tag, by in absent.items() if by > tags.get(tag, "")},
        custom_fields=customs,
    )


def _newer(one: Asked | None, other: Asked | None) -> Asked | None:
    if one is None or other is None:
        return one or other
    return other if other.by > one.by else one


def _values(asked: Mapping[str, Asked]) -> dict[str, Value]:
    return {name: one.value for name, one in asked.items()}


def _asked(standing: Asked | None, value: Value, place: str, anew: bool) -> Asked | None:
    if value is None:
        return standing
    if standing is not None and standing.value == value and not anew:
        return standing
    return Asked(value, place)
