"""What is found by bitmaps and by the index is what asking each condition finds; and a fault in them would be noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from random import Random
from typing import Any

import pytest

from tests.core.rules import random_books
from tests.core.rules.agreement import disagreements
from tsbridge.core.rules import bitmaps, columns, index, lookup
from tsbridge.core.rules.columns import Numbers, Values
from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.covers import NO_EFFECTS, Effects, Planner
from tsbridge.core.rules.document import read
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Leaf, Tree
from tsbridge.core.rules.lookup import Lookup
from tsbridge.core.rules.plan import scans_of


@pytest.fixture(autouse=True)
def every_field_is_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "NAMED", 0)


def differing(seed: int, rules: int = 120, moments: int = 40) -> int:
    """For how many of some random moments the lookup finds other conditions than asking each of them."""
    rng = Random(seed)  # noqa: S311
    document = random_books.document(rng, rules)
    for rule in document["rules"][::2]:  # flat ones as people write them
        rule["when"] = {
            part: [random_books.leaf(rng) for _ in range(rng.randint(1, 3))] for part in rng.choice([("all",), ("all", "none")])
        }
    book = read({**document, "rules": [*document["rules"][:-1], {**document["rules"][-1], "when": {}}]})
    conditions = {slot: rule.when for slot, rule in enumerate(book.escalation)}
    found_by = Lookup(conditions, scans_of(book.rules), NO_EFFECTS, NO_EFFECTS)
    differ = 0
    for _ in range(moments):
        given, previous, at = random_books.facts(rng), random_books.facts(rng), random_books.instant(rng)
        facts = Facts(given, previous, at, UTC, book.calendars, at)
        found = [slot for slot in found_by.candidates(facts) if found_by.rest[slot](facts)]
        differ += found != [slot for slot, condition in conditions.items() if holds(condition, facts)]
    return differ


@pytest.mark.parametrize("seed", range(12))
def test_what_is_found_is_what_is_true(seed: int) -> None:
    assert differing(seed) == 0


@pytest.mark.parametrize("seed", range(6))
def test_few_rules_would_be_found_as_well(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "FEW", 1)
    assert disagreements(seed, pairs=30, rules=6) == []


@pytest.mark.parametrize("seed", range(6))
def test_fewer_bounds_than_there_are_propose_more_and_lose_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BOUNDS", 2)
    monkeypatch.setattr(index, "CUTS", 2)
    assert differing(seed) == 0


@pytest.mark.parametrize("seed", range(6))
def test_those_that_share_a_token_are_filed_again_and_none_is_lost(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "CROWD", 1)
    monkeypatch.setattr(columns, "NAMED", 1.1)  # no columns: all is filed
    assert differing(seed) == 0


Spoil = Callable[[Any, Any], Any]
FAULTS: dict[str, tuple[object, str, Spoil]] = {
    "a rule that is not filed": (lookup, "tabled", lambda tabled, filed: tabled([*filed][1:])),
    "a rule that is not in the bitmaps": (lookup, "Bitmaps", lambda made, columns, asked: made(columns, dict([*asked.items()][1:]))),
    "less for at most": (Numbers, "accepted", lambda told, self, operator, of: told(self, LESS.get(operator, operator), of)),
    "at most for less": (Numbers, "accepted", lambda told, self, operator, of: told(self, MORE.get(operator, operator), of)),
    "no number as a number": (Numbers, "accepted", lambda told, self, operator, of: told(self, operator, of) | 1 << self.width - 1),
    "a value missing from a list": (Values, "accepted", lambda told, self, operator, of: told(self, operator, of[1:] or of)),
    "missing as a value": (Values, "accepted", lambda told, self, operator, of: told(self, operator, of) if of else self.whole),
    "a shared bit": (bitmaps, "_maps", lambda maps, refused, *more: maps([(slot & ~1, classes) for slot, classes in refused], *more)),
    "known by its place although it is not": (Planner, "settles", lambda settles, self, cover: True),
    "known although it is not": (Numbers, "settles", lambda settles, self, operator, of: True),
}
LESS = {"at_most": "less_than", "at_least": "greater_than"}
MORE = {less: more for more, less in LESS.items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, spoiled = FAULTS[fault]
    whole = getattr(where, name)
    if fault == "known although it is not":
        monkeypatch.setattr(columns, "BOUNDS", 2)
    if where in (Planner, lookup):
        monkeypatch.setattr(columns, "NAMED", 1.1)
    monkeypatch.setattr(where, name, lambda *given: spoiled(whole, *given))
    assert any(differing(seed) for seed in range(8))


@pytest.mark.parametrize("fault", ["taking a tag off", "setting a value"])
def test_forgetting_what_rules_set_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Effects.may_set
    tags = fault == "taking a tag off"
    monkeypatch.setattr(Effects, "may_set", lambda self, field, key=None: (field == "tags") is not tags and whole(self, field, key))
    assert any(disagreements(seed, pairs=30, rules=60) for seed in range(24))


def test_two_wishes_for_one_field_are_both_kept() -> None:
    conditions = {
        slot: Tree((Leaf("requester.contacts_24h", "at_least", slot), Leaf("requester.contacts_24h", "at_most", slot + 1)))
        for slot in range(40)
    }
    found_by = Lookup(conditions, scans_of(()), NO_EFFECTS, NO_EFFECTS)
    facts = Facts({"requester.contacts_24h": 7}, {}, random_books.instant(Random(1)), UTC, {}, None)  # noqa: S311
    assert list(found_by.candidates(facts)) == [6, 7]
    assert all(found_by.rest[slot](facts) for slot in (6, 7))


def test_true_is_not_one() -> None:
    conditions = {slot: Leaf("ticket.custom.77", "changed_from", slot % 2 == 0 if slot % 4 < 2 else slot % 2) for slot in range(40)}
    found_by = Lookup(conditions, scans_of(()), NO_EFFECTS, NO_EFFECTS)
    for before in (True, False, 1, 0):
        facts = Facts({"ticket.custom.77": "x"}, {"ticket.custom.77": before}, random_books.instant(Random(1)), UTC, {}, None)  # noqa: S311
        found = [slot for slot in found_by.candidates(facts) if found_by.rest[slot](facts)]
        assert found == [slot for slot, condition in conditions.items() if holds(condition, facts)] != []
