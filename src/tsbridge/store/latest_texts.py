"""What was said in interactions, read so that judging can go on: the text kept last, and the moments behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, delete

from tsbridge.core.moments import Interaction, Moment, from_json
from tsbridge.core.words import Said
from tsbridge.store.columns import microseconds
from tsbridge.store.moment_tables import moments, texts
from tsbridge.store.statements import Delete, Insert, Keyed, Listed

KEPT_EVERY: Final = 16
"""So many moments of an interaction are read at most to go on, and a batch more: then its text is kept anew."""
EVER: Final = datetime.min.replace(tzinfo=UTC)
_KEPT: Final = Keyed(texts, ("source", "interaction"), ("source", "interaction", "revision", "body", "count", "digest", "place", "at"))
_BEHIND: Final = Listed(
    "SELECT m.source, m.interaction, m.digest, m.body FROM {keys} "
    "{join} moments m ON m.source = k.k0 AND m.interaction = k.k1 AND m.at >= CAST(k.k2 AS BIGINT) "
    "WHERE m.replaced_at IS NULL AND m.withdrawn_at IS NULL",
    3,
    [moments.c.source, moments.c.interaction, moments.c.digest, moments.c.body],
)
_KEEP: Final = Insert(texts, ("source", "interaction", "at", "place", "revision", "count", "digest", "body"))
_FORGET: Final = Delete(texts, ("source", "interaction"))


def load(conn: Connection, subjects: Iterable[Interaction], without: Set[str]) -> tuple[dict[Interaction, Said], dict[Interaction, int]]:
    """What was said in these interactions so far, but for the moments `without`; and with which revision of each its text was kept."""
    wanted = sorted(subjects)
    said: dict[Interaction, Said] = {subject: Said() for subject in wanted}
    since = dict.fromkeys(wanted, EVER)
    kept: dict[Interaction, int] = {}
    for source, id_, revision, body, *upto in sorted(_KEPT.rows(conn, wanted), key=lambda row: row[:3]):
        subject = Interaction(source, id_)
        if subject in kept:
            said[subject].go_on(body, *upto)
        else:
            said[subject] = Said.from_json(body, *upto)
        since[subject], kept[subject] = upto[-1], revision
    behind: dict[Interaction, list[tuple[str, Moment]]] = {}
    keys = [(*subject, str(microseconds(since[subject]))) for subject in wanted]
    for source, id_, digest, body in _BEHIND.rows(conn, keys):
        if digest not in without:
            moment = from_json(body, digest)
            behind.setdefault(Interaction(source, id_), []).append((moment.place, moment))
    for subject, told in behind.items():
        begun = said[subject].place
        for place, moment in sorted(told, key=lambda one: one[0]):
            if place > begun:
                said[subject].hear(moment, place)
    return said, kept


def keep(conn: Connection, said: Mapping[Interaction, Said], revisions: Mapping[Interaction, int], kept: Mapping[Interaction, int]) -> None:
    """Keep the texts of interactions that have gone on for long since they were `kept`, by their revisions."""
    rows: list[tuple[Any, ...]] = []
    anew: list[Interaction] = []
    for subject, one in sorted(said.items()):
        if one.at is None or revisions.get(subject, 0) - kept.get(subject, 0) < KEPT_EVERY:
            continue
        if (body := one.part()) is None:
            anew.append(subject)
            body = one.to_json()
        rows.append((*subject, one.at, one.place, revisions[subject], one.count, one.digest, body))
    _FORGET.all(conn, anew)
    _KEEP.all(conn, rows)


def forget(conn: Connection, subject: Interaction) -> None:
    """Its moments say something else now: the text is made of them again when it is needed."""
    conn.execute(delete(texts).where(texts.c.source == subject.source, texts.c.interaction == subject.id))
