"""Figures about targets, people and cover are those of an independent count: quarter hours and minutes looked at one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.clocks import SettableClock
from tests.reports.recount import EPOCH, Recount, grouped, micro, nearest, rows
from tests.reports.test_cases import COUNTED, START, UNTIL, _with, asked, without_links
from tests.reports.test_more import held_against
from tests.reports.weeks import AGENTS, AWAY, BEGIN, BOOK, END, LATER, MIDDLE, ROSTER, ZONE, Weeks
from tsbridge.core.moments import Actor
from tsbridge.store.db import Database

HOLIDAYS = {date(2026, 11, 11): "Veterans Day", date(2026, 11, 26): "Thanksgiving Day"}
"""Those of the weeks, by the law of the United States."""
NAMES = {user: key for key, user in AGENTS.items()}
QUARTER, MINUTE = timedelta(minutes=15), timedelta(minutes=1)


def on_shift(at: datetime) -> set[tuple[str, str]]:
    """(shift, agent), by the wall clock and what stands in the roster that was live then."""
    local = at.astimezone(ZONE)
    found = set()
    days, hours = (range(5), (6, 15)) if at < MIDDLE else (range(6), (7, 17))
    if local.weekday() in days and hours[0] <= local.hour < hours[1]:
        found |= {("day", "ana"), ("day", "ben")}
    if local.hour >= 21 or local.hour < 6:
        found.add(("night", "cleo"))
    return {(shift, agent) for shift, agent in found if not (agent == "ben" and AWAY.start <= at < AWAY.end)}


def ticks(step: timedelta, start: datetime = START, end: datetime = UNTIL) -> Iterator[datetime]:
    at = max(start.astimezone(UTC), BEGIN - timedelta(hours=1))  # before that there was no roster
    while at < end:
        yield at
        at += step


def test_cases_by_shift_and_holiday(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    cases = count.opened(START, UNTIL)

    def shift(case: dict[str, Any]) -> list[str]:
        return ["+".join(sorted({name for name, _ in on_shift(EPOCH + timedelta(microseconds=case["opened_at"]))})) or "(none)"]

    def holiday(case: dict[str, Any]) -> list[str]:
        return [HOLIDAYS.get(count.local(case["opened_at"]).date(), "(none)")]

    for by, label in (("shift", shift), ("holiday", holiday)):
        shown = {row["group"]: without_links(row) for row in asked(lived, "resolutions", by)["rows"]}
        groups = grouped(cases, label)
        assert shown == {name: COUNTED["resolutions"](count, found) for name, found in groups.items()}
        assert len(groups) >= 3


def test_targets_by_the_rulebook_of_the_day_on_which_the_case_was_opened(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    units = {"m": 60, "h": 3600, "d": 86400}

    def office(at: int, until: int) -> int:
        """Seconds of open hours, day by day."""
        total, day = 0, count.local(at).date()
        while day <= count.local(until).date():
            if day.weekday() < 5 and day not in HOLIDAYS:
                opens, closes = (datetime(day.year, day.month, day.day, hour, tzinfo=ZONE) for hour in (8, 18))
                total += max(0, min(until, micro(closes)) - max(at, micro(opens)))
            day += timedelta(days=1)
        return total // 1_000_000

    def resolved(case: dict[str, Any]) -> int | None:
        told = count.resolutions(case)
        return told[-1][0] if told and told[-1][1] else None

    items = []
    for case in count.opened(START, UNTIL):
        book = BOOK if case["opened_at"] < micro(MIDDLE) else LATER
        targets = book["queues"][case["queue"]].get("targets", {})
        passed = office if book["queues"][case["queue"]].get("calendar") == "office" else lambda at, until: (until - at) // 1_000_000
        told: dict[str, Any] = {}
        for name, of in (("acknowledge", count.acknowledged), ("resolve", resolved)):
            if name in targets:
                done, within = of(case), int(targets[name][:-1]) * units[targets[name][-1]]
                took = None if done is None else passed(case["opened_at"], done)
                age = passed(case["opened_at"], count.as_of)
                state = "met" if took is not None and took <= within else "missed" if (age if took is None else took) > within else "runs"
                told[name] = (took, age, state)
        if told:
            items.append({"queue": case["queue"], **told})

    def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
        plain: dict[str, Any] = {
            "cases": len(found),
            "open": sum(any(one[name][2] == "runs" for name in ("acknowledge", "resolve") if name in one) for one in found),
        }
        times = {}
        for name in ("acknowledge", "resolve"):
            theirs = [one[name] for one in found if name in one]
            met, missed = (sum(state == word for *_, state in theirs) for word in ("met", "missed"))
            plain |= {f"{name}_targets": len(theirs), f"{name}_met": met, f"{name}_missed": missed}
            plain[f"{name}_kept"] = round(met / (met + missed), 4) if met + missed else None
            times[f"{name}_p90_s"] = nearest([took for took, *_ in theirs], [age for took, age, _ in theirs if took is None], 90)
        return _with(plain, **times)

    states = {one[name][2] for one in items for name in ("acknowledge", "resolve") if name in one}
    assert states == {"met", "missed", "runs"}
    held_against(lived, "sla", "queue", grouped(items, lambda one: [one["queue"]]), figures, items)


def acts(count: Recount, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What people did and got, from what the stories say."""
    found = []
    start, until = micro(START), micro(UNTIL)
    for case_id, story in count.stories.items():
        case, status, taken = count.cases[case_id], dict[str, str](), set[str]()

        def did(what: str, one: dict[str, Any], by: str | None, case: dict[str, Any] = case) -> None:
            if start <= one["micro"] < until:
                found.append({"what": what, "at": one["micro"], "case": case, "agent": NAMES.get(by or "", by)})

        for one in story:
            spoke = any(t[2:4] == ["agent", True] for t in one["texts"] if len(t) > 3)
            if one["event"] == "ticket.commented" and spoke:
                did("answers", one, one["actor"][1])
            if one["facts"].get("call.outcome") == "answered" and one["key"] not in taken:
                did("calls", one, None)
                taken.add(one["key"])
            if one["source"] == "zendesk":
                told = next((c[2] for c in one["changes"] if c[0] == "ticket.status"), one["facts"].get("ticket.status"))
                if told in ("solved", "closed") and status.get(one["key"]) not in ("solved", "closed") and one["event"] != "ticket.merged":
                    did("solved", one, one["actor"][1])
                status[one["key"]] = told or status.get(one["key"], "new")
    for row in given:
        if start <= row["at"] < until:
            case = count.cases[count.where[f"zendesk:{row['ticket']}"]]
            found.append({"what": "given", "at": row["at"], "case": case, "agent": row["agent"]})
    return found


