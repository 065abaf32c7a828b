"""Triggers of one condition, imported, against the interpreter of Zendesk's semantics over random tickets and their updates.

Each update becomes the audit that Zendesk would write of it, its moment is what the bridge reads there, and the story of all of them is
judged by the imported rules.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tests.rulebook.zendesk_semantics import Undocumented, Update, fires
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.story import Told, judge_story
from tsbridge.rulebook.check import check
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.vendors.zendesk.read_audits import moments_of

BEGIN: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
UTC_ZONE: Final = ZoneInfo("UTC")
STATUSES: Final = ("new", "open", "pending", "hold", "solved")
NOTHING: Final = ("", "__NULL__", None)
PEOPLE: Final = {41: "end-user", 42: "end-user", 7: "agent", 8: "agent", 9: "admin", -1: "system"}
CHANNELS: Final = {
    0: "web",
    4: "email",
    5: "api",
    8: "rule",
    29: "chat",
    57: "sms",
    49: "mobile_sdk",
    74: "whatsapp",
    45: "api_phone_call_inbound",
}
PROPERTIES: Final[Mapping[str, Sequence[Any]]] = {
    "status": STATUSES,
    "priority": (None, "low", "normal", "high", "urgent"),
    "type": (None, "question", "incident", "problem", "task"),
    "group_id": (None, 5, 6),
    "assignee_id": (None, 7, 8),
    "requester_id": (41, 42, 7),
    "organization_id": (None, 61, 62),
    "brand_id": (71, 72),
    "ticket_form_id": (None, 81, 82),
    "custom_status_id": (91, 92, 93),
    "satisfaction_score": ("unoffered", "offered", "good", "good_with_comment", "bad", "bad_with_comment"),
}
DROP_DOWN, NUMBER, CHECKBOX, SEVERAL, DATE = "100", "102", "103", "104", "105"
CUSTOM: Final[Mapping[str, Sequence[Any]]] = {
    DROP_DOWN: (None, "tier_1", "tier_2"),
    NUMBER: (None, "2", "2.5", "2.50", "10"),
    CHECKBOX: (False, True),
    SEVERAL: (None, ["ant"], ["ant", "bee"], ["bee", "cat"]),
    DATE: (None, "2026-11-01", "2026-12-24"),
}
TAGS: Final = ("vip", "bite", "refund", "b-1")
SENTENCES: Final = ("My dog was bitten", "Please send the invoice", "No refund?", "Ça va, café", "thanks")

PAST: Final = ("changed", "not_changed", "value", "not_value", "value_previous", "not_value_previous")
EQUAL: Final = ("is", "is_not")
SIZES: Final = ("less_than", "greater_than")
WORDS: Final = ("includes", "not_includes", "is", "is_not")
Choice = tuple[str, Sequence[str | None], Sequence[Any]]


def _ids(name: str) -> list[Any]:
    return [str(one) for one in PROPERTIES[name] if one is not None]


CONDITIONS: Final[Sequence[Choice]] = (
    ("status", (*EQUAL, *SIZES, *PAST), (*STATUSES, "closed", "Solved")),
    ("priority", (*EQUAL, *SIZES, *PAST), ("low", "normal", "high", "urgent", "HIGH", *NOTHING)),
    ("type", (*EQUAL, *PAST), ("question", "incident", "problem", "task", *NOTHING)),
    ("group_id", (*EQUAL, *PAST), (*_ids("group_id"), *NOTHING)),
    ("assignee_id", (*EQUAL, *PAST), (*_ids("assignee_id"), *NOTHING, "current_user", "requester_id")),
    ("requester_id", (*EQUAL, *PAST), (*_ids("requester_id"), "current_user", "assignee_id")),
    ("organization_id", (*EQUAL, *PAST), (*_ids("organization_id"), *NOTHING)),
    ("brand_id", (*EQUAL, *PAST), _ids("brand_id")),
    ("ticket_form_id", (*EQUAL, *PAST, "changed_to", "changed_from", "not_changed_to", "not_changed_from"), _ids("ticket_form_id")),
    ("custom_status_id", ("includes", "not_includes"), ([91], ["91", "92"], ["93"])),
    ("custom_status_id", (*EQUAL, *PAST), _ids("custom_status_id")),
    ("satisfaction_score", (*EQUAL, *PAST), PROPERTIES["satisfaction_score"]),
    ("current_tags", ("includes", "not_includes"), ("vip", "vip bite", "b-1 nobody", ["refund", "bite"])),
    ("update_type", (None, "is"), ("Create", "Change", "create")),
    ("comment_is_public", (None, "is"), ("true", "false", "not_relevant", "requester_can_see_comment", True, False)),
    ("ticket_is_public", EQUAL, ("public", "private")),
    ("role", EQUAL, ("agent", "end-user", "end_user", "requester_id", "assignee_id", "7", "41")),
    ("via_id", (*EQUAL, "includes", "not_includes"), [str(one) for one in CHANNELS]),
    ("current_via_id", EQUAL, [str(one) for one in CHANNELS]),
    ("comment_includes_word", WORDS, ("bitten", "invoice refund", "the invoice", "café", "inv")),
    ("subject_includes_word", WORDS, ("bitten", "invoice refund", "the invoice", "café", "inv")),
    (f"custom_fields_{DROP_DOWN}", (*EQUAL, *PAST), ("tier_1", "tier_2", *NOTHING)),
    (f"custom_fields_{DROP_DOWN}", ("present", "not_present"), (None,)),
    (f"custom_fields_{NUMBER}", (*EQUAL, *SIZES, "less_than_equal", "greater_than_equal"), ("2", "2.5", "10", "7")),
    (f"custom_fields_{NUMBER}", ("present", "not_present"), (None,)),
    (f"custom_fields_{CHECKBOX}", EQUAL, ("true", "false", True, False)),
    (f"custom_fields_{SEVERAL}", ("includes", "not_includes"), ("ant", ["ant", "cat"], ["dog"])),
    (f"custom_fields_{SEVERAL}", ("present", "not_present"), (None,)),
    (f"custom_fields_{DATE}", EQUAL, ("2026-11-01", *NOTHING)),
)


def triggers(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Triggers of one condition each, which put a tag of their own."""
    found = []
    for number in range(count):
        name, operators, values = CONDITIONS[number % len(CONDITIONS)]
        one = {"field": name, "operator": rng.choice(operators), "value": rng.choice(values)}
        group, other = rng.sample(["all", "any"], 2)
        actions = [{"field": "current_tags", "value": f"hit-{number}"}]
        found.append({"title": f"T{number}", "position": number, "conditions": {group: [one], other: []}, "actions": actions})
    return found


