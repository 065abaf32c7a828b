"""The rulebook's document, read into frozen values. Every problem is found at once, with its place and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.moments import CLOCK
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.facts import TIME_FIELDS
from tsbridge.core.rules.findings import NAME, Finding, RulebookError, escape, kind_of, nearest, scalar
from tsbridge.core.rules.language import INTO, PLACEHOLDER, Leaf, Policy, Rule, Rulebook, Step, Test, Tree, leaves
from tsbridge.core.rules.parts import duration
from tsbridge.core.rules.read_actions import Actions
from tsbridge.core.rules.read_conditions import Conditions

MAX_RULES: Final = 10_000
MAX_TESTS: Final = 10_000
MAX_REPEATS: Final = 100
TOP: Final = ("schema", "lists", "calendars", "queues", "policies", "linking", "rules", "tests", "title", "description")
SCOPES: Final = ("ticket", "case")
EXPECTED: Final = ("severity", "category", "queue", "tags", "priority", "rules", "escalations")


def read(document: Any, almanac: Almanac = INSTALLED) -> Rulebook:
    """A plain JSON value as a rulebook, its calendars by `almanac`; raises `RulebookError` with every problem."""
    reader = _Reader(document)
    reader.almanac = almanac
    return reader.read()


class _Reader(Conditions, Actions):
    def read(self) -> Rulebook:
        if not isinstance(self.document, Mapping):
            raise RulebookError([Finding("error", "type", f"expected a mapping, got {kind_of(self.document)}")])
        for name in self.document:
            if name not in TOP:
                self.wrong(f"/{escape(name)}", "unknown_key", f"the rulebook has no such part{nearest(name, TOP)}")
        self.words(self.document, "", "title", "description")
        if self.document.get("schema") != 1 or isinstance(self.document.get("schema"), bool):
            self.wrong("/schema", "schema", "expected schema: 1")
        self.read_lists()
        self.read_calendars()
        self.read_queues()
        window, rest = self.read_linking()
        policies = self.section("policies")
        self.policy_names = set(policies)
        made = {name: self.policy(name, value) for name, value in policies.items()}
        rules = self.read_rules()
        tests = self.read_tests()
        named = "" if self.findings else self.named()
        if self.findings:
            raise RulebookError(self.findings)
        routing = tuple(r for r in rules if r.kind == "routing")
        escalation = tuple(r for r in rules if r.kind == "escalation")
        ready = {name: policy for name, policy in made.items() if policy is not None}
        custom = [leaf for leaf in self._leaves(rules, ready) if leaf.field.startswith(vocabulary.CUSTOM)]
        return Rulebook(
            self.document,
            named,
            MappingProxyType(self.lists),
            MappingProxyType(self.calendars),
            MappingProxyType(self.queues),
            MappingProxyType(ready),
            escalation,
            routing,
            tests,
            window,
            rest,
            frozenset(self._reads(rules, ready)),
            frozenset(leaf.field for leaf in custom if _of_flags(leaf.value)),
            frozenset(leaf.field for leaf in custom if leaf.operator in INTO),
            frozenset(self._reads([rule for rule in rules if CLOCK in rule.on], ready)),
            self.almanac,
        )

    def _reads(self, rules: Iterable[Rule], policies: Mapping[str, Policy]) -> Iterable[str]:
        yield from (leaf.field for leaf in self._leaves(rules, policies))
        actions = [a for rule in rules for a in rule.then] + [a for p in policies.values() for s in p.steps for a in s.actions]
        for action in actions:
            if action.name == "note":
                yield from PLACEHOLDER.findall(action.value)
        if "window" in (self.document.get("linking") or ()):
            yield from ("requester.email", "requester.phone")

    @staticmethod
    def _leaves(rules: Iterable[Rule], policies: Mapping[str, Policy]) -> Iterator[Leaf]:
        for condition in (*(rule.when for rule in rules), *(one for p in policies.values() for one in p.conditions)):
            yield from leaves(condition)

    def policy(self, name: str, value: Any) -> Policy | None:
        path = f"/policies/{escape(name)}"
        if not self.mapping(value, path, ("stops_when", "pauses_when", "acknowledged_for", "repeat", "steps", "title", "description")):
            return None
        self.words(value, path, "title", "description")
        self.nodes = 0
        stops = None if "stops_when" not in value else self.condition(value["stops_when"], f"{path}/stops_when")
        pauses = None if "pauses_when" not in value else self.condition(value["pauses_when"], f"{path}/pauses_when")
        for leaf in () if pauses is None else leaves(pauses):
            if leaf.field in TIME_FIELDS:
                self.wrong(f"{leaf.path}/field", "time", "a pause cannot hang on the time: let steps count inside a calendar, with in")
        rests = duration(value["acknowledged_for"]) if "acknowledged_for" in value else None
        if "acknowledged_for" in value and not rests:
            self.wrong(f"{path}/acknowledged_for", "duration", "expected a duration like 30m or 2h")
        steps = value.get("steps")
        if not isinstance(steps, list) or not steps:
            self.unlike(f"{path}/steps", "a list of steps", steps)
            return None
        made = [step for place, raw in enumerate(steps) if (step := self.step(raw, f"{path}/steps/{place}")) is not None]
        for earlier, later in pairwise(made):
            if later.after < earlier.after and later.within == earlier.within:
                self.wrong(f"{path}/steps", "order", "steps must be in the order of their times")
        if "repeat" in value and made:
            made += self.repeated(made[-1], value["repeat"], f"{path}/repeat")
        return Policy(name, stops, tuple(made), pauses, rests)

    def repeated(self, last: Step, value: Any, path: str) -> list[Step]:
        """The last step again, so many times, each so long after the one before."""
        if not self.mapping(value, path, ("every", "times")):
            return []
        every, times = duration(value.get("every")), value.get("times")
        if not every:
            self.wrong(f"{path}/every", "duration", "expected a duration like 15m or 2h")
        if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= MAX_REPEATS:
            self.wrong(f"{path}/times", "range", f"expected a number from 1 to {MAX_REPEATS}")
        elif every:
            return [Step(last.after + n * every, last.within, last.actions) for n in range(1, times + 1)]
        return []

    def step(self, value: Any, path: str) -> Step | None:
        if not self.mapping(value, path, ("after", "in", "actions")):
            return None
        after = duration(value.get("after"))
        if after is None:
            self.wrong(f"{path}/after", "duration", "expected a duration like 30s, 15m, 2h or 3d")
        within = value.get("in")
        if within is not None:
            self.known(within, self.calendars, f"{path}/in", "unknown_calendar", "calendar")
        actions = self.actions(value.get("actions"), f"{path}/actions", "step")
        return None if after is None else Step(after, within, actions)

    def read_rules(self) -> list[Rule]:
        value = self.document.get("rules")
        if not isinstance(value, list) or not value:
            self.unlike("/rules", "a list of rules", value)
            return []
        if len(value) > MAX_RULES:
            self.wrong("/rules", "too_many", f"more than {MAX_RULES} rules")
            return []
        rules: list[Rule] = []
        keys: dict[str, int] = {}
        for place, raw in enumerate(value):
            rule = self.read_rule(raw, f"/rules/{place}")
            if rule is None:
                continue
            if rule.key in keys:
                self.wrong(f"/rules/{place}/key", "duplicate_key", f"rule {keys[rule.key]} has this key already")
            keys[rule.key] = place
            rules.append(rule)
        self.rule = None
        routing = [rule for rule in rules if rule.kind == "routing"]
        last = routing[-1] if routing else None
        if last is None or not (isinstance(last.when, Tree) and last.when.unconditional) or last.on != vocabulary.WHAT_HAPPENS:
            where = "/rules" if last is None else last.path
            self.wrong(
                where,
                "no_catch_all",
                "the last routing rule must match everything (when: {} and no on), so that nobody lands in a queue no one chose",
            )
        return rules

    def read_rule(self, value: Any, path: str) -> Rule | None:
        key = value.get("key") if isinstance(value, Mapping) else None
        self.rule = key if isinstance(key, str) and NAME.fullmatch(key) else None
        if not self.mapping(value, path, ("key", "kind", "title", "description", "on", "when", "then", "scope")):
            return None
        if self.rule is None:
            self.wrong(f"{path}/key", "key", "expected a short name of letters, digits, - _ .")
            return None
        kind = value.get("kind")
        if kind not in ("escalation", "routing"):
            self.wrong(f"{path}/kind", "kind", "expected escalation or routing")
            return None
        if "when" not in value:
            self.wrong(f"{path}/when", "missing", "expected when: conditions, or {} for always")
            return None
        self.nodes = 0
        when = self.condition(value["when"], f"{path}/when")
        on = self.events(value.get("on"), f"{path}/on")
        then = self.actions(value.get("then"), f"{path}/then", kind)
        if kind == "routing" and [a.name for a in then].count("route") != 1:
            self.wrong(f"{path}/then", "route", "a routing rule has exactly one route")
        self.words(value, path, "title", "description")
        scope = value.get("scope", "ticket")
        if scope not in SCOPES:
            self.wrong(
                f"{path}/scope", "scope", "expected ticket (the ticket and those joined to it by name) or case (every ticket of the case)"
            )
        return Rule(self.rule, kind, str(value.get("title") or key), on, when, then, path, scope == "case")

    def events(self, value: Any, path: str) -> frozenset[str]:
        if value is None:
            return vocabulary.WHAT_HAPPENS
        found: set[str] = set()
        several = isinstance(value, list)
        for place, word in enumerate(value if several else [value]):
            if isinstance(word, str) and word in vocabulary.GROUPS:
                found.update(vocabulary.GROUPS[word])
            elif word in vocabulary.EVENTS:
                found.add(word)
            else:
                where = f"{path}/{place}" if several else path
                self.wrong(where, "unknown_event", f"no such event{nearest(word, (*vocabulary.EVENTS, *vocabulary.GROUPS))}")
        if value == []:
            self.wrong(path, "type", "expected at least one event; leave on out for tickets and calls")
        return frozenset(found)

    def read_tests(self) -> tuple[Test, ...]:
        value = self.document.get("tests", [])
        if not isinstance(value, list) or len(value) > MAX_TESTS:
            self.wrong("/tests", "type", f"expected a list of up to {MAX_TESTS} tests")
            return ()
        found = []
        for place, raw in enumerate(value):
            path = f"/tests/{place}"
            if not self.mapping(raw, path, ("name", "given", "expect", "at", "roster")):
                continue
            given, expect = raw.get("given", {}), raw.get("expect", {})
            if not isinstance(given, Mapping) or not isinstance(expect, Mapping):
                self.wrong(path, "type", "expected given and expect as mappings")
                continue
            self.words(raw, path, "at")
            if not scalar(raw.get("name", "")):
                self.unlike(f"{path}/name", "text", raw["name"])
            self.check_given(given, f"{path}/given")
            for name in expect:
                if name not in EXPECTED:
                    self.wrong(f"{path}/expect/{escape(name)}", "unknown_key", f"expected one of {', '.join(EXPECTED)}")
            found.append(Test(str(raw.get("name", f"test {place + 1}")), given, expect, raw.get("at"), path, raw.get("roster")))
        return tuple(found)

    def check_given(self, given: Mapping[str, Any], path: str) -> None:
        for name, value in given.items():
            plain = str(name).removeprefix("previous.")
            if not (value is None or scalar(value) or (isinstance(value, list) and all(scalar(one) for one in value))):
                self.unlike(f"{path}/{escape(name)}", "a value or a list of words", value)
            if vocabulary.field_named(plain) is None:
                near = nearest(plain, (f.name for f in vocabulary.FIELDS))
                self.wrong(f"{path}/{escape(name)}", "unknown_field", f"no such field{near}")


def _of_flags(value: Any) -> bool:
    """Whether a condition compares with true or false."""
    return any(isinstance(one, bool) for one in (value if isinstance(value, tuple) else (value,)))
