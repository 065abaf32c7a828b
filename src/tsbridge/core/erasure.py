"""A person who is forgotten: what is left of what they said, and how they are known again without being known.

What stays is that it happened, when, and what was decided. Handles give way to other names, the same ones wherever the same handle stood:
what was joined by them stays joined, and no decision moves. Who knows a handle and the key can tell that it was erased, nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from tsbridge.core.moments import BARS, Change, Handle, Moment, Text, Value, canonical_text, with_digest
from tsbridge.core.redaction import personal

USER: Final = "zendesk_user"
SIGNED: Final = "tsbridge erasure\n"
TYPE: Final = "tsbridge.erasure"
_NAME: Final = re.compile(r"\w[\w'.-]*(?:\s+\w[\w'.-]*)+")
_BETWEEN: Final = r"[\s().\-/\u00a0]*"
FEWEST_DIGITS: Final = 7
"""Of a number that is looked for by itself, without the code of its country."""

_LEFT_OUT: Final = re.compile(r"[\s().\-/\u00a0]+")
Hide = Callable[[Handle], Handle]
"""What a handle is called from now on: of one that is nobody's who was erased, itself."""


def nothing_kept(_: Text) -> bool:
    return False


def erased(moment: Moment, hide: Hide, keeps: Callable[[Text], bool] = nothing_kept) -> Moment:
    """A moment of somebody who is forgotten, under the digest it had: without words but those that `keeps` says, and without anything
    personal but ids of Zendesk."""
    bare = replace(
        moment,
        texts=tuple(text for text in moment.texts if keeps(text)),
        people=hidden(moment.people, hide),
        actor=moment.actor._replace(email=None),
        facts=tuple((name, None if personal(name) else value) for name, value in moment.facts),
        changes=tuple(Change(c.field, None, None) if personal(c.field) else c for c in moment.changes),
    )
    return with_digest(bare, moment.digest)


def hidden(people: Iterable[Handle], hide: Hide) -> tuple[Handle, ...]:
    return tuple(sorted({hide(person) for person in people}))


def squeeze(text: str) -> str:
    """A text without what people put between digits and words, in one case."""
    return _LEFT_OUT.sub("", text).casefold()


@dataclass(frozen=True, slots=True)
class Traces:
    """By what a person is found in what others said: `words` matches how they are reached and called, `users` are their ids at Zendesk.
    `signs`: one of them is in every squeezed text that `words` match: nearly all others are passed over by them."""

    words: re.Pattern[str] | None
    users: frozenset[str]
    signs: tuple[str, ...] = ()

    @classmethod
    def of(cls, people: Collection[Handle], names: Collection[str], nationals: Collection[str]) -> Traces:
        """`names`: those of one word are not looked for, they would be found everywhere. `nationals`: the digits of their numbers as they
        are dialled at home."""
        addresses = [rf"(?<![\w.+-]){re.escape(one.value)}(?![\w-])" for one in people if one.kind == "email"]
        contacts = [rf"(?<!\w){re.escape(one.value)}(?!\w)" for one in people if one.kind == "talkdesk_contact" and len(one.value) >= 8]
        numbers = [one.value.removeprefix("+") for one in people if one.kind == "phone"]
        dialled = sorted({*numbers, *(one for one in nationals if len(one) >= FEWEST_DIGITS)}, key=lambda one: (-len(one), one))
        digits = [rf"(?<!\d)\+?{_BETWEEN.join(one)}(?!\d)" for one in dialled]
        full = [one for one in sorted(names) if _NAME.fullmatch(one.strip())]
        called = [r"(?<!\w)" + r"\s+".join(map(re.escape, one.split())) + r"(?!\w)" for one in full]
        every = [*sorted(addresses), *sorted(contacts), *digits, *called]
        users = frozenset(one.value for one in people if one.kind == USER)
        signs = [*(one.value for one in people if one.kind in ("email", "talkdesk_contact")), *dialled, *full]
        return cls(re.compile("|".join(every), re.IGNORECASE) if every else None, users, tuple(sorted(map(squeeze, signs))))

    def are_in(self, text: str, squeezed: str | None = None) -> bool:
        """`squeezed`: the same text, where it was squeezed already."""
        if self.words is None:
            return False
        squeezed = squeeze(text) if squeezed is None else squeezed
        return any(sign in squeezed for sign in self.signs) and self.words.search(text) is not None

    def out_of(self, text: str) -> str:
        return text if self.words is None else self.words.sub(BARS, text)

    def out_of_json(self, value: Any) -> Any:
        """A JSON value without them in any of its texts; names of members stay."""
        if isinstance(value, str):
            return self.out_of(value)
        if isinstance(value, list | tuple):
            return [self.out_of_json(one) for one in value]
        if isinstance(value, dict):
            return {name: self.out_of_json(one) for name, one in value.items()}
        return value

    def may_be_in(self, moment_text: str, squeezed: str | None = None) -> bool:
        """Whether a moment as it is kept, in its canonical text, may tell of them."""
        return self.are_in(moment_text, squeezed) or any(f'"{user}"' in moment_text for user in self.users)