def mixed(seed: int, count: int) -> list[dict[str, Any]]:
    """Triggers of several conditions and actions, some of them such as nobody carries over."""
    rng = random.Random(seed)  # noqa: S311  # reproducible
    alone = triggers(rng, 10 * count)
    actions = ("current_tags", "status", "priority", "group_id", "notification_user", "custom_fields_7", "weird")
    found = []
    for number in range(count):
        every, some = (
            [c for one in rng.sample(alone, rng.randrange(3)) for group in one["conditions"].values() for c in group] for _ in range(2)
        )
        done = [{"field": rng.choice(actions), "value": rng.choice(["low", "a b", "5", ""])} for _ in range(rng.randrange(1, 4))]
        found.append({"title": f"M{number}", "position": number, "conditions": {"all": every, "any": some}, "actions": done})
    return found


def updates(rng: random.Random) -> list[Update]:
    """A ticket's creation and some updates of it, each by somebody, some with a comment."""
    found: list[Update] = []
    before: dict[str, Any] | None = None
    for _ in range(rng.randrange(2, 6)):
        after = _born(rng) if before is None else _changed(rng, before)
        actor = rng.choice([after["requester_id"], *PEOPLE])
        comment = None
        if before is None or rng.random() < 0.6:
            comment = {"body": f"{rng.choice(SENTENCES)} {len(found)}", "public": rng.random() < 0.7, "author_id": actor}
            after["is_public"] = after["is_public"] or comment["public"]
        after["requester_role"] = PEOPLE[after["requester_id"]]
        if comment is None and after == before:
            continue  # nothing happened
        via = after["via_id"] if before is None else rng.choice(list(CHANNELS))
        found.append(Update(before, after, comment, {"id": actor, "role": PEOPLE[actor]}, via))
        before = after
    return found


def _born(rng: random.Random) -> dict[str, Any]:
    properties = {name: rng.choice(values) for name, values in PROPERTIES.items() if name != "satisfaction_score"}
    custom = {number: rng.choice(values) for number, values in CUSTOM.items()}
    tags = sorted(rng.sample(TAGS, rng.randrange(3)))
    more = {"satisfaction_score": "unoffered", "is_public": False, "via_id": rng.choice(list(CHANNELS))}
    return {**properties, **more, "subject": rng.choice(SENTENCES), "tags": tags, "custom_fields": custom}


def _changed(rng: random.Random, before: Mapping[str, Any]) -> dict[str, Any]:
    after = {**before, "custom_fields": dict(before["custom_fields"])}
    for name in rng.sample(list(PROPERTIES), rng.randrange(4)):
        after[name] = rng.choice(PROPERTIES[name])
    for number in rng.sample(list(CUSTOM), rng.randrange(2)):
        after["custom_fields"][number] = rng.choice(CUSTOM[number])
    if rng.random() < 0.3:
        after["tags"] = sorted(rng.sample(TAGS, rng.randrange(3)))
    if rng.random() < 0.1:
        after["subject"] = rng.choice(SENTENCES)
    return after


