"""One condition of a Zendesk business rule in our language (fields, operators: Zendesk's conditions reference).

`condition` gives the leaf or tree and a named difference ("" when it means exactly the same), or raises `NotCarried`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.rules.vocabulary import PRIORITIES, TYPES

STATUS = ("new", "open", "pending", "hold", "solved", "closed")
WORDS: Final[Mapping[str, tuple[str, ...]]] = {"status": STATUS, "priority": PRIORITIES, "type": TYPES}
"""All the words a field of Zendesk can have; it does not mind capitals."""
ORDERS: Final[Mapping[str, tuple[str, ...]]] = {"status": STATUS, "priority": ("", *PRIORITIES)}
"""From the least to the most; no priority counts as the lowest."""
IDS = ("group_id", "assignee_id", "requester_id", "brand_id", "ticket_form_id")

PLAIN = {
    "status": "ticket.status",
    "priority": "ticket.priority",
    "type": "ticket.type",
    "group_id": "ticket.group_id",
    "assignee_id": "ticket.assignee_id",
    "requester_id": "requester.id",
    "brand_id": "ticket.brand_id",
    "ticket_form_id": "ticket.form_id",
    "external_id": "ticket.external_id",
}

VIA = {
    "0": ("web", "the web form is one channel with the web widget and the help center"),
    "4": ("email", ""),
    "5": ("api", ""),
    "29": ("chat", ""),
    "33": ("voice", "every call is one channel, voice"),
    "34": ("voice", "every call is one channel, voice"),
    "35": ("voice", "every call is one channel, voice"),
    "44": ("voice", "every call is one channel, voice"),
    "45": ("voice", "every call is one channel, voice"),
    "46": ("voice", "every call is one channel, voice"),
    "48": ("web", "the web widget is one channel with the web form"),
    "49": ("messaging", "the mobile SDK is one channel with messaging"),
    "50": ("web", "the help center is one channel with the web form"),
    "55": ("social", "all channel-framework integrations are one channel, social"),
    "57": ("sms", ""),
    "74": ("messaging", "WhatsApp is one channel with messaging"),
}

LEFT = {
    "role": "rules do not see who made the change, only whose ticket it is",
    "locale_id": "rules do not see the requester's language",
    "satisfaction_score": "rules do not see satisfaction ratings",
    "schedule_id": "name a calendar of the rulebook and use within_hours",
    "within_schedule": "name a calendar of the rulebook and use within_hours",
    "in_business_hours": "name a calendar of the rulebook and use within_hours",
    "business_hours": "name a calendar of the rulebook and use within_hours",
    "organization_id": "rules do not see organizations",
    "recipient": "rules do not see the address a mail was sent to",
    "custom_status_id": "rules see the status, not custom statuses",
    "reopens": "rules do not see counters of Zendesk",
    "replies": "rules do not see counters of Zendesk",
    "agent_stations": "rules do not see counters of Zendesk",
    "group_stations": "rules do not see counters of Zendesk",
    "comment_is_public": "rules do not see whether a comment was public",
    "current_via_id": "rules see how the ticket was created, not how this change came in",
}

Leaf = dict[str, Any]


class NotCarried(Exception):
    """The condition has no counterpart; the text says why, for the report."""


def condition(raw: Mapping[str, Any], kind: str) -> tuple[Leaf, str]:
    """Our tree for one Zendesk condition and how its meaning differs. `kind`: triggers or automations."""
    name, operator, value = str(raw.get("field")), str(raw.get("operator") or "is"), raw.get("value")
    if name == "update_type":
        return _update_type(operator, value)
    if name == "ticket_is_public":
        return _public(operator, value), ""
    if name == "current_tags":
        return _tags(operator, value), ""
    if name == "via_id":
        return _via(operator, value)
    if name in ("comment_includes_word", "subject_includes_word"):
        return _words("text.new" if name.startswith("comment") else "subject", operator, value)
    if name.startswith("custom_fields_"):
        return _custom(f"ticket.custom.{name.removeprefix('custom_fields_')}", operator, value), ""
    if name in PLAIN:
        return _plain(PLAIN[name], name, operator, value)
    if kind == "automations" and name.lower() in (
        *STATUS,
        "assigned_at",
        "updated_at",
        "requester_updated_at",
        "assignee_updated_at",
        "due_date",
    ):
        raise NotCarried("hours since a change: use an escalation policy, which is exact to the minute instead of hourly")
    raise NotCarried(LEFT.get(name, f"rules have no field like {name}"))


def reads_of(tree: Any) -> set[str]:
    """Every field a tree of conditions reads; of tags, each one that it asks for."""
    if not isinstance(tree, Mapping):
        return set()
    if "field" in tree:
        return {f"tags {tree['value']}" if tree["field"] == "tags" else str(tree["field"])}
    return {name for branch in tree.values() for part in branch for name in reads_of(part)}


def leaf(field: str, operator: str, value: Any = None) -> Leaf:
    found = {"field": field, "operator": operator}
    return found if value is None else {**found, "value": value}


def split(value: Any) -> list[str]:
    """The words of a value that Zendesk writes as one text or as a list."""
    return value.split() if isinstance(value, str) else [str(v) for v in value] if isinstance(value, list) else []


def _plain(field: str, name: str, operator: str, value: Any) -> tuple[Leaf, str]:
    if value in ("current_user", "requester_id", "assignee_id", "current_groups"):
        raise NotCarried("a value that depends on who acted cannot be named in a rule")
    if operator in ("changed", "not_changed"):
        return leaf(field, operator), ""
    if isinstance(value, list | dict):
        raise NotCarried("expected a single value")
    text = known_word(name, value)
    if operator in ("less_than", "greater_than"):
        return _ordered(field, name, operator, text), ""
    if text == "":
        return _empty(field, operator), ""
    direct = {"is": "is", "is_not": "is_not", "value": "changed_to", "value_previous": "changed_from"}.get(operator)
    if direct is not None:
        return leaf(field, direct, text), ""
    turned = {"not_value": "changed_to", "not_value_previous": "changed_from"}.get(operator)
    if turned is not None:
        return {"none": [leaf(field, turned, text)]}, ""
    raise NotCarried(f"rules have no operator like {operator} for {name}")


def known_word(name: str, value: Any) -> str:
    """A single value as Zendesk takes it: words without capitals, ids as digits, "" for none. Raises `NotCarried` on any other."""
    text = "" if value is None else str(value).strip()
    if name in WORDS:
        text = text.lower()
    if text and text not in WORDS.get(name, (text,)):
        raise NotCarried(f"{name} is one of {', '.join(WORDS[name])} in Zendesk, nothing else")
    if text and name in IDS and not (text.isascii() and text.isdigit()):
        raise NotCarried(f"{name} is a number in Zendesk, nothing else")
    return text


def _empty(field: str, operator: str) -> Leaf:
    """Compared with no value at all."""
    if operator in ("is", "is_not"):
        return leaf(field, "not_present" if operator == "is" else "present")
    if operator in ("value", "not_value"):
        emptied = [leaf(field, "not_present"), leaf(field, "changed")]
        return {"all": emptied} if operator == "value" else {"none": [{"all": emptied}]}
    raise NotCarried(f"rules have no operator like {operator} with an empty value")


def _ordered(field: str, name: str, operator: str, value: str) -> Leaf:
    scale = ORDERS.get(name)
    if scale is None or value not in scale:
        raise NotCarried(f"{name} has no order in rules" if scale is None else f"nothing is less or greater than no {name}")
    place = scale.index(value)
    chosen = scale[:place] if operator == "less_than" else scale[place + 1 :]
    wanted = [leaf(field, "in", words)] if (words := [word for word in chosen if word]) else []
    if "" in chosen:
        wanted.append(leaf(field, "not_present"))
    return {"any": wanted} if wanted else {"none": [leaf("source", "present")]}


def _public(operator: str, value: Any) -> Leaf:
    known = {"true": True, "public": True, "false": False, "private": False}.get(str(value).lower())
    if known is None or operator not in ("is", "is_not"):
        raise NotCarried("expected is or is_not with public or private")
    return leaf("ticket.is_public", operator, known)


def _update_type(operator: str, value: Any) -> tuple[Leaf, str]:
    if operator != "is":
        raise NotCarried(f"rules have no operator like {operator} for update_type")
    moment = str(value).lower()
    if moment == "create":
        return leaf("event", "is", "ticket.created"), ""
    if moment == "change":
        return leaf("event", "in", ["ticket.updated", "ticket.commented"]), ""
    raise NotCarried("only Create and Change are known")


def _tags(operator: str, value: Any) -> Leaf:
    words = sorted({word.lower() for word in split(value)})
    if not words or operator not in ("includes", "not_includes"):
        raise NotCarried("expected includes or not_includes with tags")
    return {"any" if operator == "includes" else "none": [leaf("tags", "includes", word) for word in words]}


def _via(operator: str, value: Any) -> tuple[Leaf, str]:
    known = VIA.get(str(value))
    if known is None or operator not in ("is", "is_not"):
        raise NotCarried(f"channel {value} is not told apart by rules")
    channel, difference = known
    return leaf("channel", operator, channel), difference


def _words(field: str, operator: str, value: Any) -> tuple[Leaf, str]:
    words = split(value)
    if not words:
        raise NotCarried("no words to look for")
    if operator in ("includes", "not_includes"):
        found = leaf(field, "contains_any", words)
        return (found if operator == "includes" else {"none": [found]}), "whole words, ignoring accents as well as case"
    if operator in ("is", "is_not"):
        return leaf(
            field, "contains" if operator == "is" else "not_contains", " ".join(words)
        ), "whole words, ignoring accents as well as case"
    raise NotCarried(f"rules have no operator like {operator} for words")


def _custom(field: str, operator: str, value: Any) -> Leaf:
    if not field.removeprefix("ticket.custom.").isdigit():
        raise NotCarried("custom fields are known by the number of the field")
    if operator in ("present", "not_present", "changed", "not_changed"):
        return leaf(field, operator)
    if operator in ("includes", "not_includes"):
        words = split(value)
        if not words:
            raise NotCarried("no values to look for")
        return {"any" if operator == "includes" else "none": [leaf(field, "is", word) for word in words]}
    if isinstance(value, list | dict):
        raise NotCarried("expected a single value")
    if value in (None, ""):
        return _empty(field, operator)
    if operator in ("is", "is_not"):
        if str(value).lower() in ("true", "false"):
            return leaf(field, operator, str(value).lower() == "true")
        return leaf(field, operator, str(value))
    if operator in ("less_than", "greater_than"):
        try:
            return leaf(field, operator, int(str(value)))
        except ValueError:
            raise NotCarried("only whole numbers can be compared") from None
    if operator in ("value", "value_previous"):
        return leaf(field, {"value": "changed_to", "value_previous": "changed_from"}[operator], str(value))
    if operator in ("not_value", "not_value_previous"):
        return {"none": [leaf(field, {"not_value": "changed_to", "not_value_previous": "changed_from"}[operator], str(value))]}
    raise NotCarried(f"rules have no operator like {operator} for custom fields")
