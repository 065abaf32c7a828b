"""The judge: one moment's facts and a rulebook in, one judgement out. Pure, total, and the same everywhere.

Escalation rules are asked top to bottom, each seeing what those above it set; then policies stop, arm and fire the steps
whose time has come; then the first routing rule that matches wins. A single value set twice keeps the first setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final, NamedTuple

from tsbridge.core.escalation import Armed, next_due, step_due
from tsbridge.core.moments import CALL_EVENTS, TICKET_EVENTS, Interaction, Value, instant_text
from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.covers import NO_EFFECTS, effects
from tsbridge.core.rules.due import OF_THE_MOMENT, Clockwork, hears_the_clock
from tsbridge.core.rules.explain import RuleExplained, explain_miss, explain_rule, turned
from tsbridge.core.rules.facts import BudgetExceeded, Facts, plain
from tsbridge.core.rules.judgement import Judgement, Match, Note, Standing, StepFired
from tsbridge.core.rules.language import PLACEHOLDER, Action, Rule, Rulebook
from tsbridge.core.rules.plan import Plan, scans_of
from tsbridge.core.rules.text import Folding

NOBODY: Final = Interaction("zendesk", "")
FAMILY: Final = {"zendesk": frozenset(TICKET_EVENTS), "talkdesk": frozenset(CALL_EVENTS)}
FIELD_OF: Final = {"severity": "case.severity", "category": "case.category", "queue": "case.queue", "priority": "ticket.priority"}


class Near(NamedTuple):
    """Which rules that did not match are worth telling of: `shown` that missed one condition, half as many that missed two,
    and so on to those that missed `most`."""

    most: int
    shown: int = 25


ONLY_MATCHED: Final = Near(0)


class _Room:
    """For how many near misses there is room, by how much they miss. `deepest`: the most that one may miss as yet."""

    __slots__ = ("_left", "deepest")

    def __init__(self, near: Near) -> None:
        self._left = [max(1, near.shown // missing) for missing in range(1, near.most + 1)]
        self.deepest = near.most

    def take(self, missing: int) -> bool:
        """Whether there was room for this one."""
        if missing > self.deepest or not self._left[missing - 1]:
            return False
        self._left[missing - 1] -= 1
        while self.deepest and not self._left[self.deepest - 1]:
            self.deepest -= 1
        return True


class Judge:
    """Judges by one rulebook, in one team's time zone. Holds nothing of the cases it judges; safe to share."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self.book = book
        self.zone = zone
        self._clockwork = Clockwork(book, zone)
        self._folding = Folding()
        scans, anywhere = scans_of(book.rules), effects(_actions(book), taken_off=True)
        self._escalation = Plan(book.escalation, scans, effects(action for rule in book.escalation for action in rule.then), anywhere)
        self._routing = Plan(book.routing, scans, NO_EFFECTS, anywhere)  # the first that matches ends the pass: what it sets nobody reads

    def decide(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        standing: Standing,
        at: datetime,
        subject: Interaction | None = None,
        *,
        until: datetime | None = None,
    ) -> Judgement:
        """Judge one moment. `given`: facts by field; `previous`: known values before it; `subject`: whose moment it is.

        `until`: nobody asks for a `next_due` that comes later, so it need not be found.
        """
        facts = self._facts(given, previous, standing, at)
        work = _Work(self.book, facts, standing, at, subject or NOBODY)
        try:
            self._pass(work, given)
            return work.judgement(self._next_change(facts, given, standing, at, until))
        except BudgetExceeded:
            return self._fallback(standing)

    def explain(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        standing: Standing,
        at: datetime,
        subject: Interaction | None = None,
        *,
        near: Near | None = None,
    ) -> tuple[RuleExplained, ...]:
        """The rules in the order they are asked: whether each matched, because of what, or what it would have taken.

        With `near` only those that matched, and some of those that nearly did.
        """
        facts = self._facts(given, previous, standing, at)
        work = _Work(self.book, facts, standing, at, subject or NOBODY)
        found: list[RuleExplained] = []
        reached: set[str] = set()
        try:
            for rule, explained in self._explained_pass(work, given, None if near is None else _Room(near)):
                reached.add(rule.key)
                if explained is not None:
                    found.append(explained)
        except BudgetExceeded:
            return tuple(found)
        if near is not None:
            return tuple(found)
        skipped = (RuleExplained(rule.key, rule.kind, False, (), ()) for rule in self.book.rules if rule.key not in reached)
        return (*found, *skipped)

    def _pass(self, work: _Work, given: Mapping[str, Value]) -> None:
        """One whole judgement: escalation rules, policies, routing rules."""
        self._ask(self._escalation, work, given)
        work.run_policies()
        self._ask(self._routing, work, given, first_only=True)

    def _ask(self, plan: Plan, work: _Work, given: Mapping[str, Value], *, first_only: bool = False) -> None:
        """Ask the rules that may match. Those before the end of the pass that did not match have stopped firing."""
        matched: set[str] = set()
        end = len(plan.rules)
        facts, tests = work.facts, plan.tests
        for slot in plan.candidates(facts):
            if not tests[slot](facts):
                continue
            rule = plan.rules[slot]
            if rule.on and not asked(rule, given):
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

    def _explained_pass(self, work: _Work, given: Mapping[str, Value], room: _Room | None) -> Iterator[tuple[Rule, RuleExplained | None]]:
        """The same judgement with every rule looked at, each on the facts before its own actions take effect.

        `room`: for how many rules that do not match; None: for all of them.
        """
        for plan in (self._escalation, self._routing):
            near = dict.fromkeys(range(len(plan.rules)), 0) if room is None else plan.near(work.facts, room.deepest)
            for slot, least in near.items():
                rule = plan.rules[slot]
                if rule.on and not asked(rule, given):
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

    def _next_change(
        self, facts: Facts, given: Mapping[str, Value], standing: Standing, at: datetime, until: datetime | None
    ) -> datetime | None:
        """The next instant at which other rules would match although nothing happened. `facts`: as the judgement left them."""
        if not (self._escalation.clocked or self._routing.clocked):
            return None
        if until is not None and not self._clockwork.may_change(at, until, standing.opened_at):
            return None
        may_wait = {plan: plan.may_wait(facts) for plan in (self._escalation, self._routing)}
        if not any(may_wait.values()):  # so it mostly is
            return None
        still = {name: value for name, value in given.items() if name not in OF_THE_MOMENT}
        still["event"] = "clock"
        waiting = self._waiting(still, standing, at, may_wait)
        if not waiting:
            return None
        stands = self._matching(still, standing, at)
        return self._clockwork.next_change(waiting, at, standing.opened_at, lambda when: self._matching(still, standing, when) != stands)

    def _matching(self, still: Mapping[str, Value], standing: Standing, when: datetime) -> tuple[str, ...]:
        """The rules that would match if only time went on to `when`."""
        work = _Work(self.book, self._facts(still, still, standing, when), standing, when, NOBODY)
        self._pass(work, still)
        return tuple(match.key for match in work.matched)

    def _waiting(self, still: Mapping[str, Value], standing: Standing, at: datetime, may_wait: Mapping[Plan, frozenset[int]]) -> list[Rule]:
        """Rules that would say something else at another time, everything else being as it is."""
        work = _Work(self.book, self._facts(still, still, standing, at), standing, at, NOBODY)
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

    def _fallback(self, standing: Standing) -> Judgement:
        """Over budget: the default queue, loudly; what was armed stays armed."""
        last = self.book.routing[-1]
        return Judgement(
            (Match(last.key, last.kind),),
            queue=next(str(action.value) for action in last.then if action.name == "route"),
            budget_exceeded=True,
            firing=standing.firing,
            armed=standing.armed,
            next_due=next_due(self.book, standing.armed),
        )

    def _facts(self, given: Mapping[str, Value], previous: Mapping[str, Value], standing: Standing, at: datetime) -> Facts:
        return Facts(given, previous, at, self.zone, self.book.calendars, standing.opened_at, self._folding)


