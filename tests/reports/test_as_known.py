"""What was known at an instant is answered again, whatever is learnt and edited later."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.reports.test_cases import START, UNTIL
from tests.reports.weeks import BEGIN, BOOK, END, LATER_ROSTER, ZONE, Weeks, live_through
from tsbridge.acts import reports
from tsbridge.acts.around import Around
from tsbridge.core.moments import Actor, Change
from tsbridge.core.roster import Override
from tsbridge.reports.forms import to_json
from tsbridge.reports.model import Question
from tsbridge.store import rosters
from tsbridge.store.db import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def weeks(database: Database) -> Weeks:
    weeks = Weeks(database, SettableClock(BEGIN - HOUR))
    live_through(weeks, 3, tickets=25, calls=8, people=10**6)  # everybody writes once: what comes late joins nothing
    return weeks


def told(weeks: Weeks, *names: str) -> dict[str, Any]:
    def read(conn: Any) -> dict[str, Any]:
        around, found = Around(weeks.rulebooks, weeks.roster), {}
        for name in names or reports.KINDS:
            kind = reports.KINDS[name]
            for by in {kind.group_by, *({"queue", "category", "shift", "holiday"} & {*kind.groups})}:
                question = Question(name, START, UNTIL, by, END, ZONE)
                found[f"{name} by {by}"] = to_json(reports.report(conn, around, question))
        return found

    return weeks.database.read_now(read)


def edit_everything(weeks: Weeks) -> None:
    """Rules, calendars, roster and overrides become others; days pass."""
    book = copy.deepcopy(BOOK)
    book["queues"]["claims"]["targets"] = {"resolve": "1h"}
    book["calendars"]["office"]["hours"] = {"mon-sun": "00:00-24:00"}
    book["calendars"]["office"]["holidays"] = {"dates": ["2026-11-05"]}
    book["rules"][0]["then"] = [{"set_severity": 2}, {"set_category": "other"}]
    weeks.wait(END + 5 * HOUR)
    weeks.publish(book)
    roster = copy.deepcopy(LATER_ROSTER)
    del roster["agents"]["ben"], roster["cover"][0]
    roster["shifts"]["day"]["agents"] = ["ana"]
    roster["limits"] = {}
    weeks.employ(roster)
    past = Override("ovr_2", "off", "cleo", BEGIN, END, "was away after all")
    weeks.database.write_now(lambda conn: rosters.add_override(conn, past, weeks.clock.now(), "test") and None)


def test_edits_of_rules_roster_and_schedules_change_nothing_of_the_past(weeks: Weeks) -> None:
    before = told(weeks)
    edit_everything(weeks)
    assert told(weeks) == before


def test_what_is_heard_later_was_not_known_then(weeks: Weeks) -> None:
    names = ("volumes", "responses", "resolutions", "sla", "claims", "calls", "workload", "rules", "patterns")
    before = told(weeks, *names)
    edit_everything(weeks)
    at = END + 6 * HOUR
    for number in range(0, 25, 2):
        ticket, agent = str(4000 + number), Actor("agent", "7001")
        late = weeks.comment(
            ticket, END - 30 * HOUR + number * timedelta(minutes=1), "my dog was bitten, refund", Actor("requester", "300")
        )
        weeks.tell(late, heard_at=at)
        weeks.tell(weeks.update(ticket, at, agent, Change("ticket.assignee_id", None, "7001"), Change("ticket.status", "open", "solved")))
    assert told(weeks, *names) == before


def test_what_is_older_than_every_rulebook_is_measured_by_the_first(database: Database) -> None:
    weeks = Weeks(database, SettableClock(BEGIN))
    monday = datetime(2026, 10, 19, 9, tzinfo=ZONE).astimezone(UTC)
    weeks.tell(weeks.created("1", monday, "300", "a refund, please"), heard_at=BEGIN)
    solved = weeks.update("1", monday + timedelta(days=1), Actor("agent", "7001"), Change("ticket.status", "open", "solved"))
    weeks.tell(solved, heard_at=BEGIN)
    later = copy.deepcopy(BOOK)
    later["queues"]["claims"]["targets"] = {"resolve": "1h"}
    weeks.clock.set(BEGIN + HOUR)
    weeks.publish(later)
    around = Around(weeks.rulebooks, weeks.roster)
    for name, sense, column in (("sla", "true", "resolve_p90_s"), ("resolutions", "zendesk", "resolve_business_p50_s")):
        question = Question(name, monday - HOUR, monday + HOUR, "queue", END, ZONE, sense)
        totals = weeks.database.read_now(lambda conn, question=question: to_json(reports.report(conn, around, question)))["totals"]  # type: ignore[misc]
        assert totals[column] == 10 * 3600
        assert name != "sla" or (totals["resolve_targets"], totals["resolve_met"]) == (1, 1)
