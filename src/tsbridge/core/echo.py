"""Our own changes, coming back as deliveries: the part that equals what we meant to write is dropped, the rest is heard.

Never the whole delivery just because of its actor: a Zendesk trigger inside our update acts under our name too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from tsbridge.core.helpdesk import HEARD_AS
from tsbridge.core.moments import WRITTEN, Actor, Change, Moment, Text, Value, value_from
from tsbridge.core.track import tag_set
from tsbridge.core.values import alike

NAMES: Final = {field: name for name, field in HEARD_AS.items()}


def without_own_notes(moment: Moment, notes: Set[str]) -> Moment:
    """A moment without the texts of our own notes: a later delivery by anybody may carry them as the latest comment."""
    texts = tuple(text for text in moment.texts if text.role != "comment" or text.body.strip() not in notes)
    return moment if len(texts) == len(moment.texts) else replace(moment, texts=texts)


def without_echo(moment: Moment, intents: Sequence[Mapping[str, Any]]) -> Moment | None:
    """What a moment says beyond our intents (`core.helpdesk_json.edit_json` each, with `texts` of notes); None: nothing.

    A moment of our own user is an echo when every change and comment in it is one of ours. One by an unknown actor is
    one only when it carries a change and all of it is ours: a snapshot alone says nothing about who made it.
    """
    if not intents or moment.event not in ("ticket.updated", "ticket.commented"):
        return moment
    changes = tuple(rest for change in moment.changes if (rest := beyond(change, intents)) is not None)
    comments = tuple(text for text in moment.texts if text.role == "comment")
    foreign = tuple(text for text in comments if not _written(text, intents))
    if changes or foreign:
        if changes == moment.changes and len(foreign) == len(comments):
            return moment
        return replace(moment, changes=changes, texts=tuple(t for t in moment.texts if t.role != "comment" or t in foreign))
    if moment.actor.kind == "us":
        return moment if not moment.changes and _undone(moment, intents[-1]) else None
    return None if moment.changes or comments else moment


def written_before(moment: Moment, intents: Sequence[Mapping[str, Any]]) -> Moment | None:
    """What of a first impression stood there because we wrote it, as a moment right before; None: nothing.

    `intents`: those that no audit told of yet. What we wrote is known, and nothing that changes with what others do next.
    """
    values = {name: value for intent in intents for name, value in intent["values"].items()}
    facts = {field: value for field, value in moment.facts if _meant(values, _name(field), value)}
    told = dict(moment.facts)
    if "tags" in told and (lists := [intent["tags"] for intent in intents if "tags" in intent]):
        facts["tags"] = tuple(sorted(lists[-1]))
    if not facts:
        return None
    at = moment.at - timedelta(microseconds=1)
    return Moment(moment.source, moment.interaction, WRITTEN, at, False, tuple(sorted(facts.items())), actor=Actor("us"), impression=True)


def _undone(moment: Moment, newest: Mapping[str, Any]) -> bool:
    """Whether a snapshot behind our newest write shows that something took back what it did."""
    tags = dict(moment.facts).get("tags")
    return isinstance(tags, tuple) and (not set(newest["add"]) <= set(tags) or bool(set(newest["remove"]) & set(tags)))


def beyond(change: Change, intents: Sequence[Mapping[str, Any]]) -> Change | None:
    """What is left of a change without what we meant by it; None: nothing. An intent may have `tags`, the whole list it sent."""
    if change.field == "tags":
        before, now = tag_set(change.previous), tag_set(change.current)
        if any("tags" in intent and set(intent["tags"]) == now for intent in intents):
            return None  # our list as we sent it, whatever somebody put there or took off before it came
        added = now - before - {tag for intent in intents for tag in intent["add"]}
        removed = before - now - {tag for intent in intents for tag in intent["remove"]}
        if added == now - before and removed == before - now:
            return change
        return Change("tags", tuple(sorted((now - added) | removed)), tuple(sorted(now))) if added or removed else None
    name = _name(change.field)
    return None if any(_meant(intent["values"], name, change.current) for intent in intents) else change


def _meant(values: Mapping[str, Any], name: str, told: Value) -> bool:
    """Whether a field reads as it was meant to."""
    return name in values and alike(value_from(values[name]), told)


def _name(field: str) -> str:
    """What an intent calls a field."""
    return NAMES.get(field, "custom:" + field.removeprefix("ticket.custom."))


def _written(text: Text, intents: Sequence[Mapping[str, Any]]) -> bool:
    return any(text.body.strip() == str(body).strip() for intent in intents for body in intent.get("texts", ()))
