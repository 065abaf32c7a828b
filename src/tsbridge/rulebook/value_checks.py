"""Values that a field never has, where it is known what it can have: mostly a slip of the pen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any, Final

from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.findings import Finding, escape, nearest
from tsbridge.core.rules.language import Leaf, Policy, Rule, Rulebook, Test, leaves
from tsbridge.core.values import as_key
from tsbridge.rulebook.worlds import PREVIOUS, World

MOST: Final = 100
"""Findings about tests that are told."""
COMPARING: Final = ("is", "is_not", "in", "not_in", "changed_to", "changed_from", "includes", "not_includes", "includes_all")


def strange_values(book: Rulebook, rules: Iterable[Rule], policies: Iterable[Policy]) -> Iterator[Finding]:
    """Values in conditions of these rules and policies that their fields never have."""
    for rule in rules:
        yield from _strange(book, leaves(rule.when), rule.key)
    for policy in policies:
        for condition in policy.conditions:
            yield from _strange(book, leaves(condition), None)


def _strange(book: Rulebook, among: Iterable[Leaf], rule: str | None) -> Iterator[Finding]:
    for leaf in among:
        known = _known(book, leaf.field)
        if leaf.operator not in COMPARING:
            continue
        several = isinstance(leaf.value, tuple)
        for place, value in enumerate(leaf.value if several else (leaf.value,)):
            word = as_key(value)
            at = f"{leaf.path}/value"
            if several and _written_out(book.document, at):
                at += f"/{place}"
            if leaf.field == "tags" and len(word.split()) != 1:
                yield Finding("warning", "unknown_value", "a tag never has spaces in it, and is never empty", at, rule)
            elif leaf.field == "changed" and vocabulary.field_named(word) is None:
                words = f"there is no field of this name{nearest(word, (one.name for one in vocabulary.FIELDS))}"
                yield Finding("warning", "unknown_value", words, at, rule)
            elif known is not None and word not in known:
                yield Finding("warning", "unknown_value", f"{leaf.field} never has this value{nearest(word, known)}", at, rule)


def _known(book: Rulebook, field: str) -> Sequence[str] | None:
    """All the words a field can have, folded; None where nobody knows."""
    if field == "case.queue":
        return [name.casefold() for name in book.queues]
    if field == "case.channels":
        return vocabulary.CHANNELS
    found = vocabulary.field_named(field)
    return None if found is None or not found.choices else found.choices


def _written_out(document: Any, path: str) -> bool:
    """Whether a list stands there itself, not the name of one."""
    for step in path.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return isinstance(document, list)


# -- tests ---------------------------------------------------------------------------------------------------------------


def hopeless_tests(book: Rulebook) -> Iterator[Finding]:
    """Tests that fail whatever the rules do: they expect what is nowhere, or a time that is none."""
    rules = {rule.key for rule in book.rules}
    names = {"queue": ("queue", book.queues.keys()), "rules": ("rule", rules), "escalations": ("policy", book.policies.keys())}
    found = (finding for test in book.tests for part in (_nowhere(test, names), _misshapen(test), _never_given(test)) for finding in part)
    yield from islice(found, MOST)


def _nowhere(test: Test, names: Mapping[str, tuple[str, Set[str]]]) -> Iterator[Finding]:
    for name, (what, known) in names.items():
        expected = test.expect.get(name)
        for place, one in enumerate(expected) if isinstance(expected, list) else ((None, expected),):
            if one is not None and not (isinstance(one, str) and one in known):
                at = f"{test.path}/expect/{name}" + ("" if place is None else f"/{place}")
                yield Finding("warning", "test_fails", f"this test cannot pass: there is no such {what}{nearest(one, known)}", at)


SHAPES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "severity": (lambda value: value in (1, 2, 3, 4, None) and not isinstance(value, bool), "a severity from 1 to 4"),
    "category": (lambda value: value is None or isinstance(value, str), "a word"),
    "priority": (lambda value: value in (*vocabulary.PRIORITIES, None), "low, normal, high or urgent"),
    "queue": (lambda value: isinstance(value, str), "the name of a queue"),
    **dict.fromkeys(("tags", "rules", "escalations"), (lambda value: isinstance(value, list), "a list of words")),
}


def _misshapen(test: Test) -> Iterator[Finding]:
    for name, (fits, expected) in SHAPES.items():
        if name in test.expect and not fits(test.expect[name]):
            words = f"this test cannot pass: expected {expected}"
            yield Finding("warning", "test_fails", words, f"{test.path}/expect/{name}")
    try:
        World.read({}, test.at)
    except ValueError:
        yield Finding("warning", "test_fails", "this test cannot pass: expected a time like 2026-11-22T09:16:02Z", f"{test.path}/at")


def _never_given(test: Test) -> Iterator[Finding]:
    """Given words that no event brings: such a test proves nothing."""
    for name, value in test.given.items():
        known = vocabulary.field_named(name.removeprefix(PREVIOUS))
        if known is not None and known.choices and isinstance(value, str) and value not in ("", *known.choices):
            at = f"{test.path}/given/{escape(name)}"
            yield Finding("warning", "unknown_value", f"{known.name} never has this value{nearest(value, known.choices)}", at)
