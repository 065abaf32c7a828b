"""The rulebook's document, read into frozen values. Every problem is found at once, with its place and a way out."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from tsbridge.core.calendar import ALWAYS, Calendar, country_holidays, read_days, read_hours
from tsbridge.core.moments import CALL_EVENTS, TICKET_EVENTS, canonical
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.text import BadPattern, fold, pattern

MAX_RULES: Final = 10_000
MAX_NODES: Final = 200
MAX_DEPTH: Final = 16
MAX_ACTIONS: Final = 50
MAX_LIST: Final = 10_000
MAX_TESTS: Final = 10_000
NOTE_LENGTH: Final = 4_000
TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
DEFAULT_WINDOW: Final = timedelta(hours=24)
TOP: Final = ("schema", "lists", "calendars", "queues", "policies", "linking", "rules", "tests", "title", "description")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a rulebook. `severity`: error, warning or info; `path`: JSON pointer; `witness`: an example event."""

    severity: str
    code: str
    message: str
    path: str = ""
    rule: str | None = None
    witness: Any = field(default=None, hash=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "code": self.code,
            "rule": self.rule,
            "path": self.path,
            "message": self.message,
            "witness": self.witness,
        }


class RulebookError(ValueError):
    """A document that is no rulebook; `findings` are all its errors."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f"{f.path or '/'}: {f.message}" for f in self.findings[:5]))


@dataclass(frozen=True, slots=True)
class Leaf:
    """`{field, operator, value}`. `value` is frozen; a `{list: name}` is resolved; `words` are the folded needles of text operators."""

    field: str
    operator: str
    value: Any = None
    words: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """All of `all`, one of `any`, none of `none`; parts that are left out do not count."""

    all: tuple[Tree | Leaf, ...] = ()
    any: tuple[Tree | Leaf, ...] = ()
    none: tuple[Tree | Leaf, ...] = ()

    @property
    def unconditional(self) -> bool:
        return not (self.all or self.any or self.none)


Condition = Tree | Leaf


@dataclass(frozen=True, slots=True)
class Action:
    """`{name: value}`; `value` is frozen: tags a sorted tuple, a custom field (id, value)."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `on`: event kinds it is asked for; empty means all."""

    key: str
    kind: str
    title: str
    on: frozenset[str]
    when: Condition
    then: tuple[Action, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    zendesk_group_id: str | None
    calendar: str
    assign: str
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Comes due `after` the arming: on the wall clock, or inside the open hours of the calendar `within`."""

    after: timedelta
    within: str | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    stops_when: Condition | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Test:
    name: str
    given: Mapping[str, Any] = field(hash=False)
    expect: Mapping[str, Any] = field(hash=False)
    at: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A read document. `hash` names it by content; `reads` is every field a condition or a note looks at."""

    document: Any = field(hash=False, repr=False)
    hash: str
    lists: Mapping[str, tuple[Any, ...]] = field(hash=False)
    calendars: Mapping[str, Calendar] = field(hash=False)
    queues: Mapping[str, Queue] = field(hash=False)
    policies: Mapping[str, Policy] = field(hash=False)
    escalation: tuple[Rule, ...]
    routing: tuple[Rule, ...]
    tests: tuple[Test, ...]
    link_window: timedelta
    reads: frozenset[str]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.escalation + self.routing


def content_hash(document: Any) -> str:
    """`sha256:<hex>` of the canonical form: the name of a version."""
    return "sha256:" + hashlib.sha256(canonical(document)).hexdigest()


def read(document: Any) -> Rulebook:
    """A plain JSON value as a rulebook; raises `RulebookError` with every problem."""
    return _Reader(document).read()


def duration(text: Any) -> timedelta | None:
    """`30s`, `15m`, `2h`, `3d`; None when it is nothing like it."""
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else timedelta(**{UNITS[found[2]]: int(found[1])})


def nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def leaves(condition: Condition) -> Iterable[Leaf]:
    if isinstance(condition, Leaf):
        yield condition
    else:
        for part in (*condition.all, *condition.any, *condition.none):
            yield from leaves(part)


class _Reader:
    def __init__(self, document: Any) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.rule: str | None = None
        self.lists: dict[str, tuple[Any, ...]] = {}
        self.calendars: dict[str, Calendar] = {"always": ALWAYS}
        self.queues: dict[str, Queue] = {}
        self.policy_names: set[str] = set()
        self.nodes = 0

    # -- the whole -----------------------------------------------------------------------------------------------

    def read(self) -> Rulebook:
        if not isinstance(self.document, Mapping):
            raise RulebookError([Finding("error", "type", f"expected a mapping, got {_kind(self.document)}")])
        for name in self.document:
            if name not in TOP:
                self.wrong(f"/{_escape(name)}", "unknown_key", f"the rulebook has no part {name!r}{nearest(str(name), TOP)}")
        if self.document.get("schema") != 1 or isinstance(self.document.get("schema"), bool):
            self.wrong("/schema", "schema", "expected schema: 1")
        self.read_lists()
        self.read_calendars()
        self.read_queues()
        window = self.read_window()
        policies = self.section("policies")
        self.policy_names = set(policies)
        made = {name: self.policy(name, value) for name, value in policies.items()}
        rules = self.read_rules()
        tests = self.read_tests()
        if self.findings:
            raise RulebookError(self.findings)
        routing = tuple(r for r in rules if r.kind == "routing")
        escalation = tuple(r for r in rules if r.kind == "escalation")
        ready = {name: policy for name, policy in made.items() if policy is not None}
        return Rulebook(
            self.document,
            content_hash(self.document),
            MappingProxyType(self.lists),
            MappingProxyType(self.calendars),
            MappingProxyType(self.queues),
            MappingProxyType(ready),
            escalation,
            routing,
            tests,
            window,
            frozenset(self._reads(rules, ready)),
        )

    def _reads(self, rules: Iterable[Rule], policies: Mapping[str, Policy]) -> Iterable[str]:
        conditions = [rule.when for rule in rules] + [p.stops_when for p in policies.values() if p.stops_when is not None]
        for condition in conditions:
            for leaf in leaves(condition):
                yield leaf.field
        actions = [a for rule in rules for a in rule.then] + [a for p in policies.values() for s in p.steps for a in s.actions]
        for action in actions:
            if action.name == "note":
                yield from PLACEHOLDER.findall(action.value)
        if "linking" in self.document:
            yield from ("requester.email", "requester.phone")

    # -- parts ---------------------------------------------------------------------------------------------------

    def read_lists(self) -> None:
        for name, value in self.section("lists").items():
            path = f"/lists/{_escape(name)}"
            if not isinstance(value, list) or not value:
                self.wrong(path, "type", f"expected a list of words or numbers, got {_kind(value)}")
            elif len(value) > MAX_LIST:
                self.wrong(path, "too_large", f"more than {MAX_LIST} entries")
            elif any(not _scalar(v) for v in value):
                self.wrong(path, "type", "expected words or numbers only")
            else:
                self.lists[name] = tuple(value)

    def read_calendars(self) -> None:
        for name, value in self.section("calendars").items():
            path = f"/calendars/{_escape(name)}"
            if name == "always":
                self.wrong(path, "reserved", "always is built in: it never closes")
            elif self.mapping(value, path, ("timezone", "hours", "holidays")):
                made = self.calendar(name, value, path)
                if made is not None:
                    self.calendars[name] = made

    def calendar(self, name: str, value: Mapping[str, Any], path: str) -> Calendar | None:
        before = len(self.findings)
        zone_name = value.get("timezone", "UTC")
        try:
            zone = ZoneInfo(zone_name)
        except (KeyError, ValueError, TypeError, OSError):
            self.wrong(f"{path}/timezone", "timezone", "expected an IANA zone like America/Los_Angeles")
            zone = ZoneInfo("UTC")
        week: list[tuple[tuple[int, int], ...]] = [()] * 7
        hours = value.get("hours")
        if not isinstance(hours, Mapping) or not hours:
            self.wrong(f"{path}/hours", "type", 'expected hours by day, like {"mon-fri": "06:00-22:00"}')
            hours = {}
        for days, spans in hours.items():
            try:
                parts = [spans] if isinstance(spans, str) else spans
                if not isinstance(parts, list) or not all(isinstance(p, str) for p in parts):
                    raise ValueError('expected hours like "06:00-22:00"')
                read_spans = read_hours(",".join(parts))
                for day in read_days(str(days)):
                    if week[day]:
                        raise ValueError("a day has its hours twice")
                    week[day] = read_spans
            except ValueError as refused:
                self.wrong(f"{path}/hours/{_escape(days)}", "hours", str(refused))
        off = value.get("holidays", {})
        country = subdivision = None
        dates: list[date] = []
        if isinstance(off, list):
            off = {"dates": off}
        if self.mapping(off, f"{path}/holidays", ("country", "subdivision", "dates")):
            country, subdivision = off.get("country"), off.get("subdivision")
            dates = self.dates(off.get("dates", []), f"{path}/holidays/dates")
            if country is not None:
                try:
                    country_holidays(str(country), subdivision, 2026)
                except (NotImplementedError, KeyError, TypeError):
                    self.wrong(
                        f"{path}/holidays", "holidays", "the holidays of this country or subdivision are not known; use two letters like US"
                    )
        if len(self.findings) > before:
            return None
        return Calendar(name, zone, tuple(week), frozenset(dates), country, subdivision)

    def dates(self, value: Any, path: str) -> list[date]:
        found = []
        for place, text in enumerate(value if isinstance(value, list) else [value]):
            try:
                found.append(date.fromisoformat(str(text)))
            except ValueError:
                self.wrong(f"{path}/{place}", "date", "expected a date like 2026-12-24")
        return found

    def read_queues(self) -> None:
        for name, value in self.section("queues").items():
            path = f"/queues/{_escape(name)}"
            value = {} if value is None else value
            if not self.mapping(value, path, ("zendesk_group_id", "calendar", "assign", "skills", "title", "description")):
                continue
            group = value.get("zendesk_group_id")
            if group is not None and not str(group).isdigit():
                self.wrong(f"{path}/zendesk_group_id", "type", "expected the number of a Zendesk group")
            calendar = value.get("calendar", "always")
            self.known(calendar, self.calendars, f"{path}/calendar", "unknown_calendar", "calendar")
            assign = value.get("assign", "none")
            if assign not in ("none", "least_loaded", "round_robin"):
                self.wrong(f"{path}/assign", "value", "expected none, least_loaded or round_robin")
            skills = value.get("skills", [])
            if not isinstance(skills, list) or not all(isinstance(s, str) for s in skills):
                self.wrong(f"{path}/skills", "type", "expected a list of words")
                skills = []
            self.queues[name] = Queue(name, None if group is None else str(group), str(calendar), str(assign), tuple(sorted(skills)))

    def read_window(self) -> timedelta:
        value = self.document.get("linking")
        if value is None:
            return DEFAULT_WINDOW
        if not self.mapping(value, "/linking", ("window",)):
            return DEFAULT_WINDOW
        window = duration(value.get("window", "24h"))
        if window is None or window > timedelta(days=30):
            self.wrong("/linking/window", "duration", "expected a duration up to 30 days, like 24h")
            return DEFAULT_WINDOW
        return window

    def policy(self, name: str, value: Any) -> Policy | None:
        path = f"/policies/{_escape(name)}"
        if not self.mapping(value, path, ("stops_when", "steps", "title", "description")):
            return None
        stops = None if "stops_when" not in value else self.condition(value["stops_when"], f"{path}/stops_when")
        steps = value.get("steps")
        if not isinstance(steps, list) or not steps:
            self.wrong(f"{path}/steps", "type", "expected a list of steps")
            return None
        made = [step for place, raw in enumerate(steps) if (step := self.step(raw, f"{path}/steps/{place}")) is not None]
        for earlier, later in pairwise(made):
            if later.after < earlier.after and later.within == earlier.within:
                self.wrong(f"{path}/steps", "order", "steps must be in the order of their times")
        return Policy(name, stops, tuple(made))

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
            self.wrong("/rules", "type", "expected a list of rules")
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
        if last is None or not (isinstance(last.when, Tree) and last.when.unconditional) or last.on:
            where = "/rules" if last is None else last.path
            self.wrong(
                where,
                "no_catch_all",
                "the last routing rule must match everything (when: {} and no on), so that nobody lands in a queue no one chose",
            )
        return rules

    def read_rule(self, value: Any, path: str) -> Rule | None:
        self.rule = None
        if not self.mapping(value, path, ("key", "kind", "title", "description", "on", "when", "then")):
            return None
        key = value.get("key")
        if not isinstance(key, str) or not NAME.fullmatch(key):
            self.wrong(f"{path}/key", "key", "expected a short name of letters, digits, - _ .")
            return None
        self.rule = key
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
        title = value.get("title", key)
        if not isinstance(title, str):
            self.wrong(f"{path}/title", "type", f"expected text, got {_kind(title)}")
        return Rule(key, kind, str(title), on, when, then, path)

    def events(self, value: Any, path: str) -> frozenset[str]:
        if value is None:
            return frozenset()
        found: set[str] = set()
        for place, word in enumerate(value if isinstance(value, list) else [value]):
            if word == "ticket":
                found.update(TICKET_EVENTS)
            elif word == "call":
                found.update(CALL_EVENTS)
            elif word in vocabulary.EVENTS:
                found.add(word)
            else:
                self.wrong(f"{path}/{place}", "unknown_event", f"no such event{nearest(str(word), (*vocabulary.EVENTS, 'ticket', 'call'))}")
        if not found and not self.findings:
            self.wrong(path, "type", "expected at least one event; leave on out for all")
        return frozenset(found)

    # -- conditions ----------------------------------------------------------------------------------------------

    def condition(self, value: Any, path: str, depth: int = 1) -> Condition:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1 or depth == MAX_DEPTH + 1:
                self.wrong(path, "too_large", f"more than {MAX_NODES} conditions, or nested deeper than {MAX_DEPTH}")
            return Tree()
        if not isinstance(value, Mapping):
            self.wrong(path, "type", f"expected conditions, got {_kind(value)}")
            return Tree()
        if "field" in value or "operator" in value:
            return self.leaf(value, path)
        parts: dict[str, tuple[Condition, ...]] = {}
        for name, branch in value.items():
            if name not in ("all", "any", "none"):
                self.wrong(f"{path}/{_escape(name)}", "unknown_key", "expected all, any, none or a field with an operator")
            elif not isinstance(branch, list) or not branch:
                self.wrong(f"{path}/{name}", "type", "expected a list of conditions, not an empty one")
            else:
                parts[name] = tuple(self.condition(part, f"{path}/{name}/{n}", depth + 1) for n, part in enumerate(branch))
        return Tree(**parts)

    def leaf(self, value: Mapping[str, Any], path: str) -> Leaf:
        name, operator_name = value.get("field"), value.get("operator")
        for key in value:
            if key not in ("field", "operator", "value"):
                self.wrong(f"{path}/{_escape(key)}", "unknown_key", "a condition has field, operator and value")
        known = vocabulary.field_named(name) if isinstance(name, str) else None
        if known is None:
            near = nearest(str(name), (f.name for f in vocabulary.FIELDS))
            self.wrong(f"{path}/field", "unknown_field", f"no such field{near}")
        operator = vocabulary.operator_named(operator_name) if isinstance(operator_name, str) else None
        if operator is None:
            near = nearest(str(operator_name), (o.name for o in vocabulary.OPERATORS))
            self.wrong(f"{path}/operator", "unknown_operator", f"no such operator{near}")
        if known is None or operator is None:
            return Leaf("source", "present")
        custom = known.name.startswith(vocabulary.CUSTOM)
        if known.type not in operator.types and not (custom and operator.name in _CUSTOM_TOO):
            self.wrong(f"{path}/operator", "operator_type", f"{operator.name} does not suit {name}, which is a {known.type}")
            return Leaf("source", "present")
        given = value.get("value")
        if operator.value == "none":
            if "value" in value:
                self.wrong(f"{path}/value", "value", f"{operator.name} takes no value")
            return Leaf(str(name), operator.name, path=path)
        if "value" not in value:
            self.wrong(f"{path}/value", "missing", f"{operator.name} needs a value")
            return Leaf("source", "present")
        return self.filled(str(name), known, operator, given, path)

    def filled(self, name: str, known: vocabulary.Field, operator: vocabulary.Operator, given: Any, path: str) -> Leaf:
        where = f"{path}/value"
        value: Any = None
        if operator.value == "list":
            value = self.listed(given, where)
        elif operator.value == "one":
            if not _scalar(given):
                self.wrong(where, "type", f"expected one value, got {_kind(given)}")
            value = given
        elif operator.value == "number":
            if not _number(given):
                self.wrong(where, "type", f"expected a number, got {_kind(given)}")
            value = given
        elif operator.value == "range":
            if not (isinstance(given, list) and len(given) == 2 and all(_number(v) for v in given)):
                self.wrong(where, "type", "expected two numbers, like [9, 17]")
            elif given[0] > given[1]:
                self.wrong(where, "range", "the first number is larger than the second")
            else:
                value = tuple(given)
        elif operator.value == "pattern":
            value = self.pattern(given, where)
        else:
            self.known(given, self.calendars, where, "unknown_calendar", "calendar")
            value = given
        self.check_values(known, operator, value, where)
        words: tuple[str, ...] = ()
        if operator.name in _WORD_OPERATORS and value is not None:
            words = tuple(fold(str(v)) for v in (value if isinstance(value, tuple) else (value,)))
            if not all(words):
                self.wrong(where, "value", "expected words, not empty text")
        return Leaf(name, operator.name, value, words, path)

    def check_values(self, known: vocabulary.Field, operator: vocabulary.Operator, value: Any, where: str) -> None:
        values = value if isinstance(value, tuple) and operator.value == "list" else (value,)
        if operator.value not in ("one", "list") or operator.name in _WORD_OPERATORS:
            return
        for one in values:
            if known.type == "number" and not _number(one) and one is not None:
                self.wrong(where, "type", f"{known.name} is a number, got {_kind(one)}")
            elif known.type == "flag" and not isinstance(one, bool) and one is not None:
                self.wrong(where, "type", f"{known.name} is true or false, got {_kind(one)}")

    def listed(self, given: Any, where: str) -> tuple[Any, ...] | None:
        if isinstance(given, Mapping):
            name = given.get("list")
            if set(given) != {"list"}:
                self.wrong(where, "type", "expected a list, or {list: name}")
            elif self.known(name, self.lists, where, "unknown_list", "list"):
                return self.lists[str(name)]
            return None
        if not isinstance(given, list) or not given:
            self.wrong(where, "type", f"expected a list, or {{list: name}}, got {_kind(given)}")
            return None
        if len(given) > MAX_LIST or not all(_scalar(v) for v in given):
            self.wrong(where, "type", f"expected up to {MAX_LIST} words or numbers")
            return None
        return tuple(given)

    def pattern(self, given: Any, where: str) -> str | None:
        if not isinstance(given, str):
            self.wrong(where, "type", f"expected a pattern, got {_kind(given)}")
            return None
        try:
            pattern(given)
        except BadPattern as refused:
            self.wrong(where, "pattern", f"RE2 or our limits refuse it: {refused}")
        return given

    # -- actions -------------------------------------------------------------------------------------------------

    def actions(self, value: Any, path: str, kind: str) -> tuple[Action, ...]:
        if not isinstance(value, list) or not value:
            self.wrong(path, "type", "expected a list of actions")
            return ()
        if len(value) > MAX_ACTIONS:
            self.wrong(path, "too_many", f"more than {MAX_ACTIONS} actions")
            return ()
        found = []
        for place, raw in enumerate(value):
            where = f"{path}/{place}"
            if isinstance(raw, str):
                raw = {raw: True}
            if not isinstance(raw, Mapping) or len(raw) != 1:
                self.wrong(where, "type", "expected one action, like {add_tags: [ts_injury]}")
                continue
            ((name, given),) = raw.items()
            action = vocabulary.action_named(name) if isinstance(name, str) else None
            if action is None:
                self.wrong(where, "unknown_action", f"no such action{nearest(str(name), (a.name for a in vocabulary.ACTIONS))}")
            elif kind not in action.where and not (kind == "routing" and name != "escalate" and name != "stop"):
                self.wrong(where, "action_place", f"{name} has no place in a {kind}{' rule' if kind != 'step' else ''}")
            else:
                found.append(Action(name, self.argument(action, given, f"{where}/{name}")))
        return tuple(found)

    def argument(self, action: vocabulary.Action, given: Any, where: str) -> Any:
        shape = action.value
        if shape == "tags":
            return self.tags(given, where)
        if shape == "priority" and given not in vocabulary.PRIORITIES:
            self.wrong(where, "value", "expected low, normal, high or urgent")
        elif shape == "severity" and (not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 4):
            self.wrong(where, "value", "expected a severity from 1 (worst) to 4")
        elif shape == "queue":
            self.known(given, self.queues, where, "unknown_queue", "queue")
        elif shape == "policy":
            self.known(given, self.policy_names, where, "unknown_policy", "policy")
        elif shape == "word" and (not isinstance(given, str) or not 0 < len(given) <= 200):
            self.wrong(where, "type", "expected a word")
        elif shape == "true" and given not in (True, None, {}):
            self.wrong(where, "value", "expected stop: true")
        elif shape == "agent":
            if isinstance(given, bool) or not str(given).isdigit():
                self.wrong(where, "type", "expected the Zendesk id of an agent")
            return str(given)
        elif shape == "note":
            self.note(given, where)
        elif shape == "custom_field":
            return self.custom_field(given, where)
        return given

    def tags(self, given: Any, where: str) -> tuple[str, ...]:
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not words:
            self.wrong(where, "type", "expected a list of tags")
            return ()
        for place, word in enumerate(words):
            if not isinstance(word, str) or not TAG.fullmatch(word):
                self.wrong(f"{where}/{place}", "tag", "expected a tag of a-z 0-9 _ - in lower case, up to 80 characters")
        return tuple(sorted({str(word) for word in words}))

    def note(self, given: Any, where: str) -> None:
        if not isinstance(given, str) or not 0 < len(given) <= NOTE_LENGTH:
            self.wrong(where, "type", f"expected a text of up to {NOTE_LENGTH} characters")
            return
        for name in PLACEHOLDER.findall(given):
            if vocabulary.field_named(name) is None:
                near = nearest(name, (f.name for f in vocabulary.FIELDS))
                self.wrong(where, "unknown_field", f"no field to fill in here{near}")

    def custom_field(self, given: Any, where: str) -> tuple[str, Any]:
        if isinstance(given, Mapping) and set(given) == {"id", "value"} and str(given["id"]).isdigit() and _scalar(given["value"]):
            return str(given["id"]), given["value"]
        self.wrong(where, "type", "expected {id: <number of the field>, value: <text, number or true/false>}")
        return "0", None

    # -- tests ---------------------------------------------------------------------------------------------------

    def read_tests(self) -> tuple[Test, ...]:
        value = self.document.get("tests", [])
        if not isinstance(value, list) or len(value) > MAX_TESTS:
            self.wrong("/tests", "type", f"expected a list of up to {MAX_TESTS} tests")
            return ()
        found = []
        for place, raw in enumerate(value):
            path = f"/tests/{place}"
            if not self.mapping(raw, path, ("name", "given", "expect", "at")):
                continue
            given, expect = raw.get("given", {}), raw.get("expect", {})
            if not isinstance(given, Mapping) or not isinstance(expect, Mapping):
                self.wrong(path, "type", "expected given and expect as mappings")
                continue
            self.check_given(given, f"{path}/given")
            for name in expect:
                if name not in EXPECTED:
                    self.wrong(f"{path}/expect/{_escape(name)}", "unknown_key", f"expected one of {', '.join(EXPECTED)}")
            found.append(Test(str(raw.get("name", f"test {place + 1}")), given, expect, raw.get("at"), path))
        return tuple(found)

    def check_given(self, given: Mapping[str, Any], path: str) -> None:
        for name in given:
            plain = str(name).removeprefix("previous.")
            if vocabulary.field_named(plain) is None:
                near = nearest(plain, (f.name for f in vocabulary.FIELDS))
                self.wrong(f"{path}/{_escape(name)}", "unknown_field", f"no such field{near}")

    # -- small things --------------------------------------------------------------------------------------------

    def section(self, name: str) -> dict[str, Any]:
        value = self.document.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.wrong(f"/{name}", "type", f"expected a mapping, got {_kind(value)}")
            return {}
        good = {}
        for key, part in value.items():
            if not isinstance(key, str) or not NAME.fullmatch(key):
                self.wrong(f"/{name}/{_escape(key)}", "key", "expected a short name of letters, digits, - _ .")
            else:
                good[key] = part
        return good

    def mapping(self, value: Any, path: str, keys: tuple[str, ...]) -> bool:
        if not isinstance(value, Mapping):
            self.wrong(path, "type", f"expected a mapping, got {_kind(value)}")
            return False
        for name in value:
            if name not in keys:
                self.wrong(f"{path}/{_escape(name)}", "unknown_key", f"expected one of {', '.join(keys)}{nearest(str(name), keys)}")
        return True

    def known(self, name: Any, among: Iterable[str], where: str, code: str, what: str) -> bool:
        names = list(among)
        if isinstance(name, str) and name in names:
            return True
        self.wrong(where, code, f"there is no such {what}{nearest(str(name), names)}")
        return False

    def wrong(self, path: str, code: str, message: str) -> None:
        self.findings.append(Finding("error", code, message, path, self.rule))


EXPECTED: Final = ("severity", "category", "queue", "tags", "priority", "rules", "escalations")
_WORD_OPERATORS: Final = ("contains", "not_contains", "contains_any", "contains_all", "starts_with")
_CUSTOM_TOO: Final = ("less_than", "at_most", "greater_than", "at_least", "between", "includes", "not_includes", "includes_all")


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and not (isinstance(value, float) and value != value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}.get(
        type(value), "something else"
    )


def _escape(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")
