"""Figures about cases are those of an independent count over the same rows, whatever they are grouped by."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.reports.recount import Recount, grouped, nearest, seconds
from tests.reports.weeks import END, ZONE, Weeks
from tsbridge.acts import reports
from tsbridge.acts.around import Around
from tsbridge.reports.forms import to_json
from tsbridge.reports.model import Question

START, UNTIL = datetime(2026, 10, 26, tzinfo=ZONE), datetime(2026, 11, 28, tzinfo=ZONE)
GROUPS = ("day", "week", "hour", "weekday", "channel", "category", "severity", "queue", "rule")


def asked(weeks: Weeks, name: str, group_by: str, as_of: datetime = END, sense: Any = "true") -> dict[str, Any]:
    question = Question(name, START, UNTIL, group_by, as_of, ZONE, sense)
    return weeks.database.read_now(lambda conn: to_json(reports.report(conn, Around(weeks.rulebooks, weeks.roster), question)))


def without_links(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("cases_url", "group")}


def volumes(count: Recount, cases: list[dict[str, Any]]) -> dict[str, Any]:
    members = [one for case in cases for one in count.members[case["id"]]]
    last = {}
    for row in count.decisions:
        if any(kind == "routing" for _, kind in row["matched"]):
            before = last.get(row["case_id"])
            if before is None or row["at"] >= before["at"]:
                last[row["case_id"]] = row
    return {
        "cases": len(cases),
        "tickets": sum(one["source"] == "zendesk" for one in members),
        "calls": sum(one["source"] == "talkdesk" for one in members),
        "open": sum(case["status"] == "open" for case in cases),
        "severe": sum(case["severity"] in (1, 2) for case in cases),
        "defaulted": sum("rest" in [key for key, _ in last[case["id"]]["matched"]] for case in cases),
        "at_least_s": {},
    }


def _timed(
    count: Recount, cases: list[dict[str, Any]], of: Callable[[dict[str, Any]], int | None]
) -> Callable[[int], tuple[int | None, int | None]]:
    took = [seconds(case["opened_at"], of(case)) for case in cases]
    ages = [(count.as_of - case["opened_at"]) // 1_000_000 for case, value in zip(cases, took, strict=True) if value is None]
    return lambda percent: nearest(took, ages, percent)


def _with(figures: dict[str, Any], **timed: tuple[int | None, int | None]) -> dict[str, Any]:
    bounds = {name: least for name, (_, least) in timed.items() if least is not None}
    return {**figures, **{name: value for name, (value, _) in timed.items()}, "at_least_s": bounds}


def responses(count: Recount, cases: list[dict[str, Any]]) -> dict[str, Any]:
    taken = sum(count.acknowledged(case) is not None for case in cases)
    replied = sum(count.replied(case) is not None for case in cases)
    acknowledge, reply = _timed(count, cases, count.acknowledged), _timed(count, cases, count.replied)
    figures = {
        "cases": len(cases),
        "acknowledged": taken,
        "open": len(cases) - taken,
        "replied": replied,
        "reply_open": len(cases) - replied,
    }
    times = {f"acknowledge_p{p}_s": acknowledge(p) for p in (50, 90, 95)} | {f"first_reply_p{p}_s": reply(p) for p in (50, 90, 95)}
    return _with(figures, **times)


def resolutions(count: Recount, cases: list[dict[str, Any]]) -> dict[str, Any]:
    def last(case: dict[str, Any]) -> int | None:
        told = count.resolutions(case)
        return told[-1][0] if told and told[-1][1] else None

    def first(case: dict[str, Any]) -> int | None:
        return next((at for at, resolved in count.resolutions(case) if resolved), None)

    again = [sum(not resolved for _, resolved in count.resolutions(case)) for case in cases]
    done = sum(last(case) is not None for case in cases)
    resolve, at_first = _timed(count, cases, last), _timed(count, cases, first)
    figures = {
        "cases": len(cases),
        "resolved": done,
        "open": len(cases) - done,
        "reopened": sum(number > 0 for number in again),
        "reopenings": sum(again),
    }
    times = {f"resolve_p{p}_s": resolve(p) for p in (50, 90, 95)} | {f"first_resolve_p{p}_s": at_first(p) for p in (50, 90)}
    return _with(figures, **times)


COUNTED = {"volumes": volumes, "responses": responses, "resolutions": resolutions}


def test_every_figure_of_every_grouping_is_that_of_an_independent_count(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    cases = count.opened(START, UNTIL)
    for name, by in itertools.product(COUNTED, GROUPS):
        answer = asked(lived, name, by)
        groups = grouped(cases, lambda case, by=by: count.label(case, by))  # type: ignore[misc]
        empty = without_links(answer["rows"][0]).keys()
        shown = {row["group"]: without_links(row) for row in answer["rows"]}
        assert {label for label, row in shown.items() if row["cases"]} == groups.keys()
        for label, row in shown.items():
            assert row == COUNTED[name](count, groups.get(label, [])), (name, by, label)
            assert row.keys() == empty
        assert without_links(answer["totals"]) == COUNTED[name](count, cases)
    resolved = asked(lived, "resolutions", "day")["totals"]
    assert resolved["resolved"] == sum(case["status"] == "resolved" for case in cases)
    assert min(resolved["resolved"], resolved["open"], resolved["reopenings"], len(cases) - 50) > 0
