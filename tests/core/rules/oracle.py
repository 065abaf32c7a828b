"""The slow reader: judges a rulebook document as contract section 5 tells it, with nothing of the product's judge in it.

Never made faster: it is what the indexed judge is held against (law 7). Takes the plain JSON document and works on it as it
stands. It shares the calendars and the folding of text, which have tests of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import re2

from tsbridge.core.calendar import Calendar
from tsbridge.core.rules.text import fold

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass
class Armed:
    policy: str
    at: datetime
    next: int
    rests: list[list[datetime | None]] = field(default_factory=list)
    paused: bool = False
    until: datetime | None = None


@dataclass
class Came:
    """What came out, in plain values."""

    matched: list[str] = field(default_factory=list)
    single: dict[str, Any] = field(default_factory=dict)
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    escalated: list[str] = field(default_factory=list)
    steps: list[tuple[str, int]] = field(default_factory=list)
    once: list[tuple[str, str]] = field(default_factory=list)
    overruled: int = 0
    firing: set[str] = field(default_factory=set)
    armed: list[tuple[Any, ...]] = field(default_factory=list)
    truths: dict[str, bool] = field(default_factory=dict)


class Oracle:
    def __init__(self, document: Mapping[str, Any], calendars: Mapping[str, Calendar], zone: tzinfo) -> None:
        self.document = document
        self.calendars = calendars
        self.zone = zone

    def judge(
        self,
        given: Mapping[str, Any],
        previous: Mapping[str, Any],
        at: datetime,
        opened_at: datetime | None,
        firing: set[str],
        armed: list[Armed],
        others: tuple[int | None, int | None, int | None] | None = None,
    ) -> Came:
        """`others`: of what is joined by name the worst severity, the severity of the one whose category counts; and the own severity."""
        self.others = others
        self.given, self.previous = self.ticked(given, previous)
        self.at, self.opened_at = at, opened_at
        self.work: dict[str, Any] = {}
        self.came = came = Came(firing=set(firing))
        self.armed, self.fresh = list(armed), []  # type: ignore[var-annotated]
        for rule in self.document["rules"]:
            if rule["kind"] == "escalation" and self.ask(rule) and any("stop" in action for action in rule["then"]):
                break
        self.policies()
        for rule in self.document["rules"]:
            if rule["kind"] == "routing" and self.ask(rule):
                break
        came.armed = [(one.policy, one.at, one.next, [tuple(rest) for rest in one.rests], one.paused, one.until) for one in self.armed]
        return came

    def ticked(self, given: Mapping[str, Any], previous: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """A custom field that some condition compares with true or false is a checkbox: never told of, it is not ticked. One that is looked
        into is a set, also where its words are told as one text."""
        now, before = dict(given), dict(previous)
        for condition in conditions_of(self.document):
            if condition["field"].startswith("ticket.custom.") and "includes" in condition["operator"]:
                for facts in (now, before):
                    if isinstance(told := facts.get(condition["field"]), str) and len(told.split()) > 1:
                        facts[condition["field"]] = tuple(sorted({*told.split()}))
        for condition in conditions_of(self.document):
            value = condition.get("value")
            if not condition["field"].startswith("ticket.custom."):
                continue
            if isinstance(value, bool) or (isinstance(value, list) and any(isinstance(one, bool) for one in value)):
                name = condition["field"]
                if given.get("source") != "talkdesk" or name in given:
                    now[name] = tick(given.get(name))
                if name in previous:
                    before[name] = tick(previous[name])
        return now, before

    def ask(self, rule: Mapping[str, Any]) -> bool:
        """Ask a rule and let it act; whether it matched."""
        event = self.given.get("event")
        kinds = rule.get("on") or ["ticket", "call"]  # what happens; the mere passing of time asks nobody who does not name it
        if event is not None and not any(event == kind or event.startswith(kind + ".") for kind in kinds):
            return False
        if event is None:
            family = {"zendesk": "ticket", "talkdesk": "call"}.get(self.given.get("source") or "")
            if family is not None and not any(kind == family or kind.startswith(family + ".") for kind in kinds):
                return False
        truth = self.true(rule["when"])
        self.came.truths[rule["key"]] = truth
        if not truth:
            self.came.firing.discard(rule["key"])
            return False
        begins = rule["key"] not in self.came.firing
        self.came.firing.add(rule["key"])
        self.came.matched.append(rule["key"])
        for action in rule["then"]:
            self.act(action, begins, f"rule:{rule['key']}")
        return True

    def act(self, action: Mapping[str, Any], begins: bool, who: str) -> None:
        ((name, value),) = action.items()
        if name in ("add_tags", "remove_tags"):
            ours, theirs = (self.came.added, self.came.removed) if name == "add_tags" else (self.came.removed, self.came.added)
            for tag in sorted(set([value] if isinstance(value, str) else value)):
                if tag in theirs:
                    self.came.overruled += 1
                else:
                    ours.add(tag)
            self.work["tags"] = sorted((set(self.get("tags") or ()) | self.came.added) - self.came.removed)
        elif name == "set_custom_field":
            self.set(f"ticket.custom.{value['id']}", value["value"])
        elif name in ("set_severity", "set_category", "set_priority", "route"):
            field_of = {"set_severity": "case.severity", "set_category": "case.category", "set_priority": "ticket.priority"}
            self.set(field_of.get(name, "case.queue"), value)
        elif name == "stop" or not begins:
            return
        elif name == "assign":
            self.set("assign", str(value))
        elif name == "escalate":
            gone = self.get("ticket.status") in ("closed", "deleted", "merged")  # nobody can move it any more
            if not gone and value not in [one.policy for one in (*self.armed, *self.fresh)]:
                self.fresh.append(Armed(value, self.at, 0))
        else:
            self.came.once.append((name, who))

    def set(self, slot: str, value: Any) -> None:
        if slot in self.came.single:
            self.came.overruled += 1
            return
        self.came.single[slot] = value
        self.work[slot] = value if self.others is None else self.seen(slot, value, *self.others)

    def seen(self, slot: str, value: Any, worst: int | None, of_category: int | None, own: int | None) -> Any:
        """What those below see where others are more severe: they stay so, and a lesser one's category is not theirs."""
        if slot == "case.severity" and worst is not None and worst < value:
            return worst
        if slot == "case.category" and of_category is not None:
            mine = self.came.single.get("case.severity", own)
            if (mine if mine in (1, 2) else 3) > (of_category if of_category in (1, 2) else 3):
                return self.get(slot)
        return value

    def policies(self) -> None:
        known = self.document.get("policies", {})

        def goes_on(one: Armed) -> bool:
            stops = known[one.policy].get("stops_when")
            return stops is None or not self.true(stops)

        self.acknowledged = self.get("case.acknowledged") is True
        self.paused = {name: self.true(policy["pauses_when"]) for name, policy in known.items() if "pauses_when" in policy}
        self.armed = [one for one in self.armed if goes_on(one)]
        self.fresh = [one for one in self.fresh if goes_on(one)]
        self.came.escalated = [one.policy for one in self.fresh]
        still = []
        for one in (*self.armed, *self.fresh):
            steps = steps_of(known[one.policy])
            rests = self.rests(one, known[one.policy])
            if one.rests and one.rests[-1][1] is None and not rests:  # it goes on
                one.rests[-1][1] = self.at
                one.rests = [rest for rest in one.rests if rest[0] != rest[1]]
            while one.next < len(steps) and self.has_come(steps[one.next], one):
                self.came.steps.append((one.policy, one.next))
                for action in steps[one.next]["actions"]:
                    self.act(action, True, f"policy:{one.policy}/{one.next + 1}")
                one.next += 1
                self.work["case.escalation_level"] = max(one.next, self.get("case.escalation_level") or 0)
            if rests and not (one.rests and one.rests[-1][1] is None):
                one.rests.append([self.at, None])
            if one.next < len(steps):
                still.append(one)
        self.armed = still

    def rests(self, one: Armed, policy: Mapping[str, Any]) -> bool:
        """Whether the clock of an armed policy rests from now on."""
        one.paused = "pauses_when" in policy and self.paused[one.policy]
        acknowledged = self.acknowledged and "acknowledged_for" in policy
        if not acknowledged:
            one.until = None
        else:
            event = self.given.get("event")
            waiting = one.until is not None and self.at < one.until and event != "clock"
            if one.until is None or waiting or event == "case.acknowledged":
                one.until = self.at + span(policy["acknowledged_for"])
        return one.paused or (one.until is not None and self.at < one.until)

    def has_come(self, step: Mapping[str, Any], one: Armed) -> bool:
        """Whether the clock, which stood still in every rest, shows enough. What ends as it closes ends as it opens again."""
        after = span(step["after"])
        if not after:
            return True
        if one.rests and one.rests[-1][1] is None:
            return False
        calendar = self.calendars[step["in"]] if "in" in step else None
        shown, since = timedelta(), one.at
        for start, end in [*one.rests, [self.at, None]]:
            shown += start - since if calendar is None else calendar.open_between(since, start)
            since = end  # type: ignore[assignment]
        return shown > after or (shown == after and (calendar is None or calendar.is_open(self.at)))

    # -- conditions

    def true(self, when: Mapping[str, Any]) -> bool:
        if "field" in when:
            return self.leaf(when["field"], when["operator"], when.get("value"))
        if not all(self.true(part) for part in when.get("all", [])):
            return False
        if when.get("any") and not any(self.true(part) for part in when["any"]):
            return False
        return not any(self.true(part) for part in when.get("none", []))

    def get(self, name: str) -> Any:
        if name in self.work:
            value = self.work[name]
        else:
            value = self.given.get(name)
            if value is None and name.startswith(("time.", "case.age")):
                value = self.clock(name)
        if isinstance(value, str):  # the newest 64 KiB
            value = value.encode()[-65_536:].decode(errors="ignore")
        return None if value is None or value == "" or (isinstance(value, list | tuple) and not value) else value

    def clock(self, name: str) -> Any:
        local = self.at.astimezone(self.zone)
        if name == "case.age_minutes":
            return None if self.opened_at is None else (self.at - self.opened_at) // timedelta(minutes=1)
        if name == "time.weekday":
            return WEEK[local.weekday()]
        if name == "time.hour":
            return local.hour
        return any(calendar.is_holiday(local.date()) for calendar in self.calendars.values()) if name == "time.holiday" else None

    def leaf(self, name: str, operator: str, value: Any) -> bool:
        for negated, positive in (("is_not", "is"), ("outside_hours", "within_hours")):
            if operator == negated:
                return not self.leaf(name, positive, value)
        if operator.startswith("not_"):
            return not self.leaf(name, operator.removeprefix("not_"), value)
        if operator == "within_hours":
            time = self.at if name == "time.now" else self.get(name) and datetime.fromisoformat(self.get(name))
            return bool(time) and self.calendars[value].is_open(time)
        if isinstance(value, Mapping):
            value = self.document["lists"][value["list"]]
        now = self.get(name)
        if operator.startswith("changed"):
            return self.changed(name, operator, now, value)
        return False if now is None else bool(OPERATORS[operator](now, value))

    def changed(self, name: str, operator: str, now: Any, value: Any) -> bool:
        if name not in self.previous and not name.startswith("case."):
            return False
        before = self.previous.get(name)
        before = None if before == "" or (isinstance(before, list | tuple) and not before) else before
        if before is None or now is None:
            if before is now:
                return False
        elif told_alike(before, now):
            return False
        if operator == "changed_to":
            return now is not None and equal(now, value)
        return operator == "changed" or (before is not None and equal(before, value))


