"""What is asked, what figures are counted from, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, Generic, Literal, TypeVar

Sense = Literal["true", "zendesk"]
Figure = int | float | str | None
WALL: Final = "calendar"
"""Time as it passes, at night and on holidays, too."""
BUSINESS: Final = "business"
"""Time within the opening hours of a calendar."""
GROUPS: Final = ("day", "week", "hour", "weekday", "channel", "category", "severity", "queue", "agent", "rule", "shift", "holiday")
NONE: Final = "(none)"
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Question:
    """A report over the time from `start` (included) to `end` (excluded), as it was known at `as_of`; days are those of `zone`."""

    name: str
    start: datetime
    end: datetime
    group_by: str
    as_of: datetime
    zone: tzinfo
    sense: Sense = "true"

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end and at <= self.as_of


@dataclass(frozen=True, slots=True)
class Column:
    """A figure's name and what it means. `population`: of what it is counted; `time`: `calendar` or `business`, None for no time;
    `schedule`: by which opening hours, where it is business time."""

    key: str
    title: str
    unit: str
    metric: str
    population: str
    sense: Sense = "true"
    time: str | None = None
    schedule: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that is counted: when, and by what it may be grouped. `case_id` None: of no case."""

    at: datetime
    case_id: str | None
    channel: str | None = None
    category: str | None = None
    severity: int | None = None
    queue: str | None = None
    agent: str | None = None
    rules: tuple[str, ...] = ()

    def about(self) -> dict[str, Any]:
        """What an item about the same case is grouped by, unless it knows better."""
        return {name: getattr(self, name) for name in ("case_id", "channel", "category", "severity", "queue", "agent", "rules")}


T = TypeVar("T", bound=Item)


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that is not known yet and what it is at least, in seconds."""

    at_least: int


@dataclass(frozen=True)
class Measure(Generic[T]):
    """A column and how it is figured. `about`: the items that a figure opens to; `value`: what of each it is made from, in seconds."""

    column: Column
    of: Callable[[Sequence[T]], Figure | Bound]
    about: Callable[[T], bool]
    value: Callable[[T], int | None] | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of shifts and holidays: who works at an instant, which holiday it is for a queue."""

    shift: Callable[[datetime], str | None] = field(default=lambda at: None)
    holiday: Callable[[datetime, str | None], str | None] = field(default=lambda at, queue: None)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a group; `at_least_s`: of those that are not known yet what they are at least."""

    group: str
    figures: Mapping[str, Figure]
    at_least_s: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """An answer, from which every form is made. `notes`: what is to be known beside the figures."""

    question: Question
    title: str
    definition: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: Row
    notes: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        return f"{self.title} by {self.question.group_by}"
