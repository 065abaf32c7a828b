"""The interactions of one batch, whom they are about and what was told of them: read at once, changed in memory, written at once.

Rules of whom a ticket is about stand in `store.people`; here they are applied to many interactions with a few statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.contacts import says_none
from tsbridge.core.link import FOUNDER, Node, case_key
from tsbridge.core.moments import UNJUDGED, Handle, Interaction, Moment
from tsbridge.store import links, people
from tsbridge.store.link_tables import handles, interactions, merged_users
from tsbridge.store.links import Place
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import tells_subject
from tsbridge.store.people import NAME, PERSON, Held, Met
from tsbridge.store.statements import Insert, Keyed, Update

_KNOWN: Final = Keyed(moments, ("digest",), ("digest",))
_MERGED: Final = Keyed(merged_users, ("id",), ("id", "remains"))
_LIFE: Final = ("opened_at", "last_at", "channel", "contact", "requester", "requester_place", "revision")
_LIVES: Final = Keyed(interactions, ("source", "id"), ("source", "id", "case_id", "link_rank", "link_because", "thread", *_LIFE))
_HANDLES: Final = Keyed(handles, ("source", "interaction"), ("source", "interaction", "kind", "value", "role", "whose", "opened_at"))
_TELL: Final = Insert(
    moments,
    (
        *("digest", "event_id", "source", "interaction", "event", "at", "body", "rulebook_version", "impression", "vendor_order"),
        *("quiet_until", "since", "tells_subject"),
    ),
    text_of=("body",),
)
_FOUND: Final = Insert(interactions, ("source", "id", "case_key", "case_id", "link_rank", "link_because", *_LIFE))
_LIVE_ON: Final = Update(interactions, _LIFE, ("source", "id"))


class Life(NamedTuple):
    """An interaction's row. `revision` counts what came into its story and what left it."""

    opened_at: datetime
    last_at: datetime
    channel: str | None
    contact: bool
    requester: str | None
    requester_place: str | None
    revision: int = 0


class Touched(NamedTuple):
    """An interaction after a moment. `news`: it is new, older than was known, or no contact after all; `requester`: of a ticket, as far
    as told."""

    news: bool
    requester: str | None


