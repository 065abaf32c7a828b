"""Steps, firings of rules and calls as reports count them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import agent_keys, cases, cases_about, cases_among, decided_about, span_of
from tsbridge.reports.calls import Call, called_back
from tsbridge.reports.cases import Case
from tsbridge.reports.claims import is_claim
from tsbridge.reports.firings import Asks, Firing, was_right
from tsbridge.reports.model import Question
from tsbridge.reports.steps import Step
from tsbridge.store import reported, rulebooks
from tsbridge.store.reported import Row


def steps(conn: Connection, around: Around, question: Question) -> list[Step]:
    keys, as_of = agent_keys(conn, question.as_of), question.as_of
    return [_step(row, keys, as_of) for row in reported.steps(conn, span_of(question))]


def _step(row: Row, keys: dict[str, str], as_of: datetime) -> Step:
    acted = row["recorded_at"]
    over = row["ended_at"] is not None and max(row["ended_at"], acted or row["ended_at"]) <= as_of
    taken = row["taken_by"] if row["taken_at"] is not None and row["taken_at"] <= as_of else None
    return Step(
        at=row["armed_at"],
        case_id=row["case_id"],
        channel=row["channel"],
        category=row["category"],
        severity=row["severity"],
        queue=row["queue"],
        agent=None if taken is None else keys.get(taken, taken),
        as_of=as_of,
        status=row["status"] if over or row["status"] == "paused" else "armed",
        due_at=row["due_at"],
        acted_at=acted if over else None,
    )


def firings(conn: Connection, around: Around, question: Question) -> list[Firing]:
    """A firing for each rule of each decision; of a decision without any, one without a rule."""
    whole = {case.case_id: case for case in cases_about(conn, around, question)}
    rows = sorted(decided_about(conn, around, question), key=lambda row: (row["at"], row["id"]))
    asks = _asks(conn, {row["rulebook_version"] for row in rows})
    first: dict[tuple[str, str], datetime] = {}
    by: dict[tuple[str, str], set[Asks]] = defaultdict(set)
    for row in rows:
        for key, _ in row["matched"]:
            first.setdefault((row["case_id"], key), row["at"])
            if (asked := asks.get((row["rulebook_version"], key))) is not None:
                by[row["case_id"], key].add(asked)
    right = {pair: was_right(by[pair], at, whole[pair[0]].life) for pair, at in first.items()}
    found = []
    for row in rows:
        if question.holds(row["at"]):
            found += [_firing(row, (key,), whole[row["case_id"]], right[row["case_id"], key]) for key, _ in row["matched"]]
            if not row["matched"]:
                found.append(_firing(row, (), whole[row["case_id"]], None))
    return found


def _firing(row: Row, rules: tuple[str, ...], case: Case, right: bool | None) -> Firing:
    return Firing(
        at=row["at"],
        case_id=row["case_id"],
        channel=row["channel"],
        category=case.category,
        severity=case.severity,
        queue=case.queue,
        agent=case.agent,
        rules=rules,
        decision=row["id"],
        pair=(case.case_id, rules[0] if rules else None),
        is_open=case.life.resolved_at is None,
        right=right,
    )


def _asks(conn: Connection, versions: set[int]) -> dict[tuple[int, str], Asks]:
    """By version and key what a rule asks for that people can undo."""
    found: dict[tuple[int, str], Asks] = {}
    for version in sorted(versions):
        document: Any = rulebooks.get(conn, version).document
        queues = document.get("queues") or {}
        groups = {name: None if (id_ := (told or {}).get("zendesk_group_id")) is None else str(id_) for name, told in queues.items()}
        found.update({(version, rule["key"]): Asks.of(rule, groups) for rule in document.get("rules") or ()})
    return found


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
            case_id=row["case_id"],
            channel=row["channel"],
            category=case.category,
            severity=case.severity,
            queue=case.queue,
            agent=case.agent,
            rules=case.rules,
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


def claims(conn: Connection, around: Around, question: Question) -> list[Case]:
    return [case for case in cases(conn, around, question) if is_claim(case)]
