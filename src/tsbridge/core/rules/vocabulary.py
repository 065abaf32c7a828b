"""The words of rules: fields, operators, actions. One source for the reader, the checker and the API's word lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tsbridge.core.moments import CALL_EVENTS, CLOCK, DESK_EVENTS, TICKET_EVENTS

EVENTS: Final = (*TICKET_EVENTS, *CALL_EVENTS, *DESK_EVENTS, CLOCK)
GROUPS: Final = {"ticket": TICKET_EVENTS, "call": CALL_EVENTS, "desk": DESK_EVENTS}
"""Words that stand for several events."""
WHAT_HAPPENS: Final = frozenset((*TICKET_EVENTS, *CALL_EVENTS))
"""What a rule is asked about that names no events. Time that goes on is nothing that happens."""
CHANNELS: Final = ("email", "chat", "messaging", "sms", "social", "web", "api", "voice")


@dataclass(frozen=True, slots=True)
class Field:
    """A fact that conditions can read. `type`: text (words are searched in it), word (compared as a whole), number, flag,
    set (of words) or time. `choices`: all the values a word can have, where that is known."""

    name: str
    type: str
    description: str
    example: Any
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operator:
    """A comparison. `types`: field types it suits. `value`: none, one, list, number, range, pattern or calendar.
    `opposite`: for a `not_x`, the x it is exactly not."""

    name: str
    types: tuple[str, ...]
    value: str
    description: str
    opposite: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Something a rule or a step does. `value`: the shape of its argument. `where`: rule kinds and steps that may use it."""

    name: str
    value: str
    description: str
    where: tuple[str, ...] = ("escalation", "step")


STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed", "deleted")
PRIORITIES: Final = ("low", "normal", "high", "urgent")
SCORES: Final = ("unoffered", "offered", "good", "bad")
TYPES: Final = ("question", "incident", "problem", "task")

