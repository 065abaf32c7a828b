"""Words that are gone at the vendor: what a moment says without them, and what the decisions that saw them keep.

A moment that lost words stays the same moment, under the digest it had. A decision that saw them is not judged again: what it
judged is kept with it, and its reasons without the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from tsbridge.core.moments import BAR, BARS, Change, Moment, Text, Value, value_from, with_digest
from tsbridge.core.words import TEXT_FIELDS

TELLING: Final = 4
"""A shorter piece is not looked for in other texts: it would be found everywhere."""
NOTE: Final = "desk.note"
"""What somebody at the desk typed."""
_PERSONAL: Final = (
    *("requester.email", "requester.phone", "requester.name", "requester.domain", "requester.tags"),
    *("ticket.satisfaction", "ticket.external_id", NOTE),
)
_CUSTOM: Final = "ticket.custom."


class Words(NamedTuple):
    """What became of texts: (as it was, as it is now), and the pieces that are gone from them."""

    texts: tuple[tuple[str, str], ...] = ()
    pieces: tuple[str, ...] = ()

    def out_of(self, text: str) -> str:
        """A text without the words that are gone."""
        for was, now in self.texts:
            text = text.replace(was, now)
        for piece in self.pieces:
            text = text.replace(piece, BARS)
        return text


def retold(stood: Moment, now: Moment) -> Moment:
    """A moment with the words of a newer telling of the same thing; all else stays as it was told first.

    Texts are compared by their role and place, free values by their field: status, ids, tags and people are never words.
    """
    said: dict[str, list[Text]] = {}
    for text in now.texts:
        said.setdefault(text.role, []).append(text)
    texts = []
    for text in stood.texts:
        again = said.get(text.role)
        texts.append(text._replace(body=again.pop(0).body if again else BARS))
    told, changed = dict(now.facts), {change.field: change for change in now.changes}
    facts = tuple((name, told.get(name) if _free(name, value) else value) for name, value in stood.facts)
    changes = tuple(_retold(change, changed.get(change.field)) for change in stood.changes)
    return with_digest(replace(stood, texts=tuple(texts), facts=facts, changes=changes), stood.digest)


def has_bars(moment: Moment) -> bool:
    """Whether words were taken out of it before it was told."""
    return any([BAR in text.body for text in moment.texts])


def as_said(told: Sequence[Moment], stood: Iterable[Moment]) -> list[Moment]:
    """Moments that words were taken out of before anybody read them, in the words of the first impressions among what `stood`: a text
    that fits around the bars, else the first of its role that no audit says. As they are told where there is none."""
    before = list(stood)
    said = {text.body for moment in (*told, *before) if not moment.impression for text in moment.texts}
    heard = [text for moment in before if moment.impression for text in moment.texts if text.body not in said and BAR not in text.body]
    left = list(dict.fromkeys((text.role, text.body) for text in heard))

    def whole(text: Text) -> Text:
        found = [body for role, body in left if role == text.role] if BAR in text.body else []
        if not found:
            return text
        was = next((body for body in found if _fits(body, text.body)), found[0])
        left[:] = [(role, body) for role, body in left if body != was]
        return text._replace(body=was)

    return [replace(moment, texts=tuple(map(whole, moment.texts))) if has_bars(moment) else moment for moment in told]


def lost(stood: Moment, now: Moment) -> Words:
    """The words by which a moment says less than it did: `now` is what `retold` made of it."""
    bodies = [(a.body, b.body) for a, b in zip(stood.texts, now.texts, strict=True) if a.body != b.body]
    pieces = {piece for was, is_now in bodies for piece in _gone(was, is_now)}
    return Words(tuple(bodies), tuple(sorted((p for p in pieces if len(p) >= TELLING), key=lambda p: (-len(p), p))))


def lost_values(stood: Moment, now: Moment) -> frozenset[tuple[str, Value]]:
    """The values of fields that a moment no longer tells."""
    return frozenset(_values(stood) - _values(now))


def told_by(moment: Moment, words: Words, values: Collection[tuple[str, Value]]) -> Moment:
    """What else told the same, without it: a first impression keeps no text at all, since the audits tell them."""
    texts = () if moment.impression else tuple(text._replace(body=words.out_of(text.body)) for text in moment.texts)
    bare = _without(moment, lambda *told: told in values)
    facts = tuple((name, words.out_of(value) if name == NOTE and isinstance(value, str) else value) for name, value in bare["facts"])
    return with_digest(replace(moment, texts=texts, **(bare | {"facts": facts})), moment.digest)


def forgotten(moment: Moment) -> Moment:
    """A moment of a ticket that is deleted for good: that it happened, without words and without anything personal but ids."""
    bare = replace(
        moment,
        texts=(),
        people=tuple(person for person in moment.people if person.kind == "zendesk_user"),
        actor=moment.actor._replace(email=None),
        **_without(moment, lambda field, _: personal(field)),
    )
    return with_digest(bare, moment.digest)


def silenced(moment: Moment) -> Moment:
    """A moment without what people said in it; whom it is about and everything else stays."""
    bare = replace(moment, texts=(), **_without(moment, lambda field, _: field in TEXT_FIELDS))
    return with_digest(bare, moment.digest)


def personal(field: str) -> bool:
    """Whether a field may hold what people typed, or how they are reached."""
    return field in TEXT_FIELDS or field in _PERSONAL or field.startswith(_CUSTOM)


def personal_words(moment: Moment) -> Words:
    """What people typed in a moment, and how they are reached."""
    values = {str(value) for field, value in _values(moment) if value is not None and personal(field)}
    return Words(tuple((text.body, BARS) for text in moment.texts), tuple(sorted(v for v in values if len(v) >= TELLING)))


def facts_without(facts: Mapping[str, Any], gone: Callable[[str, Value], bool]) -> dict[str, Any]:
    """Facts as they are kept, in plain JSON values, without those that are gone."""
    return {name: None if gone(name, value_from(value)) else value for name, value in facts.items()}


def reasons_without(shown: Iterable[Mapping[str, Any]], gone: Callable[[str], bool], since: str) -> list[dict[str, Any]]:
    """Conditions of an explanation (contract section 6), without the values that are gone."""

    def without(leaf: Mapping[str, Any]) -> dict[str, Any]:
        if not gone(str(leaf["field"])) or "redacted_since" in leaf:
            return dict(leaf)
        return {**{name: value for name, value in leaf.items() if name != "found"}, "actual": None, "redacted_since": since}

    return [without(leaf) for leaf in shown]


def _without(moment: Moment, gone: Callable[[str, Value], bool]) -> dict[str, Any]:
    def left(field: str, value: Value) -> Value:
        return None if gone(field, value) else value

    return {
        "facts": tuple((name, left(name, value)) for name, value in moment.facts),
        "changes": tuple(Change(c.field, left(c.field, c.previous), left(c.field, c.current)) for c in moment.changes),
    }


def _values(moment: Moment) -> set[tuple[str, Value]]:
    told = set(moment.facts)
    return told | {(c.field, value) for c in moment.changes for value in (c.previous, c.current)}


def _free(field: str, value: Value) -> bool:
    return isinstance(value, str) and (field.startswith(_CUSTOM) or field in ("subject", "ticket.satisfaction", "ticket.external_id"))


def _retold(stood: Change, now: Change | None) -> Change:
    previous, current = (None, None) if now is None else (now.previous, now.current)
    return Change(
        stood.field,
        previous if _free(stood.field, stood.previous) else stood.previous,
        current if _free(stood.field, stood.current) else stood.current,
    )


def _gone(was: str, now: str) -> list[str]:
    """The pieces of a text where another has bars; where it has none, all between what both begin and end with."""
    pieces = _between(was, re.split(f"{BAR}+", now) if BAR in now else _ends(was, now))
    return [was] if pieces is None else [piece.strip() for piece in pieces]


def _fits(was: str, now: str) -> bool:
    """Whether one text is another without its bars."""
    kept = re.split(f"{BAR}+", now)
    return was.startswith(kept[0]) and _between(was, kept) is not None


def _between(was: str, kept: Sequence[str]) -> list[str] | None:
    """What stands in a text before, between and behind what is kept of it; None where that is not in it."""
    *front, last = kept
    pieces, at = [], 0
    for part in front:
        found = was.find(part, at)
        if found < 0:
            return None
        pieces.append(was[at:found])
        at = found + len(part)
    if not was[at:].endswith(last):
        return None
    return [*pieces, was[at : len(was) - len(last)]]


def _ends(was: str, now: str) -> list[str]:
    """What both begin with, and what both end with behind that."""
    front = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    rest = list(zip(reversed(was[front:]), reversed(now[front:]), strict=False))
    back = next((i for i, (a, b) in enumerate(rest) if a != b), len(rest))
    return [was[:front], was[len(was) - back :]]