def span(text: str) -> timedelta:
    count, unit = re.fullmatch(r"(\d+)([smhd])", text).groups()  # type: ignore[union-attr]
    return timedelta(seconds=int(count) * SECONDS[unit])


def steps_of(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps with the last one as often again as it is repeated."""
    steps, repeat = list(policy["steps"]), policy.get("repeat", {"times": 0})
    for n in range(repeat["times"]):
        after = span(policy["steps"][-1]["after"]) + (n + 1) * span(repeat["every"])
        steps.append({**policy["steps"][-1], "after": f"{int(after.total_seconds())}s"})
    return steps


def conditions_of(part: Any) -> list[Mapping[str, Any]]:
    """Every condition in a document, wherever it stands."""
    if isinstance(part, list):
        return [found for one in part for found in conditions_of(one)]
    if not isinstance(part, Mapping):
        return []
    return [part] if "field" in part and "operator" in part else [found for one in part.values() for found in conditions_of(one)]


def tick(value: Any) -> Any:
    if value is None or value == "" or (isinstance(value, list | tuple) and not value):
        return False
    return {"1": True, "0": False}.get(text_of(value), value)


def told_alike(a: Any, b: Any) -> bool:
    """One value told twice; a number may come as text, a tick as 1 or 0, several choices with blanks between."""
    if any(isinstance(one, list | tuple) for one in (a, b)):
        first, second = (set(one) if isinstance(one, list | tuple) else set(text_of(one).split()) for one in (a, b))
        return first == second
    if any(isinstance(one, bool) for one in (a, b)):
        return len({text_of(tick(one) if isinstance(one, str) else one) for one in (a, b)}) == 1
    if any(isinstance(one, int | float) for one in (a, b)):
        try:
            return Decimal(str(a)) == Decimal(str(b))
        except InvalidOperation:
            return False
    return text_of(a) == text_of(b)


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def equal(a: Any, b: Any) -> bool:
    numbers = [isinstance(one, int | float) and not isinstance(one, bool) for one in (a, b)]
    return a == b if all(numbers) else text_of(a).casefold() == text_of(b).casefold()


def in_words(text: Any, word: Any) -> bool:
    """Whether the folded word stands in the folded text with no letter or digit touching its own letters and digits."""
    hay, needle = fold(" ".join(text) if isinstance(text, list | tuple) else text_of(text)), fold(str(word))
    for start in range(len(hay) - len(needle) + 1):
        if hay[start : start + len(needle)] == needle:
            before, after = hay[:start][-1:], hay[start + len(needle) :][:1]
            if not (before.isalnum() and needle[0].isalnum()) and not (after.isalnum() and needle[-1].isalnum()):
                return True
    return False


def exact(value: Any) -> Fraction | None:
    if isinstance(value, bool | list | tuple):
        return None
    text = text_of(value).strip()
    return Fraction(text) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text) and len(text) <= 40 else None


def compared(a: Any, b: Any, test: Any) -> bool:
    left = exact(a)
    return left is not None and test(left)


def words_of(value: Any) -> set[str]:
    return {word.casefold() for word in value} if isinstance(value, list | tuple) else {text_of(value).casefold()}


OPERATORS: dict[str, Any] = {
    "is": equal,
    "in": lambda now, value: any(equal(now, one) for one in value),
    "contains": in_words,
    "contains_any": lambda now, value: any(in_words(now, one) for one in value),
    "contains_all": lambda now, value: all(in_words(now, one) for one in value),
    "starts_with": lambda now, value: fold(text_of(now)).startswith(fold(str(value))),
    "matches": lambda now, value: re2.search(value, text_of(now)) is not None,
    "includes": lambda now, value: text_of(value).casefold() in words_of(now),
    "includes_all": lambda now, value: all(text_of(one).casefold() in words_of(now) for one in value),
    "less_than": lambda now, value: compared(now, value, lambda a: a < exact(value)),
    "at_most": lambda now, value: compared(now, value, lambda a: a <= exact(value)),
    "greater_than": lambda now, value: compared(now, value, lambda a: a > exact(value)),
    "at_least": lambda now, value: compared(now, value, lambda a: a >= exact(value)),
    "between": lambda now, value: compared(now, value, lambda a: exact(value[0]) <= a <= exact(value[1])),
    "present": lambda now, value: True,
}
