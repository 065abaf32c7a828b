"""Tests that a rulebook lacks: events on which each condition alone decides about its rule, once true and once false.

What the judge makes of each event is written down as what is expected. That keeps a rule from changing unseen; whether it is
what somebody wants, a person has to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from typing_extensions import TypedDict

from tsbridge.core.rules.language import Leaf, Rule, Rulebook, leaves
from tsbridge.rulebook.coverage import Sight, Watch, truth, worlds
from tsbridge.rulebook.examiner import Examiner, reads, stops, written
from tsbridge.rulebook.satisfy import Node, Undecided, every, negated, some
from tsbridge.rulebook.tests import outcome
from tsbridge.rulebook.worlds import WORKDAY, World

MARK: Final = "generated: "
"""How the name of every generated test begins."""
TRIES: Final = 6
STEPS: Final = 400
MOST: Final = 500


@dataclass(frozen=True, slots=True, order=True)
class Duty:
    """To see a condition decide about its rule while it is true, or false. Without a path: to see the rule match at all."""

    rule: str
    path: str
    want: bool


class Untested(TypedDict):
    rule: str
    path: str
    value: bool


class GeneratedTests(TypedDict):
    """`left`: no event was found for these. `more`: so many were not looked for yet; keep these tests and ask again."""

    tests: list[dict[str, Any]]
    left: list[Untested]
    more: int


@dataclass(frozen=True, slots=True)
class Generated:
    """`tests`: entries for the part `tests` of the document. `left`: conditions that no event was found for.

    `more`: how many were not looked for, because these are tests enough for once.
    """

    tests: tuple[dict[str, Any], ...]
    left: tuple[Duty, ...]
    more: int = 0

    def to_json(self) -> GeneratedTests:
        left: list[Untested] = [{"rule": duty.rule, "path": duty.path, "value": duty.want} for duty in self.left]
        return {"tests": list(self.tests), "left": left, "more": self.more}


def generate(book: Rulebook, zone: tzinfo, most: int = MOST) -> Generated:
    """The fewest tests we find, at most `most`, that see what the book's own tests do not see."""
    watch, examiner = Watch(book, zone), Examiner(book, zone)
    done = {duty for world in worlds(book) for duty in _seen(book, watch.look(world))}
    found: list[tuple[World, Duty, frozenset[Duty]]] = []
    left: list[Duty] = []
    more: list[Duty] = []
    for rule in book.rules:
        for duty, leaf in _duties(rule):
            if duty in done:
                continue
            if len(found) >= most:
                more.append(duty)
                continue
            event = _event(examiner, watch, rule, duty, leaf)
            if event is None:
                left.append(duty)
                continue
            world, sees = event
            found.append((world, duty, sees - done))
            done |= sees
    kept = _fewest(found)
    entries = tuple(_entry(examiner, world, duty) for world, duty, _ in kept)
    return Generated(entries, tuple(duty for duty in left if duty not in done), sum(duty not in done for duty in more))


def _duties(rule: Rule) -> Iterator[tuple[Duty, Leaf | None]]:
    mine = list(leaves(rule.when))
    if not mine:
        yield Duty(rule.key, "", True), None
    for leaf in mine:
        yield Duty(rule.key, leaf.path, True), leaf
        yield Duty(rule.key, leaf.path, False), leaf


def _seen(book: Rulebook, sight: Sight) -> frozenset[Duty]:
    """What an event shows: the conditions that would turn their rule over if they alone were otherwise."""
    found: set[Duty] = set()
    for rule in book.rules:
        if rule.key not in sight.rules:
            continue
        matched = sight.rules[rule.key]
        if matched:
            found.add(Duty(rule.key, "", True))
        for leaf in leaves(rule.when):
            value = sight.conditions[leaf.path]
            if truth(rule.when, {**_only(rule, sight), leaf.path: not value}) is not matched:
                found.add(Duty(rule.key, leaf.path, value))
    return frozenset(found)


def _only(rule: Rule, sight: Sight) -> dict[str, bool]:
    return {leaf.path: sight.conditions[leaf.path] for leaf in leaves(rule.when)}


def _event(examiner: Examiner, watch: Watch, rule: Rule, duty: Duty, leaf: Leaf | None) -> tuple[World, frozenset[Duty]] | None:
    """An event that fulfils the duty, with all that it shows besides. Rules that spoil one are kept from matching in the next."""
    wanted = [examiner.condition(rule) if leaf is None else examiner.asked(rule, _decides(examiner, rule, leaf, duty.want))]
    spoiled: set[str] = {rule.key}
    for _ in range(TRIES):
        try:
            world = examiner.solver.find(wanted, STEPS)
        except Undecided:
            return None
        if world is None:
            return None
        sight = watch.look(world)
        sees = _seen(examiner.book, sight)
        if duty in sees:
            return world, sees
        spoilers = [one for one in _in_the_way(examiner.book.rules, rule, sight) if one.key not in spoiled]
        if not spoilers:
            return None
        spoiled |= {one.key for one in spoilers}
        wanted += [negated(examiner.condition(one)) for one in spoilers]
    return None


def _decides(examiner: Examiner, rule: Rule, leaf: Leaf, want: bool) -> Node:
    """The condition is as wanted, and the rule would say something else if it alone were not."""

    def fixed(value: bool, outcome: bool) -> Node:
        return examiner.solver.node(rule.when, outcome, known=lambda one: value if one.path == leaf.path else None)

    turns = some([every([fixed(True, True), fixed(False, False)]), every([fixed(True, False), fixed(False, True)])])
    return every([examiner.solver.leaf(leaf, want), turns])


def _in_the_way(rules: Sequence[Rule], rule: Rule, sight: Sight) -> Iterator[Rule]:
    """Rules above that matched and changed what this one reads, or kept it from being asked."""
    for one in rules[: rules.index(rule)]:
        if sight.rules.get(one.key) and (one.kind == rule.kind == "routing" or written([one]) & reads(rule.when) or stops(one)):
            yield one


def _fewest(found: Iterable[tuple[World, Duty, frozenset[Duty]]]) -> list[tuple[World, Duty, frozenset[Duty]]]:
    """Without those whose duties others fulfil as well. Later ones were made for what earlier ones left, so those go first."""
    kept = list(found)
    for one in list(kept):
        others = frozenset[Duty]().union(*(sees for world, _, sees in kept if world is not one[0]))
        if one[2] <= others:
            kept = [other for other in kept if other is not one]
    return kept


def _entry(examiner: Examiner, world: World, duty: Duty) -> dict[str, Any]:
    came = outcome(world.judged(examiner.judge), world)
    leaf = next((leaf for rule in examiner.book.rules for leaf in leaves(rule.when) if leaf.path == duty.path), None)
    what = (
        "matches"
        if leaf is None
        else f"{'with' if duty.want else 'without'} {leaf.field} {leaf.operator} ({duty.path.rpartition('/when')[2] or '/'})"
    )
    shown = world.to_json()
    return {
        "name": f"{MARK}{duty.rule} {what}",
        "given": shown["given"],
        **({"at": shown["at"]} if world.at != WORKDAY else {}),
        "expect": {name: value for name, value in came.items() if name in ("queue", "rules", "tags") or value not in (None, [])},
    }
