"""Moments: what happened, as immutable, normalized facts with the vendor's own time.

A delivery (bytes from a vendor) becomes zero or more moments. The story of a case is its moments sorted by
`Moment.order`; everything the bridge concludes is a pure function of that story. So a moment holds no database id
and no arrival time, and two deliveries that say the same thing give equal moments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any, Final, Literal, NamedTuple

import orjson

from tsbridge.core.unreadable import NO_SUCH, Unreadable

Source = Literal["zendesk", "talkdesk", "desk"]
"""Who said it. `desk` is the bridge's own desk: a supervisor's acknowledge, note, assign, resolve."""

Value = str | int | float | bool | tuple[str, ...] | None
"""The value of a field. `None` means *known to be empty*; a field that nobody told us about is absent."""

BAR: Final = "▇"
"""Zendesk puts so many of them where words were."""
BARS: Final = BAR * 4
"""Stands where words were that nobody told us what became of."""
TICKET_EVENTS = ("ticket.created", "ticket.updated", "ticket.commented", "ticket.merged", "ticket.deleted")
CALL_EVENTS = (
    "call.started",
    "call.answered",
    "call.ended",
    "call.missed",
    "call.abandoned",
    "call.voicemail",
    "call.transferred",
    "call.disposition",
    "call.note",
)
GIVEN = "case.given"
"""The desk gave a case to somebody by itself (`core.assign`). Nobody moved: it acknowledges, stops and rests nothing."""
DESK_EVENTS = ("case.acknowledged", "case.resolved", "case.noted", "case.assigned", GIVEN)
FACTS = "facts"
"""Background facts looked up at the vendor. Never judged itself: it completes the moments from its instant on."""
WRITTEN = "written"
"""What we wrote ourselves, as the ticket's audit tells it. Never judged: its values are facts from its instant on."""
UNJUDGED = (FACTS, WRITTEN)
ASSIGNED_BY_US = "ticket.assigned_by_us"
"""True where the ticket's assignee is one that we wrote, not a person. No field for rules: policies go by it."""
CLOCK = "clock"
"""A due time has come. Derived while a story is judged, never kept as a moment."""

ActorKind = Literal["requester", "agent", "us", "system", "unknown"]
TextRole = Literal["subject", "description", "comment", "note", "disposition", "transcription"]


class Handle(NamedTuple):
    """Something that can be recognised again. `kind` names an interaction or a person.

    Interactions: `ticket`, `call` (Talkdesk call id *or* interaction id: either may be given, so both are kept), `merge` (the
    ticket that this one was merged with, which joins whatever number of people).
    People: `zendesk_user`, `email` (lower case), `phone` (E.164), `talkdesk_contact`.
    """

    kind: str
    value: str


class Interaction(NamedTuple):
    """One ticket or one call. `id` is the ticket id, or Talkdesk's interaction id (call id where that is all we get)."""

    source: Source
    id: str


class Change(NamedTuple):
    """The vendor's own difference for one field of contract section 5. `None` stands for empty."""

    field: str
    previous: Value
    current: Value


class Text(NamedTuple):
    """A piece of text a person wrote or said. The same body twice in one interaction counts once.

    `by`: whose words they are, `public`: whether everybody on the ticket can read them; both only where the vendor tells.
    `author`: who wrote them, where that is somebody else than the moment's actor.
    """

    role: TextRole
    body: str
    by: ActorKind | None = None
    public: bool | None = None
    author: str | None = None


class Actor(NamedTuple):
    """Who caused the moment. `us` is the bridge's own Zendesk user."""

    kind: ActorKind
    id: str | None = None
    email: str | None = None


