"""Random rulebooks and moments over tiny domains, so that everything meets: thresholds are hit, words lie inside each other,
a quarter of the facts is missing, rules read what rules above them set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

WORDS = ["bite", "bitten", "bit", "dog bite", "straße", "café", "ñandú", "x", "he", "the dog", "10", "c++", "日本"]
TEXTS = [
    "",
    "the dog bite",
    "Bitten by THE DOG, twice",
    "a rabbit bit 10 cats",
    "STRASSE CAFE nandu",
    "arbiter of c++ 日本語",
    "x",
    "he\u00a0saw  the dogs",
    "日本 dog bite; bite",
]
TAGS = ["vip", "ts_a", "ts_b", "ts_c"]
WORD_FIELDS: dict[str, list[Any]] = {
    "channel": ["email", "voice", "chat"],
    "ticket.status": ["new", "OPEN", "solved"],
    "ticket.priority": ["low", "urgent"],
    "ticket.group_id": ["1", "2", "10"],
    "ticket.custom.77": ["yes", "No", "3", "7.0"],
    "ticket.custom.78": ["1", "0", "true", True, False],
    "requester.email": ["ana@example.com", "bo@example.org"],
    "case.category": ["safety", "claim"],
    "case.queue": ["q1", "q2"],
    "time.weekday": ["mon", "sun"],
}
NUMBER_FIELDS: dict[str, list[Any]] = {
    "call.wait_seconds": [0, 1, 1.5, 2, 10],
    "requester.contacts_24h": [1, 2, 3],
    "queue.waiting": [0, 1, 9],
    "case.severity": [1, 2, 3, 4],
    "case.followed_severity": [1, 3],
    "case.age_minutes": [0, 10, 60],
    "time.hour": [0, 9, 17, 23],
}
FLAGS = ["call.voicemail", "case.acknowledged", "oncall.present", "time.holiday"]
TIMES = {"case.told_at": ["2026-11-23T17:30:00Z", "2026-11-24T02:00:00Z"]}
SETS = {"tags": TAGS, "changed": ["ticket.status", "tags"], "call.ring_group": ["A", "b"]}
TEXT_FIELDS = ["text", "text.new", "subject"]
PATTERNS = ["bit(e|ten)", "(?i)dog", "^x$", r"\d+", "b.t", ""]
EVENTS = ["ticket.created", "ticket.updated", "call.missed", "case.acknowledged", "clock"]
CALENDARS = {
    "office": {"timezone": "America/Los_Angeles", "hours": {"mon-fri": "09:00-17:00"}, "holidays": {"dates": ["2026-11-26"]}},
    "nights": {"timezone": "Europe/Berlin", "hours": {"mon-sun": "22:00-06:00"}},
}


def document(rng: Random, rules: int) -> dict[str, Any]:
    """A valid rulebook of `rules` rules and one catch-all."""
    made = [rule(rng, f"r{n}") for n in range(rules)]
    rng.shuffle(made)
    return {
        "schema": 1,
        "lists": {"words": rng.sample(WORDS, 4)},
        "calendars": CALENDARS,
        "queues": {"q1": {}, "q2": {}, "q3": {}},
        "policies": {"p1": policy(rng), "p2": policy(rng)},
        "rules": [*made, {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "q3"}]}],
    }


def rule(rng: Random, key: str) -> dict[str, Any]:
    kind = rng.choices(["escalation", "routing"], [4, 1])[0]
    then = [rng.choice(ACTIONS)(rng) for _ in range(rng.randint(1, 3))]
    if kind == "routing":
        then = [action for action in then if not {"escalate", "stop"} & set(action)] + [{"route": rng.choice(["q1", "q2"])}]
    made = {"key": key, "kind": kind, "when": condition(rng, 3), "then": then}
    if rng.random() < 0.5:
        made["on"] = rng.sample([*EVENTS, "ticket", "call", "clock"], 3)
    return made


def policy(rng: Random) -> dict[str, Any]:
    after = sorted(rng.sample([0, 5, 60], 2))
    steps: list[dict[str, Any]] = [{"after": f"{n}m", "actions": [rng.choice(ACTIONS[:5])(rng)]} for n in after]
    if rng.random() < 0.5:
        steps.append({"after": "2h", "in": "office", "actions": [rng.choice(ACTIONS[:5])(rng)]})
    made: dict[str, Any] = {"steps": steps}
    if rng.random() < 0.6:
        made["stops_when"] = condition(rng, 2)
    if rng.random() < 0.5:
        made["pauses_when"] = made_of(rng, [name for name in WORD_FIELDS if not name.startswith("time.")])
    if rng.random() < 0.5:
        made["acknowledged_for"] = rng.choice(["5m", "1h"])
    if rng.random() < 0.5:
        made["repeat"] = {"every": "30m", "times": 2}
    return made


def made_of(rng: Random, fields: list[str]) -> dict[str, Any]:
    name = rng.choice(fields)
    return {rng.choice(["all", "none"]): [made(name, rng.choice(["is", "is_not"]), rng.choice(WORD_FIELDS[name]))]}


ACTIONS: list[Callable[[Random], dict[str, Any]]] = [
    lambda rng: {"add_tags": rng.sample(TAGS, rng.randint(1, 2))},
    lambda rng: {"remove_tags": [rng.choice(TAGS)]},
    lambda rng: {"set_severity": rng.randint(1, 4)},
    lambda rng: {"set_priority": rng.choice(["low", "urgent"])},
    lambda rng: {"set_custom_field": {"id": 77, "value": rng.choice(["yes", 3, True])}},
    lambda rng: {"set_category": rng.choice(["safety", "claim"])},
    lambda rng: {"escalate": rng.choice(["p1", "p2"])},
    lambda rng: {"note": "severity {case.severity}"},
    lambda rng: {"notify": "oncall"},
    lambda rng: {"assign": "41"},
    lambda rng: {"stop": True} if rng.random() < 0.3 else {"add_tags": ["ts_d"]},
]


def condition(rng: Random, depth: int) -> dict[str, Any]:
    if depth == 0 or rng.random() < 0.3:
        return leaf(rng)
    parts = rng.sample(["all", "any", "none"], rng.choices([1, 2], [4, 1])[0])
    return {part: [condition(rng, depth - 1) for _ in range(rng.randint(1, 3))] for part in parts}


def leaf(rng: Random) -> dict[str, Any]:
    kind = rng.choices(["word", "number", "flag", "set", "text", "changed", "time"], [4, 3, 1, 2, 4, 2, 1])[0]
    if kind == "word":
        name = rng.choice(sorted(WORD_FIELDS))
        values = WORD_FIELDS[name]
        operator = rng.choice(["is", "is_not", "in", "not_in", "present", "not_present"])
        return made(name, operator, rng.sample(values, 2) if operator in ("in", "not_in") else rng.choice(values))
    if kind == "number":
        name = rng.choice(sorted(NUMBER_FIELDS))
        low, high = sorted(rng.choices(NUMBER_FIELDS[name], k=2))
        operator = rng.choice(["is", "is_not", "less_than", "at_most", "greater_than", "at_least", "between", "in"])
        return made(name, operator, [low, high] if operator in ("between", "in") else low)
    if kind == "flag":
        return made(rng.choice(FLAGS), rng.choice(["is", "is_not", "present"]), rng.random() < 0.5)
    if kind == "set":
        name = rng.choice(sorted(SETS))
        operator = rng.choice(["includes", "not_includes", "includes_all", "present", "not_present"])
        return made(name, operator, rng.sample(SETS[name], 2) if operator == "includes_all" else rng.choice(SETS[name]))
    if kind == "changed":
        name = rng.choice(sorted(WORD_FIELDS)[:-1])
        operator = rng.choice(["changed", "not_changed", "changed_to", "changed_from"])
        return made(name, operator, rng.choice(WORD_FIELDS[name]))
    if kind == "time":
        return made(rng.choice(["time.now", *TIMES]), rng.choice(["within_hours", "outside_hours"]), rng.choice(sorted(CALENDARS)))
    operator = rng.choice(["contains", "not_contains", "contains_any", "contains_all", "starts_with", "matches", "present"])
    if operator in ("contains_any", "contains_all"):
        value: Any = {"list": "words"} if rng.random() < 0.3 else rng.sample(WORDS, 2)
    else:
        value = rng.choice(PATTERNS) if operator == "matches" else rng.choice(WORDS)
    return made(rng.choice(TEXT_FIELDS), operator, value)


def made(name: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": name, "operator": operator} | ({} if operator in WITHOUT_VALUE else {"value": value})


WITHOUT_VALUE = {"present", "not_present", "changed", "not_changed"}


def facts(rng: Random) -> dict[str, Any]:
    """A moment's facts; about a quarter is missing, some are known to be empty."""
    found: dict[str, Any] = {"source": rng.choice(["zendesk", "talkdesk"]), "event": rng.choice(EVENTS)}
    choices: dict[str, list[Any]] = {
        **WORD_FIELDS,
        **NUMBER_FIELDS,
        **{name: [True, False] for name in FLAGS},
        **dict.fromkeys(TEXT_FIELDS, TEXTS),
    }
    for name, values in choices.items():
        if not name.startswith("time.") and rng.random() < 0.75:
            found[name] = rng.choice([*values, None]) if rng.random() < 0.9 else rng.choice(["", "3", "Yes", "2.0"])
    for name, times in TIMES.items():
        if rng.random() < 0.75:
            found[name] = rng.choice(times)
    for name, words in SETS.items():
        if rng.random() < 0.75:
            found[name] = tuple(sorted(rng.sample(words, rng.randint(0, len(words)))))
    if rng.random() < 0.1:
        del found["event"]
    return found


def instant(rng: Random) -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(minutes=rng.choice([0, 539, 540, 1019, 1020, 1440, 5760, 7000, 9000]))
