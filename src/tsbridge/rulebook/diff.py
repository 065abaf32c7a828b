"""What differs between two rulebooks: in words, rule by rule and part by part, and in what they decide.

Pure, and total for any JSON: a draft or a file may hold anything where a rule should stand.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from tsbridge.core.differences import entries, said, value_words
from tsbridge.core.moments import canonical
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.rulebook.tests import outcome
from tsbridge.rulebook.worlds import World

Document = Mapping[str, Any]
PARTS: Final = ("lists", "calendars", "queues", "policies")
SINGLE: Final = {"lists": "list", "calendars": "calendar", "queues": "queue", "policies": "policy", "tests": "test"}
"""What one entry of a part is called."""
GROUPS: Final = {"all": "all of", "any": "any of", "none": "none of"}
CONDITIONS: Final = ("stops_when", "pauses_when")
"""What of a policy is told condition by condition."""
OWN: Final = ("key", "kind", "title", "on", "when", "then")


def diff(before: Document, after: Document) -> dict[str, Any]:
    """Per rule: added, removed, changed, or moved among those that stayed; per named part of the rest: added, removed, changed.

    Each entry carries both forms and says in `words` what is different.
    """
    old, new = _rules(before), _rules(after)
    was, became = [key for key in old if key in new], [key for key in new if key in old]
    places = {key: place for place, key in enumerate(was)}
    moved = set(became) - _stayed([places[key] for key in became], became)
    changes = [_change(key, "removed", rule, None, [f"The rule {key} has gone."]) for key, rule in old.items() if key not in new]
    for key, rule in new.items():
        if key not in old:
            changes.append(_change(key, "added", None, rule, list(_whole(rule))))
            continue
        words = [*_rule_words(old[key], rule)] if old[key] != rule else []
        if key in moved:
            words.append(_place(key, list(old), list(new)))
        if words:
            changes.append(_change(key, "changed" if old[key] != rule else "moved", old[key], rule, words))
    parts = [one for part in (*PARTS, "tests") for one in entries(part, SINGLE[part], _named(before, part), _named(after, part), _own)]
    rest = sorted((before.keys() | after.keys()) - {"rules", *PARTS, *(one["part"] for one in parts)})
    others = [
        {
            "part": name,
            "before": before.get(name),
            "after": after.get(name),
            "words": list(value_words(before.get(name), after.get(name), own=_own)),
        }
        for name in rest
        if before.get(name) != after.get(name)
    ]
    return {"same": before == after, "rules": changes, "order_changed": was != became, "parts": parts, "other": others}


def touched(before: Document, after: Document) -> dict[str, list[str]]:
    """The keys of the rules that were added, changed, moved, removed; only what there is."""
    found: dict[str, list[str]] = {}
    for one in diff(before, after)["rules"]:
        found.setdefault(one["change"], []).append(one["key"])
    return found


def effect(before: Rulebook, after: Rulebook, zone: tzinfo) -> dict[str, Any]:
    """The tests of either rulebook that the two decide differently, with what differs."""
    one, other = Judge(before, zone), Judge(after, zone)
    asked = {canonical([test.given, str(test.at)]): test for book in (before, after) for test in book.tests}
    found = []
    for test in asked.values():
        try:
            world = World.read(test.given, test.at)
        except ValueError:  # a test of an impossible time fails in both
            continue
        was, now = outcome(world.judged(one), world), outcome(world.judged(other), world)
        if was != now:
            names = [name for name in was if was[name] != now[name]]
            found.append({"name": test.name, "from": {name: was[name] for name in names}, "to": {name: now[name] for name in names}})
    return {"tests": len(asked), "changed": found}


def _change(key: str, change: str, before: Any, after: Any, words: list[str]) -> dict[str, Any]:
    return {"key": key, "change": change, "before": before, "after": after, "words": words}


def _rules(document: Document) -> dict[str, Document]:
    found = document.get("rules")
    rules = found if isinstance(found, list) else []
    return {rule["key"]: rule for rule in rules if isinstance(rule, dict) and isinstance(rule.get("key"), str)}


def _stayed(places: Sequence[int], keys: Sequence[str]) -> set[str]:
    """The most keys whose order is the old one: the others are those that were moved."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for n, place in enumerate(places):
        at = bisect_left(ends, place)
        before.append(last[at - 1] if at else None)
        ends[at:], last[at:] = [place, *ends[at + 1 :]], [n, *last[at + 1 :]]
    stayed: set[str] = set()
    at_last = last[-1] if last else None
    while at_last is not None:
        stayed.add(keys[at_last])
        at_last = before[at_last]
    return stayed


