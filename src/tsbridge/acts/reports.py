"""Reports: a question becomes figures, and a figure opens to its cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts.report_cases import cases
from tsbridge.reports import cases as of_cases
from tsbridge.reports.model import GROUPS, Days, Measure, Question, Report
from tsbridge.reports.table import Opened, opened, table


@dataclass(frozen=True, slots=True)
class Kind:
    """A report there is. `group_by`: how it is grouped unless told."""

    name: str
    title: str
    definition: str
    measures: Callable[[], Sequence[Measure[Any]]]
    items: Callable[[Connection, Question], Sequence[Any]]
    group_by: str = "day"
    groups: tuple[str, ...] = GROUPS


_OPENED: Final = "Counts a case in the time in which it was opened, under its category, severity and queue as they stood at `as_of`. "
_OPEN: Final = (
    "Percentiles are nearest-rank; what is still open counts as longer than all that is over, and where a percentile falls there it is "
    "null and `at_least_s` says how long it is at least. "
)

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("volumes", "Volumes", _OPENED + "By rule a case counts under each rule that matched in it.", of_cases.volumes, cases),
        Kind("responses", "Responses", _OPENED + _OPEN, of_cases.responses, cases),
        Kind("resolutions", "Resolutions", _OPENED + _OPEN, of_cases.resolutions, cases),
    )
}


class NoReport(LookupError):
    """There is no report, group or column of that name."""


def report(conn: Connection, question: Question) -> Report:
    """The figures. Raises `NoReport`."""
    kind = _kind(question)
    return table(question, kind.title, kind.definition, kind.measures(), kind.items(conn, question), Days())


def opens(conn: Connection, question: Question, group: str | None, column: str | None) -> list[Opened]:
    """The cases behind a group, or behind one of its figures; `group` None: the totals. Raises `NoReport`."""
    kind = _kind(question)
    try:
        return opened(question, kind.measures(), kind.items(conn, question), Days(), group, column)
    except KeyError:
        raise NoReport("column") from None


def _kind(question: Question) -> Kind:
    kind = KINDS.get(question.name)
    if kind is None:
        raise NoReport("report")
    if question.group_by not in kind.groups:
        raise NoReport("group")
    return kind
