"""What a judgement says about who is to be told, kept with it in one transaction (ADR 12). Nobody is told here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.notices import REVISED, End, Kept, ended, settle, standing_again
from tsbridge.store import notices
from tsbridge.work.verdicts import Verdict


def note(conn: Connection, verdicts: Sequence[Verdict], now: datetime) -> int:
    """Keep what the decisions about cases newly ask for, and end what is over. Returns how many notices the worker has to look at."""
    going_on = [one.known.case_id for one in verdicts if not one.known.again and not one.known.new]
    standing = notices.standing(conn, going_on) if going_on else {}
    again = [subject for one in verdicts if one.known.again for subject in one.known.subjects]
    ever = notices.of(conn, again) if again else []
    count = 0
    for one in verdicts:
        subjects = set(one.known.subjects)
        kept = [each for each in ever if each.notice.interaction in subjects] if one.known.again else standing.get(one.known.case_id, [])
        if kept or any(judged.judgement.notifications for judged in one.judged):
            count += _note(conn, one, kept, now)
    return count


def _note(conn: Connection, verdict: Verdict, kept: Sequence[Kept], now: datetime) -> int:
    """Of one case, of which these notices are `kept`. What is found out late is told only while the case is open."""
    known, state, judged = verdict.known, verdict.state, verdict.judged
    if known.again:
        notices.rehome(conn, known.case_id, [one.id for one in kept])
    since = known.since
    asked = [one for one in kept if since is None or one.notice.at > since]
    before = {moment: tuple(old.outcome.get("notified", ())) for moment, old in known.recorded.items()}
    newest = max((old.at for old in known.recorded.values()), default=None)
    settled = settle(judged, before, newest, asked, whole=known.again)
    fresh = [notice for notice in settled.fresh if not (notice.late and state.resolved)]
    added = notices.add(conn, known.case_id, fresh, now)
    for id_, notice in settled.moved:
        notices.move(conn, id_, notice)
    if settled.revised:
        notices.close(conn, settled.revised, End(now, REVISED), now)
    moved, gone = dict(settled.moved), set(settled.revised)
    back: set[str] = set()
    if known.again:
        back.update(standing_again((one for one in asked if one.id not in gone), moved, known.before, state, judged))
        notices.stand_again(conn, sorted(back), now)
    standing = [Kept(one.id, moved.get(one.id, one.notice)) for one in kept if (one.over is None or one.id in back) and one.id not in gone]
    actors = {told.moment.digest: told.moment.actor for told in known.story}
    ends: dict[End, list[str]] = defaultdict(list)
    for one in (*standing, *(Kept(id_, notice) for id_, notice in zip(added, fresh, strict=True))):
        end = ended(one.notice, state, judged, actors, now)
        if end is not None:
            ends[end].append(one.id)
    for end, ids in sorted(ends.items(), key=lambda each: (each[0].at, each[1])):
        notices.close(conn, ids, end, now)
    return len(fresh) + len(back) + sum(len(ids) for ids in ends.values())
