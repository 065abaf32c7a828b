"""A decision's reasons as people say them: where it went, by which rule and because of what, and what it would have taken otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tsbridge.core.rules.language import Rule
from tsbridge.core.words import TEXT_FIELDS

Leaf = Mapping[str, Any]
"""A condition in the shape of contract section 6."""

_NAMES: Final = {
    "text": "the text",
    "text.requester": "the requester's text",
    "text.new": "what was added",
    "subject": "the subject",
    "tags": "the tags",
    "time.now": "the time",
}
_WORDS: Final = {
    "is": ("is", "is not"),
    "in": ("is one of", "is none of"),
    "contains": ("has", "does not have"),
    "contains_any": ("has one of", "has none of"),
    "contains_all": ("has all of", "does not have all of"),
    "starts_with": ("starts with", "does not start with"),
    "matches": ("matches", "does not match"),
    "includes": ("include", "do not include"),
    "includes_all": ("include all of", "do not include all of"),
    "less_than": ("is less than", "is not less than"),
    "at_most": ("is at most", "is more than"),
    "greater_than": ("is greater than", "is not greater than"),
    "at_least": ("is at least", "is less than"),
    "between": ("is between", "is not between"),
    "present": ("is known", "is not known"),
    "changed": ("changed", "did not change"),
    "changed_to": ("changed to", "did not change to"),
    "changed_from": ("changed from", "did not change from"),
    "within_hours": ("is within the hours of", "is not within the hours of"),
    "outside_hours": ("is outside the hours of", "is not outside the hours of"),
}
"""By operator how it is said that it holds, and that it does not."""
_OPPOSITES: Final = {"is_not": "is", "not_in": "in", **{f"not_{word}": word for word in _WORDS}}
_WITHOUT_VALUE: Final = frozenset({"present", "changed"})
_SETS: Final = {
    "set_severity": "severity",
    "set_category": "category",
    "set_priority": "priority",
    "escalate": "policy",
    "assign": "assignee",
}
_SHORT: Final = 60


@dataclass(frozen=True, slots=True)
class Author:
    """Who changed a rule last, when, and with which version."""

    version: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a decision is told by. `rules`: those that matched, in order, with their reasons; `written`: the rulebook's rules by key."""

    rules: Sequence[Mapping[str, Any]] = field(hash=False)
    near_misses: Sequence[Mapping[str, Any]] = field(hash=False)
    queue: str | None
    version: int
    written: Mapping[str, Rule] = field(hash=False)
    authors: Mapping[str, Author] = field(hash=False)


def sentences(told: Spoken) -> tuple[str, ...]:
    """Where it went and why, what else rules set and why, and what it would have taken to go elsewhere."""
    return tuple([*_went(told), *_set(told), *_would_have(told)])


def _went(told: Spoken) -> Iterator[str]:
    where = f"Went to {told.queue}" if told.queue is not None else "Went to no queue"
    chosen = next((rule for rule in told.rules if rule["kind"] == "routing"), None)
    yield f"{where} as before: no routing rule matched." if chosen is None else f"{where} because {_rule(told, chosen)}."


def _set(told: Spoken) -> Iterator[str]:
    for rule in told.rules:
        if rule["kind"] != "routing":
            what = _and(_does(told.written.get(rule["key"]))) or "Nothing"
            yield f"{what[0].upper()}{what[1:]} because {_rule(told, rule)}."


def _would_have(told: Spoken) -> Iterator[str]:
    for miss in told.near_misses:
        rule, conditions = told.written.get(miss["key"]), _and(_condition(leaf, leaf["wanted"]) for leaf in miss["missing"])
        there = None if rule is None else next((str(one.value) for one in rule.then if one.name == "route"), None)
        if there is not None and there != told.queue:
            yield f"Would have gone to {there} by rule {miss['key']} if {conditions}."
        elif rule is not None and there is None and (what := _and(_does(rule))):
            yield f"Rule {miss['key']} would have given {what} if {conditions}."


def _rule(told: Spoken, rule: Mapping[str, Any]) -> str:
    author = told.authors.get(rule["key"])
    changed = "" if author is None else f", last changed by {author.by} on {author.at.astimezone(UTC):%Y-%m-%d}"
    reasons = _and(_reason(leaf) for leaf in rule.get("because", ()) if "redacted_since" not in leaf)
    found = f"found {reasons}" if reasons else "matched" if rule.get("because") else "takes what no rule before it took"
    return f"rule {rule['key']} (version {told.version}{changed}) {found}"


def _does(rule: Rule | None) -> Iterator[str]:
    for action in () if rule is None else rule.then:
        if action.name in _SETS:
            yield f"{_SETS[action.name]} {action.value}"
        elif action.name in ("add_tags", "remove_tags"):
            yield f"{'tags' if action.name == 'add_tags' else 'without tags'} {', '.join(action.value)}"


def _reason(leaf: Leaf) -> str:
    if "found" in leaf and leaf["outcome"]:
        return f'"{leaf["found"]}" in {_name(leaf["field"])}'
    return f"that {_condition(leaf, leaf['outcome'])}{_it_was(leaf)}"


def _condition(leaf: Leaf, wanted: bool) -> str:
    operator = str(leaf["operator"])
    plain = _OPPOSITES.get(operator, operator)
    holds, fails = _WORDS.get(plain, (plain, f"not {plain}"))
    said = holds if wanted is (plain == operator) else fails
    return " ".join([_name(leaf["field"]), said, *([] if plain in _WITHOUT_VALUE else [_value(leaf["expected"])])])


def _it_was(leaf: Leaf) -> str:
    """The value, unless it is a text or what is expected says it already."""
    actual = leaf["actual"]
    if leaf["field"] in TEXT_FIELDS or isinstance(actual, dict) or actual == leaf["expected"]:
        return ""
    return f" (it was {_value(actual)})"


def _name(field: str) -> str:
    return _NAMES.get(field, field)


def _value(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, list | tuple):
        return ", ".join(_value(one) for one in value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _and(parts: Iterable[str]) -> str:
    every = list(parts)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}" if every else ""
