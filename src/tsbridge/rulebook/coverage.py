"""What a rulebook's own tests have seen of it: which rules matched and which did not, each condition true and false.

The judge is asked, not a second reader: every condition stands above its rule as a rule of its own that does nothing, so
that what it says at that very place shows among the rules that matched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from typing_extensions import TypedDict

from tsbridge.core.moments import Value
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.judge import Judge, asked
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Action, Condition, Leaf, Rule, Rulebook, Tree, leaves
from tsbridge.core.rules.vocabulary import EVENTS
from tsbridge.rulebook.examiner import field_of
from tsbridge.rulebook.worlds import World


@dataclass(frozen=True, slots=True)
class Sight:
    """What one event shows: each condition that was asked, by its path, and each rule that was asked, by its key."""

    conditions: Mapping[str, bool] = field(hash=False)
    rules: Mapping[str, bool] = field(hash=False)


class ConditionSeen(TypedDict):
    path: str
    field: str
    operator: str
    true: int
    false: int


class RuleSeen(TypedDict):
    key: str
    kind: str
    matched: int
    not_matched: int
    conditions: list[ConditionSeen]


class CoverageSummary(TypedDict):
    rules: int
    matched: int
    conditions: int
    both_ways: int


class Coverage(TypedDict):
    rules: list[RuleSeen]
    summary: CoverageSummary


class Watch:
    """Watches a book judge."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self.book = book
        self._zone = zone
        probes = tuple(one for rule in book.escalation for one in (*_probes(rule), rule))
        last = Rule("", "routing", "", frozenset(EVENTS), Tree(), (Action("route", next(iter(book.queues), "")),), "")
        self._judge = Judge(replace(book, escalation=probes, routing=(last,)), zone)
        self._escalation = [(rule, tuple(leaf.path for leaf in leaves(rule.when))) for rule in book.escalation]
        self._routing = [(rule, tuple(leaves(rule.when))) for rule in book.routing]

    def look(self, world: World) -> Sight:
        judgement = world.judged(self._judge)
        true = {match.key for match in judgement.matched}
        conditions: dict[str, bool] = {}
        rules: dict[str, bool] = {}
        for rule, paths in self._escalation:
            if asked(rule, world.given):
                for path in paths:
                    conditions[path] = path in true
                rules[rule.key] = rule.key in true
            if judgement.stopped_by == rule.key:
                break
        facts = World(_after(world, judgement), world.previous, world.at).facts(self.book, self._zone)
        for rule, mine in self._routing:
            if not asked(rule, world.given):
                continue
            for leaf in mine:
                conditions[leaf.path] = leaf_holds(leaf, facts)
            rules[rule.key] = truth(rule.when, conditions)
            if rules[rule.key]:
                break
        return Sight(conditions, rules)


def truth(condition: Condition, conditions: Mapping[str, bool]) -> bool:
    """What a condition says where it is known what each part of it says."""
    if isinstance(condition, Leaf):
        return conditions[condition.path]
    return (
        all(truth(part, conditions) for part in condition.all)
        and (not condition.any or any(truth(part, conditions) for part in condition.any))
        and not any(truth(part, conditions) for part in condition.none)
    )


def coverage(book: Rulebook, zone: tzinfo) -> Coverage:
    """By rule and condition how many of the book's tests saw it true, and how many false."""
    watch = Watch(book, zone)
    seen, true = Counter[str](), Counter[str]()
    for world in worlds(book):
        sight = watch.look(world)
        seen.update(sight.rules.keys())
        true.update([name for one in (sight.rules, sight.conditions) for name, value in one.items() if value])
    shown = [_covered(rule, seen[rule.key], true) for rule in book.rules]
    conditions = [one for rule in shown for one in rule["conditions"]]
    return {
        "rules": shown,
        "summary": {
            "rules": len(shown),
            "matched": sum(rule["matched"] > 0 for rule in shown),
            "conditions": len(conditions),
            "both_ways": sum(one["true"] > 0 and one["false"] > 0 for one in conditions),
        },
    }


def worlds(book: Rulebook) -> Iterator[World]:
    """The events of the book's own tests."""
    for test in book.tests:
        try:
            yield World.read(test.given, test.at)
        except ValueError:
            continue


def _covered(rule: Rule, seen: int, true: Mapping[str, int]) -> RuleSeen:
    """`seen`: how many events asked the rule; `true`: by key or path how often it held."""

    def counted(leaf: Leaf) -> ConditionSeen:
        held = true[leaf.path]
        return {"path": leaf.path, "field": leaf.field, "operator": leaf.operator, "true": held, "false": seen - held}

    return {
        "key": rule.key,
        "kind": rule.kind,
        "matched": true[rule.key],
        "not_matched": seen - true[rule.key],
        "conditions": [counted(leaf) for leaf in leaves(rule.when)],
    }


def _probes(rule: Rule) -> Iterator[Rule]:
    """A condition's path begins with a slash, which no rule's key has: they cannot be taken for each other."""
    for leaf in leaves(rule.when):
        yield Rule(leaf.path, rule.kind, "", rule.on, leaf, (), leaf.path)


def _after(world: World, judgement: Judgement) -> dict[str, Value]:
    """The facts as the routing rules see them."""
    found: dict[str, Value] = dict(world.given)
    singles: dict[str, Value] = {"severity": judgement.severity, "category": judgement.category, "priority": judgement.priority}
    singles |= {f"custom:{name}": value for name, value in judgement.custom_fields}
    found |= {field_of(slot): value for slot, value in singles.items() if value is not None}
    if judgement.tags_added or judgement.tags_removed:
        stood = found.get("tags")
        now = ({*stood} if isinstance(stood, tuple) else set()) | set(judgement.tags_added)
        found["tags"] = tuple(sorted(now - set(judgement.tags_removed))) or None
    if judgement.level:
        level = found.get("case.escalation_level")
        found["case.escalation_level"] = max(judgement.level, level if isinstance(level, int) else 0)
    return found
