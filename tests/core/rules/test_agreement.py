"""Law 7: the indexed judge says what the slow reader says, in results and in explanations."""

from __future__ import annotations

from random import Random

import pytest

from tests.core.rules import random_books
from tests.core.rules.agreement import ZONE, disagreements
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.lookup import FEW


@pytest.mark.parametrize("seed", range(20))
def test_a_small_rulebook_is_judged_as_the_contract_says(seed: int) -> None:
    assert disagreements(seed, pairs=30, rules=8) == []


@pytest.mark.parametrize("seed", range(100, 108))
def test_a_rulebook_with_an_index_is_judged_as_the_contract_says(seed: int) -> None:
    assert disagreements(seed, pairs=30, rules=2 * FEW) == []


def test_a_rulebook_with_nested_tables_is_judged_as_the_contract_says() -> None:
    assert disagreements(7, pairs=12, rules=1_000) == []


def test_conditions_may_stand_in_any_order_and_rules_that_never_match_may_be_added() -> None:
    rng = Random(5)  # noqa: S311
    document = random_books.document(rng, 2 * FEW)
    never = {"all": [{"field": "tags", "operator": "includes", "value": "vip"}, {"field": "tags", "operator": "not_present"}]}
    more = [{"key": f"never{n}", "kind": "escalation", "when": never, "then": [{"add_tags": ["ts_never"]}]} for n in range(9)]
    rules = document["rules"]
    other = {
        **document,
        "rules": [*more[:4], *({**rule, "when": shuffled(rng, rule["when"])} for rule in rules[:-1]), *more[4:], rules[-1]],
    }
    one, another = Judge(read(document), ZONE), Judge(read(other), ZONE)
    for _ in range(100):
        given, previous, at = random_books.facts(rng), random_books.facts(rng), random_books.instant(rng)
        assert one.decide(given, previous, Standing(), at) == another.decide(given, previous, Standing(), at)


def shuffled(rng: Random, when: dict) -> dict:  # type: ignore[type-arg]
    if "field" in when:
        return when
    return {
        part: [shuffled(rng, one) for one in rng.sample(branch, len(branch))] for part, branch in rng.sample(list(when.items()), len(when))
    }