UNKNOWN: Final = Actor("unknown")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened in one interaction.

    `facts`: (field, value) pairs sorted by field, named as in contract section 5: `ticket.status`, `ticket.custom.<id>`,
        `call.outcome`, `requester.email`, `tags` (a sorted tuple), `subject`, `channel`. A snapshot: later moments win.
    `changes`: the vendor's own differences, sorted by field; empty when it sent none.
    `texts`: texts this moment carries, in the order they are read.
    `names`: other interactions it names by id (a call its ticket, a merged ticket its target), sorted.
    `people`: handles of the person the interaction is about, sorted. Never the agent.
    `impression`: a delivery's first impression of a ticket; gives way to the ticket's audits once these are read.
    `via`: the channel, one of ours, that a ticket's update came by, where the vendor tells it. No part of the moment's identity: an audit
        that was read before we looked at it is the same moment.
    `vendor_order`: the vendor's own place among things that happened at the same instant (audits: their id); else empty.
    `at`: the vendor's time, UTC; `at_known` is False where the vendor gave none and the receipt time stands in.
    """

    source: Source
    interaction: str
    event: str
    at: datetime
    at_known: bool = True
    facts: tuple[tuple[str, Value], ...] = ()
    changes: tuple[Change, ...] = ()
    texts: tuple[Text, ...] = ()
    names: tuple[Handle, ...] = ()
    people: tuple[Handle, ...] = ()
    actor: Actor = UNKNOWN
    impression: bool = False
    vendor_order: str = ""
    via: str = field(default="", compare=False)
    _digest: str = field(default="", init=False, repr=False, compare=False)
    _text: str = field(default="", init=False, repr=False, compare=False)
    _place: str = field(default="", init=False, repr=False, compare=False)
    _subject: Interaction | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def subject(self) -> Interaction:
        """The interaction it belongs to. A desk moment hangs on one of the case's, named `<source>:<id>`."""
        if self._subject is not None:
            return self._subject
        subject = Interaction(self.source, self.interaction) if self.source != "desk" else _named(self.interaction)
        object.__setattr__(self, "_subject", subject)
        return subject

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical form: the moment's identity. Equal moments, equal digest, on any machine."""
        if not self._digest:
            # without `via`, the last of its names
            said = self.text.removesuffix(f',"via":{encode_basestring(self.via)}}}') + "}" if self.via else self.text
            object.__setattr__(self, "_digest", hashlib.sha256(said.encode()).hexdigest())
        return self._digest

    @property
    def text(self) -> str:
        """Its canonical text, as it is kept."""
        if not self._text:
            numbers = [value for _, value in self.facts]
            for _, previous, current in self.changes:
                numbers += (previous, current)
            object.__setattr__(self, "_text", canonical_text(to_json(self), numbers))
        return self._text

    @property
    def place(self) -> str:
        """`order` as text: comparing two of these compares the moments' places in a story."""
        if not self._place:
            at, facts_first, creation_first, tie = self.order
            place = f"{instant_text(at)}:{facts_first}{creation_first}:{tie[: len(self.vendor_order) + 16]}"
            object.__setattr__(self, "_place", place)
        return self._place

    @property
    def order(self) -> tuple[datetime, int, int, str]:
        """Sort key of a story: vendor time; background facts first; creation before the rest; ties by the vendor's order, then content."""
        creation_first = 0 if self.event in ("ticket.created", "call.started") else 1
        return (self.at, 0 if self.event == FACTS else 1, creation_first, self.vendor_order + self.digest)


def _named(name: str) -> Interaction:
    source, _, id_ = name.partition(":")
    return Interaction("talkdesk" if source == "talkdesk" else "zendesk", id_)


