"""The roster: its versions, its parts, and the step to the live version: held against what stands, and on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts.documents import Document, arranged
from tsbridge.acts.errors import Faulty, NotFound
from tsbridge.acts.ledger import Entry
from tsbridge.core.roster import Roster, almanac_of
from tsbridge.roster.diff import NAMED, touched
from tsbridge.roster.document import TOP, read
from tsbridge.roster.read_parts import RosterError
from tsbridge.store import rosters, rulebooks
from tsbridge.store.versions import Version

LISTS: Final = ("cover", "calendars")
"""Parts whose entries have no keys: they are edited whole."""
AGENT: Final = (
    *("name", "email", "zendesk_user_id", "talkdesk_user_id", "timezone", "skills", "queues", "capacity"),
    *("from", "until", "reach"),
)


class Moved(Exception):
    """Another version is live by now than the one that was looked at."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is live")
        self.version = version


@dataclass(frozen=True, slots=True)
class NoRoster:
    """What is shown where none has been published."""

    version: Literal[0] = 0
    hash: None = None
    published_at: None = None
    published_by: None = None
    note: None = None
    document: None = None


@dataclass(frozen=True, slots=True)
class RosterMade:
    version: int
    hash: str


@dataclass(frozen=True, slots=True)
class RosterPart:
    """`version`: of the roster that it stands in; 0 where there is none."""

    part: str
    value: Any
    version: int


@dataclass(frozen=True, slots=True)
class RosterEntry(RosterPart):
    key: str


@dataclass(frozen=True, slots=True)
class RosterDiff:
    since: Annotated[int, Field(alias="from")]
    until: Annotated[int, Field(alias="to")]
    same: bool
    parts: list[dict[str, Any]]
    other: list[dict[str, Any]]


def version(conn: Connection, number: int | None = None) -> Version:
    """A published version; without a number the live one. Raises `NotFound`."""
    try:
        return rosters.get(conn, rosters.newest(conn) if number is None else number)
    except rosters.NoRoster:
        raise NotFound("version") from None


def part_of(live: Version | None, part: str) -> RosterPart:
    """A part of the live roster. Raises `NotFound` where no roster has such a part."""
    if part not in (*NAMED, *LISTS):
        raise NotFound("part of the roster")
    value = {} if live is None else live.document
    return RosterPart(part, value.get(part, [] if part in LISTS else {}), 0 if live is None else live.version)


def entries_of(live: Version | None, part: str) -> Document:
    """The entries of a part by their keys. Raises `NotFound` where no roster has such entries."""
    found = part_of(live, part).value
    if part in LISTS:
        raise NotFound("part of the roster")
    return found if isinstance(found, dict) else {}


def entry_of(live: Version | None, part: str, key: str) -> RosterEntry:
    """Raises `NotFound`."""
    found = entries_of(live, part)
    if key not in found:
        raise NotFound("entry of the roster")
    return RosterEntry(part, found[key], 0 if live is None else live.version, key)


def with_part(live: Version | None, part: str, value: Any) -> Document:
    """The live document, or the first one, with another value of this part."""
    return {**({"schema": 1} if live is None else live.document), part: value}


def sound(document: Any) -> Roster:
    """A document as a roster. Raises `Faulty` when it is none."""
    try:
        return read(document)
    except RosterError as refused:
        found = [finding.to_json() for finding in refused.findings]
        raise Faulty("The roster has faults; see findings.", "roster-faulty", findings=found) from None


def publish(
    conn: Connection, entry: Entry, document: Document, roster: Roster, note: str, action: str = "roster.publish", base: int | None = None
) -> int:
    """Make a sound document the live version and record what that did to whom; returns its number. `roster`: as it was read.

    `base`: the version that the caller has looked at, 0 for none; without it that is not compared. Raises `Moved`.
    """
    rosters.lock(conn)
    was = rosters.live(conn)
    if base is not None and base != (standing := 0 if was is None else was.version):
        raise Moved(standing)
    almanac = almanac_of(roster, entry.at.year)
    number = rosters.publish(conn, document, roster.hash, note, entry.at, entry.by, almanac)
    parts = touched({} if was is None else was.document, document)
    before = None if was is None else {"version": was.version, "hash": was.hash}
    after = {"version": number, "hash": roster.hash, "note": note, "parts": parts, "almanac": almanac.hash}
    entry.change(conn, action, "roster", before, after, also=[key for keys in parts.values() for key in keys])
    return number


def document(conn: Connection) -> Document | None:
    """The live roster's document; None where there is none."""
    live = rosters.live(conn)
    return None if live is None else live.document


def rulebook_of(conn: Connection) -> Any:
    """The live rulebook's document, which rosters are held against; None where there is none."""
    version = rulebooks.newest(conn)
    return rulebooks.get(conn, version).document if version else None


def as_people_write(document: Document) -> Document:
    """The same document with its parts, and those of its agents, in the order of the guide: a database keeps none."""
    found = arranged(document, TOP)
    if isinstance(found.get("agents"), dict):
        found["agents"] = {key: arranged(one, AGENT) if isinstance(one, dict) else one for key, one in found["agents"].items()}
    return found
