"""What a ticket should look like (`Wish`), what it looks like (`Current`), and the edit between the two (`plan`).

Desired state, not commands: repeats are harmless, a burst is one edit, an outage of any length only delays, and a loop
ends because an edit without a difference is empty. People win: what we once put on a ticket and a person took off again
is put back only for a newer asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tsbridge.core.moments import Value

FROZEN: Final = ("closed", "deleted")


@dataclass(frozen=True, slots=True)
class Asked:
    """A wished value and the moment that asked for it last (`by`: its place in the story as text, grows with time)."""

    value: Value
    by: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What the rules want of one ticket. Every tuple is sorted; absent (None) means: nobody asked, leave it alone.

    `tags`: tag -> place of the newest moment that asked for it. `absent`: tags a rule wants off, likewise.
    `notes`: (key, text); a key is written at most once, ever.
    """

    tags: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    priority: Asked | None = None
    group_id: Asked | None = None
    assignee_id: Asked | None = None
    custom_fields: tuple[tuple[str, Asked], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def singles(self) -> dict[str, Asked]:
        """Single values by the names Zendesk gives them; a custom field is `custom:<id>`."""
        named = {"priority": self.priority, "group_id": self.group_id, "assignee_id": self.assignee_id}
        named.update({f"custom:{id_}": asked for id_, asked in self.custom_fields})
        return {name: asked for name, asked in named.items() if asked is not None}


@dataclass(frozen=True, slots=True)
class Current:
    """A ticket as it is. `updated_at` is Zendesk's own text, to be handed back as the stamp of a safe update."""

    id: str
    status: str
    tags: frozenset[str]
    values: Mapping[str, Value] = field(hash=False, default_factory=dict)
    updated_at: str = ""

    @property
    def frozen(self) -> str | None:
        """Why nothing can be written to it any more; None while it can."""
        return self.status if self.status in FROZEN else None


@dataclass(frozen=True, slots=True)
class Ours:
    """What we have put on a ticket, each with the asking it was put there for; notes by key."""

    tags: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Asked] = field(default_factory=dict)
    notes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change. Empty (false) when there is no difference. `values` by Zendesk's names, `custom:<id>` among them."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    values: tuple[tuple[str, Value], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.values or self.notes)


def plan(current: Current, wish: Wish, ours: Ours) -> Edit:
    """The edit that brings a ticket to what is wished, without touching anything that is not ours to touch.

    - A wished tag that we put there for this same asking and that is gone was taken off by a person: it stays off.
    - A tag of ours that is not wished any more comes off; a tag a rule wants off comes off once for each asking.
    - The same for single values: what we set for this asking and reads differently now was changed by a person.
    """
    wished = dict(wish.tags)
    add = {tag for tag, by in wished.items() if tag not in current.tags and by > ours.tags.get(tag, "")}
    unwanted = {tag for tag, by in wish.absent if tag in current.tags and by > ours.absent.get(tag, "")}
    stale = {tag for tag in ours.tags if tag not in wished and tag in current.tags and tag not in dict(wish.absent)}
    values = {}
    for name, asked in wish.singles().items():
        put = ours.values.get(name)
        if current.values.get(name) != asked.value and (put is None or asked.by > put.by):
            values[name] = asked.value
    if "assignee_id" in values and "group_id" not in values and wish.group_id is not None:
        values["group_id"] = wish.group_id.value  # an agent has to be in the group: both in one edit
    notes = tuple((key, text) for key, text in wish.notes if key not in ours.notes)
    return Edit(tuple(sorted(add)), tuple(sorted((unwanted | stale) - add)), tuple(sorted(values.items())), notes)


def apply(current: Current, edit: Edit) -> Current:
    """The ticket as it is after an edit."""
    return replace(current, tags=(current.tags | set(edit.add)) - set(edit.remove), values={**current.values, **dict(edit.values)})


def settled(ours: Ours, wish: Wish) -> Ours:
    """What is ours once a ticket looks as wished: everything wished, for its asking; what came off is forgotten."""
    return Ours(
        tags=dict(wish.tags),
        absent=dict(wish.absent),
        values={**ours.values, **wish.singles()},
        notes=ours.notes | {key for key, _ in wish.notes},
    )


# -- as JSON -----------------------------------------------------------------------------------------------------------


def wish_json(wish: Wish) -> dict[str, Any]:
    def asked(value: Asked | None) -> list[Any] | None:
        return None if value is None else [_plain(value.value), value.by]

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
        return None if value is None else Asked(_frozen(value[0]), value[1])

    return Wish(
        tuple((tag, by) for tag, by in data["tags"]),
        tuple((tag, by) for tag, by in data["absent"]),
        asked(data["priority"]),
        asked(data["group_id"]),
        asked(data["assignee_id"]),
        tuple((name, Asked(_frozen(value[0]), value[1])) for name, value in data["custom_fields"]),
        tuple((key, text) for key, text in data["notes"]),
    )


def ours_json(ours: Ours) -> dict[str, Any]:
    return {
        "tags": dict(ours.tags),
        "absent": dict(ours.absent),
        "values": {name: [_plain(asked.value), asked.by] for name, asked in ours.values.items()},
        "notes": sorted(ours.notes),
    }


def ours_from(data: Mapping[str, Any]) -> Ours:
    if not data:
        return Ours()
    values = {name: Asked(_frozen(value), by) for name, (value, by) in data["values"].items()}
    return Ours(data["tags"], data["absent"], values, frozenset(data["notes"]))


def edit_json(edit: Edit) -> dict[str, Any]:
    """An edit for people and for the intent row: note keys without their texts."""
    return {
        "add": list(edit.add),
        "remove": list(edit.remove),
        "values": {name: _plain(value) for name, value in edit.values},
        "notes": [key for key, _ in edit.notes],
    }


def _plain(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _frozen(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value
