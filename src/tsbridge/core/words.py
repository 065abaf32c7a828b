"""What was said in a story: the texts of each interaction up to a place in it, whose words they are, and the fields made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

from tsbridge.core.moments import ActorKind, Interaction, Moment, Text, Value
from tsbridge.core.rules.text import NEWEST
from tsbridge.core.track import REQUESTER, Track

TEXT_FIELDS: Final = ("text", "text.requester", "text.new", "subject")
"""Those that `text_fields` makes."""


class Texts:
    """The texts of each interaction in the story's order."""

    def __init__(self, placed: Iterable[tuple[str, Moment]]) -> None:
        self._heard: dict[Interaction, list[tuple[str, Moment]]] = {}
        for place, moment in placed:
            if moment.texts:
                self._heard.setdefault(moment.subject, []).append((place, moment))

    def upto(self, subject: Interaction, place: str) -> tuple[Moment, ...]:
        """The moments of an interaction that carry text, before `place` in the story."""
        return tuple([moment for key, moment in self._heard.get(subject, ()) if key < place])


def text_fields(heard: Iterable[Iterable[Sequence[Any]]], *, new: bool) -> dict[str, Value]:
    """`text`, `text.requester`, `text.new` and `subject` from the (role, body, by, public) texts of the moments heard, oldest first.

    The same words twice count once; a changed subject or description replaces the one before it. With `new`, the last
    of the moments is the one being judged, and `text.new` is what it added.
    """
    standing: dict[str, str] = {}
    subject: str | None = None
    description: str | None = None
    theirs: set[str] = set()
    fresh: list[str] = []
    for texts in heard:
        fresh = []
        for role, body, *rest in texts:
            if body not in standing:
                fresh.append(body)
            standing[body] = role
            if role != "comment" or not rest or rest[0] in (None, "unknown", "requester"):
                theirs.add(body)  # words of nobody known count as the requester's: who is hurt is heard
            if role == "subject":
                _replace(standing, subject, body)
                subject = body
            elif role == "description":
                _replace(standing, description, body)
                description = body
    fields: dict[str, Value] = {}
    if standing:
        fields["text"] = _joined(list(standing))
        if own := [body for body in standing if body in theirs]:
            fields["text.requester"] = _joined(own)
    if new and fresh:
        fields["text.new"] = _joined(fresh)
    if subject is not None:
        fields["subject"] = subject
    return fields


def _replace(standing: dict[str, str], old: str | None, body: str) -> None:
    if old is not None and old != body:
        standing.pop(old, None)


def _joined(bodies: Sequence[str]) -> str:
    """Texts below each other. Of more than rules look at only the newest, and one character more: by it is seen that it was cut."""
    kept, room = [], NEWEST + 1
    for body in reversed(bodies):
        kept.append(body[-room:])
        room -= len(body) + 1
        if room <= 0:
            break
    return "\n".join(reversed(kept))


def whose_words(heard: Iterable[Moment], track: Track | None) -> tuple[tuple[str, ActorKind], ...]:
    """The moments whose comment is the requester's though its writer was not yet that, or is no more; by digest, with whose it is.

    An agent is the requester of a ticket they open, until they say whose it is.
    """
    if track is None or not track.others:
        return ()
    requester = track.facts.get(REQUESTER)
    found: list[tuple[str, ActorKind]] = []
    for moment in heard:
        for text in moment.texts:
            author = text.author or moment.actor.id
            if text.role != "comment" or author is None:
                continue
            if author == requester and text.by != "requester":
                found.append((moment.digest, "requester"))
            elif author != requester and author in track.others and text.by == "requester":
                found.append((moment.digest, "agent"))
    return tuple(sorted(set(found)))


def attributed(heard: Iterable[Moment], whose: Iterable[tuple[str, ActorKind]]) -> list[tuple[Text, ...]]:
    """The texts of each moment, comments with whose words they are now (`whose_words`)."""
    now = dict(whose)
    return [as_words_of(moment.texts, now[moment.digest]) if moment.digest in now else moment.texts for moment in heard]


def as_words_of(texts: Iterable[Text], by: ActorKind) -> tuple[Text, ...]:
    return tuple(text._replace(by=by) if text.role == "comment" else text for text in texts)


def comment_fields(said: Iterable[Iterable[Text]]) -> dict[str, Value]:
    """`comment.by` and `comment.public` of the comment that a moment brought, where the vendor tells them."""
    fields: dict[str, Value] = {}
    for text in chain.from_iterable(said):
        if text.role in ("comment", "description"):
            if text.by in ("requester", "agent", "system"):
                fields["comment.by"] = text.by
            if text.public is not None:
                fields["comment.public"] = text.public
    return fields
