"""A rulebook's own tests: facts in, what shall come out. The same judge as everywhere; no database needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from typing_extensions import TypedDict

from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Rulebook, Test
from tsbridge.rulebook.worlds import World


class TestShown(TypedDict):
    name: str
    ok: bool
    differences: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """How one test went. `differences`: name -> {"expected", "actual"} for what came out otherwise."""

    name: str
    path: str
    differences: Mapping[str, Any] = field(hash=False)

    @property
    def ok(self) -> bool:
        return not self.differences

    def to_json(self) -> TestShown:
        return {"name": self.name, "ok": self.ok, "differences": [{"field": k, **v} for k, v in self.differences.items()]}


def run(book: Rulebook, zone: tzinfo) -> tuple[Result, ...]:
    """Run all tests of a rulebook, in their order. Those that bring a roster have been `staffed`."""
    judge = Judge(book, zone)
    return tuple(run_one(judge, test) for test in book.tests)


def run_one(judge: Judge, test: Test) -> Result:
    try:
        world = World.read(test.given, test.at)
    except ValueError:
        return Result(test.name, test.path, {"at": {"expected": "a time like 2026-11-22T09:00:00Z", "actual": None}})
    if test.roster is not None:
        return Result(test.name, test.path, {"roster": {"expected": "a roster without faults", "actual": None}})
    came = outcome(world.judged(judge), world)
    differences = {}
    for name, expected in test.expect.items():
        wanted = sorted(expected, key=str) if isinstance(expected, list) and name != "rules" else expected
        if came[name] != wanted:
            differences[name] = {"expected": expected, "actual": came[name]}
    return Result(test.name, test.path, differences)


def outcome(judgement: Judgement, world: World) -> dict[str, Any]:
    """What a test may expect, by its names."""
    return {
        "severity": world.given.get("case.severity") if judgement.severity is None else judgement.severity,
        "category": world.given.get("case.category") if judgement.category is None else judgement.category,
        "queue": world.given.get("case.queue") if judgement.queue is None else judgement.queue,
        "tags": list(judgement.tags_added),
        "priority": judgement.priority,
        "rules": [match.key for match in judgement.matched],
        "escalations": sorted(judgement.escalated),
    }
