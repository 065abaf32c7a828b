"""The order of Zendesk's business rules, and rules of our language that keep it.

Order keeps its meaning. Zendesk runs all rules top to bottom and the *last* one that sets a field wins; our escalation
rules run top to bottom and the *first* wins. So a rule that sets a field which a later one sets too is split: its setting
becomes a rule of its own that does not apply where the later rule does. Where that makes a rule larger than a rulebook allows,
the setting moves behind the last of the rules that win over it instead.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import RulebookError
from tsbridge.core.rules.read_conditions import MAX_NODES

LONGEST: Final = 72
"""Characters of a key before a number is added; a rulebook allows 80."""
GROUP: Final = "ticket.group_id"
ASSIGNEE: Final = "ticket.assignee_id"
ALL_TAGS: Final = "tags"
"""Slots: what a rule sets, by the field that reads it; a tag is `tags <word>`."""
RULE_PATH: Final = re.compile(r"/rules/([0-9]+)(?:/|$)")


@dataclass(slots=True)
class Part:
    """One condition or action of a business rule and what became of it."""

    what: str
    outcome: str
    why: str = ""

    def shown(self) -> dict[str, str]:
        return {"part": self.what, "outcome": self.outcome, "why": self.why}


@dataclass(slots=True)
class Carried:
    """A business rule on its way: `when`, what it sets by slot (each tag is one), and its parts' fates.

    `stays`: what it sets in Zendesk and not here, by slot, None where we have no such action. `narrower`: it applies less often than
    in Zendesk. `made`: how many sound rules it became.
    """

    title: str
    key: str
    when: dict[str, Any]
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    group: dict[str, Any] | None = None
    reads: frozenset[str] = frozenset()
    parts: list[Part] = field(default_factory=list)
    on: list[str] = field(default_factory=list)
    stays: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    category: str = ""
    narrower: bool = False
    made: int = 0

    def does_something(self) -> bool:
        return bool(self.settings or self.group)

    def outcome(self) -> str:
        fates = {part.outcome for part in self.parts}
        if not self.made:
            return "left"
        return "differs" if fates & {"differs", "left"} else "exact"

    def why(self) -> str:
        reasons = [part.why for part in self.parts if part.outcome != "exact" and part.why]
        return "; ".join(dict.fromkeys(reasons)) or ("" if self.outcome() == "exact" else "it has no actions")

    def shown(self) -> dict[str, Any]:
        return {"title": self.title, "outcome": self.outcome(), "why": self.why(), "parts": [part.shown() for part in self.parts]}


Made = tuple[Carried, dict[str, Any]]


def in_our_order(carried: Sequence[Carried], taken: set[Any]) -> list[Made]:
    """Escalation rules in Zendesk's order, split where a later setting wins; routing rules behind, the last group first.

    `taken`: keys that no rule may have; those of the rules are added.
    """
    rules: list[Made] = []
    late: dict[int, list[Made]] = defaultdict(list)
    sizes = [_size(one.when) for one in carried]
    for place, one in enumerate(carried):
        later = carried[place + 1 :]
        own: list[tuple[bool, Made]] = []
        together: dict[str, dict[str, Any]] = {}
        for slot, action in one.settings.items():
            setters = [place + 1 + n for n, other in enumerate(later) if slot in other.settings]
            rivals = [n for n in setters if carried[n].settings[slot] != action]
            if not rivals:
                together[slot] = action
                continue
            behind = 2 + sizes[place] + sum(sizes[n] for n in rivals) > MAX_NODES
            when = one.when if behind else {"all": [one.when, {"none": [carried[n].when for n in rivals]}]}
            _name_order(carried, place, slot, rivals, behind)
            made = (one, _rule(free_key(f"{one.key} {slot}", taken), one, when, [action]))
            if behind:
                late[setters[-1]].insert(0, made)
            else:
                own.append((slot in one.reads, made))
        if together:
            own.append((not one.reads.isdisjoint(together), (one, _rule(one.key, one, one.when, _joined(together.values())))))
        # What it reads itself is set last: the rules that it becomes must not hide from each other what they look at.
        rules += [made for _, made in sorted(own, key=itemgetter(0))]
        _restarts(one, later)
        rules += late[place]
    for one in reversed(carried):
        if one.group is not None:
            key = free_key(f"{one.key} route", taken)
            rules.append((one, {**_rule(key, one, one.when, [one.group]), "kind": "routing"}))
    return rules


def stay_rules(rules: Iterable[Mapping[str, Any]], taken: set[Any]) -> list[dict[str, Any]]:
    """In Zendesk a ticket keeps its group until a trigger sets another; a route is asked for anew at every event. So what one of
    `rules` has routed stays where it is, when none of them routes it elsewhere."""
    queues = dict.fromkeys(str(rule["then"][0]["route"]) for rule in rules if rule["kind"] == "routing")
    return [
        {
            "key": free_key(f"stay in {queue}", taken),
            "kind": "routing",
            "title": f"Stays in {queue}",
            "when": {"all": [{"field": "case.queue", "operator": "is", "value": queue}]},
            "then": [{"route": queue}],
        }
        for queue in queues
    ]


def sound(made: Sequence[Made], queues: Iterable[str]) -> list[dict[str, Any]]:
    """The rules that a rulebook can hold; of every other one its business rule says why it cannot."""
    last = {"key": "catch_all", "kind": "routing", "when": {}, "then": [{"route": "catch_all"}]}
    rules = [rule for _, rule in made]
    refused: dict[int, str] = {}
    try:
        read({"schema": 1, "queues": {name: {} for name in (*queues, "catch_all")}, "rules": [*rules, last]})
    except RulebookError as error:
        for finding in error.findings:
            if (hit := RULE_PATH.match(finding.path)) is not None:
                refused.setdefault(int(hit[1]), f"a rulebook cannot hold it: {finding.message}")
    for place, (one, rule) in enumerate(made):
        if place in refused:
            one.parts.append(Part(f"rule {rule['key']}", "left", refused[place]))
        else:
            one.made += 1
    return [rule for place, rule in enumerate(rules) if place not in refused]


def free_key(title: str, taken: set[Any]) -> str:
    """A short name made of a title that no rule has yet."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:LONGEST].strip("-") or "rule"
    key, count = stem, 1
    while key in taken:
        count += 1
        key = f"{stem}-{count}"
    taken.add(key)
    return key


