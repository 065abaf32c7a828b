"""Reports: a question becomes figures, a figure opens to its cases, and an answer that was given stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import span_of
from tsbridge.acts.report_kinds import KINDS, Counting, Kind
from tsbridge.acts.report_people import days
from tsbridge.reports import pack
from tsbridge.reports.kept import corrected, from_kept, name_of, to_kept
from tsbridge.reports.model import Column, Question, Report
from tsbridge.reports.table import Opened, opened, table
from tsbridge.store import report_answers, reported

MANY: Final = 5_000
"""Decisions: a tenth of a second, about."""


class NoReport(LookupError):
    """There is no report, group or column of that name."""


def report(conn: Connection, around: Around, question: Question) -> Report:
    """The figures. Raises `NoReport`."""
    kind = _kind(question)
    counting = kind.counting(question.sense)
    items = _items(conn, around, counting, question)
    return table(question, kind.title, counting.definition, counting.measures(), items, days(conn, around, question))


def is_over_much(conn: Connection, questions: Sequence[Question]) -> bool:
    """Whether there is so much to read for them that it is better done elsewhere."""
    return any(reported.many(conn, span_of(one), MANY) for one in questions)


def opens(conn: Connection, around: Around, question: Question, group: str | None, column: str | None) -> list[Opened]:
    """The cases behind a group, or behind one of its figures; `group` None: the totals. Raises `NoReport`."""
    counting = _kind(question).counting(question.sense)
    items = _items(conn, around, counting, question)
    try:
        return opened(question, counting.measures(), items, days(conn, around, question), group, column)
    except KeyError:
        raise NoReport("column") from None


def charted(found: Report, wanted: str | None = None) -> list[Column]:
    """The columns of a report's chart: those that it is charted by, or the one wanted. Raises `NoReport`."""
    keys = KINDS[found.question.name].charted if wanted is None else (wanted,)
    columns = {column.key: column for column in found.columns}
    if not columns.keys() >= {*keys}:
        raise NoReport("column")
    return [columns[key] for key in keys]


def given(conn: Connection, question: Question) -> Report | None:
    """The answer that was given to this question, where it was asked before; None where it was not, or is not kept any more."""
    found = report_answers.get(conn, name_of(question), question.as_of)
    return None if found is None else from_kept(question, found)


def give(conn: Connection, report: Report) -> Report:
    """Give an answer: from now on it is the one to its question. Returns the one that is, with a note where it corrects an earlier one."""
    question, name = report.question, name_of(report.question)
    is_over = question.end <= question.as_of
    earlier = report_answers.before(conn, name, question.as_of) if is_over else None
    if earlier is not None:
        report = corrected(report, *earlier)
    report_answers.keep(conn, name, question.as_of, to_kept(report), is_over=is_over)
    return given(conn, question) or report


def pack_of(start: datetime, end: datetime, as_of: datetime, zone: tzinfo) -> list[Question]:
    """What the weekly pack asks."""
    return [Question(name, start, end, by, as_of, zone) for name, by in pack.CONTENTS]


def _items(conn: Connection, around: Around, counting: Counting, question: Question) -> Sequence[Any]:
    """Read once for all groupings."""
    asked = (question.name, question.sense, question.start, question.end, question.as_of, question.group_by == "channel")
    return around.once(asked, lambda: counting.items(conn, around, question))


def _kind(question: Question) -> Kind:
    kind = KINDS.get(question.name)
    if kind is None:
        raise NoReport("report")
    if question.group_by not in kind.groups:
        raise NoReport("group")
    return kind
