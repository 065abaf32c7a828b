"""What a rulebook's queues ask of people that the roster does not have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.work.team import roster
from tsbridge.rulebook.staffing import CODES, staffing


def book(**safety: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "queues": {"safety": safety, "claims": {"skills": ["law"]}},
        "rules": [{"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]}],
    }


GIVES = {"assign": "least_loaded"}
TEAM = roster({"ana": "08:00-16:00"}, agents={"ana": {"skills": {"safety": 2}}})
NOBODY = roster({"ana": "08:00-16:00"}, agents={"ana": {"queues": ["claims"]}})
NO_USER = roster({"ana": "08:00-16:00"}, agents={"ana": {"zendesk_user_id": None}})

ROWS = [
    (GIVES, None, [("gives_without_roster", "/queues/safety/assign")]),
    (GIVES, NOBODY, [("gives_to_nobody", "/queues/safety/assign")]),
    (GIVES, NO_USER, [("gives_to_nobody", "/queues/safety/assign")]),
    ({**GIVES, "skills": {"safety": 3}}, TEAM, [("skill_of_nobody", "/queues/safety/skills")]),
    ({**GIVES, "skills": ["french"]}, TEAM, [("skill_of_nobody", "/queues/safety/skills")]),
    ({**GIVES, "skills": {"safety": 2}}, TEAM, []),
    ({"assign": "none", "skills": ["french"]}, None, []),
]


@pytest.mark.parametrize(("safety", "team", "told"), ROWS)
def test_what_cannot_work_is_told(safety: dict[str, Any], team: dict[str, Any] | None, told: list[tuple[str, str]]) -> None:
    found = staffing(book(**safety), team)
    assert [(one.code, one.path) for one in found] == told
    assert all(one.severity == "warning" for one in found)


def test_every_code_is_shown_by_a_row() -> None:
    assert {code for _, _, told in ROWS for code, _ in told} == set(CODES)


def test_a_shift_for_the_queue_is_enough() -> None:
    for_safety = {"days": "mon-sun", "hours": "08:00-16:00", "agents": ["ana"], "queues": ["safety"]}
    assert staffing(book(**GIVES), {**NOBODY, "shifts": {"more": for_safety}}) == ()


def test_of_what_is_no_rulebook_nothing_is_told() -> None:
    assert staffing({"schema": 1}, None) == ()
