"""Changes of the roster and its overrides, as the API and the command line make them: held against what stands, and on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts.documents import Document, arranged
from tsbridge.acts.errors import Faulty
from tsbridge.acts.ledger import Entry
from tsbridge.core import feedlink
from tsbridge.core.feedlink import FeedLink
from tsbridge.core.roster import Override, Roster, almanac_of
from tsbridge.roster.check import queues_of
from tsbridge.roster.diff import touched
from tsbridge.roster.document import TOP, read
from tsbridge.roster.read_parts import RosterError
from tsbridge.store import feed_links, rosters, rulebooks
from tsbridge.store.rosters import Made

LONGEST: Final = timedelta(days=366)
"""How long an override may last: what lasts longer belongs into the roster."""
AGENT: Final = (
    *("name", "email", "zendesk_user_id", "talkdesk_user_id", "timezone", "skills", "queues", "capacity"),
    *("from", "until", "reach"),
)


class Moved(Exception):
    """Another version is live by now than the one that was looked at."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is live")
        self.version = version


def sound(document: Any) -> Roster:
    """A document as a roster. Raises `Faulty` when it is none."""
    try:
        return read(document)
    except RosterError as refused:
        found = [finding.to_json() for finding in refused.findings]
        raise Faulty("The roster has faults; see findings.", "roster-faulty", findings=found) from None


def publish(
    conn: Connection,
    document: Document,
    roster: Roster,
    note: str,
    entry: Entry,
    *,
    action: str = "roster.publish",
    base: int | None = None,
) -> int:
    """Make a sound document the live version and record what that did to whom; returns its number. `roster`: as it was read.

    `base`: the version that the caller has looked at, 0 for none; without it that is not compared. Raises `Moved`.
    """
    rosters.lock(conn)
    was = rosters.live(conn)
    if base is not None and base != (standing := 0 if was is None else was.version):
        raise Moved(standing)
    almanac = almanac_of(roster, entry.at.year)
    version = rosters.publish(conn, document, roster.hash, note, entry.at, entry.by, almanac)
    parts = touched({} if was is None else was.document, document)
    before = None if was is None else {"version": was.version, "hash": was.hash}
    after = {"version": version, "hash": roster.hash, "note": note, "parts": parts, "almanac": almanac.hash}
    entry.change(conn, action, "roster", before, after, also=[key for keys in parts.values() for key in keys])
    return version


def override(conn: Connection, one: Override, entry: Entry) -> Made:
    """Keep an override and record it. Raises as `store.rosters.add_override`."""
    rosters.lock(conn)
    made = rosters.add_override(conn, one, entry.at, entry.by)
    entry.change(conn, "override.make", one.id, None, rosters.recorded(one), also=about(one))
    return made


def remove(conn: Connection, id: str, entry: Entry) -> Made | None:
    """Take an override away and record it; None when there is none that could be."""
    rosters.lock(conn)
    gone = rosters.remove_override(conn, id, entry.at, entry.by)
    if gone is not None:
        entry.change(conn, "override.remove", id, rosters.recorded(gone.override), None, also=about(gone.override))
    return gone


def make_feed_link(conn: Connection, link: FeedLink, entropy: Callable[[int], bytes], entry: Entry) -> str:
    """A new link to a feed, and its record; returns the token. Earlier ones of that person or queue are void."""
    had = feed_links.secret(conn, link) is not None
    secret = feed_links.make(conn, link, entry.at, entry.by, entropy)
    _feed_changed(conn, "feed.make", link, had, True, entry)
    return feedlink.sign(link, secret)


def void_feed_link(conn: Connection, link: FeedLink, entry: Entry) -> bool:
    """Make every link of that person or queue void, and record it; returns whether there was one."""
    gone = feed_links.void(conn, link)
    if gone:
        _feed_changed(conn, "feed.void", link, True, False, entry)
    return gone


def has_feed(link: FeedLink, roster: Roster, book: Any) -> bool:
    """Whether that person or queue is there to have a feed."""
    return link.key in (queues_of(roster, book) if link.kind == "queue" else {agent.key for agent in roster.agents})


def _feed_changed(conn: Connection, action: str, link: FeedLink, before: bool, after: bool, entry: Entry) -> None:
    """The secret is not on record."""
    was, becomes = ({"feed": link.kind, "link": there} for there in (before, after))
    entry.change(conn, action, link.key, was, becomes)


def about(one: Override) -> list[str]:
    """Whom and what an override touches, and is found by."""
    return [key for key in (one.agent, one.instead_of, one.rotation, one.queue) if key is not None]


def faulty(one: Override, roster: Roster, book: Any, now: datetime) -> dict[str, str]:
    """By member, what keeps an override from being kept, in words that repeat none of it. `book`: the rulebook's document."""
    agents = {agent.key for agent in roster.agents}
    targets = {turn.key for turn in roster.rotations} | {shift.key for shift in roster.shifts} | {line.oncall for line in roster.cover}
    wrong: dict[str, str] = {}
    if one.agent not in agents:
        wrong["agent"] = "Expected the key of an agent of the roster."
    if one.instead_of is not None and one.instead_of not in agents:
        wrong["instead_of"] = "Expected the key of an agent of the roster."
    elif one.instead_of is not None and one.instead_of == one.agent:
        wrong["instead_of"] = "Expected another agent than the one who steps in."
    if one.rotation is not None and one.rotation not in targets:
        wrong["rotation"] = "Expected the key of a rotation or shift of the roster."
    if one.queue is not None and one.queue not in queues_of(roster, book):
        wrong["queue"] = "Expected the key of a queue of the rulebook or of the roster."
    if one.kind == "off":
        wrong |= {
            name: "Somebody who is off is off for everything; leave this out."
            for name in ("instead_of", "rotation", "queue")
            if getattr(one, name) is not None
        }
    if one.end <= one.start:
        wrong["to"] = "Expected a time behind `from`."
    elif one.end - one.start > LONGEST:
        wrong["to"] = f"Expected a time within {LONGEST.days} days of `from`; what lasts longer belongs into the roster."
    elif one.end <= now:
        wrong["to"] = "Expected a time to come: what is over cannot be changed any more."
    return wrong


def key_of(roster: Roster, agent: str | int) -> str:
    """An agent's key, also by the number of their Zendesk user; what is neither stays as it is."""
    if isinstance(agent, str) and any(one.key == agent for one in roster.agents):
        return agent
    return next((one.key for one in roster.agents if str(one.zendesk_user_id) == str(agent)), str(agent))


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
