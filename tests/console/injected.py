"""Strings that would run, load or lead elsewhere if a page took them for its own, and a database that has one in every field it shows.

What runs leaves a mark on the page and does nothing else; the host that is named does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, update

from tests.clocks import CountingIds, SettableClock
from tests.web import rows
from tests.work.team import roster
from tsbridge.acts.ledger import Ledger
from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import wish_json
from tsbridge.core.rules.document import read
from tsbridge.core.unusual import BURST
from tsbridge.roster.document import read as read_roster
from tsbridge.store import (
    case_tables,
    keys,
    notice_tables,
    pattern_tables,
    replay_tables,
    roster_tables,
    rosters,
    rulebooks,
    shadow,
)

MARK: Final = "document.documentElement.dataset.ran=1"
ELSEWHERE: Final = "//elsewhere.invalid/"
OUT_OF: Final = ("", '">', "'>", "</title>", "</textarea>", "</script>", "</style>", "-->", '" ', "' ")
"""What ends what a string may stand in."""
VECTORS: Final = (
    f"<script>{MARK}</script>",
    f"<img src=x onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><animate onbegin={MARK} attributeName=x dur=1s>",
    f'<iframe srcdoc="<script>parent.{MARK}</script>">',
    f'<iframe src="javascript:parent.{MARK}">',
    f"<input autofocus onfocus={MARK}>",
    f"<details open ontoggle={MARK}>",
    f"<video><source onerror={MARK}></video>",
    f"<audio src=x onerror={MARK}>",
    f'<object data="javascript:{MARK}">',
    f'<a class=open href="javascript:{MARK}">x</a>',
    f"<math><mtext><table><mglyph><style><img src=x onerror={MARK}>",
    f"<template shadowrootmode=open><img src=x onerror={MARK}></template>",
    f"<form class=line action={ELSEWHERE}><button onclick={MARK}>Send</button></form>",
    f"<link rel=stylesheet href={ELSEWHERE}>",
    f"<img src={ELSEWHERE}a.png>",
    f"<script src={ELSEWHERE}></script>",
    f'<meta http-equiv=refresh content="0;url={ELSEWHERE}">',
    f"<base href={ELSEWHERE}>",
    f"<style>@import '{ELSEWHERE}';</style>",
    f"<style>*{{background:url({ELSEWHERE})}}</style>",
    f'<div style="background:url({ELSEWHERE})">',
    f"onfocus={MARK} autofocus tabindex=0 x=",
    f"onmouseover={MARK} style=position:fixed;inset:0 x=",
    f"{{{{constructor.constructor('{MARK}')()}}}}",
    f"${{{MARK}}}",
    "{{1337*7331}}<%= 1337*7331 %>#{1337*7331}${1337*7331}",
    f"javascript:{MARK}",
    f"data:text/html,<script>{MARK}</script>",
)
STRINGS: Final = tuple(f"{out}{vector}" for vector in VECTORS for out in OUT_OF)
WORKED_OUT: Final = "9801547"
"""1337 times 7331."""


def book(texts: Sequence[str]) -> dict[str, Any]:
    """A rulebook that has them wherever words are free."""
    rules = [
        {
            "key": f"rule-{number}",
            "kind": "escalation",
            "title": text,
            "when": {"all": [{"field": "text", "operator": "contains_any", "value": [text, f"word{number}"]}]},
            "then": [{"set_category": text[:60]}, {"note": text.replace("{", "(")}],  # a note may not ask for fields that are none
        }
        for number, text in enumerate(texts)
    ]
    return {
        "schema": 1,
        "queues": {"safety": {"zendesk_group_id": 61000000010}},
        "rules": [*rules, {"key": "default", "kind": "routing", "title": texts[0], "when": {}, "then": [{"route": "safety"}]}],
        "tests": [{"name": text, "given": {"source": "zendesk", "text": text}, "expect": {"queue": "intake"}} for text in texts],
    }


def team(texts: Sequence[str]) -> dict[str, Any]:
    """A roster of people who are called so."""
    named = {f"a{number}": {"name": text[:200], "queues": ["safety"], "zendesk_user_id": number + 1} for number, text in enumerate(texts)}
    made = roster({}, shifts={})
    made["agents"] = named
    made["shifts"] = {"day": {"days": "mon-sun", "hours": "00:00-24:00", "agents": sorted(named)}}
    made["rotations"] = {"lead": {"members": sorted(named)[:2], "every": "1w", "starts": "2026-11-02T09:00", "timezone": "UTC"}}
    made["cover"] = [{"oncall": "lead"}]
    return made


def fill(conn: Connection, texts: Sequence[str], now: datetime) -> None:
    """Every table that a page shows, a row for each string."""
    document, people, ids = book(texts), team(texts), CountingIds("x_")
    for text in texts:
        rulebooks.publish(conn, document, read(document).hash, text, now, text)
    rosters.publish(conn, people, read_roster(people).hash, texts[0], now, texts[0])
    rulebooks.save_draft(conn, {**document, "rules": document["rules"][1:]}, now, texts[0])
    shadow.begin(conn, document, "sha256:0", now, texts[0])
    for number, text in enumerate(texts, 1):
        at, case_id = now - timedelta(minutes=number), f"case_{number:06d}"
        named = {"category": text, "queue": text}
        people_of = {"assignee": text, "agent": text, "assigned_because": text, "acknowledged_by": text, "acknowledged_way": text}
        rows.case(conn, case_id, at, None, severity=3, tags=[text], acknowledged=True, acknowledged_at=at, **named, **people_of)
        rows.interaction(conn, case_id, "zendesk", str(number), at, channel=text, link_because=text)
        rows.event(
            conn, number, at, status="quarantined", reason=text, event_type=text, body=text.encode(), headers={text: text}, warnings=[text]
        )
        outcome = {**named, "severity": 3, "tags_added": [text], "escalations": [text], "priority": text}
        rows.decision(conn, number, at, ((text, "escalation"),), outcome=outcome, event=text, channel=text, event_id=f"evt_{number:06d}")
        wish = wish_json(Wish(tags=((text, "1"),)))
        rows.wish(conn, number, at, case_id=case_id, wish=wish, status="parked", reason=text, plan={text: text}, ours={})
        due = {"due_at": at + timedelta(minutes=5), "source": "zendesk", "interaction": str(number), "open": True, "taken_by": text}
        rows.escalation(
            conn, number, at, case_id=case_id, policy=text, severity=3, status="fired" if number % 2 else "armed", **named, **due
        )
        rows.moment(conn, number, at, str(number), texts=(("subject", text), ("description", text)))
        rows.telling(conn, number, at)
        ledger = Ledger(SettableClock(at), ids, lambda length: bytes(length))
        ledger.entry(text).change(conn, text, case_id, {text: text}, {"note": text})
        minted = keys.mint(lambda length, number=number: number.to_bytes(length, "big"))  # type: ignore[misc]
        keys.create(conn, minted, name=text, role="viewer", at=at, expires_at=None, pepper=b"pepper")
        week = {"start_at": now + timedelta(hours=number), "end_at": now + timedelta(hours=number + 1), "made_at": now}
        off = {"id": f"ovr_{number}", "kind": "off", "agent": text, "instead_of": text, "rotation": text, "queue": text, "why": text}
        conn.execute(insert(roster_tables.overrides).values(**off, **week, made_by=text))
        other = {"queue": text, "severity": 1, "tags": [text], "escalations": [text]}
        move = {"seq": number, "case_id": case_id, "ticket": text, "decision_id": f"dec_{number:06d}", "at": at, "before": other}
        move |= {"after": {**other, "queue": None, "tags": [], "escalations": []}}
        conn.execute(insert(replay_tables.replay_moves).values(replay_id="rep_1", **move))
        conn.execute(insert(replay_tables.shadow_decisions).values(**move, changed=True))
        drift = {"what": f"tag:{text}", "wanted": text, "actual": text, "cause": "person", "policy": "ask", "by": text, "found_at": at}
        conn.execute(insert(replay_tables.drift).values(id=f"drf_{number}", ticket=str(number), case_id=case_id, **drift))
        figures = {"series": "category", "of": text, "cases": 9, "usual": 1.0, "days": 1, "times_usual": 9.0, text: text}
        seen = {"since": at, "found_at": now, "seen_at": now, "figures": figures, "cases": [case_id]}
        conn.execute(insert(pattern_tables.pattern_findings).values(id=f"pat_{number}", kind=BURST, about=f"category:{text}", **seen))
    replay = {"status": "failed", "created_at": now, "created_by": texts[0], "until": now, "document": {}, "hash": texts[0]}
    conn.execute(insert(replay_tables.replays).values(id="rep_1", total=1, reason=texts[0], **replay))
    conn.execute(update(notice_tables.notifications).values(agent=texts[0], way=texts[0], reason=texts[0]))
    conn.execute(update(case_tables.cases).where(case_tables.cases.c.id == "case_000001").values(status="resolved"))