def canonical(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8. What is hashed or compared goes through here."""
    return canonical_text(value).encode()


def canonical_text(value: Any, numbers: Iterable[Value] | None = None) -> str:
    """`canonical`, as text. `numbers`: where many texts are made, all in it that could be a number with a point; without it, anything."""
    if numbers is not None and float not in map(type, numbers):
        try:
            return orjson.dumps(value, _plain, _SORTED).decode()
        except TypeError:  # what only the other one writes, or refuses: integers beyond 64 bits, halves of letters, deep nesting
            pass
    return "".join(_pieces(value, 0))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple) else _not_json(value)


def _not_json(value: Any) -> Any:
    raise TypeError(f"expected a JSON value, came a {type(value).__name__}")


_SORTED: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
# As json.JSONEncoder has it made, which makes it anew for every value. It writes `1e-05` where orjson has 0.00001: other hashes.
_pieces = c_make_encoder(None, _not_json, encode_basestring, None, ":", ",", True, False, True)


def to_json(moment: Moment) -> dict[str, Any]:
    """A moment as JSON values, tuples for lists; `from_json` takes its text back to an equal moment."""
    return {
        "source": moment.source,
        "interaction": moment.interaction,
        "event": moment.event,
        "at": instant_text(moment.at),
        "at_known": moment.at_known,
        "facts": dict(moment.facts),
        "changes": moment.changes,
        "texts": [_told(text) for text in moment.texts],
        "names": moment.names,
        "people": moment.people,
        "actor": moment.actor,
        # Left out where they say nothing: a moment kept before they existed has the same digest.
        **({"impression": True} if moment.impression else {}),
        **({"vendor_order": moment.vendor_order} if moment.vendor_order else {}),
        **({"via": moment.via} if moment.via else {}),
    }


def from_json(data: dict[str, Any], digest: str = "") -> Moment:
    """The moment that `to_json` told, from its values or their canonical text: facts in the order of their names.

    `digest`, where it is known, spares working it out again. Raises Unreadable.
    """
    try:
        moment = Moment(
            source=data["source"],
            interaction=data["interaction"],
            event=data["event"],
            at=read_instant(data["at"]),
            at_known=data["at_known"],
            facts=tuple([(field, tuple(v) if type(v) is list else v) for field, v in data["facts"].items()]),
            changes=tuple(Change(f, value_from(p), value_from(c)) for f, p, c in data["changes"]),
            texts=tuple(Text(*text) for text in data["texts"]),
            names=tuple(Handle(*name) for name in data["names"]),
            people=tuple(Handle(*person) for person in data["people"]),
            actor=Actor(*data["actor"]),
            impression=data.get("impression", False),
            vendor_order=data.get("vendor_order", ""),
            via=data.get("via", ""),
        )
    except NO_SUCH:
        raise Unreadable(
            f"moments.body{f' of {digest[:16]}' if digest else ''}: expected what a moment tells, came something else"
        ) from None
    return with_digest(moment, digest)


def with_digest(moment: Moment, digest: str) -> Moment:
    """The moment under a digest that is known: what lost words goes on being the moment it was."""
    object.__setattr__(moment, "_digest", digest)
    return moment


def instant_text(at: datetime) -> str:
    """RFC 3339 UTC, always six fraction digits, so that text order is time order."""
    return _text_of_utc(at if at.tzinfo is UTC else at.astimezone(UTC))


@lru_cache(1024)  # a batch says the same few instants again and again; only of UTC are equal ones the same instant
def _text_of_utc(at: datetime) -> str:
    return f"{at.isoformat(timespec='microseconds')[:26]}Z"


def read_instant(text: str) -> datetime:
    """Back from `instant_text`. Raises ValueError for what cannot be its text."""
    if len(text) != 27 or text[10] != "T" or text[19] != "." or text[26] != "Z":
        raise ValueError("expected a time such as 2026-11-22T09:16:02.000000Z")
    return datetime.fromisoformat(text)


def _told(text: Text) -> list[Any]:
    """As much of a text as says something, for the same reason."""
    if text.author is not None:
        return list(text)
    return list(text[:4]) if text.by or text.public is not None else [text.role, text.body]


def value_json(value: Value) -> Any:
    """A value as a plain JSON value; `value_from` takes it back to an equal one."""
    return list(value) if isinstance(value, tuple) else value


def value_from(data: Any) -> Value:
    return tuple(data) if isinstance(data, list) else data
