"""Reports: a question becomes figures, and a figure opens to its cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts import report_health as health
from tsbridge.acts import report_more as more
from tsbridge.acts import report_people as people
from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import cases
from tsbridge.reports import calls, claims, firings, holes, sending, steps, targets, usual
from tsbridge.reports import cases as of_cases
from tsbridge.reports import people as of_people
from tsbridge.reports.kept import corrected, from_kept, name_of, to_kept
from tsbridge.reports.model import GROUPS, Column, Measure, Question, Report
from tsbridge.reports.table import Opened, opened, table
from tsbridge.store import answers


@dataclass(frozen=True, slots=True)
class Kind:
    """A report there is. `group_by`: how it is grouped unless told; `charted`: the columns of its chart, of one unit."""

    name: str
    title: str
    definition: str
    measures: Callable[[], Sequence[Measure[Any]]]
    items: Callable[[Connection, Around, Question], Sequence[Any]]
    charted: tuple[str, ...]
    group_by: str = "day"
    groups: tuple[str, ...] = GROUPS


_OPENED: Final = "Counts a case in the time in which it was opened, under its category, severity and queue as they stood at `as_of`. "
_OPEN: Final = (
    "Percentiles are nearest-rank; what is still open counts as longer than all that is over, and where a percentile falls there it is "
    "null and `at_least_s` says how long it is at least. "
)

_BUT_RULE: Final = tuple(name for name in GROUPS if name != "rule")

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "volumes", "Volumes", _OPENED + "By rule a case counts under each rule that matched in it.", of_cases.volumes, cases, ("cases",)
        ),
        Kind("responses", "Responses", _OPENED + _OPEN, of_cases.responses, cases, ("acknowledge_p50_s", "acknowledge_p90_s")),
        Kind("resolutions", "Resolutions", _OPENED + _OPEN, of_cases.resolutions, cases, ("resolve_p50_s", "resolve_p90_s")),
        Kind(
            "escalations",
            "Escalations",
            "Counts steps of policies in the time in which they were armed, under what stands for the interaction that armed them. "
            + _OPEN,
            steps.escalations,
            more.steps,
            ("armed", "fired", "late"),
            groups=_BUT_RULE,
        ),
        Kind(
            "rules",
            "Rules",
            "Counts decisions in force by the time of the moment decided about, once under each rule that matched in it; precision where "
            f"the outcome is known, with its count and 95 % interval: {firings.OUTCOME}.",
            firings.rules,
            more.firings,
            ("decisions", "cases"),
            group_by="rule",
        ),
        Kind(
            "calls",
            "Calls",
            "Counts calls in the time in which they began, under what stands for their case. Missed: from somebody, and nobody took it. "
            + _OPEN,
            calls.calls,
            more.calls,
            ("answered", "missed", "called_back"),
        ),
        Kind(
            "sla",
            "Targets",
            _OPENED + "By the `targets` and the calendar of its queue in the rulebook that was live when it was opened; each target is one "
            "instance, met, missed or running, and what is over time and has not happened is missed. " + _OPEN,
            targets.sla,
            health.promised,
            ("acknowledge_kept", "resolve_kept"),
            group_by="queue",
        ),
        Kind(
            "workload",
            "Workload",
            "Counts what agents did, and what the desk gave them, in the time in which it happened, by whoever did it.",
            of_people.workload,
            people.acts,
            ("given", "answers", "solved"),
            group_by="agent",
        ),
        Kind(
            "fairness",
            "Fairness",
            "Counts what each agent of the roster carried, by the roster as it was known then; times that overlap count once, whoever "
            "works for several queues. The points are those by which work is given out.",
            of_people.fairness,
            people.loads,
            ("points",),
            group_by="agent",
            groups=tuple(name for name in GROUPS if name not in ("rule", "channel")),
        ),
        Kind(
            "exposure",
            "Exposure",
            "Counts what agents did and got in cases of the categories that the roster's `limits` name, in the time in which it happened.",
            of_people.exposure,
            people.exposures,
            ("cases", "given"),
            group_by="agent",
        ),
        Kind(
            "patterns",
            "Patterns",
            "Counts cases in the time in which they were opened, beside those of the eight times of the same length before.",
            usual.patterns,
            health.seen,
            ("cases", "usual"),
            group_by="category",
            groups=("weekday", "channel", "category", "severity", "queue", "agent"),
        ),
        Kind(
            "writeback",
            "Write-back",
            "Counts wishes by when they were last asked for and updates by when they were sent, under what stands for their case. " + _OPEN,
            sending.writeback,
            health.sendings,
            ("wishes", "updates", "parked"),
            groups=tuple(name for name in GROUPS if name not in ("rule", "channel")),
        ),
        Kind(
            "coverage",
            "Coverage",
            "Counts the times in which nobody was on call, by the roster as it was known then, under the time in which each began; of a "
            "hole for every severity alike the severity is `(none)`.",
            holes.coverage,
            people.uncovered,
            ("uncovered_s", "longest_s"),
            group_by="queue",
            groups=("day", "week", "hour", "weekday", "severity", "queue", "shift", "holiday"),
        ),
        Kind(
            "claims",
            "Claims",
            "Of the cases those whose category or queue has `claim` in its key. " + _OPENED + _OPEN,
            claims.claims,
            more.claims,
            ("cases", "open", "resolved"),
        ),
    )
}


class NoReport(LookupError):
    """There is no report, group or column of that name."""


def report(conn: Connection, around: Around, question: Question) -> Report:
    """The figures. Raises `NoReport`."""
    kind = _kind(question)
    return table(
        question, kind.title, kind.definition, kind.measures(), kind.items(conn, around, question), people.days(conn, around, question)
    )


def given(conn: Connection, question: Question) -> Report | None:
    """The answer that was given to this question, where it was asked before; None where it was not, or is not kept any more."""
    found = answers.get(conn, name_of(question), question.as_of)
    return None if found is None else from_kept(question, found)


def give(conn: Connection, report: Report) -> Report:
    """Give an answer: from now on it is the one to its question. Returns the one that is, with a note where it corrects an earlier one."""
    question, name = report.question, name_of(report.question)
    is_over = question.end <= question.as_of
    earlier = answers.before(conn, name, question.as_of) if is_over else None
    if earlier is not None:
        report = corrected(report, *earlier)
    answers.keep(conn, name, question.as_of, to_kept(report), is_over=is_over)
    return given(conn, question) or report


def opens(conn: Connection, around: Around, question: Question, group: str | None, column: str | None) -> list[Opened]:
    """The cases behind a group, or behind one of its figures; `group` None: the totals. Raises `NoReport`."""
    kind = _kind(question)
    try:
        return opened(question, kind.measures(), kind.items(conn, around, question), people.days(conn, around, question), group, column)
    except KeyError:
        raise NoReport("column") from None


def charted(found: Report, wanted: str | None = None) -> list[Column]:
    """The columns of a report's chart: those that it is charted by, or the one wanted. Raises `NoReport`."""
    keys = KINDS[found.question.name].charted if wanted is None else (wanted,)
    columns = {column.key: column for column in found.columns}
    if not columns.keys() >= {*keys}:
        raise NoReport("column")
    return [columns[key] for key in keys]


def _kind(question: Question) -> Kind:
    kind = KINDS.get(question.name)
    if kind is None:
        raise NoReport("report")
    if question.group_by not in kind.groups:
        raise NoReport("group")
    return kind
