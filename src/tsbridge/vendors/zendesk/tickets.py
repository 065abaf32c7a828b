"""Tickets and their audits as Zendesk gives them, into what we compare wishes with; and an edit as its ticket properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, Final

from tsbridge.core.helpdesk import Current, Edit, apply
from tsbridge.core.inert import leaving
from tsbridge.core.moments import Value, value_from, value_json
from tsbridge.core.refusals import parts_of
from tsbridge.core.values import alike
from tsbridge.vendors.reading import WHOLE

SINGLES: Final = ("priority", "group_id", "assignee_id")
REFUSED_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "priority": ("priority",),
    **dict.fromkeys(("group", "group_id"), ("group_id",)),
    **dict.fromkeys(("assignee", "assignee_id"), ("assignee_id",)),
    **dict.fromkeys(("tags", "current_tags", "set_tags"), ("tag", "absent")),
    **dict.fromkeys(("custom_fields", "fields"), ("custom",)),
    **dict.fromkeys(("comment", "comments"), ("note",)),
}
"""Names that a refusal may call our parts by, seen and likely ones; a custom field is named by its id."""


def current_of(ticket: Mapping[str, Any]) -> Current:
    """A REST ticket as what we compare wishes with. Ids become text, as everywhere inside."""
    values: dict[str, Value] = {"priority": ticket.get("priority") or None}
    for name in ("group_id", "assignee_id"):
        values[name] = str(ticket[name]) if ticket.get(name) else None
    for entry in ticket.get("custom_fields") or ():
        if isinstance(entry, Mapping) and entry.get("id") is not None:
            value = entry.get("value")
            values[f"custom:{entry['id']}"] = value_from(value)
    tags = frozenset(str(tag) for tag in ticket.get("tags") or ())
    return Current(str(ticket.get("id")), str(ticket.get("status") or ""), tags, values, str(ticket.get("updated_at") or ""))


def properties_of(current: Current, edit: Edit, intent: str) -> dict[str, Any]:
    """An edit as Zendesk's ticket properties: everything in one update, so that it lands whole or not at all."""
    changes: dict[str, Any] = {}
    if edit.add or edit.remove:
        changes["tags"] = sorted(apply(current, edit).tags)
    customs = []
    for name, value in edit.values:
        if name in SINGLES:
            changes[name] = _number(value) if name.endswith("_id") else value
        else:
            id_ = _number(name.removeprefix("custom:"))
            customs.append({"id": id_, "value": value_json(value)})
    if customs:
        changes["custom_fields"] = customs
    if edit.notes:
        changes["comment"] = {"body": body_of(edit), "public": False}
    changes["metadata"] = {"tsbridge": intent, "notes": [key for key, _ in edit.notes]}
    return changes


def _number(value: Value) -> Value:
    """An id as Zendesk wants it; what is none goes as it is and is refused there."""
    return int(value) if isinstance(value, str) and WHOLE.fullmatch(value) else value


def body_of(edit: Edit) -> str:
    """The comment that an edit's notes are: what strangers wrote calls nobody and fills nothing in there."""
    return "\n\n".join(leaving(text) for _, text in edit.notes)


def choices_of(fields: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """The tags of the options of each drop-down in use (type `tagger`: an option's `value` is its tag), by the field's id."""
    found = {}
    for field in fields:
        options = field.get("custom_field_options")
        if field.get("type") == "tagger" and field.get("active") is not False and isinstance(options, list):
            found[str(field.get("id"))] = frozenset(str(one["value"]) for one in options if isinstance(one, Mapping) and one.get("value"))
    return found


def parts_meant(edit: Edit, fields: Set[str]) -> list[frozenset[str]]:
    """Of each field that Zendesk names in a refusal, the parts of an edit (`core.refusals`) that it may mean."""
    parts, found = parts_of(edit), []
    for field in sorted(fields):
        starts = REFUSED_AS.get(field, (f"custom:{field.removeprefix('custom_field_')}",))
        found.append(frozenset(part for part in parts if part in starts or part.partition(":")[0] in starts))
    return found


def before_of(current: Current, edit: Edit, events: Sequence[Mapping[str, Any]]) -> Current:
    """The ticket as our update, `edit`, met it, as its audit tells: `current`, unless somebody was there in between.

    What a Zendesk trigger changed inside our update is told in events of its own and does not count.
    """
    tags, values, seen, ours = current.tags, dict(current.values), set(), dict(edit.values)
    for event in events:
        name = str(event.get("field_name"))
        if event.get("type") != "Change" or name in seen or _by_rule(event):
            continue
        seen.add(name)
        was = event.get("previous_value")
        if name == "tags":
            tags = _tags(was)
        elif name in SINGLES:
            values[name] = str(was) if was else None
        elif WHOLE.fullmatch(name):
            part = f"custom:{name}"
            read = values.get(part)
            held = _as_held(ours.get(part) if read is None else read, was)
            values[part] = read if held is False and read is None else held  # a checkbox that nobody ever ticked
    return replace(current, tags=tags, values=values)


def _as_held(like: Value, told: Any) -> Value:
    """A custom field's value, which an audit may tell as a text, as its ticket holds it: `like` what it read, or what we set where that was
    nothing."""
    if isinstance(like, bool):
        return str(told).lower() in ("1", "true")
    if isinstance(like, tuple) or isinstance(told, list):
        chosen = _tags(told)
        return like if isinstance(like, tuple) and chosen == set(like) else tuple(sorted(chosen)) or None
    return value_from(told) or None


def passed_over(edit: Edit, now: Current, events: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The parts of an edit, named as in `core.refusals`, that Zendesk took no notice of though it took the update: values of fields that
    are not in use, tags it does not like. They do not read as we set them, and the update's audit tells of no change there.

    `now`: the ticket as the update left it. What a trigger changed inside our update is in the audit, so it is not meant.
    """
    told = {str(event.get("field_name")) for event in events}
    parts = {name for name, value in edit.values if name.removeprefix("custom:") not in told and not alike(now.values.get(name), value)}
    lists = [_tags(event.get(side)) for event in events if event.get("field_name") == "tags" for side in ("value", "previous_value")]
    parts |= {f"tag:{tag}" for tag in edit.add if tag not in now.tags and not any(tag in listed for listed in lists)}
    parts |= {f"absent:{tag}" for tag in edit.remove if tag in now.tags and all(tag in listed for listed in lists)}
    return frozenset(parts)


def _tags(value: Any) -> frozenset[str]:
    """The tags of an audit's event: a list or words between blanks."""
    return frozenset(value.split() if isinstance(value, str) else map(str, value or ()))


def _by_rule(event: Mapping[str, Any]) -> bool:
    via = event.get("via")
    return isinstance(via, Mapping) and via.get("channel") == "rule"


def marker_of(intent: str) -> str:
    """What the audit of an intent's update carries: tickets written together share it."""
    return intent.partition(":")[0]


def intents_in(audits: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Our intents that audits show as applied, by their markers, each with the events of its audit."""
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    for audit in audits:
        metadata = audit.get("metadata")
        custom = metadata.get("custom") if isinstance(metadata, Mapping) else None
        if isinstance(custom, Mapping) and isinstance(custom.get("tsbridge"), str):
            events = audit.get("events")
            found[custom["tsbridge"]] = [one for one in events if isinstance(one, Mapping)] if isinstance(events, list) else []
    return found
