"""What Zendesk means by a trigger's conditions, read from its pages and written without a look at the import.

Pages: "Conditions reference" (developer.zendesk.com) and "Ticket trigger conditions and actions reference" (support.zendesk.com). A ticket
is a plain mapping of its properties; None, "" and a property that is left out are no value. Custom fields stand in `custom_fields` by
number: a drop-down's value is its tag, several choices are a list, a checkbox is a flag. What the pages leave open is not answered here:
such a condition raises `Undocumented`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

NONE: Final = (None, "", "__NULL__", [], ())
STATUSES: Final = ["new", "open", "pending", "hold", "solved", "closed"]
PRIORITIES: Final = [None, "low", "normal", "high", "urgent"]
WITH_A_PAST: Final = (
    *("status", "priority", "type", "group_id", "assignee_id", "requester_id", "organization_id", "brand_id", "ticket_form_id"),
    *("custom_status_id", "satisfaction_score"),
)
"""Fields that offer changed, changed to, changed from and their opposites; drop-downs do so, too."""


class Undocumented(Exception):
    """The vendor's pages do not say what this means."""


@dataclass(frozen=True, slots=True)
class Update:
    """What happened to a ticket. `before`: None when it was created. `comment`: `{"body", "public", "author_id"}`, None without one.

    `actor`: `{"id", "role"}` of who did it, the page's "current user". `via`: the number of the channel this came by.
    """

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    comment: Mapping[str, Any] | None
    actor: Mapping[str, Any]
    via: int


def fires(trigger: Mapping[str, Any], update: Update) -> bool:
    """All of `all` and, where there are some, one of `any`."""
    every, some = trigger["conditions"]["all"], trigger["conditions"]["any"]
    return all(holds(one, update) for one in every) and (not some or any(holds(one, update) for one in some))


def holds(condition: Mapping[str, Any], update: Update) -> bool:
    name, operator, value = condition["field"], condition.get("operator") or "is", condition.get("value")
    if name.startswith("custom_fields_"):
        number = name.removeprefix("custom_fields_")
        was = None if update.before is None else update.before["custom_fields"].get(number)
        return _custom(update.after["custom_fields"].get(number), was, operator, value)
    match name:
        case "update_type":
            return str(value).lower() == ("create" if update.before is None else "change")
        case "comment_is_public":
            return _comment(update, operator, str(value))
        case "comment_includes_word":
            return _words("" if update.comment is None else update.comment["body"], operator, str(value))
        case "subject_includes_word":
            return _words(update.after["subject"], operator, str(value))
        case "ticket_is_public":
            return (bool(update.after["is_public"]) == (value in ("public", "true"))) == (operator == "is")
        case "current_tags":
            return bool({*_listed(value)} & {*update.after["tags"]}) == (operator == "includes")
        case "via_id" | "current_via_id":
            number = update.after["via_id"] if name == "via_id" else update.via
            return (str(number) in _listed(value)) == (operator in ("is", "includes"))
        case "role":
            return _acted(update, str(value)) == (operator == "is")
    if name not in WITH_A_PAST:
        raise Undocumented(name)
    if value == "current_user":
        value = update.actor["id"]
    elif value in ("requester_id", "assignee_id"):
        value = update.after[value]
    was = None if update.before is None else update.before.get(name)
    return _property(name, update.after.get(name), was, operator, value)


def _property(name: str, now: Any, was: Any, operator: str, value: Any) -> bool:
    if operator in ("less_than", "greater_than"):
        scale = {"status": STATUSES, "priority": PRIORITIES}.get(name)
        if scale is None:
            raise Undocumented(f"{name} {operator}")
        place, bound = scale.index(_bare(now)), scale.index(_bare(value))
        return place < bound if operator == "less_than" else place > bound
    if operator in ("includes", "not_includes"):
        return (str(now) in _listed(value)) == (operator == "includes")
    if operator in ("is", "is_not"):
        return _same(now, value) == (operator == "is")
    return _past(now, was, operator, value)


def _past(now: Any, was: Any, operator: str, value: Any) -> bool:
    """ "Changed refers to any update made to the value, even if the value previously did not exist": creation with one changes it."""
    changed = not _same(now, was)
    match operator:
        case "changed":
            return changed
        case "value" | "changed_to":
            return changed and _same(now, value)
        case "value_previous" | "changed_from":
            return changed and _same(was, value)
        case "not_changed" | "not_value" | "not_changed_to" | "not_value_previous" | "not_changed_from":
            return not _past(now, was, operator.removeprefix("not_"), value)
    raise Undocumented(operator)


def _custom(now: Any, was: Any, operator: str, value: Any) -> bool:
    match operator:
        case "present" | "not_present":
            return (now in NONE) == (operator == "not_present")
        case "includes" | "not_includes":
            chosen = now if isinstance(now, list) else [now]
            return any(one in chosen for one in _listed(value)) == (operator == "includes")
        case "is" | "is_not":
            if isinstance(now, bool) or value in (True, False, "true", "false"):
                return (bool(now) == (str(value).lower() == "true")) == (operator == "is")
            return _same(now, value) == (operator == "is")
        case "less_than" | "less_than_equal" | "greater_than" | "greater_than_equal":
            if now in NONE:
                return False
            size, bound = Decimal(str(now)), Decimal(str(value))
            return {
                "less_than": size < bound,
                "less_than_equal": size <= bound,
                "greater_than": size > bound,
                "greater_than_equal": size >= bound,
            }[operator]
    return _past(now, was, operator, value)


def _comment(update: Update, operator: str, value: str) -> bool:
    """`not_relevant` is "present (public or private)"; an agent who is the requester can see private ones."""
    if operator != "is":
        raise Undocumented(f"comment_is_public {operator}")
    if update.comment is None:
        return False
    match value.lower():
        case "true":
            return bool(update.comment["public"])
        case "false":
            return not update.comment["public"]
        case "not_relevant":
            return True
        case "requester_can_see_comment":
            return bool(update.comment["public"] or update.after["requester_role"] != "end-user")
    raise Undocumented(value)


def _words(text: str, operator: str, value: str) -> bool:
    """ "Contains at least one of the following words", "none of" them, "the following string" and not it; case does not matter."""
    text, value = text.lower(), value.lower()
    if operator in ("is", "is_not"):
        return (value in text) == (operator == "is")
    parts = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return any(word in parts for word in value.split()) == (operator == "includes")


def _acted(update: Update, value: str) -> bool:
    if value in ("requester_id", "assignee_id"):
        return _same(update.actor["id"], update.after[value])
    if value.isdigit():
        return _same(update.actor["id"], value)
    agent = update.actor["role"] in ("agent", "admin")
    if value.lower() not in ("agent", "end-user", "end_user"):
        raise Undocumented(value)
    return agent == (value.lower() == "agent")


def _same(one: Any, other: Any) -> bool:
    return _bare(one) == _bare(other)


def _bare(value: Any) -> Any:
    """A value as it is compared: ids as digits, words without capitals, no value as None."""
    if value in NONE:
        return None
    return sorted(map(str, value)) if isinstance(value, list) else str(value).strip().lower()


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else str(value).lower().split()
