"""Other rule engines, each in its best form, doing the same work: which rules match one moment's facts.

Facts are prepared as each of us likes them best, and preparing is counted for nobody: folded text, values in the form they are
compared in, flat names. Finding words and patterns in the text is part of the work. What is not installed is left out;
`requirements-bench.lock` holds what was compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from tsbridge.core.rules.compiled import cost
from tsbridge.core.rules.covers import NO_EFFECTS
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf, Rulebook, Tree, leaves
from tsbridge.core.rules.plan import Plan, scans_of

AT: Final = datetime(2026, 11, 22, 9, tzinfo=UTC)
LONGEST: Final = 80_000
"""Characters of one CEL expression: the C++ compiler takes 100,000."""
Match = Callable[[Any], list[int]]
"""From prepared facts to the places of the rules that match, in order."""


class Contender(NamedTuple):
    """A name, how facts are prepared, and the match."""

    name: str
    prepare: Callable[[Mapping[str, Any]], Any]
    match: Match


def name_of(field: str) -> str:
    return "f_" + field.replace(".", "_")


def flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as peers get them: every field there, nothing for a missing one, text between spaces so that a word is found whole."""
    found = {name_of(field): list(value) if isinstance(value, tuple) else value for field, value in facts.items()}
    for text in ("f_text", "f_subject"):
        found[text] = f" {found[text]} "
    for maybe in ("f_requester_phone", "f_ticket_external_id", "f_ticket_assignee_id"):
        found.setdefault(maybe, None)
    return found


def cheap_first(book: Rulebook) -> Rulebook:
    """The same rules, in each the conditions first that are cheap to ask: what fails at once is asked no further by anybody."""
    return replace(book, escalation=tuple(rule._replace(when=_ordered(rule.when)) for rule in book.escalation))


def _ordered(condition: Condition) -> Condition:
    if isinstance(condition, Leaf):
        return condition
    return Tree(*(tuple(sorted(map(_ordered, parts), key=cost)) for parts in condition))


# Ourselves


def ready(book: Rulebook) -> Callable[[Mapping[str, Any]], Facts]:
    """Our own facts: texts folded, words in lower case, numbers as numbers, tags as sets; missing fields known to be missing."""
    read = sorted({(leaf.field, leaf.operator) for rule in book.escalation for leaf in leaves(rule.when)})
    texts = {field for field, operator in read if operator.startswith("contains")}
    numbers = {field for field, operator in read if operator in ("at_least", "at_most", "between")}
    sets = {field for field, operator in read if operator == "includes"}
    keys = {field for field, operator in read if operator in ("is", "in", "present", "not_present")}

    def prepare(given: Mapping[str, Any]) -> Facts:
        facts = Facts(given, {}, AT, UTC, book.calendars, None)
        for form, fields in ((facts.folded, texts), (facts.numbers, numbers), (facts.members, sets), (facts.keys, keys)):
            for field in fields:
                form[field]  # made when it is first asked for
        return facts

    return prepare


def ours(book: Rulebook, *, indexed: bool) -> Contender:
    """Our judge's first pass; without its index every rule's closure is asked: the naive way."""
    plan = Plan(book.escalation, scans_of(book.escalation), NO_EFFECTS, NO_EFFECTS)
    every, tests, rest = range(len(plan.rules)), plan.tests, plan.rest

    def match(facts: Facts) -> list[int]:
        return [slot for slot in plan.candidates(facts) if rest[slot](facts)]

    def match_naively(facts: Facts) -> list[int]:
        return [slot for slot in every if tests[slot](facts)]

    return Contender("tsbridge", ready(book), match) if indexed else Contender("naive closures", ready(book), match_naively)


def ours_from_scratch(book: Rulebook) -> Contender:
    """The same with preparing counted, as it is when a moment comes in."""
    _, prepare, match = ours(book, indexed=True)
    return Contender("tsbridge, preparing counted", dict, lambda given: match(prepare(given)))


# Expression languages


