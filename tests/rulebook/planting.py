"""Healthy rulebooks, healthy by the way they are made, and ways to spoil them that the check must find.

In a healthy book a rule uses each field once, so that its conditions are free of each other; rules that set the same value to
different things, and all routing rules, ask for different forms. Beside that, each book holds traps: things that look like
a defect and are none.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.rulebook.books import leaf
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.rulebook.check import check

ZONES = ("America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "UTC")
CHANNELS = ("email", "chat", "messaging", "sms", "social", "web", "api", "voice")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Document = dict[str, Any]
Dice = random.Random


@dataclass(frozen=True)
class Planted:
    """A spoiled book. `code` must be told of `rule` (or, without one, at a path that begins with `path`)."""

    kind: str
    document: Document
    code: str
    rule: str | None = None
    path: str = ""
    triggers: Any = None

    def told(self, finding: Finding) -> bool:
        return finding.code == self.code and (finding.rule == self.rule if self.rule else finding.path.startswith(self.path))


# -- healthy books -------------------------------------------------------------------------------------------------------


class Words:
    """Words of which none is part of another, a different one each time."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._used: set[str] = set()

    def one(self) -> str:
        while True:
            word = "".join(self._dice.choice("bdfgklmnprst") + self._dice.choice("aeiou") for _ in range(3))
            if word not in self._used:
                self._used.add(word)
                return word

    def some(self, least: int = 1, most: int = 4) -> list[str]:
        return [self.one() for _ in range(self._dice.randint(least, most))]


def free_leaves(dice: Dice, words: Words) -> list[Any]:
    """One condition for each of many fields; any of them can hold or not, whatever the others do."""
    low = dice.randint(2, 8)
    first, second = words.some(2, 3), words.one()
    return [
        dice.choice(
            [
                leaf("text.requester", "contains_any", first),
                leaf("text.requester", "contains", f"{first[0]} {first[1]}"),
                leaf("text.requester", "not_contains", second),
                leaf("text.requester", "matches", rf"(?i)\b{second}s?\b"),
                leaf("text.requester", "contains_all", first),
            ]
        ),
        dice.choice([leaf("subject", "starts_with", second), leaf("subject", "contains", first[0]), leaf("subject", "is", first[1])]),
        dice.choice([leaf("channel", "in", dice.sample(CHANNELS, dice.randint(1, 4))), leaf("channel", "is_not", dice.choice(CHANNELS))]),
        dice.choice([leaf("tags", "includes", words.one()), leaf("tags", "not_includes", words.one()), leaf("tags", "present")]),
        dice.choice([leaf("call.wait_seconds", "at_least", low * 10), leaf("call.wait_seconds", "between", [low, low + 9.5])]),
        dice.choice([leaf("requester.contacts_24h", "greater_than", low), leaf("requester.contacts_24h", "is", low)]),
        dice.choice([leaf("case.age_minutes", "at_most", low * 60), leaf("case.age_minutes", "less_than", low * 5)]),
        dice.choice([leaf("ticket.is_public", "is", True), leaf("call.voicemail", "is_not", True)]),
        dice.choice([leaf("time.hour", "between", [low, low + 6]), leaf("time.weekday", "in", dice.sample(DAYS, 3))]),
        dice.choice(
            [leaf("requester.domain", "is", f"{second}.example"), leaf("requester.domain", "not_in", [f"{w}.example" for w in first])]
        ),
        dice.choice([leaf("requester.country", "present"), leaf("requester.country", "in", ["US", "CA"])]),
        dice.choice(
            [leaf("ticket.brand_id", "changed"), leaf("ticket.brand_id", "changed_to", "7"), leaf("ticket.brand_id", "not_present")]
        ),
        dice.choice([leaf("ticket.custom.77", "is", first[0]), leaf("ticket.custom.77", "at_least", low)]),
        dice.choice([leaf("case.reopened", "is", True), leaf("case.channels", "includes", "voice")]),
    ]


def tree(dice: Dice, leaves: list[Any]) -> Any:
    """A condition over all of these leaves, each used once."""
    if len(leaves) == 1:
        return leaves[0] if dice.random() < 0.8 else {"none": leaves}
    cut = dice.randint(1, len(leaves) - 1)
    return {dice.choice(("all", "any")): [tree(dice, leaves[:cut]), tree(dice, leaves[cut:])]}