def test_what_people_did(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    given = lived.database.read_now(lambda conn: rows(conn, "assignments"))
    found = acts(count, given)
    shown = {row["group"]: row for row in asked(lived, "workload", "agent")["rows"]}
    assert {"ana", "ben", "cleo"} <= shown.keys()
    for agent, row in shown.items():
        counts = Counter(act["what"] for act in found if (act["agent"] or "(none)") == agent)
        assert {name: row[name] for name in ("answers", "calls", "solved", "given")} == {
            name: counts[name] for name in ("answers", "calls", "solved", "given")
        }
    total = asked(lived, "workload", "agent")["totals"]
    assert min(total["taken"], total["given"], total["answers"], total["calls"], total["solved"], total["open"]) > 0
    assert total["open"] < total["cases"]


def test_time_at_work_is_counted_quarter_by_quarter(lived: Weeks) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for at in ticks(QUARTER):
        local = at.astimezone(ZONE)
        for _, agent in on_shift(at):
            counts[agent]["worked_s"] += 900
            counts[agent]["nights_s"] += 900 * (local.hour >= 22 or local.hour < 6)
            counts[agent]["weekends_s"] += 900 * (local.weekday() >= 5)
            counts[agent]["holidays_s"] += 900 * (local.date() in HOLIDAYS)
    given = lived.database.read_now(lambda conn: rows(conn, "assignments"))
    for row in given:
        if micro(START) <= row["at"] < micro(UNTIL) and row["category"] in ("safety_incident", "guarantee_claim"):
            counts[row["agent"]]["distressing"] += 1
    answer = asked(lived, "fairness", "agent")
    names = ("worked_s", "nights_s", "weekends_s", "holidays_s", "distressing")
    assert {row["group"]: {name: row[name] for name in names} for row in answer["rows"]} == {
        agent: {name: counts[agent][name] for name in names} for agent in AGENTS
    }
    points = []
    for row in answer["rows"]:
        of = counts[row["group"]]
        time = 4 * of["worked_s"] + 2 * of["nights_s"] + 2 * of["weekends_s"] + 4 * of["holidays_s"]
        points.append(time // 3600 + 8 * of["distressing"])
    assert [row["points"] for row in answer["rows"]] == points
    assert answer["totals"]["points"] == sum(points)
    assert answer["totals"]["evenness"] == round(sum(points) ** 2 / (len(points) * sum(p * p for p in points)), 4)
    by_day = asked(lived, "fairness", "day")
    assert sum(row["worked_s"] for row in by_day["rows"]) == sum(of["worked_s"] for of in counts.values())


def test_the_most_distressing_cases_of_a_shift(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    given = lived.database.read_now(lambda conn: rows(conn, "assignments"))
    distressing = [act for act in acts(count, given) if act["case"]["category"] in ("safety_incident", "guarantee_claim")]
    answer = asked(lived, "exposure", "agent")
    for row in answer["rows"]:
        theirs = [act for act in distressing if (act["agent"] or "(none)") == row["group"]]
        assert row["given"] == sum(act["what"] == "given" for act in theirs)
        severe = {act["case"]["id"] for act in theirs if act["case"]["severity"] == 1}
        assert row["severe"] >= len(severe)
        assert 0 <= row["most_per_shift"] <= row["cases"]
    assert answer["totals"]["most_per_shift"] == max(row["most_per_shift"] for row in answer["rows"]) > 0


def test_a_shift_that_another_one_overlaps_or_in_which_the_roster_is_published_is_one_shift(
    database: Database, clock: SettableClock
) -> None:
    clock.set(BEGIN - timedelta(hours=1))
    weeks = Weeks(database, clock)
    shifts = {"early": {"days": "mon-fri", "hours": "06:00-14:00"}, "desk": {"days": "mon-fri", "hours": "09:00-17:00"}}
    roster = {**ROSTER, "shifts": {name: {**shift, "agents": ["ana"]} for name, shift in shifts.items()}, "cover": [{"oncall": "ana"}]}
    weeks.employ(roster)
    day = datetime(2026, 11, 2, tzinfo=ZONE).astimezone(UTC)
    for number, hour in enumerate((7, 8, 10, 11, 39, 40), 1):
        at = day + timedelta(hours=hour)
        weeks.tell(weeks.created(str(number), at, f"41{number}", "my dog was bitten"))
        weeks.tell(weeks.comment(str(number), at + timedelta(minutes=5), "on our way", Actor("agent", AGENTS["ana"])))
        if hour == 10:
            weeks.employ({**roster, "title": "another"})
    rows = {row["group"]: row for row in asked(weeks, "exposure", "agent")["rows"]}
    assert (rows["ana"]["cases"], rows["ana"]["most_per_shift"]) == (6, 4)
    weeks.employ({**roster, "shifts": {"round": {"days": "mon-sun", "hours": "00:00-24:00", "agents": ["ana"]}}})
    for number, hour in enumerate((70, 71, 72, 73, 74, 75, 76, 77, 78), 7):
        at = day + timedelta(hours=hour)
        weeks.tell(weeks.created(str(number), at, f"41{number}", "my dog was bitten"))
        weeks.tell(weeks.comment(str(number), at + timedelta(minutes=5), "on our way", Actor("agent", AGENTS["ana"])))
    assert asked(weeks, "exposure", "agent")["totals"]["most_per_shift"] == 7


def test_holes_are_those_that_a_look_at_each_minute_finds(lived: Weeks) -> None:
    def covered(at: datetime) -> dict[tuple[str, str], bool]:
        there = {name for name, _ in on_shift(at)}
        return {("safety", "severe"): "day" in there, ("safety", "other"): "night" in there}

    before: dict[tuple[str, str], bool] = {("safety", "severe"): True, ("safety", "other"): True}
    uncovered, begun = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for at in ticks(MINUTE):
        now = covered(at)
        for what, there in now.items():
            uncovered[what] += 0 if there else 60
            begun[what] += not there and before[what]
        before = now
    answer = asked(lived, "coverage", "severity")
    shown = {row["group"]: row for row in answer["rows"]}
    assert shown.keys() == {"1", "2", "3", "4"}  # claims and intake always have somebody
    for severity, what in (("1", "severe"), ("2", "severe"), ("3", "other"), ("4", "other")):
        row = shown[severity]
        assert (row["uncovered_s"], row["holes"]) == (uncovered["safety", what], begun["safety", what]), severity
    assert answer["totals"]["open"] == 0


def test_what_is_unusual(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    answer = asked(lived, "patterns", "category")
    span = UNTIL.astimezone(UTC) - START.astimezone(UTC)
    before = count.opened(START.astimezone(UTC) - 8 * span, START)
    assert answer["totals"]["before"] == len(before)
    by = grouped(count.opened(START, UNTIL), lambda case: count.label(case, "category"))
    assert {row["group"]: row["cases"] for row in answer["rows"]} == {name: len(found) for name, found in by.items()}


def test_wishes_and_their_cases(lived: Weeks) -> None:
    wishes = [row for row in lived.database.read_now(lambda conn: rows(conn, "desired")) if micro(START) <= row["asked_at"] < micro(UNTIL)]
    answer = asked(lived, "writeback", "day")
    assert answer["totals"]["wishes"] == answer["totals"]["open"] == len(wishes) > 0
    least = sorted((micro(END) - row["asked_at"]) // 1_000_000 for row in wishes)
    assert answer["totals"]["at_least_s"]["written_p50_s"] == least[-(-len(least) // 2) - 1]
