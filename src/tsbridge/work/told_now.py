"""What one transaction is told: moments, and who is one with whom, kept with what links them; what has to be judged because of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.link import Node
from tsbridge.core.moments import Handle, Interaction, Moment
from tsbridge.store import links, moments, people, withdrawal


@dataclass(slots=True)
class ToldNow:
    """What one transaction was told.

    `subjects`: interactions it may concern; `heard`: those that said something; `founded`: those whose people were not known to be
    in touch then; `left`: those whose story something left, and `were`: as what was withdrawn had linked them; `passed_on`: those
    that turned out to be about somebody else, with whom they were about; `dated`: when those that may be dated otherwise now were
    opened before; `fresh`: the digests of the new moments.
    """

    subjects: set[Interaction] = field(default_factory=set)
    heard: set[Interaction] = field(default_factory=set)
    founded: set[Interaction] = field(default_factory=set)
    left: set[Interaction] = field(default_factory=set)
    were: list[Node] = field(default_factory=list)
    passed_on: dict[Interaction, set[Handle]] = field(default_factory=dict)
    dated: dict[Interaction, datetime] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)

    def replace_impressions(self, conn: Connection, ticket: str, now: datetime, until: datetime) -> None:
        """A ticket's audits were read: its first impressions leave the story, and the case is judged from the start."""
        opened_at = moments.replace_impressions(conn, ticket, now, until)
        if opened_at is not None:
            subject = Interaction("zendesk", ticket)
            self.dated[subject] = opened_at
            self.subjects.add(subject)
            self.heard.add(subject)
            self.left.add(subject)
            self._about(conn, subject, people.pass_on(conn, subject, people.requester_of(conn, subject)))

    def withdraw(self, conn: Connection, moment: str, by: str, because: str, now: datetime) -> bool:
        """Take a moment out of its story: the case is judged from the start without it. False when it was out already."""
        left = withdrawal.withdraw(conn, moment, by, because, now)
        if left is None:
            return False
        self.subjects |= {left.was.subject, *left.others}
        self.founded.add(left.was.subject)
        self.left.add(left.was.subject)
        self.were.append(left.was)
        return True

    def hear(self, conn: Connection, moment: Moment, event_id: str, version: int, quiet: datetime | None = None) -> bool:
        """Keep a moment, quiet up to then, and what links it. False when an equal one was heard before."""
        if not moments.add(conn, moment, event_id, version, quiet):
            return False
        self.fresh.add(moment.digest)
        self.subjects.add(moment.subject)
        self.heard.add(moment.subject)
        about = people.as_left(conn, moment.people)
        touched = moments.touch(conn, moment, people.requester_in(about) if moment.source == "zendesk" else None)
        self._about(conn, moment.subject, people.meet(conn, moment, about, touched.requester), news=touched.news)
        return True

    def meet(self, conn: Connection, impression: Moment) -> None:
        """A first impression that audits made needless: what it tells of people stays known, they are not told by audits."""
        subject = impression.subject
        self.subjects.add(subject)
        about = people.as_left(conn, impression.people)
        self._about(conn, subject, people.meet(conn, impression, about, people.requester_of(conn, subject)))

    def merge(self, conn: Connection, lost: str, left: str) -> None:
        """Two Zendesk users are one from now on."""
        several = people.merge(conn, lost, left)
        if several is None:
            return
        for subject in several:
            self._about(conn, subject, people.Met(True, frozenset()))
        theirs = links.standing_for(conn, set(people.as_left(conn, [Handle(people.USER, left)])))
        self.subjects |= theirs
        self.founded |= theirs

    def _about(self, conn: Connection, subject: Interaction, met: people.Met, *, news: bool = False) -> None:
        """What is known of an interaction's people is, or may be, otherwise."""
        if met.left:
            self.passed_on.setdefault(subject, set()).update(met.left)
        if news or met.news:
            self.subjects.add(subject)
            self.founded.add(subject)
            self.subjects |= links.introduce(conn, subject)