def without(moment: Moment, traces: Traces, hide: Hide) -> Moment:
    """A moment about somebody else, under the digest it had: what a forgotten person said in it goes, and what tells of them."""

    def left(value: Value) -> Value:
        if isinstance(value, str):
            return None if traces.are_in(value) else value
        return value

    def said(text: Text) -> Text:
        theirs = (text.author or moment.actor.id) in traces.users and text.role != "subject"
        return text._replace(body=BARS if theirs else traces.out_of(text.body))

    address = moment.actor.email
    bare = replace(
        moment,
        texts=tuple(said(text) for text in moment.texts),
        people=hidden(moment.people, hide),
        actor=moment.actor._replace(email=None) if address is not None and traces.are_in(address) else moment.actor,
        facts=tuple((name, left(value)) for name, value in moment.facts),
        changes=tuple(Change(c.field, left(c.previous), left(c.current)) for c in moment.changes),
    )
    return with_digest(bare, moment.digest)


@dataclass(frozen=True, slots=True)
class Erased:
    """An interaction of somebody who is forgotten: since when, and marks of the words that were said until then."""

    at: datetime
    words: frozenset[str]


def afterwards(moment: Moment, known: Erased, hide: Hide, was_said: Callable[[str], bool]) -> Moment:
    """What is left of a moment that is heard of such an interaction later. What was said by then goes again; what is said since is new
    and stays, but for what tells of the person. A first impression keeps no words: which of them are new, the audits tell."""
    is_new = moment.at > known.at and not moment.impression

    def keeps(text: Text) -> bool:
        return is_new and text.role not in ("subject", "description") and not was_said(text.body)

    return erased(moment, hide, keeps)


def message(certificate: dict[str, Any]) -> bytes:
    """What is signed of a certificate: all but the signature itself and whose it is."""
    told = {name: value for name, value in certificate.items() if name not in ("public_key", "signature")}
    return (SIGNED + canonical_text(told)).encode()


def fault(certificate: Any, keys: frozenset[str], proves: Callable[[bytes, bytes, bytes], bool]) -> str | None:
    """What is wrong about a certificate by itself; None: nothing. `keys`: public keys that are trusted, hex; none: the one it names."""
    if not isinstance(certificate, dict) or certificate.get("type") != TYPE:
        return "it is no certificate of an erasure"
    key, signature = certificate.get("public_key"), certificate.get("signature")
    if not (isinstance(key, str) and isinstance(signature, str)):
        return "it is not signed"
    if keys and key not in keys:
        return "it is signed by another key"
    try:
        good = proves(bytes.fromhex(key), message(certificate), bytes.fromhex(signature))
    except ValueError:
        good = False
    return None if good else "it is not what was signed"


def place(certificate: Any) -> int:
    """Where in the chain it says that it stands; 0 where it does not."""
    entry = certificate.get("entry") if isinstance(certificate, dict) else None
    seq = entry.get("seq") if isinstance(entry, dict) else None
    return seq if type(seq) is int else 0


def missing(certificate: Mapping[str, Any], hashes: Mapping[int, str]) -> str | None:
    """Why the chain, by its hashes, does not have the certificate's entry; None: it does."""
    seq = place(certificate)
    if seq and hashes.get(seq) == certificate["entry"].get("hash"):
        return None
    return "the chain has no such entry" if seq not in hashes else "the chain has another entry in its place"
