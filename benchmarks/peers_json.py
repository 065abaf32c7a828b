"""Engines whose rules are JSON: JSON-Logic and business-rules, each asked rule by rule as they are meant to be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.peers import Contender, flat, name_of
from tsbridge.core.rules.language import Condition, Leaf, Rulebook, leaves

NUMBERS = ("at_least", "at_most", "between")


def json_logic(book: Rulebook) -> Contender:
    from json_logic import jsonLogic
    from json_logic.builtins import BUILTINS

    compiled: dict[str, re.Pattern[str]] = {}

    def matches(data: Any, text: str, pattern: str) -> bool:
        found = compiled.get(pattern)
        if found is None:
            found = compiled[pattern] = re.compile(pattern)
        return found.search(text) is not None

    operations = {**BUILTINS, "matches": matches}
    rules = [_logic(rule.when) for rule in book.escalation]
    return Contender("JSON-Logic", flat, lambda facts: [n for n, hit in enumerate(jsonLogic(rules, facts, operations)) if hit])


def _logic(condition: Condition) -> Any:
    if isinstance(condition, Leaf):
        return _logic_leaf(condition)
    parts = [_logic(part) for part in condition.all]
    if condition.any:
        parts.append({"or": [_logic(part) for part in condition.any]})
    parts += [{"!": [_logic(part)]} for part in condition.none]
    return {"and": parts}


def _logic_leaf(leaf: Leaf) -> Any:
    variable, value = {"var": name_of(leaf.field)}, leaf.value
    match leaf.operator:
        case "is":
            return {"===": [variable, value]}
        case "in":
            return {"in": [variable, list(value)]}
        case "includes":
            return {"in": [value, variable]}
        case "contains" | "contains_any":
            return {"or": [{"in": [f" {word} ", variable]} for word in leaf.words]}
        case "matches":
            return {"matches": [variable, value.removeprefix("(?i)")]}
        case "at_least":
            return {">=": [variable, value]}
        case "at_most":
            return {"<=": [variable, value]}
        case "between":
            return {"<=": [value[0], variable, value[1]]}
        case "present":
            return {"!==": [variable, None]}
    return {"===": [variable, None]}


def business_rules(book: Rulebook) -> Contender:
    """It has no `not`: what must not hold is asked behind what must."""
    from business_rules.engine import check_conditions_recursively as holds
    from business_rules.operators import NumericType, SelectType, StringType
    from business_rules.variables import BaseVariables, rule_variable

    kinds: dict[str, Any] = {"f_source": StringType}
    for rule in book.escalation:
        for leaf in leaves(rule.when):
            kind = NumericType if leaf.operator in NUMBERS else SelectType if leaf.operator == "includes" else StringType
            kinds[name_of(leaf.field)] = kind

    def variable(name: str, kind: Any) -> Callable[[Any], Any]:
        def read(self: Any) -> Any:
            return self.facts[name]

        return rule_variable(kind)(read)  # type: ignore[no-any-return]

    moment = type("Moment", (BaseVariables,), {name: variable(name, kind) for name, kind in kinds.items()})
    rules = [(_conditions(rule.when), [_conditions(part) for part in _excluded(rule.when)]) for rule in book.escalation]

    def prepare(facts: Mapping[str, Any]) -> Any:
        prepared = moment()
        prepared.facts = flat(facts)
        return prepared

    def match(facts: Any) -> list[int]:
        return [n for n, (wanted, excluded) in enumerate(rules) if holds(wanted, facts) and not any(holds(one, facts) for one in excluded)]

    return Contender("business-rules", prepare, match)


def _excluded(condition: Condition) -> list[Condition]:
    parts = () if isinstance(condition, Leaf) else condition.all
    found = [one for part in parts if not isinstance(part, Leaf) for one in part.none]
    missing = [leaf for part in parts if isinstance(part, Leaf) and part.operator == "not_present" for leaf in (part,)]
    return found + [Leaf(leaf.field, "present") for leaf in missing]


def _conditions(condition: Condition) -> Any:
    if isinstance(condition, Leaf):
        return _condition(condition)
    parts = [_conditions(part) for part in condition.all if not _is_exclusion(part)]
    if condition.any:
        parts.append({"any": [_conditions(part) for part in condition.any]})
    return {"all": parts or [{"name": "f_source", "operator": "non_empty", "value": ""}]}


def _is_exclusion(part: Condition) -> bool:
    return part.operator == "not_present" if isinstance(part, Leaf) else bool(part.none)


def _condition(leaf: Leaf) -> Any:
    name, value = name_of(leaf.field), leaf.value

    def said(operator: str, value: Any) -> dict[str, Any]:
        return {"name": name, "operator": operator, "value": value}

    match leaf.operator:
        case "is":
            return said("equal_to", value)
        case "in":
            return {"any": [said("equal_to", one) for one in value]}
        case "includes":
            return said("contains", value)
        case "contains" | "contains_any":
            return {"any": [said("contains", f" {word} ") for word in leaf.words]}
        case "matches":
            return said("matches_regex", value.removeprefix("(?i)"))
        case "at_least":
            return said("greater_than_or_equal_to", value)
        case "at_most":
            return said("less_than_or_equal_to", value)
        case "between":
            return {"all": [said("greater_than_or_equal_to", value[0]), said("less_than_or_equal_to", value[1])]}
        case "not_present":
            return said("equal_to", "")
    return said("non_empty", "")
