"""Rulebook versions and the draft. A version is never changed; publishing makes the next one.

The live version is the highest. Whoever judges reads it inside the transaction that records the decision, so no
decision can mix two, and every process sees a new version with its next transaction.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select, text, update

from tsbridge.core.almanac import INSTALLED, Almanac, zone_by
from tsbridge.core.escalation import Books
from tsbridge.core.moments import canonical
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.store import almanacs
from tsbridge.store.statements import insert_into
from tsbridge.store.terms import Titles
from tsbridge.store.version_tables import draft as draft_table
from tsbridge.store.version_tables import rulebooks as table
from tsbridge.store.versions import NoVersion, Version, Versions

DRAFT_ID: Final = 1
FIRST_REVISION: Final = 1
KEEP: Final = 16


class NoRulebook(NoVersion):
    """No version of that number; with an empty database, none at all."""


class StaleBase(Exception):
    """What shall be published was begun from `base`; by now `live` is live, and may hold what others changed."""

    def __init__(self, base: Version, live: Version) -> None:
        super().__init__(f"based on version {base.version}, and version {live.version} is live")
        self.base = base
        self.live = live


class Live(NamedTuple):
    version: int
    hash: str
    document: Any


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft. `revision` grows with every write; the first one is a copy of live. `based_on`: the version it was begun from."""

    document: Any
    based_on: int
    revision: int
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class Built:
    """A version ready to judge with."""

    version: int
    hash: str
    book: Rulebook
    judge: Judge


_versions: Final = Versions(table, "rulebook", NoRulebook)
live_version = _versions.live_version
newest = _versions.newest
known_at = _versions.known_at
published_between = _versions.published_between
get = _versions.get
versions = _versions.listed
hashes = _versions.hashes
newest_of = _versions.newest_of
without_almanac = _versions.without_almanac


