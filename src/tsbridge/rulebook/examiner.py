"""Questions about the rules of one book: can this be, and show me an event. What is shown the judge itself has confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import tzinfo
from functools import cached_property
from typing import Final

from tsbridge.core.moments import CLOCK, DESK_EVENTS, Value
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Action, Condition, Leaf, Rule, Rulebook, leaves
from tsbridge.core.rules.vocabulary import WHAT_HAPPENS
from tsbridge.core.rules.working import FIELD_OF
from tsbridge.rulebook.domains import EVENT
from tsbridge.rulebook.satisfy import Known, Node, Solver, Undecided, every, negated, nothing_known
from tsbridge.rulebook.solved import CHANGES
from tsbridge.rulebook.worlds import World

TRIES: Final = 5
"""How often another event is looked for when rules in between spoil one."""
WITNESS_STEPS: Final = 120
"""Branches that looking for a witness may cost: it is worth less than a proof."""

_NOTHING_HAPPENS: Final = Leaf(EVENT, "in", (*DESK_EVENTS, CLOCK))

Confirms = Callable[[World, Judgement], bool]


class Examiner:
    """One book, its judge and its solver. The book must be free of errors."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self.book = book
        self.zone = zone
        self.solver = Solver(book, zone)
        self._conditions: dict[str, Node] = {}

    @cached_property
    def judge(self) -> Judge:
        return Judge(self.book, self.zone)

    @cached_property
    def settable(self) -> frozenset[str]:
        """The fields that escalation rules may change."""
        return written(self.book.escalation)

    @cached_property
    def _router(self) -> Judge:
        return Judge(replace(self.book, escalation=(), policies={}), self.zone)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {rule.key: place for place, rule in enumerate(self.book.routing)}

    def routed(self, world: World, place: int) -> Rule | None:
        """The routing rule above `place` that takes an event, nothing being set by rules before."""
        winner = next(iter(world.judged(self._router).matched), None)  # nobody is routed by time alone
        found = place if winner is None else self._places[winner.key]
        return self.book.routing[found] if found < place else None

    def condition(self, rule: Rule) -> Node:
        """The rule is asked and matches."""
        found = self._conditions.get(rule.key)
        if found is None:
            found = self._conditions[rule.key] = self.asked(rule, self.solver.node(rule.when))
        return found

    def asked(self, rule: Rule, node: Node) -> Node:
        """`node`, on an event that the rule is asked about."""
        if rule.on == WHAT_HAPPENS:  # said by what it is not: an event that names none is one of them
            return every([self.solver.leaf(_NOTHING_HAPPENS, False), node])
        return every([self.solver.leaf(Leaf(EVENT, "in", tuple(sorted(rule.on))), True), node])

    def possible(self, *nodes: Node) -> bool:
        """False only when it is proven that no event makes all of it true."""
        try:
            return self.solver.find(nodes) is not None
        except Undecided:
            return True

    def proven(self, condition: Condition, rule: Rule | None = None) -> bool | None:
        """True or False where a condition is so whatever happens, on the events that `rule` is asked about; else None."""
        for truth in (True, False):
            node = self.solver.node(condition, truth)
            if not self.possible(node if rule is None else self.asked(rule, node)):
                return not truth
        return None

    def example(self, nodes: Iterable[Node], confirms: Confirms, *kept: Rule, minds: frozenset[str] = frozenset()) -> World | None:
        """An event that the judge confirms, or None.

        Rules other than those `kept` that change what these read, or what is written in `minds`, those that stop, and for a
        routing rule those above it may stand in the way: they are kept from matching.
        """
        wanted, keys = list(nodes), {rule.key for rule in kept}
        delicate = minds.union(*(reads(rule.when) for rule in kept))
        for _ in range(TRIES):
            try:
                world = self.solver.find(wanted, WITNESS_STEPS)
            except Undecided:
                return None
            if world is None:
                return None
            judgement = world.judged(self.judge)
            if confirms(world, judgement):
                return world
            matched = {match.key for match in judgement.matched} - keys
            spoilers = [rule for rule in self.book.escalation if rule.key in matched and (written([rule]) & delicate or stops(rule))]
            if any(rule.kind == "routing" for rule in kept):
                spoilers += [self.book.routing[self._places[key]] for key in matched & self._places.keys()]
            if not spoilers:
                return None
            keys |= {rule.key for rule in spoilers}
            wanted += [negated(self.condition(rule)) for rule in spoilers]
        return None


def matches(*keys: str) -> Confirms:
    """Confirms an event on which all these rules match."""
    return lambda _, judgement: set(keys) <= {match.key for match in judgement.matched}


def slots(action: Action) -> Iterator[tuple[str, Value]]:
    """What an action wants: single values, and tags that shall be there or not, by slot."""
    if action.name == "set_custom_field":
        yield f"custom:{action.value[0]}", action.value[1]
    elif action.name.startswith("set_"):
        yield action.name.removeprefix("set_"), action.value
    elif action.name == "assign":
        yield "assign", action.value
    elif action.name in ("add_tags", "remove_tags"):
        yield from ((f"tag:{tag}", action.name == "add_tags") for tag in action.value)


def settings(rule: Rule) -> dict[str, Value]:
    """The single values a rule sets, by slot; the first of two for the same stands."""
    found: dict[str, Value] = {}
    for action in rule.then:
        for slot, value in slots(action):
            if not slot.startswith("tag:"):
                found.setdefault(slot, value)
    return found


def tag_wishes(rule: Rule) -> tuple[frozenset[str], frozenset[str]]:
    """The tags a rule adds and those it removes."""
    added = {tag for action in rule.then if action.name == "add_tags" for tag in action.value}
    removed = {tag for action in rule.then if action.name == "remove_tags" for tag in action.value}
    return frozenset(added), frozenset(removed)


def stops(rule: Rule) -> bool:
    return any(action.name == "stop" for action in rule.then)


def field_of(slot: str) -> str:
    """The field under which rules below read what a slot was set to; an agent is read nowhere."""
    return f"ticket.custom.{slot.removeprefix('custom:')}" if slot.startswith("custom:") else FIELD_OF.get(slot, slot)


def written(rules: Iterable[Rule]) -> frozenset[str]:
    """The fields that these rules may change for those below them."""
    found = {field_of(slot) for rule in rules for slot in settings(rule)}
    return frozenset(found | ({"tags"} if any(any(tag_wishes(rule)) for rule in rules) else set()))


def reads(condition: Condition) -> frozenset[str]:
    return frozenset(leaf.field for leaf in leaves(condition))


def after(rule: Rule, examiner: Examiner) -> Known:
    """What is known of a leaf once `rule` has matched and was the first to set its values."""
    values = {field_of(slot): value for slot, value in settings(rule).items()}
    if not values:
        return nothing_known
    facts = World(values).facts(examiner.book, examiner.zone)

    def known(leaf: Leaf) -> bool | None:
        return leaf_holds(leaf, facts) if leaf.field in values and leaf.operator not in (*CHANGES, "not_changed") else None

    return known
