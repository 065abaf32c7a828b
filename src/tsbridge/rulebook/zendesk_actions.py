"""One action of a Zendesk business rule in our language, or why it stays there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.rules.read_actions import TAG
from tsbridge.core.rules.vocabulary import PRIORITIES
from tsbridge.rulebook.zendesk_leaves import split
from tsbridge.rulebook.zendesk_order import ALL_TAGS, ASSIGNEE, GROUP, Carried, Part

STATUS = "the bridge never sets a ticket's status"
MESSAGES = "messages to people stay with Zendesk"
COMMENTS = "comments stay with Zendesk; a note can be written with note"

LEFT: Final[Mapping[str, str]] = {
    "status": STATUS,
    "custom_status_id": STATUS,
    "type": "the bridge does not set a ticket's type",
    "ticket_form_id": "the bridge does not change a ticket's form",
    "set_tags": "the bridge never replaces all tags; name what to add and what to remove",
    "priority": "only low, normal, high and urgent can be set",
    "group_id": "only a group named by its number can become a queue",
    "assignee_id": "an assignee that depends on who acted cannot be named in a rule",
    "follower": "the bridge does not change followers or copies",
    "cc": "the bridge does not change followers or copies",
    "share_ticket": "the bridge does not share tickets",
    "satisfaction_score": "the bridge does not ask for satisfaction ratings",
    "notification_user": MESSAGES,
    "notification_group": MESSAGES,
    "notification_sms_user": MESSAGES,
    "notification_sms_group": MESSAGES,
    "tweet_requester": MESSAGES,
    "notification_webhook": "webhooks stay with Zendesk",
    "notification_target": "targets stay with Zendesk",
    "comment_value": COMMENTS,
    "comment_value_html": COMMENTS,
    "comment_mode_is_public": COMMENTS,
    "brand_id": "the bridge does not change a ticket's brand",
    "locale_id": "the bridge does not change languages",
    "organization_id": "the bridge does not change organizations",
    "set_schedule": "the bridge does not change a ticket's schedule; a queue names its calendar",
}
WRITES: Final[Mapping[str, str]] = {
    "status": "ticket.status",
    "custom_status_id": "ticket.status",
    "type": "ticket.type",
    "brand_id": "ticket.brand_id",
    "ticket_form_id": "ticket.form_id",
    "priority": "ticket.priority",
    "group_id": GROUP,
    "assignee_id": ASSIGNEE,
    "set_tags": ALL_TAGS,
}
"""What an action changes on a ticket where rules can see it."""


def carry_action(one: Carried, action: Mapping[str, Any], queues: Mapping[str, str]) -> None:
    """Put an action into what `one` sets, or into what stays; `queues`: by the Zendesk group's number."""
    name, value = str(action.get("field")), action.get("value")
    part = Part(f"action {name}", "exact")
    one.parts.append(part)
    if name in ("current_tags", "remove_tags"):
        _tags(one, part, value, "add_tags" if name == "current_tags" else "remove_tags")
    elif name == "priority" and (word := str(value).lower()) in PRIORITIES:
        one.settings["ticket.priority"] = {"set_priority": word}
    elif name.startswith("custom_fields_"):
        _custom_field(one, part, name.removeprefix("custom_fields_"), value)
    elif name == "assignee_id" and _is_id(value):
        one.settings[ASSIGNEE] = {"assign": str(value)}
        part.outcome, part.why = "differs", "an agent is assigned when the rule begins to match, not again at every update"
    elif name == "group_id" and str(value) in queues:
        one.group = {"route": queues[str(value)]}
        part.outcome = "differs"
        part.why = "a group becomes a route: it is decided after all escalation rules, and stays until another route wins"
    else:
        part.outcome, part.why = "left", LEFT.get(name, f"the bridge has no action like {name}")
        if name == "group_id" and _is_id(value):
            part.why = f"no queue of the rulebook has the Zendesk group {value}"
        if name == "assignee_id" and value in (None, ""):
            part.why = "the bridge does not take an assignee away"
        if name in WRITES:
            one.stays[WRITES[name]] = None


def _tags(one: Carried, part: Part, value: Any, verb: str) -> None:
    words = [word.lower() for word in split(value)]
    good = [word for word in words if TAG.fullmatch(word)]
    if not words:
        part.outcome, part.why = "left", "no tags are named"
    elif len(good) < len(words):
        part.outcome, part.why = ("differs" if good else "left"), "tags with other characters than a-z 0-9 _ - are left out"
    for word in words:
        (one.settings if word in good else one.stays)[f"tags {word}"] = {verb: [word]}


def _custom_field(one: Carried, part: Part, id_: str, value: Any) -> None:
    if not (id_.isascii() and id_.isdigit()):
        part.outcome, part.why = "left", "custom fields are known by the number of the field"
        return
    slot = f"ticket.custom.{id_}"
    if not isinstance(value, str | int | float):
        part.outcome, part.why = "left", "only a single value can be set in a custom field"
        one.stays[slot] = None
    elif "{{" in str(value):
        part.outcome, part.why = "left", "placeholders are not filled in in a custom field"
        one.stays[slot] = None
    else:
        word = str(value).lower()
        # A checkbox is told as true or false, and only the same kind of value is the same when it is compared with what we wrote.
        plain = {"true": True, "false": False}.get(word, value)
        one.settings[slot] = {"set_custom_field": {"id": id_, "value": plain}}
        if isinstance(plain, str) and TAG.fullmatch(word):  # if it is a choice of a list, Zendesk puts it on as a tag
            one.stays[f"tags {word}"] = {"add_tags": [word]}


def _is_id(value: Any) -> bool:
    return str(value).isascii() and str(value).isdigit()