def expression(condition: Condition, words: Mapping[str, Callable[[str, str], str]]) -> str:
    """A condition in the common subset of expression languages; `words` has what they write differently."""
    if isinstance(condition, Leaf):
        return _leaf(condition, words)
    parts = [expression(part, words) for part in condition.all]
    if condition.any:
        parts.append("(" + words["or"]("", "").join(expression(part, words) for part in condition.any) + ")")
    parts += [f"{words['not']('', '')}({expression(part, words)})" for part in condition.none]
    return "(" + words["and"]("", "").join(parts) + ")"


def _leaf(leaf: Leaf, words: Mapping[str, Callable[[str, str], str]]) -> str:
    name, value = name_of(leaf.field), leaf.value
    match leaf.operator:
        case "is":
            return f"{name} == {json.dumps(value)}"
        case "in":
            return f"{name} in {json.dumps(list(value))}"
        case "includes":
            return f"{json.dumps(value)} in {name}"
        case "contains" | "contains_any":
            return "(" + words["or"]("", "").join(words["contains"](name, f" {word} ") for word in leaf.words) + ")"
        case "matches":
            return words["matches"](name, value.removeprefix("(?i)"))
        case "at_least":
            return f"{name} >= {value}"
        case "at_most":
            return f"{name} <= {value}"
        case "between":
            return f"({name} >= {value[0]} {words['and']('', '').strip()} {name} <= {value[1]})"
        case "present":
            return f"{name} != null"
        case "not_present":
            return f"{name} == null"
    raise ValueError(leaf.operator)


ZEN: dict[str, Callable[[str, str], str]] = {
    "and": lambda *_: " and ",
    "or": lambda *_: " or ",
    "not": lambda *_: "not ",
    "contains": lambda name, word: f"contains({name}, '{word}')",
    "matches": lambda name, pattern: f"matches({name}, '{pattern}')",
}
CEL: dict[str, Callable[[str, str], str]] = {
    "and": lambda *_: " && ",
    "or": lambda *_: " || ",
    "not": lambda *_: "!",
    "contains": lambda name, word: f"{name}.contains('{word}')",
    "matches": lambda name, pattern: f"{name}.matches(r'{pattern}')",
}
RULE_ENGINE: dict[str, Callable[[str, str], str]] = {
    **ZEN,
    "contains": lambda name, word: f"'{word}' in {name}",
    "matches": lambda name, pattern: f"{name} =~~ {json.dumps(pattern)}",
}


def zen(book: Rulebook) -> Contender:
    import zen as engine

    compiled = engine.compile_expression("[" + ", ".join(expression(rule.when, ZEN) for rule in book.escalation) + "]")
    return Contender("zen-engine", flat, lambda facts: [place for place, hit in enumerate(compiled.evaluate(facts)) if hit])


def cel_rust(book: Rulebook) -> Contender:
    import cel

    program = cel.compile("[" + ", ".join(expression(rule.when, CEL) for rule in book.escalation) + "]")
    return Contender("CEL (Rust)", flat, lambda facts: [place for place, hit in enumerate(program.execute(facts)) if hit])


def cel_cpp(book: Rulebook) -> Contender:
    from cel_expr_python import cel

    fields = sorted({name_of(leaf.field) for rule in book.escalation for leaf in leaves(rule.when)})
    env = cel.NewEnv(variables={name: cel.Type.DYN for name in fields})
    arrays: list[list[str]] = [[]]
    for rule in book.escalation:
        written = expression(rule.when, CEL)
        if sum(map(len, arrays[-1])) + len(written) > LONGEST:
            arrays.append([])
        arrays[-1].append(written)
    compiled = [env.compile("[" + ", ".join(array) + "]") for array in arrays]

    def match(facts: Any) -> list[int]:
        hits = [hit for array in compiled for hit in array.eval(data=facts).plain_value()]
        return [place for place, hit in enumerate(hits) if hit]

    def prepared(facts: Mapping[str, Any]) -> dict[str, Any]:
        whole = flat(facts)
        return {name: whole[name] for name in fields}

    return Contender("CEL (C++)", prepared, match)


def rule_engine(book: Rulebook) -> Contender:
    import rule_engine as engine

    context = engine.Context(default_value=None)
    rules = [engine.Rule(expression(rule.when, RULE_ENGINE), context=context) for rule in book.escalation]
    return Contender("rule-engine", flat, lambda facts: [place for place, rule in enumerate(rules) if rule.matches(facts)])
