"""Calls as reports count them."""

from __future__ import annotations

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import cases_among, span_of
from tsbridge.reports.calls import Call, called_back
from tsbridge.reports.model import Question
from tsbridge.store import reported


def calls(conn: Connection, around: Around, question: Question) -> list[Call]:
    span = span_of(question)
    whole = {case.case_id: case for case in cases_among(conn, reported.called_in(span))}
    found = []
    for row in reported.calls(conn, span):
        case, key = whole[row["case_id"]], f"talkdesk:{row['id']}"
        track = case.life.tracks.get(key)
        if track is None:
            continue  # nothing of it was known yet
        ended_at = track.heard_at or row["opened_at"]
        call = Call(
            at=row["opened_at"],
            **{**case.about(), "channel": row["channel"]},
            as_of=question.as_of,
            direction=track.facts.get("call.direction"),
            outcome=track.facts.get("call.outcome"),
            wait=track.facts.get("call.wait_seconds"),
            talk=track.facts.get("call.talk_seconds"),
            ended_at=ended_at,
            back_at=called_back(key, ended_at, case.life),
        )
        found.append(call)
    return found
