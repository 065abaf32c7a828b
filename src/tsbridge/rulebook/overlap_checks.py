"""Rules that want different things for the same event: who wins, and an event that shows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Condition, Leaf, Rule
from tsbridge.core.rules.vocabulary import CUSTOM, PRIORITIES
from tsbridge.rulebook.domains import EVENT
from tsbridge.rulebook.examiner import Examiner, after, field_of, matches, settings, slots, tag_wishes
from tsbridge.rulebook.worlds import World


@dataclass(frozen=True, slots=True)
class Limit:
    """What one check may spend: branches of searches, pairs of rules looked at, findings. What is left is not told about."""

    steps: int
    pairs: int
    findings: int


WHOLE: Final = Limit(20_000, 1_000_000, 300)
ONE: Final = Limit(1_000, 20_000, 10)
"""Where only one rule is looked at: somebody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One rule's wish for one slot: a single value, or a tag that shall be there or not."""

    rule: Rule
    slot: str
    value: Value


def overlaps(examiner: Examiner, only: frozenset[str] | None) -> Iterator[Finding]:
    """For each rule and slot the topmost rule above that overrules it on some event. `only`: rules one of which must take part."""
    limit = WHOLE if only is None else ONE
    end = examiner.solver.spent + limit.steps
    boxes = {rule.key: _box(rule) for rule in examiner.book.rules}
    told: set[tuple[str, str]] = set()
    for rule in examiner.book.rules:
        if only is None or rule.key in only:
            yield from _with_itself(examiner, rule)
    for winner, loser in islice(_pairs(examiner.book.rules, only), limit.pairs):
        mark = (loser.rule.key, loser.slot)
        if mark in told or _apart(boxes[winner.rule.key], boxes[loser.rule.key]):
            continue
        if examiner.solver.spent >= end or len(told) == limit.findings:
            return
        witness = _witness(examiner, winner, loser)
        if witness is not None:
            told.add(mark)
            yield _finding(winner, loser, witness)


def _with_itself(examiner: Examiner, rule: Rule) -> Iterator[Finding]:
    """A rule that wants two things at once: of its own actions, too, the first stands."""
    first: dict[str, Any] = {}
    for place, action in enumerate(rule.then):
        for slot, value in slots(action):
            kept = first.setdefault(slot, value)
            if kept != value:
                witness = examiner.example([examiner.condition(rule)], matches(rule.key), rule)
                at = f"{rule.path}/then/{place}"
                if slot.startswith("tag:"):
                    words = f"the same rule adds and removes the tag {slot.removeprefix('tag:')}: what stands first is done"
                    yield Finding("warning", "tag_conflict", words, at, rule.key, None if witness is None else witness.to_json())
                else:
                    words = f"the same rule sets the {_called(slot)} twice: what stands first is done"
                    yield Finding("warning", "overruled", words, at, rule.key, None if witness is None else witness.to_json())


def _called(slot: str) -> str:
    return "agent" if slot == "assign" else slot.replace("custom:", "custom field ")


def _pairs(rules: Iterable[Rule], only: frozenset[str] | None) -> Iterator[tuple[Wish, Wish]]:
    """(upper wish, lower wish) that contradict each other; of two routing rules only one ever speaks."""
    by_slot: dict[str, list[Wish]] = defaultdict(list)
    for rule in rules:
        for wish in _wishes(rule):
            for upper in by_slot[wish.slot]:
                both_route = upper.rule.kind == rule.kind == "routing"
                if upper.value != wish.value and not both_route and (only is None or only & {upper.rule.key, rule.key}):
                    yield upper, wish
            by_slot[wish.slot].append(wish)


def _wishes(rule: Rule) -> Iterator[Wish]:
    for slot, value in settings(rule).items():
        yield Wish(rule, slot, value)
    added, removed = tag_wishes(rule)
    for tag in sorted(added - removed):
        yield Wish(rule, f"tag:{tag}", True)
    for tag in sorted(removed - added):
        yield Wish(rule, f"tag:{tag}", False)


def _witness(examiner: Examiner, winner: Wish, loser: Wish) -> World | None:
    """An event on which both rules match and the judge says that the upper one overrules the lower."""
    upper, lower = winner.rule, loser.rule
    field = "tags" if loser.slot.startswith("tag:") else field_of(loser.slot)
    below = examiner.asked(lower, examiner.solver.node(lower.when, known=after(upper, examiner)))

    def confirms(_: World, judgement: Judgement) -> bool:
        return any(_is(entry, winner, loser) for entry in judgement.overruled)

    return examiner.example([examiner.condition(upper), below], confirms, upper, lower, minds=frozenset({field}))


def _is(entry: Mapping[str, Value], winner: Wish, loser: Wish) -> bool:
    tag = loser.slot.removeprefix("tag:") if loser.slot.startswith("tag:") else None
    named = entry.get("tag") == tag if tag is not None else entry.get("field") == loser.slot
    return named and entry.get("rule") == loser.rule.key and entry.get("by") == winner.rule.key


def _finding(winner: Wish, loser: Wish, witness: World) -> Finding:
    if loser.slot.startswith("tag:"):
        tag = loser.slot.removeprefix("tag:")
        there = "there" if winner.value else "gone"
        words = f"on some events {winner.rule.key} above wants the tag {tag} {there}, this rule the opposite; the upper one wins"
        return Finding("warning", "tag_conflict", words, loser.rule.path, loser.rule.key, witness.to_json())
    words = f"on some events {winner.rule.key} above has set the {_called(loser.slot)} already: its value stands, this rule's is overruled"
    severity = "warning" if _worse(loser, winner) else "info"
    return Finding(severity, "overruled", words, loser.rule.path, loser.rule.key, witness.to_json())


def _worse(loser: Wish, winner: Wish) -> bool:
    """Whether the value that loses is the more pressing one."""
    if loser.slot == "severity":
        return isinstance(loser.value, int) and isinstance(winner.value, int) and loser.value < winner.value
    if loser.slot == "priority":
        return PRIORITIES.index(str(loser.value)) > PRIORITIES.index(str(winner.value))
    return False


# -- a quick look before the long one ----------------------------------------------------------------------------------------

Box = Mapping[str, frozenset[Any]]


def _box(rule: Rule) -> Box:
    """Fields that must have one of a few words for the rule to match."""
    found: dict[str, frozenset[Any]] = {EVENT: rule.on}
    for leaf in _musts(rule.when):
        if leaf.operator in ("is", "in") and leaf.field.partition(".")[0] not in ("case", "time"):
            values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
            words = frozenset(str(value).casefold() for value in values if isinstance(value, str))
            if len(words) == len(values):
                found[leaf.field] = found.get(leaf.field, words) & words
    return found


def _musts(condition: Condition) -> Iterator[Leaf]:
    if isinstance(condition, Leaf):
        yield condition
    else:
        for part in condition.all:
            yield from _musts(part)


def _apart(one: Box, other: Box) -> bool:
    """Whether no event can be in both, because the rules ask for different words. What rules set themselves is not looked at."""
    return any(name in other and not words & other[name] for name, words in one.items() if not _settable(name))


def _settable(name: str) -> bool:
    return name == "ticket.priority" or name.startswith(CUSTOM)