FIELDS: Final = (
    Field("source", "word", "Who told it.", "zendesk", ("zendesk", "talkdesk")),
    Field("channel", "word", "How the person reached us.", "email", CHANNELS),
    Field("event", "word", "What happened.", "ticket.created", EVENTS),
    Field(
        "text",
        "text",
        "A ticket's subject, description and all comments known so far; a call's notes, disposition and transcription.",
        "my dog was bitten",
    ),
    Field(
        "text.requester",
        "text",
        "The requester's own words: a ticket's subject, description and comments not known to be somebody else's; all of a call.",
        "my dog was bitten",
    ),
    Field("text.new", "text", "Only the text that this moment added.", "he is in hospital now"),
    Field("comment.by", "word", "Who wrote the comment that this moment brought.", "requester", ("requester", "agent", "system")),
    Field("comment.public", "flag", "Whether that comment is public.", True),
    Field("update.by", "word", "Who made the update of the ticket that is judged.", "agent", ("requester", "agent", "system")),
    Field("update.author_id", "word", "Zendesk id of whoever made it.", "41000000007"),
    Field("update.channel", "word", "How that update came in, where the ticket's audit tells it.", "email", CHANNELS),
    Field("subject", "text", "The ticket's subject.", "Sitter's dog bit mine"),
    Field("tags", "set", "The ticket's tags, with those that rules asked for.", ["vip", "bite"]),
    Field("changed", "set", "Names of the fields this moment changed.", ["ticket.status"]),
    Field("ticket.status", "word", "The ticket's status.", "open", STATUSES),
    Field("ticket.priority", "word", "The ticket's priority.", "high", PRIORITIES),
    Field("ticket.type", "word", "The ticket's type.", "incident", TYPES),
    Field("ticket.group_id", "word", "Zendesk id of the group.", "61000000010"),
    Field("ticket.assignee_id", "word", "Zendesk id of the agent.", "41000000007"),
    Field("ticket.brand_id", "word", "Zendesk id of the brand.", "360000111"),
    Field("ticket.form_id", "word", "Zendesk id of the form.", "71000000020"),
    Field("ticket.external_id", "word", "The id other systems gave the ticket.", "talkdesk:acme:8c1f"),
    Field("ticket.is_public", "flag", "Whether the ticket has a public comment.", True),
    Field("ticket.last_public_by", "word", "Who wrote the newest public comment.", "agent", ("requester", "agent", "system")),
    Field("ticket.organization_id", "word", "Zendesk id of the organization.", "361000001"),
    Field("ticket.custom_status_id", "word", "Zendesk id of the custom status.", "81000030"),
    Field("ticket.satisfaction", "word", "The requester's rating; the comment given with it is part of text.", "bad", SCORES),
    Field("ticket.follows", "word", "Zendesk id of the closed ticket that this one follows up.", "4688"),
    Field("ticket.custom.<id>", "word", "A custom field, by its Zendesk id.", "tier_3"),
    Field("call.direction", "word", "Which way the call went.", "inbound", ("inbound", "outbound", "internal")),
    Field(
        "call.outcome",
        "word",
        "How the call ended.",
        "missed",
        ("answered", "missed", "abandoned", "short_abandoned", "voicemail", "connected", "not_connected"),
    ),
    Field("call.wait_seconds", "number", "Seconds the caller waited.", 64),
    Field("call.talk_seconds", "number", "Seconds of talking.", 431),
    Field("call.ring_group", "set", "Ring groups the call went to, as last told.", ["billing", "vip"]),
    Field("call.ring_groups", "set", "All the ring groups that the call went through.", ["billing", "vip"]),
    Field("call.disposition", "word", "The disposition an agent set.", "injury"),
    Field("call.voicemail", "flag", "Whether a voicemail was left.", True),
    Field("call.transferred", "flag", "Whether the call was transferred.", False),
    Field("call.short_abandon", "flag", "Whether the caller hung up before Talkdesk's threshold.", True),
    Field("call.agent_email", "word", "The agent on the call.", "owen.pike@example.com"),
    Field("call.talkdesk_number", "word", "Our line, E.164.", "+12025550142"),
    Field("requester.email", "word", "The requester's address, lower case.", "ana@example.com"),
    Field("requester.domain", "word", "The part behind the @.", "example.com"),
    Field("requester.phone", "word", "The requester's number, E.164.", "+14155550123"),
    Field("requester.country", "word", "Country of that number, two letters.", "US"),
    Field("requester.name", "word", "The requester's name.", "Ana"),
    Field("requester.id", "word", "Zendesk id of the requester.", "41"),
    Field("requester.tags", "set", "Tags of the requester's Zendesk user.", ["vip"]),
    Field(
        "requester.contacts_24h",
        "number",
        "Tickets and calls by which the person reached us in the last day, this one included; our own calls and short abandons are none.",
        2,
    ),
    Field("requester.contacts_30d", "number", "The same for 30 days.", 5),
    Field("requester.cases_90d", "number", "Cases of the person in the last 90 days, this one included.", 3),
    Field("case.id", "word", "The case's id.", "case_5f1e"),
    Field(
        "case.severity",
        "number",
        "For a ticket: severity set for it and those joined to it by name; for a call the case's. 1 is the worst.",
        1,
    ),
    Field("case.category", "word", "Category as set so far, of the same.", "safety_incident"),
    Field("case.queue", "word", "Queue that the same are in.", "safety"),
    Field(
        "case.worst_severity", "number", "The worst severity in the whole case before this moment, also of what is linked by a guess.", 1
    ),
    Field("case.followed_severity", "number", "For a follow-up: the severity that the followed ticket had when it was made.", 1),
    Field("case.followed_category", "word", "For a follow-up: the category that the followed ticket had then.", "safety_incident"),
    Field("case.age_minutes", "number", "Whole minutes since the case was opened.", 45),
    Field("case.interactions", "number", "Tickets and calls in the case.", 2),
    Field("case.channels", "set", "Channels of the case.", ["email", "voice"]),
    Field("case.reopened", "flag", "Whether the case was resolved once and came back.", False),
    Field(
        "case.acknowledged",
        "flag",
        "Whether a supervisor acknowledged the case, or somebody took the ticket or one joined to it by name: an agent was assigned by a "
        "person, answered in public, or set it pending, on hold or solved.",
        False,
    ),
    Field("case.escalation_level", "number", "The highest step that fired, of the same as the severity.", 2),
    Field(
        "case.assignee_on_shift",
        "flag",
        "Whether whoever has the ticket is at work by the roster; of a call, whoever has the case. Missing while nobody has it.",
        False,
    ),
    Field("case.told_at", "time", "When the last message about the case was sent to somebody.", "2026-11-22T09:31:04Z"),
    Field(
        "oncall.present",
        "flag",
        "Whether somebody is on call for the queue and severity that the case has before this moment; without them, for everything.",
        False,
    ),
    Field("queue.waiting", "number", "How much work waits for somebody in the case's queue, its own included.", 12),
    Field("queue.on_shift", "number", "How many people are at work for the case's queue, those who only learn left out.", 3),
    Field("time.now", "time", "The moment's time.", "2026-11-22T09:16:02Z"),
    Field("time.weekday", "word", "Day of the week in the team's zone.", "mon", ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
    Field("time.hour", "number", "Hour of the day in the team's zone, 0 to 23.", 14),
    Field("time.holiday", "flag", "Whether the day is a holiday of any of the rulebook's calendars; half days are none.", False),
)

_ALL = ("text", "word", "number", "flag", "set", "time")
_SCALAR = ("text", "word", "number", "flag")

OPERATORS: Final = (
    Operator("is", ("text", "word", "number", "flag"), "one", "Equal; letter case does not matter."),
    Operator("is_not", ("text", "word", "number", "flag"), "one", "Not equal, or missing.", "is"),
    Operator("in", _SCALAR, "list", "Equal to one of a list."),
    Operator("not_in", _SCALAR, "list", "Equal to none of a list, or missing.", "in"),
    Operator("contains", ("text", "word"), "one", "Has the word or phrase, as whole words, ignoring case and accents."),
    Operator("not_contains", ("text", "word"), "one", "Does not have it, or missing.", "contains"),
    Operator("contains_any", ("text", "word"), "list", "Has at least one of the words or phrases."),
    Operator("contains_all", ("text", "word"), "list", "Has every one of the words or phrases."),
    Operator("starts_with", ("text", "word"), "one", "Begins with, ignoring case and accents."),
    Operator("matches", ("text", "word"), "pattern", "Has a match of an RE2 pattern, case-sensitive unless it says (?i)."),
    Operator("includes", ("set",), "one", "The set has this word."),
    Operator("not_includes", ("set",), "one", "The set does not have it, or is missing.", "includes"),
    Operator("includes_all", ("set",), "list", "The set has every one of these."),
    Operator("less_than", ("number",), "number", "Smaller."),
    Operator("at_most", ("number",), "number", "Smaller or equal."),
    Operator("greater_than", ("number",), "number", "Greater."),
    Operator("at_least", ("number",), "number", "Greater or equal."),
    Operator("between", ("number",), "range", "From the first to the second number, both included."),
    Operator("present", _ALL, "none", "Has a value."),
    Operator("not_present", _ALL, "none", "Has no value.", "present"),
    Operator("changed", _ALL, "none", "This moment gave it another value."),
    Operator("not_changed", _ALL, "none", "This moment did not.", "changed"),
    Operator("changed_to", _SCALAR, "one", "This moment changed it to the value."),
    Operator("changed_from", _SCALAR, "one", "This moment changed it from the value."),
    Operator("within_hours", ("time",), "calendar", "Inside the open hours of a calendar."),
    Operator("outside_hours", ("time",), "calendar", "Outside of them, or missing."),
)

ACTIONS: Final = (
    Action("add_tags", "tags", "Put tags on the case's tickets."),
    Action("remove_tags", "tags", "Take tags off the case's tickets."),
    Action("set_priority", "priority", "Set the tickets' priority."),
    Action("set_severity", "severity", "Set the case's severity, 1 (worst) to 4."),
    Action("set_category", "word", "Set the case's category."),
    Action("set_custom_field", "custom_field", "Set a custom field: {id, value}."),
    Action("route", "queue", "Put the case into a queue. Every routing rule has exactly one.", ("routing",)),
    Action("assign", "agent", "Give the tickets to an agent, by Zendesk id. Once per firing."),
    Action("escalate", "policy", "Arm an escalation policy. Once per firing.", ("escalation",)),
    Action("note", "note", "Write an internal note, with {case.id}-like fields filled in. Once per firing."),
    Action("notify", "word", "Notify somebody: oncall or a name. Once per firing."),
    Action("stop", "true", "Ask no escalation rule below this one.", ("escalation",)),
)

_BY_NAME: Final = {field.name: field for field in FIELDS}
_OPERATORS: Final = {operator.name: operator for operator in OPERATORS}
_ACTIONS: Final = {action.name: action for action in ACTIONS}
CUSTOM: Final = "ticket.custom."


def field_named(name: str) -> Field | None:
    """The field of this name; any `ticket.custom.<digits>` is one."""
    if name.startswith(CUSTOM):
        id_ = name.removeprefix(CUSTOM)
        return _BY_NAME["ticket.custom.<id>"] if id_.isascii() and id_.isdigit() else None
    return None if "<" in name else _BY_NAME.get(name)


def operator_named(name: str) -> Operator | None:
    return _OPERATORS.get(name)


def action_named(name: str) -> Action | None:
    return _ACTIONS.get(name)


def fields_json() -> list[dict[str, Any]]:
    return [
        {
            "name": f.name,
            "type": f.type,
            "description": f.description,
            "example": f.example,
            **({"values": list(f.choices)} if f.choices else {}),
        }
        for f in FIELDS
    ]


def operators_json() -> list[dict[str, Any]]:
    return [{"name": o.name, "types": list(o.types), "value": o.value, "description": o.description} for o in OPERATORS]


def actions_json() -> list[dict[str, Any]]:
    return [{"name": a.name, "value": a.value, "description": a.description, "where": list(a.where)} for a in ACTIONS]
