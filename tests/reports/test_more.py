"""Figures about steps, rules, calls and claims are those of an independent count."""

from __future__ import annotations

import math
from typing import Any

from tests.reports.recount import Recount, grouped, nearest, rows, seconds
from tests.reports.test_cases import START, UNTIL, _with, asked, without_links
from tests.reports.weeks import BOOK, END, ZONE, Weeks

MINUTE = 60_000_000


def held_against(
    weeks: Weeks, name: str, by: str, groups: dict[str, list[dict[str, Any]]], figures: Any, whole: list[dict[str, Any]]
) -> None:
    answer = asked(weeks, name, by)
    shown = {row["group"]: without_links(row) for row in answer["rows"]}
    assert groups.keys() <= shown.keys()
    for label, row in shown.items():
        assert row == figures(groups.get(label, [])), (name, by, label)
    assert without_links(answer["totals"]) == figures(whole)


def test_steps_and_how_late_they_were(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    kept = lived.database.read_now(lambda conn: rows(conn, "decisions"))
    start, until = (int(at.timestamp() * 1_000_000) for at in (START, UNTIL))
    steps = [row for row in lived.database.read_now(lambda conn: rows(conn, "escalations")) if start <= row["armed_at"] < until]
    for step in steps:
        about = [
            row["recorded_at"]
            for row in kept
            if (row["source"], row["interaction"], row["at"]) == (step["source"], step["interaction"], step["ended_at"])
        ]
        fired = step["status"] == "fired"
        step["late"] = max(0, (min(about) - step["due_at"]) // 1_000_000) if fired else None
        step["overdue"] = (
            (count.as_of - step["due_at"]) // 1_000_000 if step["status"] == "armed" and step["due_at"] < count.as_of else None
        )

    def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
        status = [step["status"] for step in found]
        late = [step["late"] for step in found if step["late"] is not None]
        overdue = [step["overdue"] for step in found if step["overdue"] is not None]
        told = {name: status.count(name) for name in ("fired", "acknowledged", "stopped", "passed")}
        told |= {
            "cases": len({step["case_id"] for step in found}),
            "armed": len(found),
            "open": status.count("armed") + status.count("paused"),
        }
        times = {f"late_p{p}_s": nearest(late, overdue, p) for p in (50, 95)}
        return _with({**told, "late": sum(value > 60 for value in late + overdue)}, **times)

    assert {"fired", "acknowledged"} <= {step["status"] for step in steps}
    assert any((step["late"] or 0) > 60 for step in steps)
    held_against(lived, "escalations", "queue", grouped(steps, lambda step: [step["queue"] or "(none)"]), figures, steps)
    held_against(lived, "escalations", "day", grouped(steps, lambda s: [count.local(s["armed_at"]).strftime("%Y-%m-%d")]), figures, steps)


def wilson(hits: int, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    p = hits / n
    roots = [(2 * n * p + z * z + sign * z * math.sqrt(z * z + 4 * n * p * (1 - p))) / (2 * (n + z * z)) for sign in (-1, 1)]
    return round(max(0.0, roots[0]), 4), round(min(1.0, roots[1]), 4)


def test_rules_and_how_often_they_were_right(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    start, until = (int(at.timestamp() * 1_000_000) for at in (START, UNTIL))
    book = {rule["key"]: rule for rule in BOOK["rules"]}
    tags = {key: {tag for act in rule["then"] for tag in act.get("add_tags", ())} for key, rule in book.items()}
    groups = {
        key: next((BOOK["queues"][a["route"]]["zendesk_group_id"] for a in rule["then"] if "route" in a), None)
        for key, rule in book.items()
    }
    first: dict[tuple[str, str], int] = {}
    for row in count.decisions:
        for key, _ in row["matched"]:
            first[row["case_id"], key] = min(row["at"], first.get((row["case_id"], key), row["at"]))

    def right(case_id: str, key: str) -> bool | None:
        if not tags[key] and groups[key] is None:
            return None
        for one in count.stories[case_id]:
            if one["micro"] >= first[case_id, key] and one["actor"][0] == "agent":
                for field, was, now in one["changes"]:
                    if field == "tags" and (set(was or ()) - set(now or ())) & tags[key]:
                        return False
                    if (
                        field == "ticket.group_id"
                        and groups[key] is not None
                        and was is not None
                        and now != was
                        and now != str(groups[key])
                    ):
                        return False
        return True if count.cases[case_id]["status"] == "resolved" else None

    decided = [row for row in count.decisions if start <= row["at"] < until]
    for row in decided:
        row["right"] = {key: right(row["case_id"], key) for key, _ in row["matched"]}

    def figures(found: list[dict[str, Any]], keys: set[str]) -> dict[str, Any]:
        pairs = {(row["case_id"], key): told for row in found for key, told in row["right"].items() if key in keys}
        known = [told for told in pairs.values() if told is not None]
        low, high = wilson(sum(known), len(known)) if known else (None, None)
        return {
            "decisions": len(found),
            "cases": len({row["case_id"] for row in found}),
            "open": sum(count.cases[case_id]["status"] == "open" for case_id in {row["case_id"] for row in found}),
            "outcomes": len(known),
            "right": sum(known),
            "precision": round(sum(known) / len(known), 4) if known else None,
            "precision_low": low,
            "precision_high": high,
            "at_least_s": {},
        }

    answer = asked(lived, "rules", "rule")
    by_rule = grouped(decided, lambda row: [key for key, _ in row["matched"]] or ["(none)"])
    assert {row["group"] for row in answer["rows"]} == by_rule.keys()
    for row in answer["rows"]:
        assert without_links(row) == figures(by_rule[row["group"]], {row["group"]}), row["group"]
    assert without_links(answer["totals"]) == figures(decided, {*book})
    assert any(row["precision"] not in (None, 0.0, 1.0) for row in answer["rows"])


def test_calls_that_were_missed_and_called_back(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    start, until = (int(at.timestamp() * 1_000_000) for at in (START, UNTIL))
    calls: list[dict[str, Any]] = []
    for case_id, members in count.members.items():
        story = [one for one in count.stories[case_id] if one["source"] == "talkdesk"]
        begun = {one["key"]: one for one in story if one["event"] == "call.started"}
        taken: dict[str, int] = {}
        for one in story:
            if one["facts"].get("call.outcome") == "answered":
                taken.setdefault(one["key"], one["micro"])
        for one in members:
            if one["source"] == "talkdesk" and start <= one["opened_at"] < until:
                key = f"talkdesk:{one['id']}"
                facts: dict[str, Any] = {}
                for told in story:
                    if told["key"] == key:
                        facts |= told["facts"]
                ended = max(told["micro"] for told in story if told["key"] == key)
                inbound = facts["call.direction"] != "outbound"
                missed = inbound and facts["call.outcome"] in ("missed", "abandoned", "voicemail")
                back = [
                    *(
                        o["micro"]
                        for k, o in begun.items()
                        if k != key and o["micro"] >= ended and o["facts"]["call.direction"] == "outbound"
                    ),
                    *(at for other, at in taken.items() if other != key and at >= ended),
                ]
                calls.append({**one, "facts": facts, "missed": missed, "ended": ended, "back": min(back) if back and missed else None})

    def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
        inbound = [one for one in found if one["facts"]["call.direction"] != "outbound"]
        missed = [one for one in found if one["missed"]]
        took = [seconds(one["ended"], one["back"]) for one in missed]
        ages = [(count.as_of - one["ended"]) // 1_000_000 for one in missed if one["back"] is None]
        waits = [one["facts"]["call.wait_seconds"] for one in found if "call.wait_seconds" in one["facts"]]
        talks = [one["facts"]["call.talk_seconds"] for one in found if "call.talk_seconds" in one["facts"]]
        plain = {
            "cases": len({one["case_id"] for one in found}),
            "calls": len(found),
            "inbound": len(inbound),
            "outbound": len(found) - len(inbound),
            "answered": sum(one["facts"]["call.outcome"] == "answered" for one in inbound),
            "missed": len(missed),
            "voicemail": sum(one["facts"]["call.outcome"] == "voicemail" for one in missed),
            "short_abandoned": sum(one["facts"]["call.outcome"] == "short_abandoned" for one in found),
            "called_back": sum(one["back"] is not None for one in missed),
            "open": sum(one["back"] is None for one in missed),
        }
        times = {"callback_p50_s": nearest(took, ages, 50), "callback_p90_s": nearest(took, ages, 90)}
        times |= {"wait_p50_s": nearest(waits, [], 50), "wait_p90_s": nearest(waits, [], 90), "talk_p50_s": nearest(talks, [], 50)}
        return _with(plain, **times)

    assert any(one["back"] for one in calls)
    held_against(lived, "calls", "weekday", grouped(calls, lambda o: [count.local(o["opened_at"]).strftime("%a").lower()]), figures, calls)


def test_the_pipeline_of_claims(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    cases = [case for case in count.opened(START, UNTIL) if "claim" in (case["category"] or "") or "claim" in (case["queue"] or "")]

    def stage(case: dict[str, Any]) -> str:
        if case["status"] == "resolved":
            return "resolved"
        status: dict[str, str] = {}
        for one in count.stories[case["id"]]:
            if one["source"] == "zendesk":
                told = next((c[2] for c in one["changes"] if c[0] == "ticket.status"), one["facts"].get("ticket.status"))
                status[one["key"]] = told or status[one["key"]]
        return next(name for name in ("new", "open", "pending") if name in status.values())

    def resolved(case: dict[str, Any]) -> int | None:
        told = count.resolutions(case)
        return told[-1][0] if told and told[-1][1] else None

    def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
        stages = [stage(case) for case in found]
        took = [seconds(case["opened_at"], resolved(case)) for case in found]
        ages = [(count.as_of - case["opened_at"]) // 1_000_000 for case in found if stage(case) != "resolved"]
        plain = {
            "cases": len(found),
            "unassigned": sum(stage(case) != "resolved" and case["assignee"] is None for case in found),
            "new": stages.count("new"),
            "working": stages.count("open"),
            "pending": stages.count("pending"),
            "on_hold": 0,
            "resolved": stages.count("resolved"),
            "open": len(found) - stages.count("resolved"),
        }
        times = {f"resolve_p{p}_s": nearest(took, ages, p) for p in (50, 90)} | {"open_p50_s": nearest(ages, [], 50)}
        return _with(plain, **times)

    assert len(cases) > 5
    held_against(lived, "claims", "week", grouped(cases, lambda case: count.label(case, "week")), figures, cases)
