"""Duties as feeds for calendar programs: the secret links to ours, and how the last look at each that the roster reads went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Connection

from tsbridge.acts import rostering
from tsbridge.acts.around import Rotas
from tsbridge.acts.errors import NotFound
from tsbridge.acts.ledger import Entry
from tsbridge.core import feedlink
from tsbridge.core.feedlink import FeedLink
from tsbridge.core.roster import Feed
from tsbridge.core.rota import Rota
from tsbridge.roster.check import queues_of
from tsbridge.store import feed_links, feeds, rosters
from tsbridge.store.feeds import Look


@dataclass(frozen=True, slots=True)
class FeedShown:
    """`failure`: why it cannot be read, with the line. `warnings`: what was not taken as it is written, with how often."""

    id: str
    key: str
    agent: str | None
    means: Literal["off", "rotation", "shift"]
    looked_at: datetime | None
    read_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    warnings: dict[str, int]


def listed(conn: Connection, roster: Rotas, now: datetime) -> list[FeedShown]:
    """The feeds of the live roster by key, and how the last look at each went. A feed's address is never shown."""
    rota = roster.now(conn, now)
    if rota is None or not rota.roster.feeds:
        return []
    looks = feeds.looks(conn)
    return [_shown(feed, looks.get(feed.key)) for feed in rota.roster.feeds]


def _shown(feed: Feed, look: Look | None) -> FeedShown:
    means = cast(Literal["off", "rotation", "shift"], feed.means)
    if look is None:
        return FeedShown(feed.key, feed.key, feed.agent, means, None, None, None, None, {})
    warnings = {code: int(count) for code, _, count in (one.partition(":") for one in look.warnings)}
    return FeedShown(feed.key, feed.key, feed.agent, means, look.looked_at, look.read_at, look.failing_since, look.failure, warnings)


def make_link(conn: Connection, entry: Entry, roster: Rotas, link: FeedLink, entropy: Callable[[int], bytes]) -> str:
    """A new link to a feed; returns its path. Earlier ones of that person or queue are void. Raises `NotFound` without them."""
    if _rota_of(conn, roster, link, entry.at) is None:
        raise NotFound(link.kind)
    had = feed_links.secret(conn, link) is not None
    secret = feed_links.make(conn, link, entry.at, entry.by, entropy)
    _changed(conn, "feed.make", link, had, True, entry)
    return feedlink.path(feedlink.sign(link, secret))


def void_link(conn: Connection, entry: Entry, link: FeedLink) -> None:
    """Make every link of that person or queue void. Raises `NotFound` where there is none."""
    if not feed_links.void(conn, link):
        raise NotFound("link to a feed")
    _changed(conn, "feed.void", link, True, False, entry)


def opened(conn: Connection, roster: Rotas, token: str, link: FeedLink, now: datetime) -> Rota | None:
    """The rota that a feed shows; None for a link that is not good, or of somebody who is gone."""
    secret = feed_links.secret(conn, link)
    return None if secret is None or not feedlink.proven(token, link, secret) else _rota_of(conn, roster, link, now)


def last_learnt(conn: Connection) -> datetime | None:
    """When anything about the roster became known last."""
    known = (rosters.last_learnt(conn), feeds.last_learnt(conn))
    return max((at for at in known if at is not None), default=None)


def _rota_of(conn: Connection, roster: Rotas, link: FeedLink, now: datetime) -> Rota | None:
    """The rota in force, if it has that person or queue."""
    rota = roster.now(conn, now)
    if rota is None:
        return None
    agents = {agent.key for agent in rota.roster.agents}
    return rota if link.key in (agents if link.kind == "agent" else queues_of(rota.roster, rostering.rulebook_of(conn))) else None


def _changed(conn: Connection, action: str, link: FeedLink, before: bool, after: bool, entry: Entry) -> None:
    """The secret is not on record."""
    was, becomes = ({"feed": link.kind, "link": there} for there in (before, after))
    entry.change(conn, action, link.key, was, becomes)
