"""People are forgotten, a step at a time: first everything that is about them, then what names them elsewhere, at last the certificate.

Each step is one short transaction that goes by what is there, so a restart, a crash or another process goes on where it was stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.erasure import TYPE, Traces, erased, message, squeeze, without
from tsbridge.core.moments import Handle, Interaction, instant_text
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.track import key_of
from tsbridge.store import chain, erasing, erasing_rows, links, locks, redaction, search, tombstones
from tsbridge.store.db import Database
from tsbridge.store.erased_person import Person
from tsbridge.store.erasing import Row
from tsbridge.store.locks import Locks
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.redaction import Gone, Redactions
from tsbridge.work.transactions import Turns

DECISIONS: Final = 40
MOMENTS: Final = 200
ROOM: Final = 256 << 20
"""Bytes of a SQLite file that is written anew at once: a second or two in which writing waits."""
LOOK: Final = timedelta(seconds=30)
BY: Final = "system"

Sign = Callable[[bytes], Awaitable[tuple[str, str]]]
"""Signs a message: the public key and the signature, hex."""

log = logging.getLogger("tsbridge.erasing")


class Erasing:
    """Works through erasures that were asked for. A step holds so many `decisions` at most, and takes so many `moments`' words."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        salt: Callable[[], str],
        live: LiveRulebook,
        sign: Sign,
        *,
        decisions: int = DECISIONS,
        moments: int = MOMENTS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._redactions = Redactions(live, ids, salt)
        self._turns = Turns(database, live)
        self._sign = sign
        self._decisions = decisions
        self._moments = moments
        self._next = clock.now()

    async def round(self) -> datetime | bool:
        """A step; True when there may be another one."""
        return await self.step() or self._clock.now() + LOOK

    async def step(self) -> bool:
        """Do a part of what is left; False when nothing is."""
        if (due := await self._database.read(erasing.due)) is not None:
            await self._interaction(*due)
            return True
        jobs = await self._database.read(erasing.running)
        if not jobs:
            return await self.rewrite(ROOM)
        name, after = jobs[0]["place"] or (search.ORDER[0], None)
        if name in search.ORDER:
            await self._search([job for job in jobs if job["place"] == jobs[0]["place"]], name, after)
        else:
            await self._certify(jobs[0])
        return True

    async def rewrite(self, most_bytes: int) -> bool:
        """Free places of a file no larger than that keep nothing of those who were erased. True when there was something to do, and it is
        done."""
        ids = await self._database.read(erasing.unwritten)
        if not ids or not await self._database.rewrite(most_bytes):
            return False
        await self._database.write(partial(erasing.written, ids=ids, now=self._clock.now()))
        return True

    # -- what is about them

    async def _interaction(self, subject: Interaction, erasure: str) -> None:
        def about(conn: Connection) -> frozenset[int]:
            told, people = redaction.all_of(conn, subject), links.people_of(conn, [subject])
            return locks.of_moments(told) | locks.of_people([(subject, people.get(subject, ()))], {})

        keys = await self._database.read(about)
        await self._turns.write(partial(self._part, subject=subject, erasure=erasure), keys)

    def _part(self, conn: Connection, keys: frozenset[int] | None, *, subject: Interaction, erasure: str) -> None:
        Locks(conn, keys)
        if erasing.due(conn) != (subject, erasure):
            return
        people = {person for moment in redaction.all_of(conn, subject) for person in moment.people}
        known, now = tombstones.of(conn, people, [subject]), self._clock.now()
        gone = self._redactions.erase(conn, subject, partial(erased, hide=known.hide), now, self._decisions, self._moments)
        hidden = erasing_rows.hide_people(conn, subject, known.hide) if gone.done else 0
        marks = [tombstones.said(known.keys, subject, body)[0] for body in gone.words]
        erasing.gone(conn, subject, now if gone.done else None, marks)
        self._kept(conn, erasure, links.case_of(conn, subject) or key_of(subject), gone, now, {"handles": hidden})
        crashpoint("erasing.part")

    def _kept(self, conn: Connection, erasure: str, subject: str, gone: Gone, now: datetime, more: Mapping[str, int] | None = None) -> None:
        """Put on record what went, and count it."""
        counts = {
            "moments": len(gone.moments),
            "decisions": len(gone.held),
            "changes": len(gone.changes),
            "inbox": gone.deliveries,
            "recordings_wanted": gone.recordings,
            "notes": gone.notes,
            **(more or {}),
        }
        erasing.add(conn, erasure, counts)
        if not (gone.moments or gone.held or gone.changes):
            return
        after = {
            "erasure": erasure,
            "moments": redaction.digests(gone.moments),
            "decisions": dict(gone.held),
            "changes": dict(gone.changes),
        }
        self._change(conn, "words.erase", subject, after, now)

    def _change(self, conn: Connection, action: str, subject: str, after: Any, now: datetime, by: str = BY) -> int:
        id_, salt = self._ids.new("chg"), self._salt()
        return chain.add_change(conn, id=id_, at=now, actor=by, action=action, subject=subject, before=None, after=after, salt=salt)

    # -- what names them elsewhere

    async def _search(self, jobs: Sequence[Row], name: str, after: Any) -> None:
        """The next part, for all that are as far."""
        people = {job["id"]: traces_of(Person.from_json(job["person"])) for job in jobs}
        found = await self._database.read(partial(_look, name=name, people=people, after=after))
        if name == "moments":
            for subject, named in found.hits:
                for erasure in sorted(named):
                    work = partial(self._elsewhere, subject=subject, traces=people[erasure], erasure=erasure)
                    await self._turns.write(work, locks.of_people([(subject, ())], {}))
        place = [name, found.after] if found.after is not None else [(*search.ORDER, "")[search.ORDER.index(name) + 1], None]
        await self._database.write(partial(self._searched, jobs=jobs, name=name, people=people, found=found, place=place))

    def _elsewhere(self, conn: Connection, keys: frozenset[int] | None, *, subject: Interaction, traces: Traces, erasure: str) -> None:
        Locks(conn, keys)
        told = redaction.all_of(conn, subject)
        known = tombstones.of(conn, {person for moment in told for person in moment.people}, [subject])
        if subject in known.interactions:
            return
        now = self._clock.now()
        bare = partial(without, traces=traces, hide=known.hide_theirs)
        gone = self._redactions.leave_out(conn, subject, bare, traces, now)
        self._kept(conn, erasure, links.case_of(conn, subject) or key_of(subject), gone, now)

    def _searched(
        self, conn: Connection, jobs: Sequence[Row], name: str, people: Mapping[str, Traces], found: search.Part, place: list[Any]
    ) -> None:
        now = self._clock.now()
        for job in jobs:
            id_ = job["id"]
            now_at, hits = erasing.load(conn, id_), found.of(id_)
            if now_at is None or now_at["place"] != job["place"]:
                continue  # somebody else went on meanwhile
            if name == "inbox" and hits:
                erasing.add(conn, id_, {"inbox": search.empty(conn, hits, now)})
            elif name == "recordings_wanted" and hits:
                erasing.add(conn, id_, {"recordings_wanted": search.drop(conn, hits)})
            elif name == "changes" and hits:
                changes = erasing_rows.leave_out_of_changes(conn, search.changes_at(conn, hits), people[id_].out_of_json)
                self._kept(conn, id_, id_, Gone({}, changes), now)
            elif name in ("rulebooks", "rosters"):
                erasing.change(conn, id_, left=[*now_at["left"], *([name, version] for version in hits)])
            erasing.change(conn, id_, place=place)
        crashpoint("erasing.searched")

    # -- the certificate

    async def _certify(self, job: Row) -> None:
        told = await self._database.write(partial(self._close, id=job["id"]))
        crashpoint("erasing.closed")
        key, signature = await self._sign(message(told))
        certificate = {**told, "public_key": key, "signature": signature}
        if await self._database.write(partial(erasing.finish, id=job["id"], certificate=certificate)):
            log.info("a person was erased", extra={"erasure_id": job["id"], "count": told["interactions"]})

    def _close(self, conn: Connection, id: str) -> dict[str, Any]:
        """The certificate but for its signature; with it whom it was about is known no more."""
        now, job = self._clock.now(), erasing.load(conn, id)
        if job is None:
            raise LookupError("an erasure is gone")
        if job["certificate"] is not None:
            return dict(job["certificate"])
        told = {
            "type": TYPE,
            "id": id,
            "asked_at": instant_text(job["asked_at"]),
            "asked_by": job["asked_by"],
            "finished_at": instant_text(now),
            "interactions": erasing.interactions(conn, id),
            "cases": sorted(job["cases"]),
            "erased": dict(sorted(job["counts"].items())),
            "left": [{"table": table, "version": version} for table, version in job["left"]],
        }
        seq = self._change(conn, "person.erased", id, {name: told[name] for name in ("interactions", "cases", "erased", "left")}, now)
        told["entry"] = {"seq": seq, "hash": chain.hashes(conn, [seq])[seq]}
        erasing.change(conn, id, person=None, certificate=told, finished_at=now)
        return told


def _look(conn: Connection, name: str, people: Mapping[str, Traces], after: Any) -> search.Part:
    def found(text: str) -> frozenset[str]:
        squeezed = squeeze(text)
        return frozenset(erasure for erasure, traces in people.items() if traces.are_in(text, squeezed))

    def told(text: str) -> frozenset[str]:
        squeezed = squeeze(text)
        return frozenset(erasure for erasure, traces in people.items() if traces.may_be_in(text, squeezed))

    if name == "inbox":
        return search.deliveries(conn, found, after)
    if name == "recordings_wanted":
        return search.recordings(conn, found, after)
    if name == "moments":
        return search.told(conn, told, after)
    if name == "changes":
        return search.changed(conn, found, after)
    return search.documents(conn, name, found, after)


def traces_of(person: Person) -> Traces:
    """By what a person is found; their numbers also as they are dialled in their own country."""
    return Traces.of(person.people, person.names, [national for one in person.people if (national := _national(one))])


def _national(one: Handle) -> str:
    if one.kind != "phone":
        return ""
    import phonenumbers  # large, and most processes never erase

    try:
        return str(phonenumbers.parse(one.value).national_number)
    except phonenumbers.NumberParseException:
        return ""
