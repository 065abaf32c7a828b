"""What a judgement says about who is to be told, kept with it in one transaction (ADR 12). Nobody is told here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.casestate import CaseState
from tsbridge.core.moments import Interaction
from tsbridge.core.notices import REVISED, End, Kept, ended, settle
from tsbridge.core.story import Judged, Told
from tsbridge.store import notices
from tsbridge.store.decisions import Recorded


def note(
    conn: Connection,
    case_id: str,
    subjects: Sequence[Interaction],
    story: Sequence[Told],
    judged: Sequence[Judged],
    recorded: Mapping[str, Recorded],
    state: CaseState,
    now: datetime,
    *,
    whole: bool,
) -> int:
    """Keep what these decisions newly ask for, and end what is over. Returns how many notices the worker has to look at.

    What is found out late is told only while the case is open.
    """
    kept = notices.of(conn, subjects) if whole else notices.standing(conn, case_id)
    if not kept and not any(one.judgement.notifications for one in judged):
        return 0
    if whole:
        notices.rehome(conn, case_id, [one.id for one in kept])
    before = {moment: tuple(old.outcome.get("notified", ())) for moment, old in recorded.items()}
    newest = max((old.at for old in recorded.values()), default=None)
    settled = settle(judged, before, newest, kept, whole=whole)
    fresh = [notice for notice in settled.fresh if not (notice.late and state.resolved)]
    notices.add(conn, case_id, fresh, now)
    for id_, notice in settled.moved:
        notices.move(conn, id_, notice)
    if settled.revised:
        notices.close(conn, settled.revised, End(now, REVISED), now)
    moved, gone = dict(settled.moved), set(settled.revised)
    standing = [Kept(one.id, moved.get(one.id, one.notice)) for one in kept if one.over is None and one.id not in gone]
    actors = {told.moment.digest: told.moment.actor for told in story}
    ends: dict[End, list[str]] = defaultdict(list)
    for one in (*standing, *(Kept(notice.id, notice) for notice in fresh)):
        end = ended(one.notice, state, judged, actors, now)
        if end is not None:
            ends[end].append(one.id)
    for end, ids in sorted(ends.items(), key=lambda each: (each[0].at, each[1])):
        notices.close(conn, ids, end, now)
    return len(fresh) + sum(len(ids) for ids in ends.values())
