"""The working state of one judgement: a rule that matches takes effect on it, and the rules below see that.

A single value set twice keeps the first setting; tags add up, and where one rule adds a tag and another removes it, the higher one wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tsbridge.core.escalation import Armed, Books, next_due, step_due
from tsbridge.core.inert import strange
from tsbridge.core.moments import ASSIGNED_BY_US, Interaction, Value, instant_text
from tsbridge.core.quiet import is_quiet
from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.judgement import Beside, Judgement, Match, Note, Standing, StepFired
from tsbridge.core.rules.language import PLACEHOLDER, Action, Rule
from tsbridge.core.severities import weight, worst
from tsbridge.core.track import ASSIGNEE, FROZEN
from tsbridge.core.values import plain

FIELD_OF: Final = {"severity": "case.severity", "category": "case.category", "queue": "case.queue", "priority": "ticket.priority"}


class Work:
    """What the rules of one judgement have set so far, and what of it counts."""

    __slots__ = (
        *("added", "armed", "at", "beside", "books", "done", "facts", "firing", "for_case", "fresh", "hushed", "matched", "notes"),
        *("notifications", "opened_at", "overruled", "passed", "quiet", "removed", "singles", "steps", "stopped_by", "subject", "untold"),
        "whole_case",
    )

    def __init__(self, books: Books, facts: Facts, standing: Standing, at: datetime, subject: Interaction) -> None:
        self.books = books
        self.facts = facts
        self.at = at
        self.opened_at = standing.opened_at
        self.subject = subject
        self.matched: list[Match] = []
        self.firing = set(standing.firing)
        self.armed = list(standing.armed)
        self.quiet = standing.quiet
        self.hushed = is_quiet(standing.quiet, at)
        self.done = list(standing.done)
        self.beside = standing.beside
        self.stopped_by: str | None = None
        self.fresh: list[Armed] = []
        self.singles: dict[str, tuple[Value, str]] = {}
        self.added: dict[str, str] = {}
        self.removed: dict[str, str] = {}
        self.steps: list[StepFired] = []
        self.passed: list[StepFired] = []
        self.untold: list[str] = []
        self.notes: list[Note] = []
        self.notifications: list[tuple[str, str]] = []
        self.overruled: list[Mapping[str, Value]] = []
        self.for_case: list[str] = []
        self.whole_case = False

    def take(self, rule: Rule) -> None:
        """A rule matched: its actions take effect, some of them only as its firing begins."""
        begins = rule.key not in self.firing
        self.firing.add(rule.key)
        self.matched.append(Match(rule.key, rule.kind))
        self.whole_case = rule.whole_case
        for action in rule.then:
            self.act(action, rule.key, f"rule:{rule.key}", begins)
        self.whole_case = False

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
        elif name == "note" and self.may_tell(f"note:{who}"):
            self.notes.append(Note(f"{who}@{instant_text(self.at)}", self.filled(value)))
        elif name == "notify" and self.may_tell(f"notify:{who} {value}"):
            self.notifications.append((f"{who}@{instant_text(self.at)}", value))
        elif name == "escalate" and self.may_arm(value):
            self.fresh.append(
                Armed(
                    value, self.at, 0, self.subject, quiet=self.quiet if is_quiet(self.quiet, self.at) else None, version=self.books.version
                )
            )

    def may_tell(self, name: str) -> bool:
        """Whether somebody is told: in quiet times only of what they were told before."""
        if not self.hushed:
            return True
        if name in self.done:
            self.done.remove(name)
            return True
        self.untold.append(name)
        return False

    def may_arm(self, policy: str) -> bool:
        """Tickets that nobody can move any more escalate nothing."""
        return self.facts.get("ticket.status") not in FROZEN and all(one.policy != policy for one in (*self.armed, *self.fresh))

    def single(self, slot: str, value: Value, by: str) -> None:
        if slot in self.singles:
            stands, winner = self.singles[slot]
            self.overruled.append({"field": slot, "value": value, "rule": by, "kept": stands, "by": winner})
            return
        self.singles[slot] = (value, by)
        if self.whole_case:
            self.for_case.append(slot)
        if slot in FIELD_OF:
            self.facts.set(FIELD_OF[slot], value if self.beside is None else self.among(slot, value, self.beside))
        elif slot.startswith("custom:"):
            self.facts.set(f"ticket.custom.{slot.removeprefix('custom:')}", value)

    def among(self, slot: str, value: Value, others: Beside) -> Value:
        """What the rules below see of a case once its interaction has this value: others of it may be more severe."""
        if slot == "severity" and isinstance(value, int):
            return worst((value, others.severity))
        if slot == "category" and others.category is not None:
            own, _ = self.singles.get("severity", (others.own, ""))
            return value if weight(own if isinstance(own, int) else None) <= others.category else self.facts.get(FIELD_OF[slot])
        return value

    def tags(self, add: bool, tags: tuple[str, ...], by: str) -> None:
        mine, other = (self.added, self.removed) if add else (self.removed, self.added)
        for tag in tags:
            if tag in other:
                self.overruled.append({"tag": tag, "rule": by, "by": other[tag], "kept": "removed" if add else "added"})
            else:
                mine.setdefault(tag, by)
                if self.whole_case:
                    self.for_case.append(f"{'tag' if add else 'absent'}:{tag}")
        stood = self.facts.get("tags")
        now = ({*stood} if isinstance(stood, tuple) else set()) | self.added.keys()
        self.facts.set("tags", tuple(sorted(now - self.removed.keys())) or None)

    def run_policies(self) -> None:
        """Stop what is to stop, let rest what is to rest, arm what was escalated, and apply every step whose time has come."""
        if not self.armed and not self.fresh:
            return
        self.armed, self.fresh = self._going_on(self.armed), self._going_on(self.fresh)
        going: list[Armed] = []
        for one in (*self.armed, *self.fresh):
            one = one.set_going(self.at)
            book = self.books.of(one)
            steps = book.policies[one.policy].steps
            index = one.next_step
            while index < len(steps) and (time := step_due(book, one, index)) is not None and time <= self.at:
                step = StepFired(one.policy, index)
                index += 1
                if is_quiet(one.quiet, time) and f"step:{one.policy}/{index}" not in self.done:
                    self.passed.append(step)
                else:
                    self.fire(step, steps[index - 1].actions, hushed=is_quiet(one.quiet, time))
            if index < len(steps):
                going.append(replace(one, next_step=index).laid_to_rest(self.at))
        self.armed = going

    def fire(self, step: StepFired, actions: Iterable[Action], *, hushed: bool) -> None:
        """A step's time has come. `hushed`: nobody is told anew."""
        self.steps.append(step)
        outside, self.hushed = self.hushed, hushed
        name = f"{step.policy}/{step.index + 1}"
        for action in actions:
            self.act(action, name, f"policy:{name}", True)
        self.hushed = outside
        level = self.facts.get("case.escalation_level")
        self.facts.set("case.escalation_level", max(step.index + 1, level if isinstance(level, int) else 0))

    def _going_on(self, armed: Sequence[Armed]) -> list[Armed]:
        """Those that do not stop, as they are asked now. An assignee that we wrote ourselves is none here: nobody took the case."""
        found: list[Armed] = []
        if not armed:
            return found
        acknowledged, event = self.facts.get("case.acknowledged") is True, self.facts.get("event")
        with self.facts.without(ASSIGNEE if self.facts.get(ASSIGNED_BY_US) else None):
            for one in armed:
                policy = self.books.policy(one)
                if policy is None or (policy.stops_when is not None and holds(policy.stops_when, self.facts)):
                    continue
                pauses = policy.pauses_when is not None and holds(policy.pauses_when, self.facts)
                said = None if event is None else str(event)
                found.append(one.asked(self.at, self.subject, policy, pauses=pauses, acknowledged=acknowledged, event=said))
        return found

    def filled(self, text: str) -> str:
        """A note with the fields it names filled in; nothing else is understood, and what people wrote stays words (`core.inert`)."""

        def value(name: str) -> str:
            found = self.facts.get(name)
            return "" if found is None else strange(", ".join(found) if isinstance(found, tuple) else plain(found))

        return PLACEHOLDER.sub(lambda hit: value(hit[1]), text)

    def judgement(self, flip: datetime | None) -> Judgement:
        single: dict[str, Any] = {slot: value for slot, (value, _) in self.singles.items()}
        due = next_due(self.books, self.armed)
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
            escalated=tuple([one.policy for one in self.fresh]) if self.fresh else (),
            steps=tuple(self.steps),
            passed=tuple(self.passed),
            untold=tuple(self.untold),
            level=max([step.index + 1 for step in self.steps]) if self.steps else 0,
            notes=tuple(self.notes),
            notifications=tuple(self.notifications),
            overruled=tuple(self.overruled),
            stopped_by=self.stopped_by,
            cut=self.facts.cut,
            for_case=tuple(self.for_case),
            firing=tuple(sorted(self.firing)),
            armed=tuple(self.armed),
            next_due=due if flip is None else flip if due is None else min(due, flip),
            turns_at=flip,
        )
