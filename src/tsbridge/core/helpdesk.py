"""What a ticket should look like (`Wish`), what it looks like (`Current`), and the edit between the two (`plan`).

Desired state, not commands: repeats are harmless, a burst is one edit, an outage of any length only delays, and a loop
ends because an edit without a difference is empty. People win: what we once put on a ticket and a person took off again
is put back only for a newer asking.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Final

from tsbridge.core.moments import Value
from tsbridge.core.values import alike

FROZEN: Final = ("closed", "deleted")
HEARD_AS: Final = {"priority": "ticket.priority", "group_id": "ticket.group_id", "assignee_id": "ticket.assignee_id"}
"""The fields that single values are heard in; a custom one is `ticket.custom.<id>`."""


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
class Edit:
    """What to change. Empty (false) when there is no difference. `values` by Zendesk's names, `custom:<id>` among them."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    values: tuple[tuple[str, Value], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.values or self.notes)


@dataclass(frozen=True, slots=True)
class Refused:
    """A part that Zendesk did not accept, for the asking it was refused for.

    `reason`: `not_accepted`; `not_kept`, when it took the write without it; `not_tried`, behind the bound.
    """

    value: Value
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Search:
    """The search for the parts of a refused write that are at fault: groups of parts still to be written one after the other.

    `calls`: how often Zendesk refused since the search began.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Ours:
    """What we have seen to on a ticket, each with the asking it was seen to for; notes by key.

    `put`: the tags that are there because we added them: ours to take off again. `owed`: what a write of ours took from
    a person in the same second, to be given back with the next one. `refused`: by part (`core.refusals`).
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Asked] = field(default_factory=dict)
    notes: frozenset[str] = frozenset()
    put: frozenset[str] = frozenset()
    owed: Edit = Edit()
    refused: Mapping[str, Refused] = field(default_factory=dict)
    search: Search = Search()


def plan(current: Current, wish: Wish, ours: Ours) -> Edit:
    """The edit that brings a ticket to what is wished, without touching anything that is not ours to touch.

    - A wished tag that was seen to for this same asking and is gone was taken off by a person: it stays off.
    - A tag that we put there and that is not wished any more comes off; a person's own stays, wished or not.
    - A tag a rule wants off comes off once for each asking.
    - The same for single values: what was set for this asking and reads differently now was changed by a person. One that
      still reads as we set it follows the wish, also back to what was asked before.
    - What we owe is given back.
    """
    wished, unwished = dict(wish.tags), dict(wish.absent)
    add = {tag for tag, by in wished.items() if tag not in current.tags and by > ours.tags.get(tag, "")}
    add |= set(ours.owed.add) - current.tags
    off = {tag for tag, by in unwished.items() if tag in current.tags and by > ours.absent.get(tag, "")}
    off |= {tag for tag in ours.put if tag in current.tags and tag not in wished and tag not in unwished}
    off |= set(ours.owed.remove) & current.tags
    values: dict[str, Value] = {}
    for name, asked in wish.singles().items():
        seen_to = ours.values.get(name)
        now = current.values.get(name)
        if not alike(now, asked.value) and (seen_to is None or asked.by > seen_to.by or alike(now, seen_to.value)):
            values[name] = asked.value
    values.update((name, value) for name, value in ours.owed.values if not alike(current.values.get(name), value))
    group = wish.group_id
    if "assignee_id" in values and group is not None and current.values.get("group_id") == group.value:
        values.setdefault("group_id", group.value)  # named, so that Zendesk does not follow the agent to another group
    notes = tuple((key, text) for key, text in wish.notes if key not in ours.notes)
    return Edit(tuple(sorted(add)), tuple(sorted(off - add)), tuple(sorted(values.items())), notes)


def apply(current: Current, edit: Edit) -> Current:
    """The ticket as it is after an edit."""
    return replace(current, tags=(current.tags | set(edit.add)) - set(edit.remove), values={**current.values, **dict(edit.values)})


def settled(ours: Ours, wish: Wish, current: Current, edit: Edit) -> Ours:
    """What is ours once `edit` brought `current` to what is wished: everything wished, for its asking; what came off is forgotten."""
    wished = {tag for tag, _ in wish.tags}  # the tag of a drop-down's option comes and goes with the field
    added = (set(edit.add) - set(ours.owed.add)) & wished
    return Ours(
        tags=dict(wish.tags),
        absent=dict(wish.absent),
        values={**ours.values, **wish.singles()},
        notes=ours.notes | {key for key, _ in wish.notes},
        put=(ours.put | added) & apply(current, edit).tags,
        refused=ours.refused,
    )


def passed_over(ours: Ours, wish: Wish) -> Ours:
    """What is ours when a wish is dropped unwritten: it counts as seen to, so that only a newer asking is written."""
    after = settled(ours, wish, Current("", "", frozenset()), Edit())
    return replace(after, put=ours.put & {tag for tag, _ in wish.tags}, owed=ours.owed)