class Interactions:
    """The interactions that one transaction is told of. Nothing is in the database before `write`."""

    def __init__(self) -> None:
        self._lives: dict[Interaction, Life | None] = {}
        self._lives_kept: dict[Interaction, Life | None] = {}
        self._places: dict[Interaction, Place] = {}
        self._people: dict[Interaction, dict[Handle, Held]] = {}
        self._people_kept: dict[Interaction, dict[Handle, Held]] = {}
        self._digests: set[str] = set()
        self._asked: set[str] = set()
        self._merged: dict[str, str | None] = {}
        self._moments: list[tuple[Any, ...]] = []
        self._news: set[Interaction] = set()
        self._new: set[Interaction] = set()

    def read(self, conn: Connection, told: Iterable[Moment]) -> None:
        """Look up what is known of the interactions and people that these moments are about."""
        told = [moment for moment in told if moment.digest not in self._asked or moment.subject not in self._lives]
        if not told:
            return
        digests = sorted({moment.digest for moment in told} - self._asked)
        self._digests.update(digest for (digest,) in _KNOWN.rows(conn, digests))
        self._asked.update(digests)
        users = {handle.value for moment in told for handle in moment.people if handle.kind == people.USER}
        self._read_merged(conn, users)
        self.read_subjects(conn, {moment.subject for moment in told})

    def read_subjects(self, conn: Connection, subjects: Iterable[Interaction]) -> None:
        """Look up these interactions, those that are not looked up yet."""
        wanted = sorted(set(subjects) - self._lives.keys())
        if not wanted:
            return
        found: dict[Interaction, Life | None] = dict.fromkeys(wanted)
        for source, id_, case_id, rank, because, thread, *life in _LIVES.rows(conn, wanted):
            found[Interaction(source, id_)] = Life(*life)
            self._places[Interaction(source, id_)] = Place(case_id, rank, because, thread)
        theirs: dict[Interaction, dict[Handle, Held]] = {subject: {} for subject in wanted}
        for source, id_, kind, value, *held in _HANDLES.rows(conn, wanted):
            theirs[Interaction(source, id_)][Handle(kind, value)] = Held(*held)
        self._lives |= found
        self._lives_kept |= found
        self._people |= theirs
        self._people_kept |= {subject: dict(known) for subject, known in theirs.items()}

    def forget(self, subject: Interaction) -> None:
        """An interaction was changed in the database: what is known here of it counts no more. It must have been written."""
        for known in (self._lives, self._lives_kept, self._people, self._people_kept):
            known.pop(subject, None)

    @property
    def new(self) -> Set[Interaction]:
        """Those that nobody knew before."""
        return self._new

    def nodes(self) -> dict[Interaction, tuple[Node, Place]]:
        """What links each of those that were written, and where they stood."""
        found: dict[Interaction, tuple[Node, Place]] = {}
        for subject, life in self._lives_kept.items():
            if life is not None:
                held = self._people_kept[subject]
                names, people = (frozenset([h for h, one in held.items() if one.role == role]) for role in (NAME, PERSON))
                found[subject] = Node(subject, life.opened_at, life.last_at, names, people), self._places[subject]
        return found

    def revisions(self) -> dict[Interaction, int]:
        """How often something came into the story of each, or left it."""
        return {subject: life.revision for subject, life in self._lives.items() if life is not None}

    def is_known(self, moment: Moment) -> bool:
        """Whether an equal moment was told before."""
        return moment.digest in self._digests

    def as_left(self, conn: Connection, told: Sequence[Handle]) -> tuple[Handle, ...]:
        """`people.as_left`, from what was looked up."""
        users = [handle.value for handle in told if handle.kind == people.USER]
        self._read_merged(conn, users)
        left = {user: remains for user in users if (remains := self._merged[user]) is not None}
        return people.renamed(told, left) if left else tuple(told)

    def add(self, moment: Moment, event_id: str, version: int, quiet: datetime | None, requester: str | None) -> Touched:
        """Keep a moment that is not known, to be judged by rulebook `version`, quiet up to then. It tells that a ticket is `requester`'s:
        the last one told counts."""
        self._digests.add(moment.digest)
        self._asked.add(moment.digest)
        touched, life = self._touch(moment, requester)
        self._moments.append(
            (
                *(moment.digest, event_id, moment.source, moment.interaction, moment.event, moment.at, moment.text, version),
                *(moment.impression, moment.vendor_order or None, quiet, 0 if life is None else life.revision, tells_subject(moment)),
            )
        )
        return touched

    def requester_of(self, subject: Interaction) -> str | None:
        life = self._lives.get(subject)
        return None if life is None else life.requester

    def opened_at(self, subject: Interaction) -> datetime | None:
        life = self._lives.get(subject)
        return None if life is None else life.opened_at

    def name(self, subject: Interaction) -> None:
        """Keep an interaction's own name, when nothing else is known of it."""
        self._people[subject].setdefault(people.own(subject), Held(people.NAME, ""))

    def meet(self, moment: Moment, told: Sequence[Handle], requester: str | None) -> Met:
        """Keep what links the moment's interaction: `told` as `as_left` gives them. `requester`: of a ticket, as far as told now."""
        if moment.source == "desk":
            return Met(False, frozenset())
        known = self._people[moment.subject]
        return self._keep(moment.subject, people.met(moment, known, told), requester)

    def pass_on(self, subject: Interaction) -> Met:
        """Whom a ticket is about, now that it may be another requester's."""
        return self._keep(subject, dict(self._people[subject]), self.requester_of(subject))

    def introduce(self, subject: Interaction) -> None:
        """With the next `write`, keep when its people were in touch, and with whom each was seen."""
        self._news.add(subject)

    def write(self, conn: Connection) -> set[Interaction]:
        """Keep what was told. Returns the interactions whose person may be another now."""
        news, self._news = sorted(self._news), set()
        self.read_subjects(conn, news)
        for subject in news:
            life, known = self._lives[subject], self._people[subject]
            for handle, held in known.items():
                if life is not None and held.role == PERSON and held.opened_at != life.opened_at:
                    known[handle] = held._replace(opened_at=life.opened_at)
        _TELL.all(conn, self._moments)
        self._moments = []
        self._write_lives(conn)
        self._write_people(conn)
        theirs = [{h: set(held.whose.split()) or {""} for h, held in self._people[s].items() if held.role != people.NAME} for s in news]
        return links.introduce(conn, theirs)

    def _write_lives(self, conn: Connection) -> None:
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        for subject, life in self._lives.items():
            before = self._lives_kept[subject]
            if life is None or life is before:
                continue
            if before is None:
                key = case_key(subject)
                new.append((*subject, key, key, *FOUNDER, *life))  # as it stands unless it turns out to belong to another one's
                self._places[subject] = Place(key, *FOUNDER, None)
                self._new.add(subject)
            else:
                changed.append((*life, *subject))
            self._lives_kept[subject] = life
        _FOUND.all(conn, sorted(new))
        _LIVE_ON.all(conn, sorted(changed, key=lambda row: row[-2:]))

    def _write_people(self, conn: Connection) -> None:
        changed = [(s, self._people_kept[s], known) for s, known in self._people.items() if known != self._people_kept[s]]
        people.write(conn, changed)
        self._people_kept |= {subject: dict(known) for subject, _, known in changed}

    def _touch(self, moment: Moment, requester: str | None) -> tuple[Touched, Life | None]:
        """Let the interaction's life reach to the moment. Background facts add no time to it, the desk none at all."""
        if moment.source == "desk":
            return Touched(False, None), None
        subject, channel = moment.subject, dict(moment.facts).get("channel")
        channel = None if channel is None else str(channel)
        place = moment.place if requester is not None else None
        life = self._lives[subject]
        if life is None:
            now, news = Life(moment.at, moment.at, channel, not says_none(moment), requester, place, 1), True
        else:
            now, news = life._replace(revision=life.revision + 1), False
            if moment.event not in UNJUDGED:
                contact = life.contact and not says_none(moment)
                news = moment.at < life.opened_at or contact != life.contact
                first, last = min(life.opened_at, moment.at), max(life.last_at, moment.at)
                now = Life(first, last, life.channel or channel, contact, life.requester, life.requester_place, now.revision)
            if place is not None and place > (life.requester_place or ""):
                now = now._replace(requester=requester, requester_place=place)
        self._lives[subject] = now
        return Touched(news, now.requester), now

    def _keep(self, subject: Interaction, now: dict[Handle, Held], requester: str | None) -> Met:
        known = self._people[subject]
        self._people[subject], found = people.kept(known, now, requester)
        return found

    def _read_merged(self, conn: Connection, users: Iterable[str]) -> None:
        if unknown := sorted({user for user in users if user not in self._merged}):
            self._merged |= dict.fromkeys(unknown)
            self._merged |= dict(_MERGED.rows(conn, unknown))
