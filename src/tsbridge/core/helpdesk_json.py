"""Wishes, what is ours and edits as plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.core.helpdesk import Asked, Current, Edit, Ours, Refused, Search, Wish
from tsbridge.core.moments import value_from, value_json


def wish_json(wish: Wish) -> dict[str, Any]:
    def asked(value: Asked | None) -> list[Any] | None:
        return None if value is None else [value_json(value.value), value.by]

    return {
        "tags": [list(tag) for tag in wish.tags],
        "absent": [list(tag) for tag in wish.absent],
        "priority": asked(wish.priority),
        "group_id": asked(wish.group_id),
        "assignee_id": asked(wish.assignee_id),
        "custom_fields": [[name, asked(value)] for name, value in wish.custom_fields],
        "notes": [list(note) for note in wish.notes],
    }


def wish_from(data: Mapping[str, Any]) -> Wish:
    def asked(value: Any) -> Asked | None:
        return None if value is None else Asked(value_from(value[0]), value[1])

    return Wish(
        tuple((tag, by) for tag, by in data["tags"]),
        tuple((tag, by) for tag, by in data["absent"]),
        asked(data["priority"]),
        asked(data["group_id"]),
        asked(data["assignee_id"]),
        tuple((name, Asked(value_from(value[0]), value[1])) for name, value in data["custom_fields"]),
        tuple((key, text) for key, text in data["notes"]),
    )


def ours_json(ours: Ours) -> dict[str, Any]:
    return {
        "tags": dict(ours.tags),
        "absent": dict(ours.absent),
        "values": {name: [value_json(asked.value), asked.by] for name, asked in ours.values.items()},
        "notes": sorted(ours.notes),
        "put": sorted(ours.put),
        "owed": edit_json(ours.owed),
        # Left out where they say nothing: hardly any ticket has them.
        **({"refused": {part: [value_json(one.value), one.by, one.reason] for part, one in ours.refused.items()}} if ours.refused else {}),
        **({"search": [[list(group) for group in ours.search.groups], ours.search.calls]} if ours.search != Search() else {}),
    }


def ours_from(data: Mapping[str, Any]) -> Ours:
    """`{}` is a ticket that we have never written to."""
    if not data:
        return Ours()
    values = {name: Asked(value_from(value), by) for name, (value, by) in data["values"].items()}
    refused = {part: Refused(value_from(value), by, reason) for part, (value, by, reason) in data.get("refused", {}).items()}
    groups, calls = data.get("search", ((), 0))
    search = Search(tuple(tuple(group) for group in groups), calls)
    return Ours(
        data["tags"], data["absent"], values, frozenset(data["notes"]), frozenset(data["put"]), edit_from(data["owed"]), refused, search
    )


def edit_json(edit: Edit) -> dict[str, Any]:
    """An edit for people and for the intent row: note keys without their texts."""
    return {
        "add": list(edit.add),
        "remove": list(edit.remove),
        "values": {name: value_json(value) for name, value in edit.values},
        "notes": [key for key, _ in edit.notes],
    }


def edit_from(data: Mapping[str, Any]) -> Edit:
    """Back, without notes, of which an intent keeps no texts."""
    values = tuple((name, value_from(value)) for name, value in sorted(data["values"].items()))
    return Edit(tuple(data["add"]), tuple(data["remove"]), values)


def read_json(current: Current, edit: Edit) -> dict[str, Any]:
    """What was read of the ticket before an edit: its tags, and the values that the edit sets."""
    return {"tags": sorted(current.tags), "values": {name: value_json(current.values.get(name)) for name, _ in edit.values}}


def read_from(data: Mapping[str, Any]) -> Current:
    """Back, as far as it was kept."""
    return Current("", "", frozenset(data["tags"]), {name: value_from(value) for name, value in data["values"].items()})
