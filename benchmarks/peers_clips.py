"""CLIPS, in the form that was the fastest of those tried: one fact a moment, a slot a field, each rule one pattern over its slots.

CLIPS has no text search: words and patterns are found for it by the same scans that we use, as part of the work, and handed over as
slots of many values. Facts of their own for each value, joined by the Rete network, took three to ten times as long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from benchmarks.peers import AT, Contender, flat, name_of
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf, Rulebook, leaves
from tsbridge.core.rules.plan import scans_of

WORDS = ("contains", "contains_any")
KEPT: list[Any] = []
"""Environments are never freed: the library reports what it leaks by itself in the middle of our tables."""


def clips(book: Rulebook) -> Contender:
    import clips as engine

    scans = scans_of(book.escalation)
    every = [leaf for rule in book.escalation for leaf in leaves(rule.when)]
    many = {_slot(leaf) for leaf in every if leaf.operator in (*WORDS, "matches", "includes")}
    slots = sorted({_slot(leaf) for leaf in every}, key=lambda slot: (slot in many, slot))
    looked_through = sorted({(leaf.field, leaf.operator == "matches") for leaf in every if leaf.operator in (*WORDS, "matches")})
    environment, hits, nothing = engine.Environment(), [], engine.Symbol("nil")
    environment.define_function(lambda place: hits.append(int(place)), name="hit")
    environment.build("(deftemplate m " + " ".join(f"({'multislot' if slot in many else 'slot'} {slot})" for slot in slots) + ")")
    for place, rule in enumerate(book.escalation):
        environment.build(f"(defrule r{place} {_pattern(rule.when, slots, many)} => (hit {place}))")
    KEPT.append(environment)
    template = environment.find_template("m")
    plain = [slot for slot in slots if slot not in {_named(*one) for one in looked_through}]

    def prepare(given: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
        whole = flat(given)
        return {slot: nothing if whole[slot] is None else whole[slot] for slot in plain}, given

    def match(prepared: tuple[dict[str, Any], Mapping[str, Any]]) -> list[int]:
        told, given = prepared
        facts = Facts(given, {}, AT, UTC, book.calendars, None)
        for field, patterns in looked_through:
            told[_named(field, patterns)] = sorted(scans.patterns(facts, field) if patterns else scans.words(facts, field))
        hits.clear()
        environment.reset()
        template.assert_fact(**told)
        environment.run()
        return sorted(set(hits))

    return Contender("CLIPS", prepare, match)


def _named(field: str, patterns: bool) -> str:
    return f"{name_of(field)}_{'patterns' if patterns else 'words'}"


def _slot(leaf: Leaf) -> str:
    return _named(leaf.field, leaf.operator == "matches") if leaf.operator in (*WORDS, "matches") else name_of(leaf.field)


def _pattern(condition: Condition, slots: list[str], many: set[str]) -> str:
    parts = (condition,) if isinstance(condition, Leaf) else condition.all
    own: dict[str, list[Leaf]] = {}
    tests: list[str] = []
    bound: set[str] = set()
    for part in parts:
        if isinstance(part, Leaf):
            own.setdefault(_slot(part), []).append(part)
            continue
        bound.update(_slot(leaf) for leaf in leaves(part))
        if part.any:
            tests.append("(or " + " ".join(_said(leaf) for leaf in leaves(part)) + ")")
        tests += [f"(not {_said(leaf)})" for one in part.none for leaf in leaves(one)]
    written = [
        f"({slot} {'$?' if slot in many else '?'}{slot}" + "".join(f"&:{_said(leaf)}" for leaf in own.get(slot, ())) + ")"
        for slot in slots
        if slot in own or slot in bound
    ]
    return f"(m {' '.join(written)}) " + " ".join(f"(test {test})" for test in tests)


def _said(leaf: Leaf) -> str:
    variable, value = f"?{_slot(leaf)}", leaf.value
    match leaf.operator:
        case "is":
            return f"(eq {variable} {json.dumps(value)})"
        case "in":
            return _one_of([f"(eq {variable} {json.dumps(one)})" for one in value])
        case "includes" | "matches":
            return f"(member$ {json.dumps(value)} {variable})"
        case "contains" | "contains_any":
            return _one_of([f"(member$ {json.dumps(word)} {variable})" for word in leaf.words])
        case "at_least":
            return f"(>= {variable} {value})"
        case "at_most":
            return f"(<= {variable} {value})"
        case "between":
            return f"(<= {value[0]} {variable} {value[1]})"
        case "present":
            return f"(neq {variable} nil)"
    return f"(eq {variable} nil)"


def _one_of(tests: list[str]) -> str:
    return tests[0] if len(tests) == 1 else f"(or {' '.join(tests)})"
