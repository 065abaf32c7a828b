"""What it would have taken: the fewest conditions that would have had to be otherwise, against counting all the ways."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.rulebook.books import ZONE, book, leaf, rule
from tests.seeds import examples
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge, Near
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.language import leaves
from tsbridge.core.rules.shown import near_misses
from tsbridge.rulebook.coverage import Watch, truth
from tsbridge.rulebook.worlds import WORKDAY, World

TAGS = "abcdef"
LEAVES = st.builds(lambda tag, plain: leaf("tags", "includes" if plain else "not_includes", tag), st.sampled_from(TAGS), st.booleans())
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(st.sampled_from(("all", "any", "none")), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=2),
    max_leaves=8,
)
ACTIONS = st.builds(lambda name, tag: {name: [tag]}, st.sampled_from(("add_tags", "remove_tags")), st.sampled_from(TAGS)) | st.just(
    {"notify": "x"}
)


def explained(document: Any, given: Mapping[str, Any]) -> Any:
    return Judge(read(document), ZONE).explain(given, {}, Standing(), WORKDAY)[0]


@examples(40, 150)
@given(CONDITIONS, st.sets(st.sampled_from(TAGS)))
def test_no_smaller_set_of_conditions_would_have_done(condition: Any, tags: set[str]) -> None:
    document = book(rule("a", condition, {"notify": "x"}))
    facts = {"source": "zendesk", "tags": tuple(sorted(tags))}
    shown = explained(document, facts)
    made = read(document)
    (one,) = made.escalation
    sight = Watch(made, ZONE).look(World(facts))
    assert shown.matched is sight.rules["a"]
    paths = [part.path for part in leaves(one.when)]

    def matches_with(turned: tuple[str, ...]) -> bool:
        return truth(one.when, {path: value is not (path in turned) for path, value in sight.conditions.items()})

    if shown.matched:
        assert shown.missing == ()
        return
    least = next((n for n in range(1, len(paths) + 1) if any(matches_with(some) for some in combinations(paths, n))), 0)
    assert len(shown.missing) == least
    named = [(part["operator"], part["expected"]) for part in shown.missing]
    ways = [some for some in combinations(paths, least) if matches_with(some)]
    by_path = {part.path: (part.operator, part.value) for part in leaves(one.when)}
    assert least == 0 or sorted(named) in [sorted(by_path[path] for path in way) for way in ways]


@examples(25, 100)
@example([({}, {"add_tags": ["a"]}), (leaf("tags", "includes", "a"), {"notify": "x"})], set(), 1, 4)
@given(
    st.lists(st.tuples(CONDITIONS, ACTIONS), min_size=1, max_size=8), st.sets(st.sampled_from(TAGS)), st.integers(1, 3), st.integers(1, 30)
)
def test_the_near_ones_are_those_of_all_that_miss_little(rules: list[tuple[Any, Any]], tags: set[str], most: int, shown: int) -> None:
    document = book(*(rule(f"r{n}", condition, action) for n, (condition, action) in enumerate(rules)))
    judge, facts = Judge(read(document), ZONE), {"source": "zendesk", "tags": tuple(sorted(tags))}
    every = judge.explain(facts, {}, Standing(), WORKDAY)
    matched = [one for one in every if one.matched]
    assert [one for one in judge.explain(facts, {}, Standing(), WORKDAY, near=Near(0)) if one.matched] == matched
    near = judge.explain(facts, {}, Standing(), WORKDAY, near=Near(most, shown))
    assert [one for one in near if one.matched] == matched
    assert {one.key for one in near} <= {one.key for one in every}
    wanted = [(len(one.missing), n, one.key) for n, one in enumerate(every) if not one.matched and 0 < len(one.missing) <= most]
    assert [one["key"] for one in near_misses(near, Near(most, shown))] == [key for _, _, key in sorted(wanted)[:shown]]
    assert near_misses(every, Near(most, shown)) == near_misses(near, Near(most, shown))


def test_a_near_miss_names_field_operator_and_both_values() -> None:
    condition = {"all": [leaf("text", "contains", "lost"), leaf("call.wait_seconds", "at_least", 60)]}
    shown = explained(book(rule("a", condition, {"notify": "x"})), {"text": "I lost my dog", "call.wait_seconds": 12})
    assert shown.missing == ({"field": "call.wait_seconds", "operator": "at_least", "expected": 60, "actual": 12, "wanted": True},)


def test_a_near_miss_says_which_way_a_condition_would_have_to_turn() -> None:
    condition = {"all": [leaf("text", "contains", "lost")], "none": [leaf("tags", "includes", "vip")]}
    shown = explained(book(rule("a", condition, {"notify": "x"})), {"text": "lost", "tags": ("vip",)})
    assert [(one["field"], one["wanted"]) for one in shown.missing] == [("tags", False)]


LONG = [f"word{number}" for number in range(50)]


def test_a_near_miss_names_a_few_words_of_a_long_list_and_how_many_more_there_are() -> None:
    shown = explained(book(rule("a", leaf("text", "contains_any", LONG), {"notify": "x"})), {"text": "nothing of it"})
    assert shown.missing[0]["expected"] == ["word0", "word1", "word2", "and 47 more"]
    assert "found" not in shown.missing[0]


def test_the_word_that_was_found_is_named_as_the_rulebook_writes_it() -> None:
    words = [*LONG, "Straße"]
    for text in ("the strasse is closed", "the strasse is closed " * 50):
        shown = explained(book(rule("a", leaf("text", "contains_any", words), {"notify": "x"})), {"text": text})
        assert shown.because[0]["found"] == "Straße"
        assert shown.because[0]["expected"] == ["word0", "word1", "word2", "and 48 more"]
        assert "strasse" in shown.because[0]["actual"]


def test_a_word_that_should_not_be_there_is_named_too() -> None:
    shown = explained(book(rule("a", leaf("text", "not_contains", "spam"), {"notify": "x"})), {"text": "Spam, spam"})
    assert (shown.missing[0]["found"], shown.missing[0]["wanted"]) == ("spam", True)


def test_a_short_list_is_shown_whole() -> None:
    shown = explained(book(rule("a", leaf("text", "contains_any", LONG[:4]), {"notify": "x"})), {"text": "nothing"})
    assert shown.missing[0]["expected"] == LONG[:4]
