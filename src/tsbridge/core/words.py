"""What was said in a story: the texts of each interaction, as far as rules look at them, whose words they are, and the fields made of
them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from tsbridge.core.moments import ActorKind, Moment, Text, Value
from tsbridge.core.rules.text import NEWEST
from tsbridge.core.track import REQUESTER, Track

TEXT_FIELDS: Final = ("text", "text.requester", "text.new", "subject")
"""Those that `Said.fields` makes."""
WHOLE: Final = ("text", "text.requester")
"""Those of them that grow with a story."""
ROOM: Final = NEWEST + 1
"""Characters of a text that are kept: by the one more is seen that it was cut."""
PIECES: Final = 1_000
"""So many pieces of text are kept of an interaction, the newest ones, and as many of the requester's."""
SPEAKERS: Final = 16
"""So many people are told apart who say the same words."""
PARTS: Final = 32
"""So many times what was said is kept as what came behind it; then all of it is kept anew."""


class Whose(NamedTuple):
    """Whose ticket it is, and who were the requester before or are going to be: by them words are somebody else's than was told."""

    requester: str | None
    others: tuple[str, ...]

    @classmethod
    def of(cls, track: Track | None) -> Whose | None:
        """None while there was only one requester: then words are whose they were told to be."""
        if track is None or not track.others:
            return None
        requester = track.facts.get(REQUESTER)
        return cls(None if requester is None else str(requester), tuple(sorted(track.others)))


class Speaker(NamedTuple):
    """Who said something: `by` and `author` of its text, or of its moment; a comment's words are somebody else's with the ticket."""

    comment: bool
    by: ActorKind | None
    author: str | None

    def now(self, whose: Whose | None) -> ActorKind | None:
        """Whose words they are now. An agent is the requester of a ticket they open, until they say whose it is."""
        if whose is not None and self.comment and self.author is not None:
            if self.author == whose.requester and self.by != "requester":
                return "requester"
            if self.author != whose.requester and self.author in whose.others and self.by == "requester":
                return "agent"
        return self.by

    def repeats(self, said_by: Iterable[Speaker]) -> bool:
        """Whether these are words shown again, by a ring that does not know whose they were: they stay whose they are known to be."""
        return self.comment and self.by is None and any([one.by is not None for one in said_by])

    def is_requester(self, whose: Whose | None) -> bool:
        """Words of nobody known count as the requester's: who is hurt is heard."""
        return not self.comment or self.now(whose) in (None, "unknown", "requester")


