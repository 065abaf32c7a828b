"""Tests that bring a roster see its people at their own time; what they give themselves counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rulebook.books import ZONE, book, leaf, rule
from tests.work.test_staff import ROSTER
from tsbridge.core.rules.document import read
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.coverage import coverage
from tsbridge.rulebook.ready import make_ready
from tsbridge.rulebook.staffed import staffed, unread
from tsbridge.rulebook.tests import run

ALONE = rule("alone", leaf("oncall.present", "is", False))
THIN = rule("thin", leaf("queue.on_shift", "at_most", 1))
GONE = rule("gone", leaf("case.assignee_on_shift", "is", False))
DAY, NIGHT = "2026-11-23T14:00:00Z", "2026-11-23T22:00:00Z"
IN_SAFETY = {"case.queue": "safety", "ticket.assignee_id": "7"}


def having(at: str | None, given: dict[str, Any], *rules: str, roster: Any = ROSTER) -> dict[str, Any]:
    test = {"name": "t", "given": {"source": "zendesk", **given}, "expect": {"rules": [*rules, "rest"]}, "roster": roster}
    return book(ALONE, THIN, GONE, tests=[test if at is None else {**test, "at": at}])


@pytest.mark.parametrize(
    ("at", "given", "rules"),
    [
        (DAY, {}, []),
        (NIGHT, {}, ["alone"]),
        (None, {}, []),  # without a time: a Wednesday, 17:00 UTC
        (DAY, IN_SAFETY, ["thin"]),
        (NIGHT, IN_SAFETY, ["alone", "thin", "gone"]),
        (NIGHT, {**IN_SAFETY, "oncall.present": True, "queue.on_shift": 9, "case.assignee_on_shift": None}, []),
        (NIGHT, {"case.queue": "claims", "case.severity": 1, "ticket.assignee_id": 8}, ["thin", "gone"]),  # whom its line names is there
    ],
)
def test_what_is_not_given_is_worked_out(at: str | None, given: dict[str, Any], rules: list[str]) -> None:
    found = read(having(at, given, *rules))
    assert [dict(result.differences) for result in run(staffed(found, read_roster), ZONE)] == [{}]


def test_without_a_roster_nothing_is_known_of_people() -> None:
    (result,) = run(read(having(NIGHT, IN_SAFETY, roster=None)), ZONE)
    assert result.ok


def test_a_shift_by_a_calendar_keeps_the_rulebooks_holidays() -> None:
    open_days = {**ROSTER, "shifts": {"day": {**ROSTER["shifts"]["day"], "calendar": "office"}, "late": ROSTER["shifts"]["late"]}}
    document = having(DAY, {}, "alone", roster=open_days)
    document["calendars"] = {"office": {"timezone": "UTC", "hours": {"mon-sun": "08:00-18:00"}, "holidays": {"dates": ["2026-11-23"]}}}
    assert [result.ok for result in run(staffed(read(document), read_roster), ZONE)] == [True]


def test_a_roster_with_faults_fails_its_test_and_the_check_says_where() -> None:
    document = having(DAY, {}, roster={**ROSTER, "cover": [{"oncall": "nobody"}]})
    (result,) = run(staffed(read(document), read_roster), ZONE)
    assert result.differences["roster"]["actual"] is None
    (finding,) = unread(document, read_roster)
    assert (finding.code, finding.path) == ("test_fails", "/tests/0/roster/cover/0/oncall")
    assert list(unread(having(DAY, {}), read_roster)) == []
    assert list(unread({"schema": 7}, read_roster)) == []


def test_publishing_and_coverage_run_them_with_their_people() -> None:
    document = having(NIGHT, {}, "alone")
    assert make_ready(document, ZONE, read_roster, 2026).failed == ()
    covered = {one["key"]: one["matched"] for one in coverage(staffed(read(document), read_roster), ZONE)["rules"]}
    assert covered == {"alone": 1, "thin": 0, "gone": 0, "rest": 1}
    assert [result.name for result in make_ready(having(NIGHT, {}), ZONE, read_roster, 2026).failed] == ["t"]