class _Work:
    """The working state of one judgement."""

    __slots__ = (
        *("added", "armed", "at", "book", "facts", "firing", "fresh", "matched", "notes", "notifications", "overruled"),
        *("removed", "singles", "steps", "stopped_by", "subject"),
    )

    def __init__(self, book: Rulebook, facts: Facts, standing: Standing, at: datetime, subject: Interaction) -> None:
        self.book = book
        self.facts = facts
        self.at = at
        self.subject = subject
        self.matched: list[Match] = []
        self.firing = set(standing.firing)
        self.armed = list(standing.armed)
        self.stopped_by: str | None = None
        self.fresh: list[Armed] = []
        self.singles: dict[str, tuple[Value, str]] = {}
        self.added: dict[str, str] = {}
        self.removed: dict[str, str] = {}
        self.steps: list[StepFired] = []
        self.notes: list[Note] = []
        self.notifications: list[tuple[str, str]] = []
        self.overruled: list[Mapping[str, Value]] = []

    def take(self, rule: Rule) -> None:
        """A rule matched: its actions take effect, some of them only as its firing begins."""
        begins = rule.key not in self.firing
        self.firing.add(rule.key)
        self.matched.append(Match(rule.key, rule.kind))
        for action in rule.then:
            self.act(action, rule.key, f"rule:{rule.key}", begins)

    def act(self, action: Action, by: str, who: str, begins: bool) -> None:
        name, value = action.name, action.value
        if name in ("add_tags", "remove_tags"):
            self.tags(name == "add_tags", value, by)
        elif name == "set_custom_field":
            self.single(f"custom:{value[0]}", value[1], by)
        elif name.startswith("set_"):
            self.single(name.removeprefix("set_"), value, by)
        elif name == "route":
            self.single("queue", value, by)
        elif name == "stop":
            self.stopped_by = by
        elif begins:
            self.once(name, value, by, who)

    def once(self, name: str, value: Any, by: str, who: str) -> None:
        if name == "assign":
            self.single("assign", value, by)
        elif name == "note":
            self.notes.append(Note(f"{who}@{instant_text(self.at)}", self.filled(value)))
        elif name == "notify":
            self.notifications.append((f"{who}@{instant_text(self.at)}", value))
        elif name == "escalate" and all(one.policy != value for one in (*self.armed, *self.fresh)):
            self.fresh.append(Armed(value, self.at, 0, self.subject))

    def single(self, slot: str, value: Value, by: str) -> None:
        if slot in self.singles:
            stands, winner = self.singles[slot]
            self.overruled.append({"field": slot, "value": value, "rule": by, "kept": stands, "by": winner})
            return
        self.singles[slot] = (value, by)
        if slot in FIELD_OF:
            self.facts.set(FIELD_OF[slot], value)
        elif slot.startswith("custom:"):
            self.facts.set(f"ticket.custom.{slot.removeprefix('custom:')}", value)

    def tags(self, add: bool, tags: tuple[str, ...], by: str) -> None:
        mine, other = (self.added, self.removed) if add else (self.removed, self.added)
        for tag in tags:
            if tag in other:
                self.overruled.append({"tag": tag, "rule": by, "by": other[tag], "kept": "removed" if add else "added"})
            else:
                mine.setdefault(tag, by)
        stood = self.facts.get("tags")
        now = ({*stood} if isinstance(stood, tuple) else set()) | self.added.keys()
        self.facts.set("tags", tuple(sorted(now - self.removed.keys())) or None)

    def run_policies(self) -> None:
        """Stop what is to stop, arm what was escalated, and apply every step whose time has come."""
        for one in (*self.armed, *self.fresh):
            policy = self.book.policies.get(one.policy)
            if policy is None or (policy.stops_when is not None and holds(policy.stops_when, self.facts)):
                (self.armed if one in self.armed else self.fresh).remove(one)
        going: list[Armed] = []
        for one in (*self.armed, *self.fresh):
            steps = self.book.policies[one.policy].steps
            index = one.next_step
            while index < len(steps) and (time := step_due(self.book, one, index)) is not None and time <= self.at:
                self.steps.append(StepFired(one.policy, index))
                for action in steps[index].actions:
                    self.act(action, f"{one.policy}/{index + 1}", f"policy:{one.policy}/{index + 1}", True)
                index += 1
                level = self.facts.get("case.escalation_level")
                self.facts.set("case.escalation_level", max(index, level if isinstance(level, int) else 0))
            if index < len(steps):
                going.append(Armed(one.policy, one.armed_at, index, one.interaction))
        self.armed = going

    def filled(self, text: str) -> str:
        """A note with the fields it names filled in; nothing else is understood."""

        def value(name: str) -> str:
            found = self.facts.get(name)
            return "" if found is None else (", ".join(found) if isinstance(found, tuple) else plain(found))

        return PLACEHOLDER.sub(lambda hit: value(hit[1]), text)

    def judgement(self, flip: datetime | None) -> Judgement:
        single: dict[str, Any] = {slot: value for slot, (value, _) in self.singles.items()}
        times = [time for time in (next_due(self.book, tuple(self.armed)), flip) if time is not None]
        customs = sorted([(slot.removeprefix("custom:"), value) for slot, value in single.items() if slot.startswith("custom:")])
        return Judgement(
            matched=tuple(self.matched),
            severity=single.get("severity"),
            category=single.get("category"),
            priority=single.get("priority"),
            queue=single.get("queue"),
            assign=single.get("assign"),
            custom_fields=tuple(customs),
            tags_added=tuple(sorted(self.added)),
            tags_removed=tuple(sorted(self.removed)),
            escalated=tuple([one.policy for one in self.fresh]),
            steps=tuple(self.steps),
            level=max([step.index + 1 for step in self.steps], default=0),
            notes=tuple(self.notes),
            notifications=tuple(self.notifications),
            overruled=tuple(self.overruled),
            stopped_by=self.stopped_by,
            firing=tuple(sorted(self.firing)),
            armed=tuple(self.armed),
            next_due=min(times, default=None),
        )


def _actions(book: Rulebook) -> Iterator[Action]:
    """All that any part of a rulebook does."""
    for rule in book.rules:
        yield from rule.then
    for policy in book.policies.values():
        for step in policy.steps:
            yield from step.actions


def asked(rule: Rule, given: Mapping[str, Value]) -> bool:
    """Whether a rule is asked about this event. A moment that names none (in a test) is any event of its source."""
    if not rule.on:
        return True
    event = given.get("event")
    if event is not None:
        return event in rule.on
    family = FAMILY.get(str(given.get("source")))
    return family is None or bool(family & rule.on)
