"""The judge: one moment's facts and a rulebook in, one judgement out. Pure, total, and the same everywhere.

Escalation rules are asked top to bottom, each seeing what those above it set; then policies stop, arm and fire the steps
whose time has come; then the first routing rule that matches wins. A single value set twice keeps the first setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from tsbridge.core.escalation import Books
from tsbridge.core.moments import CALL_EVENTS, CLOCK, TICKET_EVENTS, Interaction, Value
from tsbridge.core.rules.covers import NO_EFFECTS, effects
from tsbridge.core.rules.explain import RuleExplained, explain_miss, explain_rule, turned
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.rules.language import Action, Rule, Rulebook
from tsbridge.core.rules.next_change import OF_THE_MOMENT, Clockwork, hears_the_clock
from tsbridge.core.rules.plan import Plan, scans_of
from tsbridge.core.rules.text import Folding
from tsbridge.core.rules.working import Work

NOBODY: Final = Interaction("zendesk", "")
FAMILY: Final = {"zendesk": frozenset(TICKET_EVENTS), "talkdesk": frozenset(CALL_EVENTS)}


class Near(NamedTuple):
    """Which rules that did not match are worth telling of: the `shown` nearest of those that missed no more than `most` conditions;
    of equally near ones those that are asked first."""

    most: int
    shown: int = 5


class _Room:
    """For how many near misses there is room, by how much they miss. `deepest`: the most that one may miss as yet."""

    __slots__ = ("_left", "deepest")

    def __init__(self, near: Near) -> None:
        self._left = [near.shown] * near.most
        self.deepest = near.most if near.shown else 0

    def take(self, missing: int) -> bool:
        """Whether this one is among the nearest so far: it leaves less room for those that are as far away, or farther."""
        if missing > self.deepest:
            return False
        for place in range(missing - 1, self.deepest):
            self._left[place] -= 1
        while self.deepest and not self._left[self.deepest - 1]:
            self.deepest -= 1
        return True


class Judge:
    """Judges by one rulebook, in one team's time zone. Holds nothing of the cases it judges; safe to share."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self.book = book
        self.zone = zone
        self._folding = Folding()
        scans, anywhere = scans_of(book.rules), effects(_actions(book), taken_off=True)
        self._escalation = Plan(book.escalation, scans, effects(action for rule in book.escalation for action in rule.then), anywhere)
        self._routing = Plan(book.routing, scans, NO_EFFECTS, anywhere)  # the first that matches ends the pass: what it sets nobody reads
        clocked = [plan.rules[slot] for plan in (self._escalation, self._routing) for slot in sorted(plan.clocked)]
        self._clockwork = Clockwork(clocked, book.calendars, zone)

    def decide(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        standing: Standing,
        at: datetime,
        subject: Interaction | None = None,
        *,
        until: datetime | None = None,
        books: Books | None = None,
    ) -> Judgement:
        """Judge one moment. `given`: facts by field; `previous`: known values before it; `subject`: whose moment it is.

        `until`: nobody asks for a `next_due` that comes later, so it need not be found. `books`: this rulebook with its version and
        those before it; without them what is armed is armed by this one.
        """
        given, previous = self.book.ticked(given, previous)
        facts = self._facts(given, previous, standing, at)
        work = Work(books or Books(self.book), facts, standing, at, subject or NOBODY)
        self._pass(work, given)
        return work.judgement(self._next_change(work, given, until))

    def explain(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        standing: Standing,
        at: datetime,
        subject: Interaction | None = None,
        *,
        near: Near | None = None,
        books: Books | None = None,
    ) -> tuple[RuleExplained, ...]:
        """The rules in the order they are asked: whether each matched, because of what, or what it would have taken.

        With `near` only those that matched, and some of those that nearly did.
        """
        given, previous = self.book.ticked(given, previous)
        facts = self._facts(given, previous, standing, at)
        work = Work(books or Books(self.book), facts, standing, at, subject or NOBODY)
        found: list[RuleExplained] = []
        reached: set[str] = set()
        for rule, explained in self._explained_pass(work, given, None if near is None else _Room(near)):
            reached.add(rule.key)
            if explained is not None:
                found.append(explained)
        if near is not None:
            return tuple(found)
        skipped = (RuleExplained(rule.key, rule.kind, False, (), ()) for rule in self.book.rules if rule.key not in reached)
        return (*found, *skipped)

    def _pass(self, work: Work, given: Mapping[str, Value]) -> None:
        """One whole judgement: escalation rules, policies, routing rules."""
        self._ask(self._escalation, work, given)
        work.run_policies()
        self._ask(self._routing, work, given, first_only=True)

    def _ask(self, plan: Plan, work: Work, given: Mapping[str, Value], *, first_only: bool = False) -> None:
        """Ask the rules that may match. Those before the end of the pass that did not match have stopped firing."""
        matched: set[str] = set()
        end = len(plan.rules)
        facts, rest = work.facts, plan.rest
        for slot in plan.candidates(facts):
            if not rest[slot](facts):
                continue
            rule = plan.rules[slot]
            if not asked(rule, given):
                continue
            matched.add(rule.key)
            work.take(rule)
            if first_only or work.stopped_by is not None:
                end = slot
                break
        for key in work.firing - matched:
            slot = plan.slots.get(key, end)
            if slot < end and asked(plan.rules[slot], given):
                work.firing.discard(key)

    def _explained_pass(self, work: Work, given: Mapping[str, Value], room: _Room | None) -> Iterator[tuple[Rule, RuleExplained | None]]:
        """The same judgement with every rule looked at, each on the facts before its own actions take effect.

        `room`: for how many rules that do not match; None: for all of them.
        """
        for plan in (self._escalation, self._routing):
            near = dict.fromkeys(range(len(plan.rules)), 0) if room is None else plan.near(work.facts, room.deepest)
            for slot, least in near.items():
                rule = plan.rules[slot]
                if not asked(rule, given):
                    continue
                matched = not least and plan.tests[slot](work.facts)
                explained: RuleExplained | None
                if matched or room is None:
                    explained = explain_rule(rule, work.facts, matched)
                else:
                    explained = self._near_miss(plan, slot, least, work.facts, room)
                if matched:
                    work.take(rule)
                yield rule, explained
                if matched and (plan is self._routing or work.stopped_by is not None):
                    break
            if plan is self._escalation:
                work.run_policies()

    def _near_miss(self, plan: Plan, slot: int, least: int, facts: Facts, room: _Room) -> RuleExplained | None:
        """A rule that did not match, if it came near and there is still room for it."""
        if least > room.deepest or (failing := plan.failing(slot, facts, room.deepest)) is None:
            return None
        missing = turned(((part.condition, part.wanted) for part in failing), facts)
        return explain_miss(plan.rules[slot], facts, missing) if missing and room.take(len(missing)) else None

    def _next_change(self, work: Work, given: Mapping[str, Value], until: datetime | None) -> datetime | None:
        """The next instant at which other rules would match although nothing happened. `work`: as the judgement left it."""
        facts, at, opened_at = work.facts, work.at, work.opened_at
        if not (self._escalation.clocked or self._routing.clocked):
            return None
        if until is not None and not self._clockwork.may_change(at, until, opened_at):
            return None
        may_wait = {plan: plan.may_wait(facts) for plan in (self._escalation, self._routing)}
        if not any(may_wait.values()):  # so it mostly is
            return None
        still = {name: value for name, value in {**given, **facts.changed}.items() if name not in OF_THE_MOMENT}
        still["event"] = CLOCK
        standing = Standing(opened_at, tuple(sorted(work.firing)), tuple(work.armed), work.quiet, tuple(work.done), work.beside)
        waiting = self._waiting(work.books, still, standing, at, may_wait)
        if not waiting:
            return None
        stands = self._matching(work.books, still, standing, at)
        return self._clockwork.next_change(waiting, at, opened_at, lambda when: self._matching(work.books, still, standing, when) != stands)

    def _matching(self, books: Books, still: Mapping[str, Value], standing: Standing, when: datetime) -> tuple[str, ...]:
        """The rules that would match if only time went on to `when`."""
        work = Work(books, self._facts(still, still, standing, when), standing, when, NOBODY)
        self._pass(work, still)
        return tuple(match.key for match in work.matched)

    def _waiting(
        self, books: Books, still: Mapping[str, Value], standing: Standing, at: datetime, may_wait: Mapping[Plan, frozenset[int]]
    ) -> list[Rule]:
        """Rules that would say something else at another time, everything else being as it is."""
        work = Work(books, self._facts(still, still, standing, at), standing, at, NOBODY)
        found: list[Rule] = []
        for plan, maybe in may_wait.items():
            candidates = set(plan.candidates(work.facts))
            for slot in sorted(candidates | maybe):
                rule = plan.rules[slot]
                if not hears_the_clock(rule):
                    continue
                if slot in maybe and plan.waits(slot, work.facts):
                    found.append(rule)
                if slot in candidates and plan.tests[slot](work.facts):
                    work.take(rule)
                    if plan is self._routing or work.stopped_by is not None:
                        break
            if plan is self._escalation:
                work.run_policies()
        return found

    def _facts(self, given: Mapping[str, Value], previous: Mapping[str, Value], standing: Standing, at: datetime) -> Facts:
        return Facts(given, previous, at, self.zone, self.book.calendars, standing.opened_at, self._folding)


def _actions(book: Rulebook) -> Iterator[Action]:
    """All that any part of a rulebook does."""
    for rule in book.rules:
        yield from rule.then
    for policy in book.policies.values():
        for step in policy.steps:
            yield from step.actions


def asked(rule: Rule, given: Mapping[str, Value]) -> bool:
    """Whether a rule is asked about this event. A moment that names none (in a test) is any event of its source."""
    event = given.get("event")
    if event is not None:
        return event in rule.on
    family = FAMILY.get(str(given.get("source")))
    return family is None or bool(family & rule.on)
