"""The reports there are: what each counts, where its items come from, by what it is grouped and charted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts import report_calls, report_cases, report_desk, report_hours, report_people, report_rules
from tsbridge.acts.around import Around
from tsbridge.reports import calls, claims, firings, holes, sending, steps, targets, tickets, usual
from tsbridge.reports import cases as of_cases
from tsbridge.reports import people as of_people
from tsbridge.reports.model import GROUPS, Measure, Question, Sense


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted, and how it is told."""

    definition: str
    measures: Callable[[], Sequence[Measure[Any]]]
    items: Callable[[Connection, Around, Question], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A report there is. `group_by`: how it is grouped unless told; `charted`: the columns of its chart, of one unit. `zendesk`: what it
    counts in Zendesk's sense, where Zendesk has figures of that name."""

    name: str
    title: str
    definition: str
    measures: Callable[[], Sequence[Measure[Any]]]
    items: Callable[[Connection, Around, Question], Sequence[Any]]
    charted: tuple[str, ...]
    group_by: str = "day"
    groups: tuple[str, ...] = GROUPS
    zendesk: Counting | None = None

    def counting(self, sense: Sense) -> Counting:
        """In this sense, where there is one."""
        if sense == "zendesk" and self.zendesk is not None:
            return self.zendesk
        return Counting(self.definition, self.measures, self.items)


_OPENED: Final = "Counts a case in the time in which it was opened, under its category, severity and queue as they stood at `as_of`. "
_OPEN: Final = (
    "Percentiles are nearest-rank; what is still open counts as longer than all that is over, and where a percentile falls there it is "
    "null and `at_least_s` says how long it is at least. "
)

_BY_TICKET: Final = (
    "Counts a ticket in the time in which it was created, as Zendesk's own metrics of these names do: only what has happened, in "
    "percentiles of that alone; `open` says how many are left out. Under what stands for its case. "
)
_BUT_RULE: Final = tuple(name for name in GROUPS if name != "rule")
_BUT_RULE_AND_CHANNEL: Final = tuple(name for name in _BUT_RULE if name != "channel")

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "volumes",
            "Volumes",
            _OPENED + "By rule a case counts under each rule that matched in it.",
            of_cases.volumes,
            report_cases.cases,
            ("cases",),
        ),
        Kind(
            "responses",
            "Responses",
            _OPENED + _OPEN,
            of_cases.responses,
            report_cases.cases,
            ("acknowledge_p50_s", "acknowledge_p90_s"),
            zendesk=Counting(_BY_TICKET, tickets.responses, report_hours.tickets),
        ),
        Kind(
            "resolutions",
            "Resolutions",
            _OPENED + _OPEN,
            of_cases.resolutions,
            report_cases.cases,
            ("resolve_p50_s", "resolve_p90_s"),
            zendesk=Counting(_BY_TICKET, tickets.resolutions, report_hours.tickets),
        ),
        Kind(
            "escalations",
            "Escalations",
            "Counts steps of policies in the time in which they were armed, under what stands for the interaction that armed them. "
            + _OPEN,
            steps.escalations,
            report_desk.steps,
            ("armed", "fired", "late"),
            groups=_BUT_RULE,
        ),
        Kind(
            "rules",
            "Rules",
            "Counts decisions in force by the time of the moment decided about, once under each rule that matched in it; precision where "
            f"the outcome is known, with its count and 95 % interval: {firings.OUTCOME}.",
            firings.rules,
            report_rules.firings,
            ("decisions", "cases"),
            group_by="rule",
        ),
        Kind(
            "calls",
            "Calls",
            "Counts calls in the time in which they began, under what stands for their case. Missed: from somebody, and nobody took it. "
            + _OPEN,
            calls.calls,
            report_calls.calls,
            ("answered", "missed", "called_back"),
        ),
        Kind(
            "sla",
            "Targets",
            _OPENED + "By the `targets` and the calendar of its queue in the rulebook that was live when it was opened; each target is one "
            "instance, met, missed or running, and what is over time and has not happened is missed. " + _OPEN,
            targets.sla,
            report_hours.promised,
            ("acknowledge_kept", "resolve_kept"),
            group_by="queue",
        ),
        Kind(
            "workload",
            "Workload",
            "Counts what agents did, and what the desk gave them, in the time in which it happened, by whoever did it.",
            of_people.workload,
            report_people.acts,
            ("given", "answers", "solved"),
            group_by="agent",
        ),
        Kind(
            "fairness",
            "Fairness",
            "Counts what each agent of the roster carried, by the roster as it was known then; times that overlap count once, whoever "
            "works for several queues. The points are those by which work is given out.",
            of_people.fairness,
            report_people.loads,
            ("points",),
            group_by="agent",
            groups=_BUT_RULE_AND_CHANNEL,
        ),
        Kind(
            "exposure",
            "Exposure",
            "Counts what agents did and got in cases of the categories that the roster's `limits` name, in the time in which it happened.",
            of_people.exposure,
            report_people.exposures,
            ("cases", "given"),
            group_by="agent",
        ),
        Kind(
            "patterns",
            "Patterns",
            "Counts cases in the time in which they were opened, beside those of the eight times of the same length before.",
            usual.patterns,
            report_cases.seen,
            ("cases", "usual"),
            group_by="category",
            groups=("weekday", "channel", "category", "severity", "queue", "agent"),
        ),
        Kind(
            "writeback",
            "Write-back",
            "Counts wishes by when they were last asked for and updates by when they were sent, under what stands for their case. " + _OPEN,
            sending.writeback,
            report_desk.sendings,
            ("wishes", "updates", "parked"),
            groups=_BUT_RULE_AND_CHANNEL,
        ),
        Kind(
            "coverage",
            "Coverage",
            "Counts the times in which nobody was on call, by the roster as it was known then, under the time in which each began; of a "
            "hole for every severity alike the severity is `(none)`.",
            holes.coverage,
            report_people.uncovered,
            ("uncovered_s", "longest_s"),
            group_by="queue",
            groups=("day", "week", "hour", "weekday", "severity", "queue", "shift", "holiday"),
        ),
        Kind(
            "claims",
            "Claims",
            "Of the cases those whose category or queue has `claim` in its key. " + _OPENED + _OPEN,
            claims.claims,
            report_cases.claims,
            ("cases", "open", "resolved"),
        ),
    )
}
