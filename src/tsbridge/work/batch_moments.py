"""What one transaction is told: moments, and who is one with whom, kept with what links them; what has to be judged because of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.link import Node
from tsbridge.core.moments import Handle, Interaction, Moment
from tsbridge.core.story import Told
from tsbridge.store import links, moments, people, withdrawal
from tsbridge.store.interactions import Interactions
from tsbridge.work.verdicts import Fresh


@dataclass(slots=True)
class ToldNow:
    """What one transaction was told.

    `subjects`: interactions it may concern; `heard`: those that said something; `founded`: those whose people were not known to be
    in touch then; `left`: those whose story something left, and `were`: as what was withdrawn had linked them; `passed_on`: those
    that turned out to be about somebody else, with whom they were about; `dated`: when those that may be dated otherwise now were
    opened before; `new`: the new moments by digest, `events`: the delivery of each. `known`: what was looked up for them, and is kept by
    `write`.
    """

    subjects: set[Interaction] = field(default_factory=set)
    heard: set[Interaction] = field(default_factory=set)
    founded: set[Interaction] = field(default_factory=set)
    left: set[Interaction] = field(default_factory=set)
    were: list[Node] = field(default_factory=list)
    passed_on: dict[Interaction, set[Handle]] = field(default_factory=dict)
    dated: dict[Interaction, datetime] = field(default_factory=dict)
    new: dict[str, Told] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    known: Interactions = field(default_factory=Interactions)

    def expect(self, conn: Connection, moments: Iterable[Moment]) -> None:
        """Look up at once what is known of whom and what these moments are about: they are going to be told."""
        self.known.read(conn, moments)

    def fresh(self) -> Fresh:
        """What of it nobody knew before."""
        return Fresh(self.new, self.events, self.known.new, self.known.revisions())

    def write(self, conn: Connection) -> None:
        """Keep what was told so far."""
        self.subjects |= self.known.write(conn)

    def replace_impressions(self, conn: Connection, ticket: str, now: datetime, until: datetime) -> None:
        """A ticket's audits were read: its first impressions leave the story, and the case is judged from the start."""
        self.write(conn)
        opened_at = moments.replace_impressions(conn, ticket, now, until)
        if opened_at is not None:
            subject = Interaction("zendesk", ticket)
            self.known.forget(subject)
            self.known.read_subjects(conn, [subject])
            self.dated[subject] = opened_at
            self.subjects.add(subject)
            self.heard.add(subject)
            self.left.add(subject)
            self._about(subject, self.known.pass_on(subject))

    def withdraw(self, conn: Connection, moment: str, by: str, because: str, now: datetime) -> bool:
        """Take a moment out of its story: the case is judged from the start without it. False when it was out already."""
        self.write(conn)
        left = withdrawal.withdraw(conn, moment, by, because, now)
        if left is None:
            return False
        self.known = Interactions()
        self.subjects |= {left.was.subject, *left.others}
        self.founded.add(left.was.subject)
        self.left.add(left.was.subject)
        self.were.append(left.was)
        return True

    def hear(self, conn: Connection, moment: Moment, event_id: str, version: int, quiet: datetime | None = None) -> bool:
        """Keep a moment, quiet up to then, and what links it. False when an equal one was heard before."""
        self.known.read(conn, [moment])
        if self.known.is_known(moment):
            return False
        subject = moment.subject
        self.new[moment.digest] = Told(moment, version, quiet)
        if event_id not in moments.NO_DELIVERY:
            self.events[moment.digest] = event_id
        self.subjects.add(subject)
        self.heard.add(subject)
        about = self.known.as_left(conn, moment.people)
        requester = people.requester_in(about) if moment.source == "zendesk" else None
        touched = self.known.add(moment, event_id, version, quiet, requester)
        self._about(subject, self.known.meet(moment, about, touched.requester), news=touched.news)
        return True

    def meet(self, conn: Connection, impression: Moment) -> None:
        """A first impression that audits made needless: what it tells of people stays known, they are not told by audits."""
        subject = impression.subject
        self.subjects.add(subject)
        self.known.read(conn, [impression])
        about = self.known.as_left(conn, impression.people)
        self._about(subject, self.known.meet(impression, about, self.known.requester_of(subject)))

    def merge(self, conn: Connection, lost: str, left: str) -> None:
        """Two Zendesk users are one from now on."""
        self.write(conn)
        several = people.merge(conn, lost, left)
        if several is None:
            return
        self.known = Interactions()
        for subject in several:
            self._about(subject, people.Met(True, frozenset()))
        theirs = links.standing_for(conn, set(people.as_left(conn, [Handle(people.USER, left)])))
        self.subjects |= theirs
        self.founded |= theirs

    def _about(self, subject: Interaction, met: people.Met, *, news: bool = False) -> None:
        """What is known of an interaction's people is, or may be, otherwise."""
        if met.left:
            self.passed_on.setdefault(subject, set()).update(met.left)
        if news or met.news:
            self.subjects.add(subject)
            self.founded.add(subject)
            self.known.introduce(subject)