def yielding(ours: Ours, wish: Wish, read: Current, now: Current, chosen: Set[str]) -> Ours:
    """What is ours when somebody changed the ticket between our reading it and our writing: their change counts as one after ours.

    A wished tag they took off, an unwanted one they put there, a single value they set, the option of a drop-down in which they chose
    (`chosen`: the options of such ones): left alone until a newer asking.
    """
    gone, come = read.tags - now.tags, now.tags - read.tags
    return replace(
        ours,
        tags={**ours.tags, **{tag: by for tag, by in wish.tags if tag in gone | chosen}},
        absent={**ours.absent, **{tag: by for tag, by in wish.absent if tag in come}},
        values={
            **ours.values,
            **{name: asked for name, asked in wish.singles().items() if not alike(now.values.get(name), read.values.get(name))},
        },
    )


def unsure(edit: Edit, ours: Ours) -> frozenset[str]:
    """The parts of an edit that could not be given back if what was heard turns out otherwise; named as in `hold`.

    Single values, and tags of others that a rule wants off. Our own tags come off again.
    """
    values = {name for name, _ in edit.values} - dict(ours.owed.values).keys()
    return frozenset(values | {f"absent:{tag}" for tag in edit.remove if tag not in ours.put and tag not in ours.owed.remove})


def unheard(edit: Edit, current: Current, ours: Ours, known: Mapping[str, Value]) -> frozenset[str]:
    """The parts of an edit that would undo what somebody did without our having heard of it; named as in `hold`.

    `known`: what the ticket was last heard to read, by the fields of rules. A single value that reads neither so nor as we
    set it; a tag that was heard to be there and is gone; one to come off that was not heard to be there. What we owe is not meant.
    """
    parts = set()
    owed = dict(ours.owed.values)
    for name, _ in edit.values:
        told, field_name = ours.values.get(name), HEARD_AS.get(name, "ticket.custom." + name.removeprefix("custom:"))
        now = current.values.get(name)
        if name not in owed and field_name in known and not alike(known[field_name], now) and not (told and alike(told.value, now)):
            parts.add(name)
    tags = known.get("tags")
    if isinstance(tags, tuple):
        parts |= {f"tag:{tag}" for tag in edit.add if tag in tags and tag not in ours.owed.add}
        parts |= {f"absent:{tag}" for tag in edit.remove if tag not in tags and tag not in ours.put and tag not in ours.owed.remove}
    return frozenset(parts)


def hold(wish: Wish, ours: Ours, parts: Set[str]) -> Wish:
    """The wish without some of its parts: what is on the ticket of these stays as it is, whatever that is.

    A part is `tag:<tag>`, `absent:<tag>`, a single value's name, `note:<who writes it>` or `note:<key>`.
    """

    def tags(kind: str, asked: tuple[tuple[str, str], ...], seen_to: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple((tag, seen_to.get(tag, "") if f"{kind}:{tag}" in parts else by) for tag, by in asked)

    def single(name: str, asked: Asked | None) -> Asked | None:
        return ours.values.get(name) if name in parts else asked

    customs = ((id_, single(f"custom:{id_}", asked)) for id_, asked in wish.custom_fields)
    return Wish(
        tags("tag", wish.tags, ours.tags),
        tags("absent", wish.absent, ours.absent),
        single("priority", wish.priority),
        single("group_id", wish.group_id),
        single("assignee_id", wish.assignee_id),
        tuple((id_, asked) for id_, asked in customs if asked is not None),
        tuple((key, text) for key, text in wish.notes if not parts & {f"note:{key}", f"note:{key.partition('#')[0]}"}),
    )


def overwritten(current: Current, edit: Edit, before: Current) -> Edit:
    """What to give back when `edit`, planned against `current`, met the ticket as `before`: somebody was there in between.

    Tags that were added then and that our list did not have; tags that were taken off and that our list had; single
    values that were changed and that we set.
    """
    lost, back = before.tags - current.tags - set(edit.add) - set(edit.remove), current.tags - before.tags - set(edit.remove)
    values = tuple(
        (name, before.values.get(name))
        for name, value in edit.values
        if not alike(before.values.get(name), current.values.get(name)) and not alike(before.values.get(name), value)
    )
    return Edit(tuple(sorted(lost)), tuple(sorted(back)), values)


def still_owed(owed: Edit, edit: Edit, now: Current) -> Edit:
    """What is left of what `edit` took when that is found out later: a value that somebody has set since is theirs."""
    left = dict(edit.values)
    return replace(owed, values=tuple((name, value) for name, value in owed.values if alike(now.values.get(name), left[name])))