class Said:
    """What was said in an interaction up to a place of its story: `count` moments with text, `digest` over them in their order. `place` and
    `at` are the last one's.

    Of the words only those are kept that rules look at: the newest 64 KiB, of all and of the requester. The same words twice count once
    as long as they are kept; a changed subject or description replaces the one before it.
    """

    __slots__ = ("_behind", "_description", "_fresh", "_length", "_parts", "_pieces", "_subject", "at", "count", "digest", "place")

    def __init__(self) -> None:
        self.count = 0
        self.digest = ""
        self.place = ""
        self.at: datetime | None = None
        self._pieces: dict[str, tuple[Speaker, ...]] = {}
        self._subject: str | None = None
        self._description: str | None = None
        self._fresh: list[str] = []
        self._length = 0
        self._behind: dict[str, None] | None = None  # what is new since it was kept; None: other things changed, too
        self._parts = 0

    def hear(self, moment: Moment, place: str) -> None:
        """The next moment of the story at its place; one without text says nothing."""
        if not moment.texts:
            return
        self.count += 1
        self.digest = hashlib.sha256(f"{self.digest}{moment.digest}".encode()).hexdigest()
        self.place, self.at = place, moment.at
        self.tell(moment.texts, moment.actor.id)

    def tell(self, texts: Iterable[Text], author: str | None = None) -> None:
        """Words that came together. `author`: who wrote them, where a text does not say so itself."""
        self._fresh = []
        for text in texts:
            body = text.body[-ROOM:]
            speakers = self._pieces.get(body)
            speaker = Speaker(text.role == "comment", text.by, text.author or author)
            if speakers is None:
                self._fresh.append(body)
                self._length += len(body)
                self._pieces[body] = (speaker,)
            elif speaker not in speakers and len(speakers) < SPEAKERS and not speaker.repeats(speakers):
                self._pieces[body] = (*speakers, speaker)
            if self._behind is not None and self._pieces[body] is not speakers:
                self._behind[body] = None
            if text.role == "subject":
                self._subject = self._replaced(self._subject, body)
            elif text.role == "description":
                self._description = self._replaced(self._description, body)
        if self._length > 2 * ROOM or len(self._pieces) > 2 * PIECES:
            self._forget()

    @property
    def is_long(self) -> bool:
        """Whether it is more than rules look at."""
        return len("\n".join(self._pieces).encode("utf-8", "surrogatepass")) > NEWEST

    def fields(self, whose: Whose | None, *, new: bool) -> dict[str, Value]:
        """`text`, `text.requester`, `text.new` and `subject`. With `new`, what came last is judged: `text.new` is what it added."""
        fields: dict[str, Value] = {}
        if self._pieces:
            fields["text"] = _joined(list(self._pieces))
            own = {speakers: any([one.is_requester(whose) for one in speakers]) for speakers in set(self._pieces.values())}
            theirs = [body for body, speakers in self._pieces.items() if own[speakers]]
            if theirs:
                fields["text.requester"] = fields["text"] if len(theirs) == len(self._pieces) else _joined(theirs)
        if new and self._fresh:
            fields["text.new"] = _joined(self._fresh)
        if self._subject is not None:
            fields["subject"] = self._subject
        return fields

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` gives the same back."""
        return {**self._told(self._pieces), "subject": self._subject, "description": self._description}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], count: int, digest: str, place: str, at: datetime) -> Said:
        said = cls()
        said._subject, said._description, said._behind = data["subject"], data["description"], {}
        said.go_on(data, count, digest, place, at)
        return said

    def part(self) -> dict[str, Any] | None:
        """What came behind what was kept, as plain JSON values for `go_on`; None where all of it is to be kept."""
        if self._behind is None or self._parts > PARTS:
            return None
        return self._told(self._behind)

    def go_on(self, part: Mapping[str, Any], count: int, digest: str, place: str, at: datetime) -> None:
        """What was kept behind it."""
        self.count, self.digest, self.place, self.at = count, digest, place, at
        told: dict[str, tuple[Speaker, ...]] = {}
        if "pieces" in part:  # each for itself, as it was kept until 0056
            told = {body: tuple([Speaker(*one) for one in speakers]) for body, speakers in part["pieces"]}
        else:
            known, text, start = [tuple([Speaker(*one) for one in speakers]) for speakers in part["speakers"]], part["text"], 0
            for length, speakers in part["bodies"]:
                told[text[start : start + length]] = known[speakers]
                start += length + 1
        self._length += sum([len(body) for body in told if body not in self._pieces])
        self._pieces |= told
        self._parts += 1

    def _told(self, bodies: Iterable[str]) -> dict[str, Any]:
        """All in one text, with the length of each and who said it, which few do: hundreds of texts take ten times as long to read."""
        told = [(body, self._pieces[body]) for body in bodies]
        places = {speakers: place for place, speakers in enumerate(dict.fromkeys(speakers for _, speakers in told))}
        return {
            "text": "\n".join([body for body, _ in told]),
            "bodies": [[len(body), places[speakers]] for body, speakers in told],
            "speakers": [[[one.comment, one.by, one.author] for one in speakers] for speakers in places],
        }

    def _replaced(self, old: str | None, body: str) -> str:
        if old != body:
            self._behind = None
        if old is not None and old != body and self._pieces.pop(old, None) is not None:
            self._length -= len(old)
        return body

    def _forget(self) -> None:
        """What is too old to be looked at. It is done now and then, and the same way wherever the story is gone on with."""
        kept, room, own = set(), [ROOM, PIECES], [ROOM, PIECES]
        for body, speakers in reversed(self._pieces.items()):
            theirs = any([one.is_requester(None) or one.author is not None for one in speakers])
            windows = [window for window in ((room, own) if theirs else (room,)) if min(window) > 0]
            for window in windows:
                window[0] -= len(body) + 1
                window[1] -= 1
            if windows:
                kept.add(body)
        self._behind = None
        self._pieces = {body: speakers for body, speakers in self._pieces.items() if body in kept}
        self._length = sum(map(len, self._pieces))


def comment_fields(moment: Moment, whose: Whose | None) -> dict[str, Value]:
    """`comment.by` and `comment.public` of the comment that a moment brought, where the vendor tells them."""
    fields: dict[str, Value] = {}
    for text in moment.texts:
        if text.role in ("comment", "description"):
            by = Speaker(text.role == "comment", text.by, text.author or moment.actor.id).now(whose)
            if by in ("requester", "agent", "system"):
                fields["comment.by"] = by
            if text.public is not None:
                fields["comment.public"] = text.public
    return fields


def _joined(bodies: Sequence[str]) -> str:
    """Texts below each other. Of more than rules look at only the newest, and one character more: by it is seen that it was cut."""
    whole = bodies[0] if len(bodies) == 1 else "\n".join(bodies)
    if len(whole) < ROOM:
        return whole
    kept, room = [], ROOM
    for body in reversed(bodies):
        kept.append(body[-room:])
        room -= len(body) + 1
        if room <= 0:
            break
    return "\n".join(reversed(kept))


def text_fields(heard: Iterable[Iterable[Sequence[Any]]], *, new: bool) -> dict[str, Value]:
    """What `Said.fields` gives, of texts (role, body, by, public) whose moments are all listed, oldest first.

    For decisions of a time when each listed all that it had heard.
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


def as_words_of(texts: Iterable[Text], by: ActorKind) -> tuple[Text, ...]:
    return tuple(text._replace(by=by) if text.role == "comment" else text for text in texts)
