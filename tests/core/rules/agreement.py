"""The product's judge against the oracle, moment by moment along random stories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.core.rules import random_books
from tests.core.rules.oracle import Armed, Came, Oracle
from tsbridge.core.escalation import Armed as Known
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Beside, Judgement, Standing
from tsbridge.core.severities import weight

ZONE = ZoneInfo("America/Los_Angeles")
SLOTS = {"severity": "case.severity", "category": "case.category", "priority": "ticket.priority", "queue": "case.queue", "assign": "assign"}


def disagreements(seed: int, pairs: int, rules: int, made: Callable[[Judge], Judge] = lambda judge: judge) -> list[str]:
    """Judge a random rulebook of `rules` rules on `pairs` moments; what came out differently, in words. `made`: by which judge."""
    rng = Random(seed)  # noqa: S311  # reproducible, not secret
    document = random_books.document(rng, rules)
    judge = made(Judge(read(document), ZONE))
    oracle = Oracle(document, judge.book.calendars, ZONE)
    standing, at = Standing(), random_books.instant(rng)
    found: list[str] = []
    for n in range(pairs):
        if rng.random() < 0.3:
            standing, at = Standing(), random_books.instant(rng)
        given, previous = random_books.facts(rng), random_books.facts(rng)
        others = None if rng.random() < 0.5 else tuple(rng.choice((None, 1, 2, 3, 4)) for _ in range(3))
        standing = standing._replace(beside=None if others is None else _beside(others))
        came = oracle.judge(given, previous, at, standing.opened_at, set(standing.firing), _armed(standing), others)
        judgement = judge.decide(given, previous, standing, at)
        found += [f"seed {seed}, moment {n}: {said}" for said in differences(came, judgement)]
        found += [f"seed {seed}, moment {n}: {said}" for said in _unexplained(judge, given, previous, standing, at, came, judgement)]
        standing = Standing(standing.opened_at or at, judgement.firing, judgement.armed)
        at += timedelta(minutes=rng.choice([0, 5, 59, 60, 200]))
    return found


def differences(came: Came, judgement: Judgement) -> list[str]:
    once = [("note", note.key.partition("@")[0]) for note in judgement.notes]
    once += [("notify", key.partition("@")[0]) for key, _ in judgement.notifications]
    pairs: dict[str, tuple[Any, Any]] = {
        "matched": (came.matched, [match.key for match in judgement.matched]),
        "tags added": (sorted(came.added), list(judgement.tags_added)),
        "tags removed": (sorted(came.removed), list(judgement.tags_removed)),
        "escalated": (came.escalated, list(judgement.escalated)),
        "steps": (came.steps, [(step.policy, step.index) for step in judgement.steps]),
        "once": (sorted(came.once), sorted(once)),
        "overruled": (came.overruled, len(judgement.overruled)),
        "firing": (sorted(came.firing), list(judgement.firing)),
        "armed": (came.armed, [(*_plain(one), list(one.rests), bool(one.paused_by), one.acknowledged_until) for one in judgement.armed]),
        "custom": (came.single.get("ticket.custom.77"), dict(judgement.custom_fields).get("77")),
        **{name: (came.single.get(slot), getattr(judgement, name)) for name, slot in SLOTS.items()},
    }
    return [f"{name}: expected {expected}, came {actual}" for name, (expected, actual) in pairs.items() if expected != actual]


def _unexplained(
    judge: Judge, given: Mapping[str, Any], previous: Mapping[str, Any], standing: Standing, at: datetime, came: Came, judgement: Judgement
) -> list[str]:
    """The explanation tells the same rules as matched, in the truth the oracle found for each rule that was asked."""
    explained = judge.explain(given, previous, standing, at)
    told = {rule.key: rule.matched for rule in explained}
    found = (
        [] if [rule.key for rule in explained if rule.matched] == [match.key for match in judgement.matched] else ["explained otherwise"]
    )
    found += [f"{key} is explained as {told[key]}" for key, truth in came.truths.items() if told[key] != truth]
    found += [f"{rule.key} is not explained" for rule in explained if rule.key in came.truths and not rule.matched and not rule.because]
    return found


def _beside(others: tuple[int | None, ...]) -> Beside:
    worst, of_category, own = others
    return Beside(worst, None if of_category is None else weight(of_category), own)


def _armed(standing: Standing) -> list[Armed]:
    return [Armed(*_plain(one), [list(rest) for rest in one.rests], bool(one.paused_by), one.acknowledged_until) for one in standing.armed]


def _plain(one: Known) -> tuple[str, datetime, int]:
    return one.policy, one.armed_at, one.next_step