def live(conn: Connection) -> Live:
    row = conn.execute(select(table.c.version, table.c.hash, table.c.document).order_by(table.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise NoRulebook("no rulebook has been published yet")
    return Live(row.version, row.hash, row.document)


def has_any(conn: Connection) -> bool:
    """Whether a version has been published."""
    return newest(conn) > 0


def lock_first(conn: Connection) -> None:
    """Be the only one to publish until the transaction ends, on a database that may be empty: then there is no row to hold."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("LOCK TABLE rulebooks IN SHARE ROW EXCLUSIVE MODE"))


def compare_base(conn: Connection, base: int) -> None:
    """Raises `StaleBase` unless `base` is live."""
    if base != (standing := live_version(conn)):
        raise StaleBase(get(conn, base), get(conn, standing))


def publish(
    conn: Connection,
    document: Any,
    hash: str,
    note: str,
    at: datetime,
    by: str,
    base: int | None = None,
    almanac: Almanac = INSTALLED,
) -> int:
    """The next version, live with this transaction. A draft that nobody has changed follows live, and so does the one published.

    `base`: the version that `document` was begun from. Raises `StaleBase` when another one is live. `almanac` is kept with it.
    Publishers wait for each other; those of the first version by `lock_first`.
    """
    version, follows = 1, False
    if has_any(conn):
        held = lock_draft(conn)
        if base is not None:
            compare_base(conn, base)
        version = live_version(conn) + 1
        follows = any(_same(held.document, one) for one in (document, get(conn, held.based_on).document))
    _versions.add(conn, version, document, hash, note, at, by, almanacs.keep(conn, almanac, at))
    if follows:
        save_draft(conn, document, at, by, version)
    return version


def draft(conn: Connection) -> Draft:
    """The draft; a copy of live while nobody has written one."""
    stored = _stored_draft(conn)
    if stored is not None:
        return stored
    version = get(conn, live_version(conn))
    return Draft(version.document, version.version, FIRST_REVISION, version.published_at, version.published_by)


def lock_draft(conn: Connection) -> Draft:
    """The draft, held until this write transaction ends: of two editors or publishers one waits for the other."""
    hold = select(draft_table.c.id).where(draft_table.c.id == DRAFT_ID).with_for_update()
    if conn.execute(hold).one_or_none() is None:
        copy = draft(conn)
        conn.execute(insert_into(conn, draft_table).values(id=DRAFT_ID, **_row(copy)).on_conflict_do_nothing())
        conn.execute(hold)
    return draft(conn)


def save_draft(conn: Connection, document: Any, at: datetime, by: str, based_on: int | None = None) -> Draft:
    """Replace the draft; its base stays unless another is named. One without any change to its base is live's copy again.

    Callers have compared revisions after `lock_draft`, in the same write transaction.
    """
    held = draft(conn)
    base, standing = based_on or held.based_on, live_version(conn)
    if base != standing and _same(document, get(conn, base).document):
        document, base = get(conn, standing).document, standing
    saved = Draft(document, base, held.revision + 1, at, by)
    conn.execute(update(draft_table).where(draft_table.c.id == DRAFT_ID).values(**_row(saved)))
    return saved


def _same(one: Any, other: Any) -> bool:
    """Whether two documents are the same JSON: to `==`, 1 and true are alike."""
    return canonical(one) == canonical(other)


def _row(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in ("document", "based_on", "revision", "updated_at", "updated_by")}


def _stored_draft(conn: Connection) -> Draft | None:
    row = conn.execute(select(draft_table).where(draft_table.c.id == DRAFT_ID)).one_or_none()
    return None if row is None else Draft(row.document, row.based_on, row.revision, row.updated_at, row.updated_by)


class Material(NamedTuple):
    """What a version is built of. `judge`: where it is built already."""

    row: Version
    almanac: Almanac
    judge: Judge | None = None


class NotBuilt(Exception):
    """A version has to be built, and not here."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is not built")
        self.version = version


class LiveRulebook:
    """Judges by version, each built once per process; the latest `KEEP` are kept. Safe to use from several threads.

    Each goes by the days and clocks that were kept with it, `zone` as well.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.titles = Titles()
        self._built: OrderedDict[int, Built] = OrderedDict()
        self._ready: Judge | None = None
        self._lock = threading.Lock()
        self._here = threading.local()

    def take(self, judge: Judge) -> None:
        """A judge made for what is about to be published: no transaction has to build it then."""
        self._ready = judge

    def live(self, conn: Connection) -> Built:
        """The version that is live in this transaction."""
        return self.version(conn, live_version(conn))

    def books(self, conn: Connection, version: int) -> Books:
        """A version with those before it, by whose policies earlier moments armed what goes on. Raises `NoRulebook`."""
        return Books(self.version(conn, version).book, version, lambda earlier: self.version(conn, earlier).book)

    def version(self, conn: Connection, version: int) -> Built:
        """Any version. Raises `NoRulebook`."""
        with self._lock:
            built = self._built.get(version)
            if built is not None:
                self._built.move_to_end(version)
                return built
        if getattr(self._here, "only_built", False):
            raise NotBuilt(version)
        return self.build(self.material(conn, version))

    @contextmanager
    def only_built(self) -> Iterator[None]:
        """On this thread, meanwhile, `version` builds nothing: it raises `NotBuilt`."""
        self._here.only_built = True
        try:
            yield
        finally:
            self._here.only_built = False

    def material(self, conn: Connection, version: int) -> Material:
        """What a version is built of. Raises `NoRulebook`."""
        row = get(conn, version)
        judge = self._ready
        if judge is not None and (judge.book.hash, judge.book.almanac.hash) == (row.hash, row.almanac):
            return Material(row, judge.book.almanac, judge)
        return Material(row, almanacs.get(conn, row.almanac))

    def build(self, of: Material) -> Built:
        """A version ready to judge with, kept for whoever asks for it next. It takes seconds for many rules."""
        judge, version = of.judge or Judge(read(of.row.document, of.almanac), zone_by(of.almanac, self._zone)), of.row.version
        built = Built(version, of.row.hash, judge.book, judge)
        with self._lock:
            self._built[version] = built
            while len(self._built) > KEEP:
                self._built.popitem(last=False)
        return built
