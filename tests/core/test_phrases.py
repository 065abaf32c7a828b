"""Words and phrases that rise are found; what people always say, and what only more of them say, is not."""

from __future__ import annotations

import random
from collections import Counter

from tsbridge.core.phrases import phrases, rising
from tsbridge.core.rates import BUDGET_OF_WORDS, rate_of

RATE = rate_of(BUDGET_OF_WORDS)
WORDS = [f"{first}{second}{third}" for first in "bdfgklm" for second in "aeiou" for third in ("nder", "rst", "lk", "mper", "sk")]


def world(seed: int, texts: int) -> dict[str, tuple[str, ...]]:
    """Texts of twelve words, some of which everybody uses."""
    chance = random.Random(seed)  # noqa: S311
    weights = [1 / place for place in range(1, len(WORDS) + 1)]
    return {f"case_{seed}_{number}": phrases(" ".join(chance.choices(WORDS, weights, k=12))) for number in range(texts)}


def counted(texts: dict[str, tuple[str, ...]]) -> Counter[str]:
    return Counter(phrase for told in texts.values() for phrase in told)


BEFORE = world(1, 1_000)


def test_a_text_is_its_words_and_pairs_of_words_without_numbers_and_addresses() -> None:
    assert phrases("The Chew-Toy broke. Café, OK? 4711 ana@x.example https://x.example/a don't") == ("broke", "cafe", "don't", "the")
    assert phrases("Chew toy broke! Chew toy.") == ("broke", "chew", "chew toy", "toy", "toy broke")
    assert len(phrases(" ".join(WORDS * 20))) <= 200


def test_nothing_rises_while_people_say_what_they_say_also_on_a_busy_day() -> None:
    for seed in range(2, 8):
        days = [world(100 * seed + day, 40) for day in range(6)]
        assert rising([*days, world(seed, 40)], counted(BEFORE), len(BEFORE), RATE) == ()
        assert rising([*days, world(seed, 200)], counted(BEFORE), len(BEFORE), RATE) == ()


def test_what_more_and_more_people_say_is_found_with_its_cases_and_told_once() -> None:
    days = [world(100 + day, 40) for day in range(6)]
    today = world(9, 40)
    recall = {f"recall_{number}": phrases(f"{WORDS[number]} chew toy {WORDS[number + 3]}") for number in range(9)}
    (found,) = rising([*days, {**today, **recall}], counted(BEFORE), len(BEFORE), RATE)
    assert (found.phrase, found.days, found.count) == ("chew toy", 1, 9)
    assert sorted(found.cases) == sorted(recall)


def test_of_few_texts_nothing_is_said() -> None:
    recall = {f"recall_{number}": ("chew toy",) for number in range(30)}
    assert rising([recall], {}, 150, RATE) == ()
    assert len(rising([recall], {}, 300, RATE)) == 1
