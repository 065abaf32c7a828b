"""Other rule engines, each in its best form, doing the same work: which rules match one moment's facts.

Facts are handed to them as they like them best (flat names, text between spaces so that a word is found by containing it), and
preparing that is not counted. What is not installed is left out; `requirements-bench.lock` holds what was compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tsbridge.core.rules.covers import NO_EFFECTS
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf, Rulebook
from tsbridge.core.rules.plan import Plan, scans_of

LONGEST = 80_000
"""Characters of one CEL expression: the C++ compiler takes 100,000."""
Match = Callable[[Any], list[int]]
"""From prepared facts to the places of the rules that match, in order."""
Contender = tuple[str, Callable[[Mapping[str, Any]], Any], Match]
"""A name, how facts are prepared, and the match."""


def name_of(field: str) -> str:
    return "f_" + field.replace(".", "_")


def flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as peers get them: every field there, nothing for a missing one."""
    found = {name_of(field): list(value) if isinstance(value, tuple) else value for field, value in facts.items()}
    for text in ("f_text", "f_subject"):
        found[text] = f" {found[text]} "
    for maybe in ("f_requester_phone", "f_ticket_external_id", "f_ticket_assignee_id"):
        found.setdefault(maybe, None)
    return found


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


def ours(book: Rulebook, facts_of: Callable[[Mapping[str, Any]], Facts], *, indexed: bool) -> Contender:
    """Our judge's first pass; without its index every rule's closure is asked: the naive way."""
    plan = Plan(book.escalation, scans_of(book.escalation), NO_EFFECTS, NO_EFFECTS)
    every = range(len(plan.rules))

    def match(facts: Facts) -> list[int]:
        return [slot for slot in (plan.candidates(facts) if indexed else every) if plan.holds(slot, facts)]

    return "tsbridge" if indexed else "naive closures", facts_of, match


def zen(book: Rulebook) -> Contender:
    import zen as engine

    compiled = engine.compile_expression("[" + ", ".join(expression(rule.when, ZEN) for rule in book.escalation) + "]")
    return "zen-engine, one array", flat, lambda facts: [place for place, hit in enumerate(compiled.evaluate(facts)) if hit]


def cel_rust(book: Rulebook) -> Contender:
    import cel

    program = cel.compile("[" + ", ".join(expression(rule.when, CEL) for rule in book.escalation) + "]")
    return "CEL (Rust), one array", flat, lambda facts: [place for place, hit in enumerate(program.execute(facts)) if hit]


def cel_cpp(book: Rulebook) -> Contender:
    from cel_expr_python import cel

    fields = sorted({name_of(leaf.field) for rule in book.escalation for leaf in _leaves(rule.when)})
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

    return "CEL (C++), arrays", prepared, match


def clips(book: Rulebook) -> Contender:
    """Facts as (f <name> <value>), one per value; keywords and patterns as tests: CLIPS has no text search."""
    import clips as engine

    environment = engine.Environment()
    environment.eval("(set-strategy depth)")
    hits: list[int] = []
    environment.define_function(lambda place: hits.append(int(place)), name="hit")
    environment.define_function(_has_word, name="has-word")
    environment.define_function(_has_match, name="has-match")
    environment.build("(deftemplate m (slot text) (slot subject) (multislot tags) (multislot absent))")
    environment.build("(deftemplate v (slot name) (slot value))")
    for place, rule in enumerate(book.escalation):
        environment.build(f"(defrule r{place} (m (text ?t) (subject ?s) (tags $?g) (absent $?z)) {_clips(rule.when)} => (hit {place}))")

    def match(asserted: str) -> list[int]:
        hits.clear()
        environment.reset()
        environment.load_facts(asserted)
        environment.run()
        return sorted(set(hits))

    return "CLIPS", _clips_facts, match


def _clips(condition: Condition) -> str:
    if isinstance(condition, Leaf):
        return _clips_leaf(condition)
    parts = [_clips(part) for part in condition.all]
    if condition.any:
        parts.append("(or " + " ".join(f"(and {_clips(part)})" for part in condition.any) + ")")
    parts += [f"(not (and {_clips(part)}))" for part in condition.none]
    return " ".join(parts)


def _clips_leaf(leaf: Leaf) -> str:
    name, value = name_of(leaf.field), leaf.value

    def slot(pattern: str) -> str:
        return f"(v (name {name}) (value {pattern}))"

    match leaf.operator:
        case "is":
            return slot(json.dumps(value))
        case "in":
            return slot("|".join(json.dumps(one) for one in value))
        case "includes":
            return f"(test (member$ {json.dumps(value)} ?g))"
        case "contains" | "contains_any":
            tests = " ".join(f'(has-word ?t " {word} ")' for word in leaf.words)
            return f"(test (or {tests} FALSE))"
        case "matches":
            pattern = value.removeprefix("(?i)").replace("\\", "\\\\")
            return f'(test (has-match ?s "{pattern}"))'
        case "at_least":
            return slot(f"?x{_serial()}&:(>= ?x{_last()} {value})")
        case "at_most":
            return slot(f"?x{_serial()}&:(<= ?x{_last()} {value})")
        case "between":
            return slot(f"?x{_serial()}&:(and (>= ?x{_last()} {value[0]}) (<= ?x{_last()} {value[1]}))")
        case "present":
            return f"(test (not (member$ {name} ?z)))"
    return f"(test (neq FALSE (member$ {name} ?z)))"


_COUNT = [0]


def _serial() -> int:
    _COUNT[0] += 1
    return _COUNT[0]


def _last() -> int:
    return _COUNT[0]


def _clips_facts(facts: Mapping[str, Any]) -> str:
    whole = flat(facts)
    tags = " ".join(json.dumps(tag) for tag in whole["f_tags"])
    absent = " ".join(name for name, value in whole.items() if value is None)
    told = [f"(m (text {json.dumps(whole['f_text'])}) (subject {json.dumps(whole['f_subject'])}) (tags {tags}) (absent {absent}))"]
    for name, value in whole.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and name not in ("f_text", "f_subject"):
            told.append(f"(v (name {name}) (value {json.dumps(value)}))")
    return "\n".join(told)


def _has_word(text: str, word: str) -> bool:
    return word in text


def _has_match(text: str, pattern: str) -> bool:
    import re2

    return re2.search(pattern, text) is not None


def _leaves(condition: Condition) -> list[Leaf]:
    from tsbridge.core.rules.language import leaves

    return list(leaves(condition))
