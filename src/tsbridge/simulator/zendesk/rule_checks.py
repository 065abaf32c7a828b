"""What a trigger may say: conditions, operators and actions that exist, and groups, people, fields and webhooks of the account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import Rejected
from tsbridge.simulator.zendesk.records import SHELVES, Store
from tsbridge.simulator.zendesk.rules import ACTIONS, CONDITIONS, SIZES

OPERATORS: Final = frozenset(
    [
        "is",
        "is_not",
        "less_than",
        "less_than_equal",
        "greater_than",
        "greater_than_equal",
        "includes",
        "not_includes",
        "changed",
        "not_changed",
        "value",
        "not_value",
        "value_previous",
        "not_value_previous",
        "present",
        "not_present",
    ]
)
PEOPLE: Final = ("assignee_id", "requester_id")
VALUELESS: Final = ("changed", "not_changed", "present", "not_present")


def check_rule(rule: Mapping[str, Any], store: Store) -> None:
    """Refuse a trigger that names what the account does not have, with everything that is wrong in one answer."""
    conditions = rule.get("conditions")
    sides = conditions if isinstance(conditions, Mapping) else {"all": conditions}
    wrong = [said for side in ("all", "any") for one in _entries(sides.get(side)) if (said := _condition_fault(one, store))]
    wrong += [said for one in _entries(rule.get("actions")) if (said := _action_fault(one, store))]
    if wrong:
        details = {"base": [{"description": said, "error": "InvalidValue"} for said in wrong]}
        raise Rejected(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})


def _entries(given: Any) -> Iterable[Any]:
    """The entries of a list; anything else is one entry, and a wrong one."""
    return given if isinstance(given, list) else () if given is None else (given,)


def _condition_fault(one: Any, store: Store) -> str | None:
    if not isinstance(one, Mapping):
        return "Condition is invalid"
    name, operator, value = str(one.get("field")), str(one.get("operator") or "is"), one.get("value")
    if name not in CONDITIONS and not name.startswith("custom_fields_"):
        return f"Condition {name[:80]} is invalid"
    if operator not in OPERATORS or (name in SHELVES and operator in SIZES):
        return f"Operator {operator[:80]} of {name[:80]} is invalid"
    return None if operator in VALUELESS and name in SHELVES else _value_fault(name, value, store)


def _action_fault(one: Any, store: Store) -> str | None:
    if not isinstance(one, Mapping):
        return "Action is invalid"
    name, value = str(one.get("field")), one.get("value")
    if name == "notification_webhook":
        known = isinstance(value, list) and len(value) == 2 and str(value[0]) in store.webhooks
        return None if known else "Webhook is invalid"
    if name not in ACTIONS and not name.startswith("custom_fields_"):
        return f"Action {name[:80]} is invalid"
    return _value_fault(name, value, store)


def _value_fault(name: str, value: Any, store: Store) -> str | None:
    """What is wrong with the thing a condition or action names; an empty value names none."""
    if name.startswith("custom_fields_"):
        id_ = name.removeprefix("custom_fields_")
        return None if id_.isdecimal() and int(id_) in store.fields else f"Custom field {id_[:80]} does not exist"
    if name not in SHELVES or value in (None, "") or (name in PEOPLE and value == "current_user"):
        return None
    shelf = getattr(store, SHELVES[name])
    found = all(str(id_).isdecimal() and int(str(id_)) in shelf for id_ in _entries(value))
    return None if found else f"{name.removesuffix('_id').capitalize()} {str(value)[:80]} is invalid"
