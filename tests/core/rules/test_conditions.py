"""Conditions: law 6, and that closures say what the tree says."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.core.rules import random_books
from tests.core.rules.agreement import ZONE
from tsbridge.core.moments import Value
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.compiled import Scans, compiled
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.document import read
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Leaf, leaves
from tsbridge.core.rules.text import find_word, fold

OPPOSITES = [(o.name, o.opposite) for o in vocabulary.OPERATORS if o.opposite] + [("outside_hours", "within_hours")]


def leaf(name: str, operator: str, value: Any) -> Leaf:
    condition = {"field": name, "operator": operator} | ({} if value is None else {"value": value})
    rules = [
        {"key": "one", "kind": "routing", "when": condition, "then": [{"route": "q"}]},
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "q"}]},
    ]
    book = read({"schema": 1, "queues": {"q": {}}, "calendars": random_books.CALENDARS, "rules": rules})
    (found,) = leaves(book.routing[0].when)
    return found


def values_for(operator: vocabulary.Operator, name: str) -> Any:
    if operator.value == "none":
        return [None]
    if operator.value == "calendar":
        return sorted(random_books.CALENDARS)
    known: list[Any] = (
        random_books.WORD_FIELDS.get(name) or random_books.NUMBER_FIELDS.get(name) or random_books.SETS.get(name) or [True, False]
    )
    if name in random_books.TEXT_FIELDS:
        known = random_books.WORDS
    return [[one] for one in known] if operator.value == "list" else known


@pytest.mark.parametrize(("negative", "positive"), OPPOSITES)
def test_law_6_not_x_is_exactly_not_x_whatever_the_value_and_when_it_is_missing(negative: str, positive: str) -> None:
    rng = Random(negative)  # noqa: S311
    operator = vocabulary.operator_named(negative)
    assert operator is not None
    words, numbers, flags = random_books.WORD_FIELDS, random_books.NUMBER_FIELDS, random_books.FLAGS
    names = [*words, *numbers, *flags, *random_books.SETS, *random_books.TEXT_FIELDS, "time.now"]
    asked = 0
    for name in names:
        if (field := vocabulary.field_named(name)) is None or field.type not in operator.types:
            continue
        for value in values_for(operator, name):
            no, yes = leaf(name, negative, value), leaf(name, positive, value)
            scans = Scans.of((no, yes))
            tests = compiled(no, scans), compiled(yes, scans)
            for _ in range(20):
                given = random_books.facts(rng)
                if rng.random() < 0.3:
                    given.pop(name, None)
                facts = Facts(given, random_books.facts(rng), random_books.instant(rng), ZONE, CALENDARS, None)
                assert leaf_holds(no, facts) is not leaf_holds(yes, facts)
                assert (tests[0](facts), tests[1](facts)) == (leaf_holds(no, facts), leaf_holds(yes, facts))
                asked += 1
    assert asked


CALENDARS = dict(
    read(
        {
            "schema": 1,
            "queues": {"q": {}},
            "calendars": random_books.CALENDARS,
            "rules": [{"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "q"}]}],
        }
    ).calendars
)


@pytest.mark.parametrize("missing", [None, "", ()])
@pytest.mark.parametrize("operator", [o.name for o in vocabulary.OPERATORS if o.opposite is None and o.value not in ("calendar",)])
def test_on_a_missing_value_the_positive_form_is_false(operator: str, missing: Value) -> None:
    known = vocabulary.operator_named(operator)
    assert known is not None
    name = {"set": "tags", "number": "call.wait_seconds", "text": "text"}.get(known.types[0], "ticket.status")
    value = {"none": None, "list": ["x"], "range": [0, 9], "number": 0, "pattern": ""}.get(known.value, "x")
    found = leaf(name, operator, value)
    facts = Facts({name: missing}, {name: missing}, random_books.instant(Random(1)), ZONE, CALENDARS, None)  # noqa: S311
    assert not leaf_holds(found, facts)
    assert not compiled(found, Scans.of([found]))(facts)


@pytest.mark.parametrize(
    ("text", "word", "stands"),
    [
        ("he was bitten.", "bitten", True),
        ("he was BITTEN", "Bitten", True),
        ("rabbit", "bit", False),
        ("bit-by-bit", "bit", True),
        ("the  big\n dog", "big dog", True),
        ("STRASSE", "straße", True),
        ("cafe\u0301", "CAFÉ", True),
        ("c++ and c", "c++", True),
        ("c++11", "c++", True),  # the word ends in no letter: nothing can be joined to it
        ("x2", "x", False),
        ("日本語", "日本", False),
        ("ﬁne", "fine", True),
    ],
)
def test_words_are_found_whole_without_regard_to_case_accents_and_spaces(text: str, word: str, stands: bool) -> None:
    assert (find_word(fold(text), fold(word)) >= 0) is stands
