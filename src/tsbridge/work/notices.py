"""What a judgement says about who is to be told, kept with it in one transaction (ADR 12). Nobody is told here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.notices import REVISED, End, Kept, Settled, ended, settle, standing_again
from tsbridge.store import notices
from tsbridge.work.verdicts import Verdict


def note(conn: Connection, verdicts: Sequence[Verdict], now: datetime) -> int:
    """Keep what the decisions about cases newly ask for, and end what is over. Returns how many notices the worker has to look at."""
    going_on = [one.known.case_id for one in verdicts if not one.known.again and not one.known.new]
    standing = notices.standing(conn, going_on) if going_on else {}
    again = [subject for one in verdicts if one.known.again for subject in one.known.subjects]
    ever = notices.of(conn, again) if again else []
    looked = [(one, kept) for one in verdicts if (kept := _kept(one, standing, ever)) or any(j.judgement.notifications for j in one.judged)]
    settled = [_settle(conn, one, kept) for one, kept in looked]
    fresh = [(one.known.case_id, notice) for (one, _), (_, found) in zip(looked, settled, strict=True) for notice in found.fresh]
    added = iter(notices.add(conn, fresh, now))
    return sum(_note(conn, one, kept, *found, added, now) for (one, kept), found in zip(looked, settled, strict=True))


def _kept(verdict: Verdict, standing: Mapping[str, list[Kept]], ever: Sequence[Kept]) -> list[Kept]:
    """The notices of a case that a judgement may change."""
    if not verdict.known.again:
        return standing.get(verdict.known.case_id, [])
    subjects = set(verdict.known.subjects)
    return [each for each in ever if each.notice.interaction in subjects]


def _settle(conn: Connection, verdict: Verdict, kept: Sequence[Kept]) -> tuple[list[Kept], Settled]:
    """Those of them that a judgement asked anew, and what comes of them. What is found out late is told only while the case is open."""
    known, judged = verdict.known, verdict.judged
    if known.again:
        notices.rehome(conn, known.case_id, [one.id for one in kept])
    since = known.since
    asked = [one for one in kept if since is None or one.notice.at > since]
    before = {moment: tuple(old.outcome.get("notified", ())) for moment, old in known.recorded.items()}
    newest = max((old.at for old in known.recorded.values()), default=None)
    settled = settle(judged, before, newest, asked, whole=known.again)
    fresh = tuple([notice for notice in settled.fresh if not (notice.late and verdict.state.resolved)])
    return asked, settled._replace(fresh=fresh)


def _note(
    conn: Connection, verdict: Verdict, kept: Sequence[Kept], asked: Sequence[Kept], settled: Settled, added: Iterator[str], now: datetime
) -> int:
    """Of one case, of which these notices are `kept`. `added`: the ids of those that are new, of all cases in turn."""
    known, state, judged = verdict.known, verdict.state, verdict.judged
    fresh = [(next(added), notice) for notice in settled.fresh]
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
    for one in (*standing, *(Kept(id_, notice) for id_, notice in fresh)):
        end = ended(one.notice, state, judged, actors, now)
        if end is not None:
            ends[end].append(one.id)
    for end, ids in sorted(ends.items(), key=lambda each: (each[0].at, each[1])):
        notices.close(conn, ids, end, now)
    return len(fresh) + len(back) + sum(len(ids) for ids in ends.values())
