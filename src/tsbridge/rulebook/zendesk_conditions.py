"""One condition of a Zendesk business rule in our language (fields, operators: Zendesk's conditions reference).

`condition` gives the leaf or tree and a named difference ("" when it means exactly the same), or raises `NotCarried`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tsbridge.core.rules.vocabulary import PRIORITIES, SCORES, TYPES
from tsbridge.core.values import number
from tsbridge.rulebook import zendesk_updates as updates
from tsbridge.rulebook.zendesk_leaves import Leaf, NotCarried, leaf, split

STATUS = ("new", "open", "pending", "hold", "solved", "closed")
WORDS: Final[Mapping[str, tuple[str, ...]]] = {"status": STATUS, "priority": PRIORITIES, "type": TYPES}
"""All the words a field of Zendesk can have; it does not mind capitals."""
ORDERS: Final[Mapping[str, tuple[str, ...]]] = {"status": STATUS, "priority": ("", *PRIORITIES)}
"""From the least to the most; no priority counts as the lowest."""
IDS = ("group_id", "assignee_id", "requester_id", "organization_id", "brand_id", "ticket_form_id", "custom_status_id")

PLAIN = {
    "status": "ticket.status",
    "priority": "ticket.priority",
    "type": "ticket.type",
    "group_id": "ticket.group_id",
    "assignee_id": "ticket.assignee_id",
    "requester_id": "requester.id",
    "organization_id": "ticket.organization_id",
    "custom_status_id": "ticket.custom_status_id",
    "brand_id": "ticket.brand_id",
    "ticket_form_id": "ticket.form_id",
    "external_id": "ticket.external_id",
}

LEFT = {
    "locale_id": "rules do not see the requester's language",
    "schedule_id": "name a calendar of the rulebook and use within_hours",
    "within_schedule": "name a calendar of the rulebook and use within_hours",
    "in_business_hours": "name a calendar of the rulebook and use within_hours",
    "business_hours": "name a calendar of the rulebook and use within_hours",
    "recipient": "rules do not see the address a mail was sent to",
    "reopens": "rules do not see counters of Zendesk",
    "replies": "rules do not see counters of Zendesk",
    "agent_stations": "rules do not see counters of Zendesk",
    "group_stations": "rules do not see counters of Zendesk",
    "description_includes_word": "rules read the description only together with all comments",
    "attachment": "rules do not see attachments",
    "cc": "rules do not see followers or copies",
    "requester_role": "rules do not see the roles of people",
}
HOURS = (*STATUS, "assigned_at", "updated_at", "requester_updated_at", "assignee_updated_at", "due_date", "until_due_date")
"""Fields of automations that count hours, in small letters."""
RENAMED = {"changed_to": "value", "changed_from": "value_previous", "not_changed_to": "not_value", "not_changed_from": "not_value_previous"}
"""Other names of operators that some fields have."""
SIZES = {"less_than": "less_than", "less_than_equal": "at_most", "greater_than": "greater_than", "greater_than_equal": "at_least"}
NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
NO_VALUE: Final = "__NULL__"
"""How an export writes the empty choice of a field."""
SAME_NUMBER: Final = "2.5 and 2.50 are the same number here, whatever Zendesk makes of them"
RATED: Final = "a rating with a comment and one without are one"


def condition(raw: Mapping[str, Any]) -> tuple[Leaf, str]:
    """Our tree for one Zendesk condition and how its meaning differs."""
    name, operator, value = str(raw.get("field")), str(raw.get("operator") or "is"), raw.get("value")
    operator = RENAMED.get(operator, operator)
    if value == NO_VALUE:
        value = ""
    if name == "update_type":
        return updates.update_type(operator, value), ""
    if name == "ticket_is_public":
        return _public(operator, value), ""
    if name == "current_tags":
        return _tags(operator, value), ""
    if name in ("via_id", "current_via_id"):
        return updates.via("channel" if name == "via_id" else "update.channel", operator, value)
    if name == "subject_includes_word":
        return updates.words_in("subject", operator, value), updates.WHOLE_WORDS
    if name == "comment_includes_word":
        return updates.comment_words(operator, value)
    if name == "comment_is_public":
        return updates.comment(operator, value)
    if name == "role":
        return updates.who_acted(operator, value)
    if name == "satisfaction_score":
        return _rating(operator, value)
    if name.startswith("custom_fields_"):
        found = _custom(f"ticket.custom.{name.removeprefix('custom_fields_')}", operator, value)
        return found, SAME_NUMBER if operator in ("is", "is_not") and _is_decimal(str(value)) else ""
    if name in PLAIN:
        return _plain(PLAIN[name], name, operator, value), ""
    if name.lower() in HOURS:
        raise NotCarried("hours since a change: use an escalation policy, which is exact to the minute instead of hourly")
    if ".custom_fields" in name:
        raise NotCarried("rules do not see fields of users and organizations")
    raise NotCarried(LEFT.get(name, f"rules have no field like {name}"))


def _plain(field: str, name: str, operator: str, value: Any) -> Leaf:
    if name == "requester_id" and value == "current_user" and operator in ("is", "is_not"):
        return leaf("update.by", operator, "requester")
    if value in ("current_user", "requester_id", "assignee_id", "current_groups"):
        raise NotCarried("a value that depends on who acted cannot be named in a rule")
    if operator in ("changed", "not_changed"):
        return _changed(field, operator)
    if name == "custom_status_id" and operator in ("includes", "not_includes"):
        return leaf(field, "in" if operator == "includes" else "not_in", _some_ids(name, value))
    if isinstance(value, list | dict):
        raise NotCarried("expected a single value")
    text = known_word(name, value)
    if operator in ("less_than", "greater_than"):
        return _ordered(field, name, operator, text)
    if text == "":
        return _empty(field, operator, WORDS.get(name, ()))
    if operator in ("is", "is_not"):
        return leaf(field, operator, text)
    return _changed(field, operator, text)


def _changed(field: str, operator: str, value: str | None = None) -> Leaf:
    """What an update made of a field.

    In Zendesk a ticket that is created with a value has changed it, from none; our rules see no change in what they hear first.
    """
    if operator in ("value_previous", "not_value_previous"):
        found = leaf(field, "changed_from", value)
    elif operator in ("value", "not_value"):
        found = {"any": [leaf(field, "changed_to", value), {"all": [updates.CREATED, leaf(field, "is", value)]}]}
    elif operator in ("changed", "not_changed"):
        found = {"any": [leaf(field, "changed"), {"all": [updates.CREATED, leaf(field, "present")]}]}
    else:
        raise NotCarried(f"rules have no operator like {operator} for {field}")
    return {"none": [found]} if operator.startswith("not_") else found


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


def _empty(field: str, operator: str, words: Sequence[str] = ()) -> Leaf:
    """Compared with no value at all. `words`: all that the field can have, where they are known."""
    if operator in ("is", "is_not"):
        return leaf(field, "not_present" if operator == "is" else "present")
    if operator in ("value", "not_value"):
        found: Leaf = {"all": [leaf(field, "not_present"), leaf(field, "changed")]}
    elif operator in ("value_previous", "not_value_previous") and words:
        found = {"all": [_changed(field, "changed")], "none": [leaf(field, "changed_from", word) for word in words]}
    else:
        raise NotCarried(f"rules have no operator like {operator} with an empty value for {field}")
    return {"none": [found]} if operator.startswith("not_") else found


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


def _some_ids(name: str, value: Any) -> list[str]:
    ids = [known_word(name, one) for one in split(value)]
    if not ids or "" in ids:
        raise NotCarried(f"no numbers to look for in {name}")
    return ids


def _public(operator: str, value: Any) -> Leaf:
    known = {"true": True, "public": True, "false": False, "private": False}.get(str(value).lower())
    if known is None or operator not in ("is", "is_not"):
        raise NotCarried("expected is or is_not with public or private")
    # A ticket that nobody commented on is private, too.
    return leaf("ticket.is_public", "is" if known == (operator == "is") else "is_not", True)


def _rating(operator: str, value: Any) -> tuple[Leaf, str]:
    score = str(value).lower()
    plain = score.removesuffix("_with_comment")
    if operator not in ("is", "is_not") or plain not in SCORES:
        raise NotCarried(f"rules have no operator like {operator} for a rating" if plain in SCORES else "rules have no such rating")
    if plain == "unoffered":
        found = {"any": [leaf("ticket.satisfaction", "is", plain), leaf("ticket.satisfaction", "not_present")]}
        return (found if operator == "is" else {"none": [found]}), ""
    return leaf("ticket.satisfaction", operator, plain), "" if plain == "offered" else RATED


def _tags(operator: str, value: Any) -> Leaf:
    words = sorted({word.lower() for word in split(value)})
    if not words or operator not in ("includes", "not_includes"):
        raise NotCarried("expected includes or not_includes with tags")
    return {"any" if operator == "includes" else "none": [leaf("tags", "includes", word) for word in words]}


def _custom(field: str, operator: str, value: Any) -> Leaf:
    number = field.removeprefix("ticket.custom.")
    if not (number.isascii() and number.isdigit()):
        raise NotCarried("custom fields are known by the number of the field")
    if operator in ("present", "not_present"):
        return leaf(field, operator)
    if operator in ("changed", "not_changed"):
        return _changed(field, operator)
    if operator in ("includes", "not_includes"):
        if not (words := split(value)):
            raise NotCarried("no values to look for")
        return {"any" if operator == "includes" else "none": [leaf(field, "includes", word) for word in words]}
    if isinstance(value, list | dict):
        raise NotCarried("expected a single value")
    if value in (None, ""):
        return _empty(field, operator)
    if operator in ("is", "is_not"):
        flag = {"true": True, "false": False}.get(str(value).lower())
        if _is_decimal(str(value)):
            same = leaf(field, "between", [_number(str(value))] * 2)
            return same if operator == "is" else {"none": [same]}
        return leaf(field, operator, str(value) if flag is None else flag)
    if operator in SIZES:
        return leaf(field, SIZES[operator], _number(str(value)))
    return _changed(field, operator, str(value))


def _is_decimal(text: str) -> bool:
    return "." in text and NUMBER.fullmatch(text) is not None


def _number(text: str) -> int | float:
    """A number as a rulebook writes it, nothing lost. Raises `NotCarried`."""
    if not NUMBER.fullmatch(text):
        raise NotCarried("only numbers can be compared")
    found = float(text) if "." in text else int(text)
    if number(found) != number(text):
        raise NotCarried("a rulebook cannot hold a number of so many digits")
    return found