def audits(rng: random.Random, story: Sequence[Update]) -> list[dict[str, Any]]:
    """The audits that Zendesk writes of these updates (`events` as its ticket audits page has them); ids as numbers or as text."""
    found = []
    for place, one in enumerate(story):
        now, was = _told(one.after), {} if one.before is None else _told(one.before)
        events: list[dict[str, Any]] = []
        for name in sorted(now.keys() | was.keys()):
            value, previous = now.get(name), was.get(name)
            if value == previous:
                continue
            if one.before is None and value == "unoffered":
                continue  # what every new ticket is
            shown = [str(v) if isinstance(v, int) and not isinstance(v, bool) and rng.random() < 0.5 else v for v in (value, previous)]
            if one.before is None:
                events.append({"type": "Create", "field_name": name, "value": shown[0]})
            else:
                events.append({"type": "Change", "field_name": name, "value": shown[0], "previous_value": shown[1]})
        if one.comment is not None:
            events.append({"type": "Comment", **one.comment})
        found.append(
            {
                "id": 1000 + place,
                "created_at": (BEGIN + timedelta(minutes=place)).isoformat().replace("+00:00", "Z"),
                "author_id": one.actor["id"],
                "via": {"channel": CHANNELS[one.via]},
                "metadata": {},
                "events": events,
            }
        )
    return found


def _told(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """What audits tell of a ticket, by the name of the field; a box that is not ticked is told only once it was."""
    names = (*PROPERTIES, "subject", "tags")
    told = {name: ticket[name] for name in names if ticket[name] not in (None, [])}
    boxes = {number: "1" if value is True else value for number, value in ticket["custom_fields"].items()}
    return told | {number: value for number, value in boxes.items() if value not in (None, False)}


@dataclass(slots=True)
class Found:
    """`asked`: rules called exact times updates; `fired`: of these, how often the trigger does; `fates`: triggers by outcome.

    `wrong`: what Zendesk and the rule do not agree on, as (condition, expected, the update's place).
    """

    asked: int = 0
    fired: int = 0
    updates: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Mapping[str, Any], bool | str, Update]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run(seed: int, many_triggers: int, many_tickets: int, *, swapped: bool = False) -> Found:
    """Import `many_triggers` at once and hold those called exact against the interpreter on each of `many_tickets`.

    `swapped`: each rule gets the conditions of the one before it, so that hardly any means its trigger.
    """
    rng = random.Random(seed)  # noqa: S311  # reproducible
    theirs = triggers(rng, many_triggers)
    queues = {"queues": {"intake": {"zendesk_group_id": 5}}}
    last = {"key": "last", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}
    carried = import_zendesk({"triggers": theirs}, queues)
    if swapped:
        whens = [rule["when"] for rule in carried["rules"]]
        carried["rules"] = [{**rule, "when": when} for rule, when in zip(carried["rules"], [whens[-1], *whens], strict=False)]
    document = {"schema": 1, **queues, "rules": [*carried["rules"], last]}
    found = Found(fates=Counter(entry["outcome"] for entry in carried["report"]))
    found.faults = [finding.message for finding in check(document, UTC_ZONE) if finding.severity == "error"]
    exact = {entry["title"] for entry in carried["report"] if entry["outcome"] == "exact"}
    judge = Judge(read(document), UTC_ZONE)
    for _ in range(many_tickets):
        _one(found, judge, [one for one in theirs if one["title"] in exact], rng)
    return found


def _one(found: Found, judge: Judge, exact: Sequence[Mapping[str, Any]], rng: random.Random) -> None:
    story = updates(rng)
    moments = moments_of("4711", audits(rng, story), lambda marker: None)
    assert len(moments) == len(story)
    told = [Told(moment, 1) for moment in moments]
    _, judged = judge_story("case", told, moments[-1].at, lambda _: judge, lambda _: {}, clock_version=lambda _: 1)
    matched = {one.moment: {match.key for match in one.judgement.matched} for one in judged}
    for update, moment in zip(story, moments, strict=True):
        found.updates += 1
        for trigger in exact:
            found.asked += 1
            (condition,) = [*trigger["conditions"]["all"], *trigger["conditions"]["any"]]
            try:
                wanted: bool | str = fires(trigger, update)
            except Undocumented as unknown:
                wanted = f"undocumented: {unknown}"
            found.fired += wanted is True
            if wanted is not (trigger["title"].lower() in matched[moment.digest]):
                found.wrong.append((condition, wanted, update))
