"""What Zendesk calls first reply and resolution, counted once more ticket by ticket out of the raw rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.reports.recount import Recount, grouped, micro, nearest
from tests.reports.test_cases import START, UNTIL, _with, asked, without_links
from tests.reports.test_people import HOLIDAYS
from tests.reports.weeks import END, ZONE, Weeks

DONE = ("solved", "closed")


def office(count: Recount, at: int, until: int) -> int:
    total, day = 0, count.local(at).date()
    while day <= count.local(until).date():
        if day.weekday() < 5 and day not in HOLIDAYS:
            opens, closes = (micro(datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)) for hour in (8, 18))
            total += max(0, min(until, closes) - max(at, opens))
        day += timedelta(days=1)
    return total // 1_000_000


def tickets(count: Recount) -> list[dict[str, Any]]:
    found = []
    for case_id, story in count.stories.items():
        for key in {one["key"] for one in story if one["source"] == "zendesk"}:
            its = [one for one in story if one["key"] == key and one["source"] == "zendesk"]
            created, status, solved = its[0]["micro"], "new", []
            replies = [one["micro"] for one in its[1:] if any(t[2:4] == ["agent", True] for t in one["texts"] if len(t) > 3)]
            for one in its[1:]:
                now = next((c[2] for c in one["changes"] if c[0] == "ticket.status"), status)
                if now in DONE and status not in DONE:
                    solved.append(one["micro"])
                status = now
            case = count.cases[case_id]
            always = case["queue"] == "safety"

            def took(end: int, always: bool = always, created: int = created) -> tuple[int, int]:
                wall = (end - created) // 1_000_000
                return wall, wall if always else office(count, created, end)

            if micro(START) <= created < micro(UNTIL):
                found.append(
                    {
                        "case": case,
                        "replied": took(replies[0]) if replies else None,
                        "first": took(solved[0]) if solved else None,
                        "last": took(solved[-1]) if solved and status in DONE else None,
                    }
                )
    return found


def times(key: str, took: list[tuple[int, int] | None]) -> dict[str, tuple[int | None, int | None]]:
    done = [one for one in took if one is not None]
    found = {f"{key}_p{p}_s": nearest([one[0] for one in done], [], p) for p in (50, 90, 95)}
    return found | {f"{key}_business_p{p}_s": nearest([one[1] for one in done], [], p) for p in (50, 90, 95)}


def test_first_replies_and_resolutions_are_those_of_zendesks_definitions(lived: Weeks) -> None:
    count = lived.database.read_now(lambda conn: Recount(conn, ZONE, END))
    found = tickets(count)
    groups = grouped(found, lambda one: [one["case"]["queue"]])

    def responses(these: list[dict[str, Any]]) -> dict[str, Any]:
        done = sum(one["replied"] is not None for one in these)
        nothing = dict.fromkeys(("acknowledged", "acknowledge_p50_s", "acknowledge_p90_s", "acknowledge_p95_s"))
        plain = {"cases": len({one["case"]["id"] for one in these}), "tickets": len(these), "replied": done, "open": len(these) - done}
        return _with({**plain, **nothing}, **times("first_reply", [one["replied"] for one in these]))

    def resolutions(these: list[dict[str, Any]]) -> dict[str, Any]:
        done = sum(one["last"] is not None for one in these)
        plain = {"cases": len({one["case"]["id"] for one in these}), "tickets": len(these), "resolved": done, "open": len(these) - done}
        both = times("resolve", [one["last"] for one in these]) | times("first_resolve", [one["first"] for one in these])
        return _with(plain, **both)

    for name, figures in (("responses", responses), ("resolutions", resolutions)):
        answer = asked(lived, name, "queue", sense="zendesk")
        assert answer["sense"] == "zendesk"
        for row in answer["rows"]:
            assert without_links(row) == figures(groups[row["group"]]), (name, row["group"])
        assert without_links(answer["totals"]) == figures(found)
        assert all(column["sense"] == "zendesk" for column in answer["columns"] if column["key"] != "cases")
        true = asked(lived, name, "queue")
        assert true["totals"] != answer["totals"]