def healthy(dice: Dice) -> Document:
    words = Words(dice)
    lists = {f"list{n}": words.some(2, 8) for n in range(dice.randint(1, 3))}
    office = {"timezone": dice.choice(ZONES), "hours": {"mon-fri": "08:00-18:00", "sat": ["09:00-12:00", "13:00-15:00"]}}
    if dice.random() < 0.5:
        office["holidays"] = {"country": "US"}
    policies = {}
    for n in range(dice.randint(0, 2)):
        steps: list[Any] = [{"after": "0m", "actions": [{"add_tags": [words.one()]}]}]
        steps += [
            {"after": f"{15 * (k + 1)}m", "actions": [{"notify": "oncall"}], **({"in": "office"} if dice.random() < 0.3 else {})}
            for k in range(2)
        ]
        steps = [steps[0], *sorted(steps[1:], key=lambda step: "in" in step)]
        policies[f"policy{n}"] = {
            "stops_when": {"any": [leaf("case.acknowledged", "is", True), leaf("ticket.assignee_id", "present")]},
            "steps": steps,
        }
    rules: list[Any] = []
    for n in range(dice.randint(3, 12)):
        own = dice.sample(free_leaves(dice, words), dice.randint(1, 4))
        form = leaf("ticket.form_id", "is", str(1000 + n))
        then: list[Any] = [{"add_tags": words.some(1, 2)}]
        if dice.random() < 0.6:
            then.append(dice.choice([{"set_severity": dice.randint(1, 4)}, {"set_category": words.one()}, {"set_priority": "high"}]))
        if n < len(policies):
            then.append({"escalate": f"policy{n}"})
        if dice.random() < 0.3:
            own = [one for one in own if one["field"] != "text.requester"] + [
                leaf("text.requester", "contains_any", {"list": dice.choice(sorted(lists))})
            ]
        rules.append({"key": f"rule{n}", "kind": "escalation", "when": {"all": [form, tree(dice, own)]}, "then": then})
        if dice.random() < 0.3:
            rules[-1]["on"] = dice.choice([["ticket"], ["call"], ["ticket.created", "clock"], ["ticket", "call"]])
    for n in range(dice.randint(1, 6)):
        own = dice.sample(free_leaves(dice, words), dice.randint(0, 3))
        form = leaf("ticket.form_id", "in", [str(2000 + n), str(3000 + n)])
        rules.append(
            {
                "key": f"to{n}",
                "kind": "routing",
                "when": {"all": [form, *([tree(dice, own)] if own else [])]},
                "then": [{"route": dice.choice(("one", "two"))}],
            }
        )
    document: Document = {
        "schema": 1,
        "lists": lists,
        "calendars": {"office": office},
        "queues": {"one": {}, "two": {"calendar": "office"}},
        "policies": policies,
        "rules": rules,
    }
    for trap in dice.sample(TRAPS, dice.randint(0, 3)):
        trap(dice, words, document)
    document["rules"].append({"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "one"}]})
    return document


def escalation(key: str, when: Any, *then: Any, **more: Any) -> Any:
    return {"key": key, "kind": "escalation", "when": when, "then": list(then), **more}


def to(key: str, when: Any, queue: str = "two") -> Any:
    return {"key": key, "kind": "routing", "when": when, "then": [{"route": queue}]}


def add(document: Document, *rules: Any) -> None:
    """Escalation rules above the first routing rule, routing rules behind the last that has conditions."""
    for rule in rules:
        standing = document["rules"]
        end = len(standing) - (1 if standing and standing[-1]["key"] == "rest" else 0)
        place = next((n for n, other in enumerate(standing) if other["kind"] == "routing"), end) if rule["kind"] == "escalation" else end
        standing.insert(place, rule)


def partly_covered(dice: Dice, words: Words, document: Document) -> None:
    """Routing rules above take nearly all of the one below, but leave the one value on the edge."""
    form, edge = leaf("ticket.form_id", "is", "4001"), dice.randint(10, 90)
    add(
        document,
        to("low", {"all": [form, leaf("call.talk_seconds", "less_than", edge)]}),
        to("high", {"all": [form, leaf("call.talk_seconds", "greater_than", edge)]}),
        to("edge", {"all": [form, leaf("call.talk_seconds", "present")]}, "one"),
    )


def chain_of_tags(dice: Dice, words: Words, document: Document) -> None:
    """One rule reads what another puts on, and cleans up behind it: it comes to rest."""
    start, tag, done = words.one(), words.one(), words.one()
    add(
        document,
        escalation("puts", {"all": [leaf("tags", "includes", start), leaf("ticket.form_id", "is", "4002")]}, {"add_tags": [tag]}),
        escalation("takes", {"all": [leaf("tags", "includes", done), leaf("ticket.form_id", "is", "4003")]}, {"remove_tags": [tag]}),
    )


def same_value_twice(dice: Dice, words: Words, document: Document) -> None:
    """Two rules for overlapping cases that set the same thing to the same value, and two that read what the other has set."""
    word = words.one()
    add(
        document,
        escalation("one", leaf("text.requester", "contains", word), {"set_custom_field": {"id": 44, "value": word}}),
        escalation("also", leaf("subject", "contains", word), {"set_custom_field": {"id": 44, "value": word}}),
        escalation("first-severity", leaf("ticket.form_id", "is", "4004"), {"set_severity": 1}),
        escalation(
            "only-if-none", {"all": [leaf("ticket.form_id", "is", "4004"), leaf("case.severity", "at_least", 2)]}, {"set_severity": 2}
        ),
    )


def narrow_stop(dice: Dice, words: Words, document: Document) -> None:
    """A stop that takes some of what the rule below asks for."""
    word = words.one()
    add(
        document,
        escalation(
            "halt",
            {"all": [leaf("text.requester", "contains", word), leaf("ticket.form_id", "is", "4005")]},
            {"notify": "x"},
            {"stop": True},
        ),
        escalation("below", leaf("ticket.form_id", "is", "4005"), {"notify": "y"}),
    )


def close_words(dice: Dice, words: Words, document: Document) -> None:
    """Words that begin alike but are whole words of their own; a phrase that shares a word with another one."""
    word, other = words.one(), words.one()
    add(
        document,
        escalation("close", leaf("text.requester", "contains_any", [word, word + "s", f"{other} one", f"{other} two"]), {"notify": "x"}),
    )
    add(
        document,
        escalation(
            "not-the-plural",
            {"all": [leaf("text.requester", "contains", word + "s"), leaf("text.requester", "not_contains", word)]},
            {"notify": "x"},
        ),
    )


def nearly_always(dice: Dice, words: Words, document: Document) -> None:
    """True for every value but not for a missing one."""
    edge = dice.randint(2, 50)
    both = {"any": [leaf("call.talk_seconds", "less_than", edge), leaf("call.talk_seconds", "at_least", edge)]}
    add(document, escalation("nearly", both, {"notify": "x"}))


def nearly_never(dice: Dice, words: Words, document: Document) -> None:
    """One value is left between the bounds; one word is left of two lists; one hour of a day."""
    edge = dice.randint(2, 50)
    first, shared, last = words.one(), words.one(), words.one()
    add(
        document,
        escalation(
            "one-left",
            {"all": [leaf("requester.cases_90d", "greater_than", edge), leaf("requester.cases_90d", "less_than", edge + 2)]},
            {"notify": "x"},
        ),
        escalation(
            "one-word",
            {"all": [leaf("requester.name", "in", [first, shared]), leaf("requester.name", "in", [shared.upper(), last])]},
            {"notify": "x"},
        ),
        escalation("last-hour", {"all": [leaf("time.hour", "at_least", 23), leaf("time.weekday", "is", "sun")]}, {"notify": "x"}),
        escalation("at-night", {"all": [leaf("time.now", "outside_hours", "office"), leaf("time.hour", "less_than", 3)]}, {"notify": "x"}),
    )


TRAPS = (partly_covered, chain_of_tags, same_value_twice, narrow_stop, close_words, nearly_always, nearly_never)


# -- defects -------------------------------------------------------------------------------------------------------------

Plant = Callable[[Dice, Words, Document], Planted]


def _victim(dice: Dice, document: Document, kind: str = "escalation") -> Any:
    return dice.choice([rule for rule in document["rules"] if rule["kind"] == kind and rule["key"].startswith(("rule", "to"))])


def impossible(dice: Dice, words: Words) -> list[Any]:
    """Conditions that exclude each other."""
    one, other = words.one(), words.one()
    n = dice.randint(2, 40)
    twin = dice.choice(
        [
            leaf("text.requester", "contains_any", [one, other]),
            leaf("subject", "matches", rf"\b{one}\b"),
            leaf("ticket.external_id", "changed"),
            leaf("requester.name", "starts_with", one),
            leaf("case.channels", "includes", "voice"),
        ]
    )
    ways: list[list[Any]] = [
        [leaf("call.talk_seconds", "less_than", n), leaf("call.talk_seconds", "at_least", n)],
        [leaf("call.talk_seconds", "between", [n, n + 5]), leaf("call.talk_seconds", "greater_than", n + 5)],
        [leaf("requester.cases_90d", "greater_than", n), leaf("requester.cases_90d", "less_than", n + 1)],
        [leaf("ticket.group_id", "is", "11"), leaf("ticket.group_id", "is", "12")],
        [leaf("ticket.group_id", "in", ["11", "12"]), leaf("ticket.group_id", "not_in", ["12", "11", "13"])],
        [leaf("ticket.group_id", "present"), leaf("ticket.group_id", "not_present")],
        [leaf("ticket.group_id", "is", "11"), leaf("ticket.group_id", "not_present")],
        [leaf("ticket.group_id", "not_present"), leaf("ticket.group_id", "changed_to", "11")],
        [leaf("call.direction", "is", "inbound"), leaf("call.direction", "in", ["outbound", "internal"])],
        [leaf("text.new", "contains", f"{one} {other}"), leaf("text.new", "not_contains", one)],
        [leaf("text.new", "contains_all", [one, other]), leaf("text.new", "not_contains", other)],
        [leaf("text.new", "contains_any", [f"{one} {other}", f"{one} x"]), {"none": [leaf("text.new", "contains_any", [one, "zz"])]}],
        [leaf("subject", "is", one), leaf("subject", "contains", other)],
        [leaf("text.new", "contains", one), {"none": [leaf("text.new", "present")]}],
        [leaf("subject", "starts_with", f"{one} {other}"), leaf("subject", "not_contains", one)],
        [leaf("subject", "starts_with", one), leaf("subject", "starts_with", other)],
        [leaf("call.ring_group", "includes_all", [one, other]), leaf("call.ring_group", "not_includes", other)],
        [leaf("call.ring_group", "includes", one), leaf("call.ring_group", "not_present")],
        [leaf("case.acknowledged", "is", True), leaf("case.acknowledged", "is", False)],
        [leaf("case.severity", "greater_than", 4)],
        [leaf("time.hour", "at_least", 24)],
        [leaf("time.weekday", "in", ["sat", "sun"]), leaf("time.weekday", "is", "mon")],
        [leaf("time.now", "within_hours", "office"), leaf("time.now", "outside_hours", "office")],
        [leaf("time.now", "outside_hours", "always")],
        [leaf("source", "is", "zendesk"), leaf("event", "is", "call.missed")],
        [leaf("ticket.custom.88", "at_least", n), leaf("ticket.custom.88", "less_than", n)],
        [twin, {"none": [twin]}],
    ]
    return dice.choice(ways)


def spread(dice: Dice, rule: Any, parts: list[Any]) -> None:
    """All of `parts` must hold besides what the rule asks for already, here or one level down."""
    if dice.random() < 0.5:
        rule["when"] = {"all": dice.sample([rule["when"], *parts], len(parts) + 1)}
    else:
        rule["when"] = {"all": [{"all": parts[:1]}, rule["when"], *parts[1:]]}


def never(dice: Dice, words: Words, document: Document) -> Planted:
    rule = _victim(dice, document, dice.choice(("escalation", "routing")))
    spread(dice, rule, impossible(dice, words))
    return Planted("never", document, "never_matches", rule["key"])


def never_by_choice(dice: Dice, words: Words, document: Document) -> Planted:
    """Every branch of an `any` clashes with something."""
    rule = _victim(dice, document)
    n = dice.randint(5, 40)
    field, other = "call.talk_seconds", "requester.cases_90d"
    parts = [
        {"any": [leaf(field, "less_than", n), leaf(other, "at_least", n)]},
        leaf(field, "greater_than", n + 1),
        {"none": [leaf(other, "greater_than", n - 2)]},
    ]
    spread(dice, rule, parts)
    return Planted("never", document, "never_matches", rule["key"])


def dead_branch(dice: Dice, words: Words, document: Document) -> Planted:
    rule = _victim(dice, document)
    rule["when"] = {"any": [rule["when"], {"all": [*impossible(dice, words), leaf("call.transferred", "is", True)]}]}
    return Planted("dead branch", document, "never_true", rule["key"])


def always(dice: Dice, words: Words, document: Document) -> Planted:
    rule = _victim(dice, document)
    n = dice.randint(2, 40)
    twin = dice.choice(
        [leaf("text.requester", "contains", words.one()), leaf("ticket.group_id", "is", "11"), leaf("tags", "includes", words.one())]
    )
    ways = [
        {
            "any": [
                leaf("call.talk_seconds", "less_than", n),
                leaf("call.talk_seconds", "at_least", n),
                leaf("call.talk_seconds", "not_present"),
            ]
        },
        {"any": [twin, {"none": [twin]}]},
        {"none": [{"all": impossible(dice, words)}]},
        leaf("time.hour", "at_least", 0),
        leaf("time.now", "within_hours", "always"),
        leaf("source", "in", ["zendesk", "talkdesk"]),
        {"any": [leaf("ticket.type", "in", ["question", "incident"]), leaf("ticket.type", "not_in", ["question"])]},
        {"any": [leaf("case.severity", "between", [1, 4]), leaf("case.severity", "not_present")]},
        {"any": [leaf("channel", "is_not", "email"), leaf("channel", "is_not", "chat")]},
    ]
    rule["when"] = {"all": [rule["when"], dice.choice(ways)]}
    return Planted("always", document, "always_true", rule["key"])


def otherwise(dice: Dice, condition: Any) -> Any:
    """The same condition in other words."""
    if "field" in condition:
        opposites = {"is_not": "is", "not_in": "in", "not_contains": "contains", "not_includes": "includes", "not_present": "present"}
        if condition["operator"] in opposites and dice.random() < 0.7:
            return {"none": [{**condition, "operator": opposites[condition["operator"]]}]}
        value = condition.get("value")
        if isinstance(value, list) and condition["operator"] != "between":
            return {**condition, "value": dice.sample(value, len(value))}
        return dict(condition)
    return {name: dice.sample([otherwise(dice, part) for part in parts], len(parts)) for name, parts in reversed(condition.items())}


def duplicate(dice: Dice, words: Words, document: Document) -> Planted:
    rule = _victim(dice, document, dice.choice(("escalation", "escalation", "routing")))
    twin = {**copy.deepcopy(rule), "key": "twin", "when": otherwise(dice, rule["when"]), "title": "the same"}
    add(document, twin)
    return Planted("duplicate", document, "duplicate_rule", "twin")


def eaten_by_one(dice: Dice, words: Words, document: Document) -> Planted:
    rule = _victim(dice, document, "routing")
    more = dice.choice(
        [leaf("call.talk_seconds", "at_least", 5), leaf("requester.cases_90d", "present"), leaf("text.new", "contains", words.one())]
    )
    add(document, to("eaten", {"all": [copy.deepcopy(rule["when"]), more]}, "one" if rule["then"] == [{"route": "two"}] else "two"))
    return Planted("eaten by one", document, "unreachable", "eaten")


def eaten_together(dice: Dice, words: Words, document: Document) -> Planted:
    form = leaf("ticket.form_id", "is", "5000")
    n = dice.randint(5, 50)
    half = dice.sample(CHANNELS, 4)
    groups = dice.choice(
        [
            [
                leaf("call.talk_seconds", "less_than", n),
                leaf("call.talk_seconds", "between", [n, n + 9]),
                leaf("call.talk_seconds", "greater_than", n + 9),
                leaf("call.talk_seconds", "not_present"),
            ],
            [
                leaf("channel", "in", half),
                leaf("channel", "in", [one for one in CHANNELS if one not in half]),
                leaf("channel", "not_present"),
            ],
            [leaf("call.voicemail", "is", True), leaf("call.voicemail", "is", False), leaf("call.voicemail", "not_present")],
            [leaf("tags", "includes", "vip"), leaf("tags", "not_includes", "vip")],
        ]
    )
    shuffled = dice.sample(groups, len(groups))
    add(document, *(to(f"part{n}", {"all": [form, one]}) for n, one in enumerate(shuffled)))
    add(document, to("eaten", {"all": [form, leaf("ticket.is_public", "is", True)]}, "one"))
    return Planted("eaten together", document, "unreachable", "eaten")


def behind_a_stop(dice: Dice, words: Words, document: Document) -> Planted:
    word = words.one()
    add(
        document,
        escalation("stops", leaf("text.requester", "contains", word), {"notify": "x"}, {"stop": True}),
        escalation(
            "behind",
            {"all": [leaf("text.requester", "contains", f"{word} {words.one()}"), leaf("channel", "is", "email")]},
            {"notify": "y"},
        ),
    )
    return Planted("behind a stop", document, "unreachable", "behind")


def two_values(dice: Dice, words: Words, document: Document) -> Planted:
    one, other = words.one(), words.one()
    first, second = dice.choice(
        [
            ({"set_severity": 3}, {"set_severity": 1}),
            ({"set_category": one}, {"set_category": other}),
            ({"set_priority": "low"}, {"set_priority": "urgent"}),
            ({"set_custom_field": {"id": 99, "value": one}}, {"set_custom_field": {"id": 99, "value": other}}),
        ]
    )
    mine, its = dice.choice(
        [
            (leaf("text.requester", "contains", one), leaf("text.requester", "contains", other)),
            (leaf("call.talk_seconds", "at_least", 10), leaf("call.talk_seconds", "at_most", 10)),
            (leaf("ticket.form_id", "in", ["6001", "6002"]), leaf("ticket.form_id", "in", ["6002", "6003"])),
            (leaf("text.requester", "matches", rf"{one}\d+"), leaf("subject", "starts_with", other)),
            (leaf("time.now", "outside_hours", "office"), leaf("time.weekday", "in", ["sat", "sun"])),
        ]
    )
    guard = leaf("ticket.external_id", "is", words.one())
    add(document, escalation("upper", {"all": [guard, mine]}, first), escalation("lower", {"all": [its, guard]}, second))
    return Planted("two values", document, "overruled", "lower")


def opposite_tags(dice: Dice, words: Words, document: Document) -> Planted:
    one, other, tag = words.one(), words.one(), words.one()
    wishes: list[Any] = [{"add_tags": [tag, words.one()]}, {"remove_tags": [tag]}]
    dice.shuffle(wishes)
    add(
        document,
        escalation("upper", leaf("text.requester", "contains", one), wishes[0]),
        escalation("lower", leaf("subject", "contains", other), wishes[1]),
    )
    return Planted("opposite tags", document, "tag_conflict", "lower")


def to_and_fro(dice: Dice, words: Words, document: Document) -> Planted:
    tags = words.some(2, 3)
    turn = {"swap": 0, "flip": 1}[dice.choice(("swap", "flip"))]
    guard = leaf("ticket.form_id", "is", "7000")
    if turn == 0:
        rounds = [
            escalation(
                f"turn{n}",
                {"all": [leaf("tags", "includes", tag), guard]},
                {"remove_tags": [tag]},
                {"add_tags": [tags[(n + 1) % len(tags)]]},
            )
            for n, tag in enumerate(tags)
        ]
        add(document, *dice.sample(rounds, len(rounds)))
    else:
        put = escalation("turn0", {"all": [leaf("tags", "not_includes", tags[0]), guard]}, {"add_tags": [tags[0]]})
        take = escalation("turn1", {"all": [leaf("tags", "includes", tags[0]), guard]}, {"remove_tags": [tags[0]]})
        add(document, *dice.sample([put, take], 2))
    return Planted("to and fro", document, "tag_cycle", None, "/rules/")


def against_a_trigger(dice: Dice, words: Words, document: Document) -> Planted:
    tag = words.one()
    add(document, escalation("ours", leaf("ticket.form_id", "is", "7100"), {"add_tags": [tag]}))
    trigger = {
        "title": "Clean up",
        "active": True,
        "position": 1,
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": tag}], "any": []},
        "actions": [{"field": "remove_tags", "value": tag}],
    }
    return Planted("against a trigger", document, "tag_cycle", "ours", triggers={"triggers": [trigger]})


def _policy(document: Document, name: str, **parts: Any) -> None:
    document["policies"][name] = {
        "steps": [{"after": "0m", "actions": [{"notify": "x"}]}, {"after": "1h", "actions": [{"notify": "y"}]}],
        **parts,
    }


def unused_policy(dice: Dice, words: Words, document: Document) -> Planted:
    _policy(document, "idle", stops_when=leaf("case.acknowledged", "is", True))
    return Planted("policy never runs", document, "policy_never_runs", path="/policies/idle")


def policy_stopped_at_once(dice: Dice, words: Words, document: Document) -> Planted:
    word = words.one()
    mine, stops = dice.choice(
        [
            (leaf("case.acknowledged", "is", True), leaf("case.acknowledged", "present")),
            (leaf("text.requester", "contains", f"{word} {word}"), leaf("text.requester", "contains", word)),
            (leaf("call.talk_seconds", "at_least", 60), leaf("call.talk_seconds", "greater_than", 30)),
            (leaf("text.requester", "contains", word), {}),
            (leaf("text.requester", "contains", word), {"any": [leaf("case.reopened", "is", True), leaf("case.reopened", "is_not", True)]}),
        ]
    )
    _policy(document, "mute", stops_when=stops)
    add(document, escalation("raises", mine, {"escalate": "mute"}))
    return Planted("policy never runs", document, "policy_never_runs", path="/policies/mute")


def endless_policy(dice: Dice, words: Words, document: Document) -> Planted:
    stops = [{"stops_when": {"all": impossible(dice, words)}}, {}]
    _policy(document, "endless", **dice.choice(stops))
    add(document, escalation("raises", leaf("text.requester", "contains", words.one()), {"escalate": "endless"}))
    return Planted("policy never stops", document, "policy_never_stops", path="/policies/endless")


def step_without_room(dice: Dice, words: Words, document: Document) -> Planted:
    document["calendars"]["seldom"] = {"timezone": "UTC", "hours": {"mon": "00:00-00:10"}}
    steps = [{"after": "0m", "actions": [{"notify": "x"}]}, {"after": "10h", "in": "seldom", "actions": [{"notify": "y"}]}]
    _policy(document, "waits", stops_when=leaf("case.acknowledged", "is", True), steps=steps)
    add(document, escalation("raises", leaf("text.requester", "contains", words.one()), {"escalate": "waits"}))
    return Planted("step never due", document, "step_never_due", path="/policies/waits/steps/1")


def needless_entry(dice: Dice, words: Words, document: Document) -> Planted:
    name = dice.choice(sorted(document["lists"]))
    entries = document["lists"][name]
    word = dice.choice(entries)
    more = dice.choice(
        [
            f"{word} {words.one()}",
            f"{words.one()}-{word}",
            word.upper(),
            word.replace("a", "á").replace("e", "é").replace("i", "í").replace("o", "ó").replace("u", "ú"),
        ]
    )
    entries.insert(dice.randint(entries.index(word) + 1, len(entries)), more)
    add(document, escalation("uses", leaf("text.requester", "contains_any", {"list": name}), {"notify": "x"}))
    return Planted("needless entry", document, "shadowed_entry", path=f"/lists/{name}/{entries.index(more)}")


def odd_value(dice: Dice, words: Words, document: Document) -> Planted:
    rule = _victim(dice, document)
    odd = dice.choice(
        [leaf("call.direction", "is", "incoming"), leaf("call.outcome", "in", ["missed", "mised"]), leaf("ticket.status", "is_not", "opne")]
    )
    rule["when"] = {"any": [rule["when"], odd]}
    return Planted("odd value", document, "unknown_value", rule["key"])


def slip(dice: Dice, words: Words, document: Document) -> Planted:
    """What the reader refuses: names that are nowhere, a tag that is none, a pattern that RE2 does not take, no catch-all."""
    rule = _victim(dice, document)
    place = f"/rules/{document['rules'].index(rule)}"
    action: list[tuple[str, Any]] = [
        ("unknown_policy", {"escalate": "nobody"}),
        ("tag", {"add_tags": ["No Tag"]}),
        ("unknown_action", {"add_tag": ["x"]}),
        ("value", {"set_severity": 0}),
        ("action_place", {"route": "one"}),
    ]
    condition: list[tuple[str, Any]] = [
        ("unknown_field", leaf("ticket.stats", "is", "open")),
        ("unknown_operator", leaf("ticket.status", "equals", "open")),
        ("unknown_list", leaf("text.requester", "contains_any", {"list": "nowhere"})),
        ("unknown_calendar", leaf("time.now", "within_hours", "nowhere")),
        ("pattern", leaf("text.requester", "matches", "(?<=a)b")),
        ("operator_type", leaf("text.requester", "at_least", 5)),
        ("type", leaf("case.severity", "at_least", "five")),
    ]
    if dice.random() < 0.1:
        document["rules"].pop()
        return Planted("slip", document, "no_catch_all", path="/rules")
    if dice.random() < 0.4:
        code, wrong = dice.choice(action)
        rule["then"].append(wrong)
    else:
        code, wrong = dice.choice(condition)
        rule["when"] = {"all": [rule["when"], wrong]}
    return Planted("slip", document, code, path=place)


PLANTS: tuple[Plant, ...] = (
    *(
        never,
        never_by_choice,
        dead_branch,
        always,
        duplicate,
        eaten_by_one,
        eaten_together,
        behind_a_stop,
        two_values,
        opposite_tags,
        to_and_fro,
    ),
    *(against_a_trigger, unused_policy, policy_stopped_at_once, endless_policy, step_without_room, needless_entry, odd_value, slip),
)


def planted(dice: Dice) -> Iterator[Planted]:
    """One healthy book spoiled in every way, each time by itself."""
    seed = dice.random()
    for plant in PLANTS:
        again = random.Random(f"{seed} {plant.__name__}")  # noqa: S311  # planting is to be repeated, not to be secret
        document = healthy(again)
        document["policies"] = document.get("policies") or {}
        yield plant(again, Words(random.Random(f"{seed} words")), document)  # noqa: S311


# -- witnesses -----------------------------------------------------------------------------------------------------------


def judged(document: Document, witness: Any, zone: ZoneInfo) -> Judgement:
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in witness["given"].items()}
    facts = {k: v for k, v in given.items() if not k.startswith("previous.")}
    before = {k.removeprefix("previous."): v for k, v in given.items() if k.startswith("previous.")}
    at = datetime.fromisoformat(witness["at"].replace("Z", "+00:00"))
    return Judge(read(document), zone).decide(facts, before, Standing(), at)


def confirmed(document: Document, finding: Finding, zone: ZoneInfo) -> bool:
    """Whether a judge of its own sees in the witness what the finding says."""
    judgement = judged(document, finding.witness, zone)
    matched = {match.key for match in judgement.matched}
    if finding.code in ("overruled", "tag_conflict"):
        return any(entry.get("rule") == finding.rule and entry.get("by") in matched for entry in judgement.overruled)
    if finding.code == "unreachable":
        return finding.rule not in matched and bool(matched)
    if finding.code == "duplicate_rule":
        kind = next(rule["kind"] for rule in document["rules"] if rule["key"] == finding.rule)
        return (finding.rule in matched) is (kind == "escalation")
    if finding.code == "always_true":
        return finding.rule in matched
    if finding.code in ("tag_cycle", "shadowed_entry"):
        return bool(judgement.matched)
    policy = finding.path.split("/")[2]
    if finding.code == "policy_never_runs":
        return policy not in judgement.escalated and bool(matched)
    return policy in judgement.escalated


@dataclass
class Tally:
    """What a run over many books has seen."""

    books: int = 0
    planted: int = 0
    found: int = 0
    healthy: int = 0
    alarmed: int = 0
    witnesses: int = 0
    confirmed: int = 0


WITNESSED = frozenset(
    {
        "duplicate_rule",
        "unreachable",
        "overruled",
        "tag_conflict",
        "tag_cycle",
        "always_true",
        "policy_never_stops",
        "step_never_due",
        "shadowed_entry",
    }
)
"""Findings of which an event can be shown."""


def run(
    books: int, seed: int, missed: Callable[[Planted | Document, tuple[Finding, ...]], None] = lambda what, found: None
) -> tuple[Tally, dict[str, Tally]]:
    """Check `books` healthy books and as many spoiled in every way. `missed` is told of each miss and each false alarm."""
    dice = random.Random(seed)  # noqa: S311
    whole, kinds = Tally(), {}
    for _ in range(books):
        zone = ZoneInfo(dice.choice(ZONES))
        sound = healthy(dice)
        found = check(sound, zone)
        whole.books += 1
        whole.healthy += 1
        if found:
            whole.alarmed += 1
            missed(sound, found)
        for spoiled in planted(dice):
            found = check(spoiled.document, zone, triggers=spoiled.triggers)
            good = any(spoiled.told(finding) for finding in found)
            for tally in (whole, kinds.setdefault(spoiled.kind, Tally())):
                tally.planted += 1
                tally.found += good
            bad = not good
            for finding in found:
                if finding.witness is None and finding.code not in WITNESSED:
                    continue
                sure = finding.witness is not None and confirmed(spoiled.document, finding, zone)
                bad = bad or not sure
                for tally in (whole, kinds[spoiled.kind]):
                    tally.witnesses += 1
                    tally.confirmed += sure
            if bad:
                missed(spoiled, found)
    return whole, kinds
