"""Items into groups, groups into figures; and back: from a figure to the cases that it is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from tsbridge.reports.figures import percentile, share
from tsbridge.reports.groups import expected, in_order, labels_of
from tsbridge.reports.model import Bound, Column, Days, Figure, Item, Measure, Question, Report, Row

T = TypeVar("T", bound=Item)

SECONDS: Final = "s"
COUNT: Final = "count"


class Opened(NamedTuple):
    """A case behind a figure. `value`: what it adds to it, in seconds; None where it only counts."""

    case_id: str
    value: int | None


def table(question: Question, title: str, definition: str, measures: Sequence[Measure[T]], items: Sequence[T], days: Days) -> Report:
    """The report of items that each lie within the question's time."""
    label = labels_of(question.group_by, question.zone, days)
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        for name in label(item):
            groups[name].append(item)
    names = in_order(question.group_by, {*groups, *expected(question)})
    rows = tuple(row(name, measures, groups.get(name, ())) for name in names)
    columns = tuple(measure.column for measure in measures)
    return Report(question, title, definition, columns, rows, row("", measures, items))


def row(name: str, measures: Sequence[Measure[T]], items: Sequence[T]) -> Row:
    figures: dict[str, Figure] = {}
    bounds: dict[str, int] = {}
    for measure in measures:
        found = measure.of(items)
        if isinstance(found, Bound):
            bounds[measure.column.key], found = found.at_least, None
        figures[measure.column.key] = found
    return Row(name, figures, bounds)


def opened(
    question: Question, measures: Sequence[Measure[T]], items: Sequence[T], days: Days, group: str | None, column: str | None
) -> list[Opened]:
    """The cases behind a group (None: the totals), or behind one figure of it, each once, by id. Raises `KeyError` for no such column."""
    label = labels_of(question.group_by, question.zone, days)
    measure = None if column is None else next((one for one in measures if one.column.key == column), None)
    if column is not None and measure is None:
        raise KeyError(column)
    found: dict[str, int | None] = {}
    for item in items:
        if item.case_id is None or (group is not None and group not in label(item)):
            continue
        if measure is not None and not measure.about(item):
            continue
        value = None if measure is None or measure.value is None else measure.value(item)
        before = found.get(item.case_id)
        found[item.case_id] = value if before is None else max(before, value or 0)
    return [Opened(case_id, value) for case_id, value in sorted(found.items())]


def _always(item: Any) -> bool:
    return True


def _never(item: Any) -> None:
    return None


def counted(
    key: str, title: str, metric: str, population: str, about: Callable[[T], bool] = _always, unit: str = COUNT, **more: Any
) -> Measure[T]:
    """How many items there are of a kind."""
    return Measure(Column(key, title, unit, metric, population, **more), lambda items: sum(map(about, items)), about)


def cases_counted(key: str, title: str, metric: str, population: str, about: Callable[[T], bool] = _always) -> Measure[T]:
    """Of how many different cases there are items of a kind."""

    def of(items: Sequence[T]) -> int:
        return len({item.case_id for item in items if item.case_id is not None and about(item)})

    return Measure(Column(key, title, COUNT, metric, population), of, about)


def summed(key: str, title: str, unit: str, metric: str, population: str, value: Callable[[T], int | None], **more: Any) -> Measure[T]:
    """What items add up to."""

    def of(items: Sequence[T]) -> int:
        return sum(value(item) or 0 for item in items)

    return Measure(Column(key, title, unit, metric, population, **more), of, lambda item: bool(value(item)), value)


def timed(
    key: str,
    title: str,
    metric: str,
    population: str,
    hundredths: int,
    took: Callable[[T], int | None],
    age: Callable[[T], int | None] = _never,
    **more: Any,
) -> Measure[T]:
    """A percentile of how long something took. `took`: seconds, None where it has not happened; `age`: how long an item that is open
    has been so, None for one that does not count: none does, unless told."""

    def of(items: Sequence[T]) -> Figure | Bound:
        done, still_open = [], []
        for item in items:
            if (seconds := took(item)) is not None:
                done.append(seconds)
            elif (seconds := age(item)) is not None:
                still_open.append(seconds)
        found = percentile(done, still_open, hundredths)
        return found.value if found.at_least is None else Bound(found.at_least)

    def value(item: T) -> int | None:
        seconds = took(item)
        return age(item) if seconds is None else seconds

    column = Column(key, title, SECONDS, metric, population, time=more.pop("time", "calendar"), **more)
    return Measure(column, of, lambda item: value(item) is not None, value)


def shared(
    key: str, title: str, metric: str, population: str, part: Callable[[T], bool], whole: Callable[[T], bool], **more: Any
) -> Measure[T]:
    """How large a part of some items others are, as a fraction."""

    def of(items: Sequence[T]) -> Figure:
        return share(sum(map(part, items)), sum(map(whole, items)))

    return Measure(Column(key, title, "fraction", metric, population, **more), of, whole)
