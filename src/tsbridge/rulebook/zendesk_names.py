"""What a rulebook names of Zendesk's, held against what Zendesk has: groups, fields and their options, agents, tags.

Nothing here asks Zendesk; `Named` says what has to be asked, `strangers` what of it is not there. All of it is advice: a book may go
live before the group is made.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tsbridge.core.rules.findings import Finding, escape
from tsbridge.core.rules.language import Action, Rulebook
from tsbridge.core.values import as_key

ASKED: Final = {
    "zendesk_group": "A queue's `zendesk_group_id` that Zendesk does not have, or whose group is deleted.",
    "zendesk_field": "A custom field that Zendesk does not have, or that is not active.",
    "zendesk_option": "A value that is none of the options of the drop-down it is set in.",
    "zendesk_agent": "An `assign` to somebody whom Zendesk does not know, or who is no agent there any more.",
    "zendesk_tag": "A tag that is spelled nearly like one that is in use at Zendesk.",
    "zendesk_not_asked": "Zendesk could not be asked just now whether it has the groups, fields, agents and tags that are named.",
}
"""What is said besides when Zendesk can be asked."""
ALIKE: Final = 0.88
"""From which likeness on two tags may be one that is spelled in two ways."""
SHORTEST: Final = 5
"""Shorter tags are like one another by chance."""


class Place(NamedTuple):
    """Where something is named: the JSON pointer and the rule's key."""

    path: str
    rule: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """A ticket field of Zendesk's. `options`: the tags of a drop-down's options; None for other types."""

    active: bool
    options: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What Zendesk has of what was asked for. `groups`: whether each is in use; `agents`: whether each may be given tickets."""

    groups: Mapping[str, bool]
    fields: Mapping[str, Field]
    agents: Mapping[str, bool]
    tags: Set[str]


@dataclass(frozen=True, slots=True)
class Named:
    """What a rulebook names, each with where it stands."""

    groups: tuple[tuple[str, Place], ...]
    fields: tuple[tuple[str, Any, Place], ...]
    agents: tuple[tuple[str, Place], ...]
    tags: tuple[tuple[str, Place], ...]

    @classmethod
    def by(cls, book: Rulebook) -> Named:
        actions = list(_actions(book))
        return cls(
            groups=tuple(
                (queue.zendesk_group_id, Place(f"/queues/{escape(name)}/zendesk_group_id", None))
                for name, queue in book.queues.items()
                if queue.zendesk_group_id is not None
            ),
            fields=tuple((*action.value, place) for action, place in actions if action.name == "set_custom_field"),
            agents=tuple((action.value, place) for action, place in actions if action.name == "assign"),
            tags=tuple((tag, place) for action, place in actions if action.name in ("add_tags", "remove_tags") for tag in action.value),
        )


def strangers(named: Named, known: Known) -> Iterator[Finding]:
    """What Zendesk does not have, or no longer."""
    for id_, place in named.groups:
        if not known.groups.get(id_, False):
            words = "this group is deleted at Zendesk" if id_ in known.groups else "Zendesk has no group with this id"
            yield Finding("warning", "zendesk_group", f"{words}: nothing is moved there", *place)
    for id_, value, place in named.fields:
        field = known.fields.get(id_)
        if field is None or not field.active:
            words = "Zendesk has no ticket field with this id" if field is None else "this field is not active at Zendesk"
            yield Finding("warning", "zendesk_field", f"{words}: it is not written", *place)
        elif field.options is not None and value is not None and str(value) not in field.options:
            words = "this drop-down has no option whose tag is this value: it is not written"
            yield Finding("warning", "zendesk_option", words, *place)
    for id_, place in named.agents:
        if not known.agents.get(id_, False):
            words = "this person is no agent at Zendesk, or not any more" if id_ in known.agents else "Zendesk knows nobody with this id"
            yield Finding("warning", "zendesk_agent", f"{words}: tickets are not assigned", *place)
    told: set[str] = set()
    for tag, place in named.tags:
        near = None if tag in told or tag in known.tags else _alike(tag, known.tags)
        if near is not None:
            told.add(tag)
            yield Finding("info", "zendesk_tag", f"at Zendesk a tag is in use that is spelled nearly so: {near}", *place)


def _alike(tag: str, among: Set[str]) -> str | None:
    """A tag in use that is this one but for case, separators or a slip of the pen."""
    if len(tag) < SHORTEST:
        return None
    bare = _bare(tag)
    same = sorted(one for one in among if _bare(one) == bare)
    digits = [letter for letter in tag if letter.isdigit()]
    close = [
        one for one in difflib.get_close_matches(tag, sorted(among), 5, ALIKE) if [letter for letter in one if letter.isdigit()] == digits
    ]
    return next(iter([*same, *close]), None)


def _bare(tag: str) -> str:
    return "".join(letter for letter in as_key(tag) if letter.isalnum())


def _actions(book: Rulebook) -> Iterator[tuple[Action, Place]]:
    """Each action where it stands. The steps that a `repeat` stands for are the last one again."""
    for rule in book.rules:
        for number, action in enumerate(rule.then):
            yield action, Place(f"{rule.path}/then/{number}/{action.name}", rule.key)
    for name, policy in book.policies.items():
        written = len(book.document["policies"][name]["steps"])
        for step, one in enumerate(policy.steps[:written]):
            for number, action in enumerate(one.actions):
                yield action, Place(f"/policies/{escape(name)}/steps/{step}/actions/{number}/{action.name}", None)
