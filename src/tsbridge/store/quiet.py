"""What is quiet (`core.quiet`): up to when a moment is, and what had been done about an interaction before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select, tuple_, update

from tsbridge.core.moments import Interaction
from tsbridge.core.quiet import Done
from tsbridge.core.track import key_of, subject_of
from tsbridge.store.link_tables import interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import IN_STORY, moments_of
from tsbridge.store.statements import parts


def done(conn: Connection, subjects: Iterable[Interaction]) -> dict[str, Done]:
    """What had been done about these interactions before their moments were made quiet; those of which none was are left out."""
    found: dict[str, Done] = {}
    wanted = sorted(subjects)
    for part in parts(wanted):
        columns = (interactions.c.source, interactions.c.id, interactions.c.done_before)
        among = tuple_(interactions.c.source, interactions.c.id).in_([tuple(subject) for subject in part])
        for source, id_, before in conn.execute(select(*columns).where(among, interactions.c.done_before.is_not(None))):
            found[key_of(Interaction(source, id_))] = Done.from_json(before)
    return found


def put(conn: Connection, before: Mapping[str, Done]) -> None:
    """Keep what had been done, by interaction."""
    for key, one in sorted(before.items()):
        subject = subject_of(key)
        its = (interactions.c.source == subject.source, interactions.c.id == subject.id)
        conn.execute(update(interactions).where(*its).values(done_before=one.to_json()))


def judge_by(conn: Connection, subjects: Iterable[Interaction], version: int, quiet: datetime | None) -> None:
    """From now on the moments of these interactions are judged by `version`, and are quiet up to an instant, or not at all."""
    for subject in sorted(subjects):
        conn.execute(update(moments).where(moments_of(subject), IN_STORY).values(rulebook_version=version, quiet_until=quiet))