def _place(key: str, old: list[str], new: list[str]) -> str:
    at = new.index(key)
    where = f"below {new[at - 1]}" if at else "at the top"
    return f"Moved from place {old.index(key) + 1} to place {at + 1}, {where}."


# -- rules -----------------------------------------------------------------------------------------------------------------


def _whole(rule: Document) -> Iterator[str]:
    yield f"A new {rule.get('kind', '')} rule.".replace("  ", " ")
    yield from (f"Asks {group}{words}." for group, words in _conditions(rule.get("when")))
    yield from (f"Does: {words}." for words in _actions(rule.get("then")))


def _rule_words(old: Document, new: Document) -> Iterator[str]:
    if old.get("kind") != new.get("kind"):
        yield f"Is of kind {said(new.get('kind'))}, was {said(old.get('kind'))}."
    if old.get("title") != new.get("title"):
        yield f"The title is {said(new.get('title'))}, was {said(old.get('title'))}."
    if old.get("on") != new.get("on"):
        yield f"Is asked about {_events(new.get('on'))}, was asked about {_events(old.get('on'))}."
    if old.get("when") != new.get("when"):
        yield from _condition_words(old.get("when"), new.get("when"))
    if old.get("then") != new.get("then"):
        yield from _action_words(old.get("then"), new.get("then"))
    for name in sorted((old.keys() | new.keys()) - {*OWN}):
        if old.get(name) != new.get(name):
            yield f"{name} is {said(new.get(name))}, was {said(old.get(name))}."


def _condition_words(old: Any, new: Any) -> Iterator[str]:
    was, now = list(_conditions(old)), list(_conditions(new))
    gone, fresh = [one for one in was if one not in now], [one for one in now if one not in was]
    yield from (f"No longer asks {group}{words}." for group, words in gone)
    yield from (f"Also asks {group}{words}." for group, words in fresh)
    if not gone and not fresh:
        yield "The same conditions stand in another order."


def _action_words(old: Any, new: Any) -> Iterator[str]:
    was, now = list(_actions(old)), list(_actions(new))
    gone, fresh = [one for one in was if one not in now], [one for one in now if one not in was]
    yield from (f"No longer does: {one}." for one in gone)
    yield from (f"Now does: {one}." for one in fresh)
    if not gone and not fresh:
        yield "The same actions stand in another order."


def _conditions(when: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """(the groups it stands in, its words) of every leaf."""
    if not isinstance(when, Mapping) or not when:
        yield above, "nothing" if when == {} else said(when)
        return
    if "field" in when or not when.keys() & GROUPS.keys():
        words = f"{when.get('field')} {str(when.get('operator')).replace('_', ' ')}"
        yield above, words + (f" {said(when['value'])}" if "value" in when else "")
        return
    for name, word in GROUPS.items():
        parts = when.get(name, [])
        for part in parts if isinstance(parts, list) else [parts]:
            yield from _conditions(part, f"{above}{word}: ")


def _actions(then: Any) -> Iterator[str]:
    for action in then if isinstance(then, list) else [then]:
        if not isinstance(action, Mapping):
            yield said(action)
            continue
        for name, value in action.items():
            for one in value if isinstance(value, list) and name in ("add_tags", "remove_tags") else [value]:
                words = json.dumps(one, ensure_ascii=False) if name == "note" else said(one)
                yield f"{str(name).replace('_tags', '_tag').replace('_', ' ')} {words}"


def _events(on: Any) -> str:
    return "tickets and calls" if on is None else said(on)


# -- the rest --------------------------------------------------------------------------------------------------------------


def _own(name: str, was: Any, now: Any) -> Iterable[str] | None:
    """Conditions and actions have words of their own."""
    if name in CONDITIONS:
        return _condition_words(was, now)
    return _action_words(was, now) if name == "actions" and isinstance(was, list) and isinstance(now, list) else None


def _named(document: Document, part: str) -> Document:
    """The entries of a part by name; tests, which may share one, also by their number among those that do."""
    found = document.get(part)
    if part == "tests" and isinstance(found, list) and all(isinstance(one, Mapping) for one in found):
        named: dict[str, Any] = {}
        for place, test in enumerate(found, 1):
            name, number = str(test.get("name", f"test {place}")), 1
            while (key := name if number == 1 else f"{name} ({number})") in named:
                number += 1
            named[key] = test
        return named
    return found if isinstance(found, dict) else {}