def _name_order(carried: Sequence[Carried], place: int, slot: str, rivals: Sequence[int], behind: bool) -> None:
    """What may differ where a setting gives way to later ones: `behind` them all, or by not applying where they do."""
    one, part = carried[place], f"order of {slot}"
    between = {w for other in carried[place:] for w in other.settings}
    if any(carried[n].reads & between for n in rivals):
        one.parts.append(Part(part, "differs", f"a later rule that sets {slot} too reads what rules in between may change"))
    if behind and one.reads & between:
        one.parts.append(Part(part, "differs", "it is asked behind the later rules that win over it, and reads what they may change"))
    if any(carried[n].narrower for n in rivals):
        why = f"a later rule that sets {slot} too lost a condition and applies less often, so this setting stands more often"
        one.parts.append(Part(part, "differs", why))


def _joined(actions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same actions, with all tags to add in one and all to remove in one."""
    tags: dict[str, list[str]] = defaultdict(list)
    others = []
    for action in actions:
        ((name, value),) = action.items()
        if name in ("add_tags", "remove_tags"):
            tags[name] += value
        else:
            others.append(action)
    return [*({name: words} for name, words in tags.items()), *others]


def _size(tree: Mapping[str, Any]) -> int:
    """How many conditions a tree has, as the rulebook's limit counts them."""
    return 1 if "field" in tree else 1 + sum(_size(part) for branch in tree.values() for part in branch)


def _restarts(one: Carried, later: Sequence[Carried]) -> None:
    """Zendesk starts its pass again after a change, so an earlier rule sees what later ones set; ours does with the next moment."""
    writes = {w for other in later for w in other.settings}
    if one.reads & writes:
        read = ", ".join(sorted(one.reads & writes))
        one.parts.append(
            Part(
                "order", "differs", f"reads {read}, which a later rule sets: Zendesk runs it again at once, the bridge with the next event"
            )
        )


def _rule(key: str, one: Carried, when: dict[str, Any], then: list[dict[str, Any]]) -> dict[str, Any]:
    return {"key": key, "kind": "escalation", "title": one.title, "on": one.on, "when": when, "then": then}
