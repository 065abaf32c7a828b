"""Cases as reports count them: read set by set, as they were known at the time asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.core.moments import instant_text
from tsbridge.reports.cases import Case, first_acknowledged, standing_of
from tsbridge.reports.claims import is_claim
from tsbridge.reports.life import NOTHING, Body, Life, lived, place_of
from tsbridge.reports.model import Question
from tsbridge.reports.usual import BEFORE, Seen
from tsbridge.store import reported, rosters, rulebooks
from tsbridge.store.reported import Among, Row, Span


def span_of(question: Question) -> Span:
    return Span(question.start, question.end, question.as_of)


def cases(conn: Connection, around: Around, question: Question) -> list[Case]:
    """The cases opened in the time asked for, by when they were opened."""
    return [case for case in cases_about(conn, around, question) if question.holds(case.at)]


def claims(conn: Connection, around: Around, question: Question) -> list[Case]:
    return [case for case in cases(conn, around, question) if is_claim(case)]


def cases_about(conn: Connection, around: Around, question: Question) -> list[Case]:
    """The cases that were opened in the time asked for, or about which something was decided then, by when they were opened."""
    span = span_of(question)
    return around.once(("about", *span), lambda: cases_among(conn, reported.about(span), decided_about(conn, around, question)))


def decided_about(conn: Connection, around: Around, question: Question) -> Sequence[Row]:
    """The decisions in force about those cases."""
    span = span_of(question)
    return around.once(("decided", *span), lambda: list(reported.decided(conn, reported.about(span))))


def seen(conn: Connection, around: Around, question: Question) -> list[Seen]:
    """The cases of the time asked for and of the eight times of the same length before, as they were known then."""
    span = question.end - question.start
    among = reported.opened_in(Span(question.start - BEFORE * span, question.end, question.as_of))
    keys, channels = agent_keys(conn, question.as_of), reported.channels(conn, among) if question.group_by == "channel" else {}
    later = reported.learnt_later(conn, among)
    known = {case.case_id: case for case in cases_among(conn, reported.these(later, question.as_of))} if later else {}
    found = []
    for id_, opened_at, status, severity, category, queue, assignee, agent in reported.standing(conn, among):
        if (then := known.get(id_)) is not None:
            category, severity, queue, has = then.category, then.severity, then.queue, then.agent
            is_open = then.life.resolved_at is None
        else:
            has, is_open = standing_of(keys, assignee, agent), status == "open"
        one = Seen(
            at=opened_at,
            case_id=id_,
            channel=channels.get(id_),
            category=category,
            severity=severity,
            queue=queue,
            agent=has,
            before=opened_at < question.start,
            is_open=is_open,
        )
        found.append(one)
    return found


def cases_among(conn: Connection, among: Among, decided: Sequence[Row] | None = None) -> list[Case]:
    """These cases, as they were known then. `decided`: the decisions in force about them, where they are known."""
    later = reported.learnt_later(conn, among)
    members: dict[str, list[Row]] = defaultdict(list)
    for row in reported.members(conn, among):
        members[row["case_id"]].append(row)
    lives = _lives(conn, among, members, unknown=set(reported.first_recorded(conn, among)) if later else set())
    rules, newest = _rules(reported.decided(conn, among) if decided is None else decided)
    catch_alls = _catch_alls(conn, {version for _, version, _ in newest.values()})
    keys = agent_keys(conn, among.as_of)
    then = _as_known(conn, among, later)
    found = []
    for row in reported.found(conn, among):
        id, its = row["id"], members.get(row["id"], [])
        life = lives.get(id, NOTHING)
        stood = then.get(id, row)
        _, version, matched = newest.get(id, (row["opened_at"], 0, ()))
        found.append(
            Case(
                at=row["opened_at"],
                case_id=id,
                channel=next((one["channel"] for one in its if one["channel"]), None),
                category=stood["category"],
                severity=stood["severity"],
                queue=stood["queue"],
                agent=standing_of(keys, stood["assignee"], stood["agent"]),
                rules=tuple(sorted(rules.get(id, ()))),
                as_of=among.as_of,
                life=life,
                tickets=sum(one["source"] == "zendesk" for one in its),
                calls=sum(one["source"] == "talkdesk" for one in its),
                defaulted=catch_alls.get(version) in matched,
                acknowledged_at=first_acknowledged(row["acknowledged_at"], life, len({_thread(one) for one in its}), among.as_of),
            )
        )
    return found


def _thread(row: Row) -> str:
    return str(row["thread"] or f"{row['source']}:{row['id']}")


def agent_keys(conn: Connection, as_of: datetime) -> dict[str, str]:
    """By Zendesk id the key of whoever it is, by the roster that was live then."""
    version = rosters.known_at(conn, as_of)
    agents = {} if version is None else version.document.get("agents") or {}
    return {str(told["zendesk_user_id"]): key for key, told in agents.items() if (told or {}).get("zendesk_user_id") is not None}


def _lives(conn: Connection, among: Among, members: Mapping[str, Sequence[Row]], unknown: set[str]) -> dict[str, Life]:
    """`unknown`: moments that were not known yet."""
    stories: dict[str, list[tuple[str, Body]]] = defaultdict(list)
    until = instant_text(among.as_of)
    for case_id, digest, body in reported.stories(conn, among):
        if digest not in unknown and body["at"] <= until:
            stories[case_id].append((place_of(body, digest), body))
    rests: dict[str, list[datetime]] = defaultdict(list)
    for case_id, at in reported.rests(conn, among):
        rests[case_id].append(at)
    found = {}
    for case_id, story in stories.items():
        story.sort(key=itemgetter(0))
        joined = {f"{one['source']}:{one['id']}": one["thread"] for one in members[case_id] if one["thread"] is not None}
        found[case_id] = lived((body for _, body in story), rests.get(case_id, ()), joined)
    return found


def _rules(decided: Iterable[Row]) -> tuple[dict[str, set[str]], dict[str, tuple[datetime, int, Sequence[str]]]]:
    """By case the rules that matched; and its newest decision: when, by which version, which rules matched."""
    rules: dict[str, set[str]] = defaultdict(set)
    newest: dict[str, tuple[datetime, int, Sequence[str]]] = {}
    for row in decided:
        case_id, keys = row["case_id"], [key for key, _ in row["matched"]]
        rules[case_id].update(keys)
        if any(kind == "routing" for _, kind in row["matched"]) and (case_id not in newest or row["at"] >= newest[case_id][0]):
            newest[case_id] = (row["at"], row["rulebook_version"], keys)
    return rules, newest


def _catch_alls(conn: Connection, versions: set[int]) -> dict[int, str | None]:
    """By version the key of the rule that matches everything."""
    found: dict[int, str | None] = {}
    for version in sorted(versions):
        rules: Any = rulebooks.get(conn, version).document.get("rules") or []
        found[version] = rules[-1].get("key") if rules and rules[-1].get("kind") == "routing" else None
    return found


def _as_known(conn: Connection, among: Among, case_ids: set[str]) -> dict[str, Mapping[str, Any]]:
    """What stood for cases about which something was learnt since: by their most severe interaction, of equals the oldest."""
    if not case_ids:
        return {}
    worst: dict[str, tuple[tuple[Any, ...], Mapping[str, Any]]] = {}
    for key, row in sorted(reported.as_known(conn, among, case_ids).items()):
        outcome = row["outcome"]
        rank = (9 if row["severity"] is None else row["severity"], row["opened_at"], key)
        assignee = outcome.get("assignee") or {}
        stood = {
            "category": outcome.get("category"),
            "severity": row["severity"],
            "queue": row["queue"],
            "assignee": assignee.get("id"),
            "agent": assignee.get("agent"),
        }
        if row["case_id"] not in worst or rank < worst[row["case_id"]][0]:
            worst[row["case_id"]] = rank, stood
    return {case_id: stood for case_id, (_, stood) in worst.items()}
