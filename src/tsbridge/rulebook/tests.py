"""A rulebook's own tests: facts in, what shall come out. The same judge as everywhere; no database needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.rules.language import Rulebook, Test

WORKDAY: Final = datetime(2026, 1, 7, 17, tzinfo=UTC)
"""When a test that names no time takes place: a Wednesday, 9 in the morning in California, 18 in Berlin."""
PREVIOUS: Final = "previous."


@dataclass(frozen=True, slots=True)
class Result:
    """How one test went. `differences`: name -> {"expected", "actual"} for what came out otherwise."""

    name: str
    path: str
    differences: Mapping[str, Any] = field(hash=False)

    @property
    def ok(self) -> bool:
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "differences": [{"field": k, **v} for k, v in self.differences.items()]}


def run(book: Rulebook, zone: tzinfo) -> tuple[Result, ...]:
    """Run all tests of a rulebook, in their order."""
    judge = Judge(book, zone)
    return tuple(run_one(judge, test) for test in book.tests)


def run_one(judge: Judge, test: Test) -> Result:
    given: dict[str, Value] = {}
    previous: dict[str, Value] = {}
    for name, value in test.given.items():
        into = previous if name.startswith(PREVIOUS) else given
        into[name.removeprefix(PREVIOUS)] = tuple(sorted(map(str, value))) if isinstance(value, list) else value
    at = _time(test.at)
    if at is None:
        return Result(test.name, test.path, {"at": {"expected": "a time like 2026-11-22T09:00:00Z", "actual": None}})
    came = _came(judge.decide(given, previous, Standing(), at), given)
    differences = {}
    for name, expected in test.expect.items():
        wanted = sorted(expected) if isinstance(expected, list) and name != "rules" else expected
        if came[name] != wanted:
            differences[name] = {"expected": expected, "actual": came[name]}
    return Result(test.name, test.path, differences)


def _came(judgement: Judgement, given: Mapping[str, Value]) -> dict[str, Any]:
    return {
        "severity": given.get("case.severity") if judgement.severity is None else judgement.severity,
        "category": given.get("case.category") if judgement.category is None else judgement.category,
        "queue": judgement.queue,
        "tags": list(judgement.tags_added),
        "priority": judgement.priority,
        "rules": [match.key for match in judgement.matched],
        "escalations": sorted(judgement.escalated),
    }


def _time(text: Any) -> datetime | None:
    if text is None:
        return WORKDAY
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
