"""What could not be taken as it was said: it counts nothing, is kept with the delivery, counted, and told by the doctor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from tests.clocks import START, SettableClock
from tests.work.test_hearing import Desk, reported
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk
from tsbridge.core.moments import instant_text
from tsbridge.doctor.contents import odd_deliveries
from tsbridge.store import gauges
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.warnings import DETAILS, note, noted

STEPS: dict[str, Any] = {
    "schema": 1,
    "queues": {"intake": {}},
    "policies": {"sev1": {"steps": [{"after": f"{n}h", "actions": [{"add_tags": [f"ts_step{n}"]}]} for n in range(1, 4)]}},
    "rules": [
        {"key": "all", "kind": "escalation", "on": ["ticket"], "when": {}, "then": [{"escalate": "sev1"}]},
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


def body(ticket: str, said: str, **facts: str) -> tuple[str, dict[str, Any]]:
    return "zendesk", {"tsbridge": "2", "type": "ticket.updated", "ticket_id": ticket, "ticket": {"updated_at": said, **facts}}


def test_a_body_of_the_future_fires_nothing_early_and_freezes_nothing(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, STEPS)
    walk.tell([body("4711", instant_text(clock.now()))])
    walk.work()
    clock.advance(60)
    walk.tell([body("4711", "2099-01-01T00:00:00Z", status="open")])
    walk.work()
    query = select(escalations.c.status).order_by(escalations.c.step)
    assert database.read_now(lambda conn: conn.execute(query).scalars().all()) == ["armed"] * 3
    clock.advance(60)
    walk.tell([body("4711", instant_text(clock.now()), status="solved")])
    walk.work()
    (case,) = walk.outcome()["cases"]
    assert case[1] == "resolved"
    clock.advance(timedelta(hours=1))
    walk.work()
    assert database.read_now(lambda conn: conn.execute(query).scalars().all()).count("fired") <= 1


def test_warnings_stay_with_the_delivery_and_are_counted(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([body("4711", "2099-01-01T00:00:00Z", channel="smoke signal"), body("4712", instant_text(clock.now()), group_id="{{g}}")])
    walk.tell([body("4713", instant_text(clock.now()))])
    walk.work()
    rows = database.read_now(lambda conn: conn.execute(select(inbox.c.warnings).order_by(inbox.c.seq)).scalars().all())
    assert rows == [["channel:smoke_signal", "time_ahead"], ["placeholder:group_id"], None]
    assert dict(database.read_now(lambda conn: gauges.figures(conn, "live", START)).warnings) == {
        "channel": 1,
        "placeholder": 1,
        "time_ahead": 1,
    }
    lines = {line.check: line for line in odd_deliveries(database)}
    assert set(lines) == {"deliveries: channel", "deliveries: placeholder", "deliveries: time_ahead"}
    assert "smoke_signal" in lines["deliveries: channel"].words
    assert all(line.state == "warn" and line.next_step for line in lines.values())


def test_an_audit_of_the_future_is_the_same_moment_at_every_reading(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.walk.work()
    clock.advance(timedelta(minutes=10))
    desk.writing.edit(ticket, status="pending")
    clock.advance(timedelta(minutes=-10))  # as if ours were ten minutes slow
    for _ in range(4):
        desk.ring(ticket)
        desk.walk.work()
        clock.advance(timedelta(minutes=7))
    assert [event for event, _ in desk.events(ticket)] == ["ticket.created", "ticket.updated"]
    assert database.read_now(noted)["time_ahead"].count == 1
    rows = database.read_now(lambda conn: conn.execute(select(inbox.c.warnings).order_by(inbox.c.seq)).scalars().all())
    assert [row or [] for row in rows].count(["time_ahead"]) == 1


def test_text_beyond_the_bound_is_said_in_the_decision_counted_and_told_by_the_doctor(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    for said in ("an invoice " * 7_000, "and my dog was bitten"):
        source, told = body("4711", instant_text(clock.now()))
        walk.tell([(source, {**told, "texts": {"latest_comment": said}})])
        walk.work()
        clock.advance(60)
    found = database.read_now(
        lambda conn: conn.execute(select(decisions.c.outcome, decisions.c.severity).order_by(decisions.c.number)).all()
    )
    assert [(outcome["cut"], severity) for outcome, severity in found] == [
        (["text", "text.new", "text.requester"], 4),
        (["text", "text.requester"], 1),
    ]
    assert database.read_now(noted)["text_cut"].count == 3, "a field is cut when its text becomes too long, and not with each comment again"
    source, told = body("4711", instant_text(clock.now()))
    walk.tell([(source, {**told, "texts": {"latest_comment": "a receipt " * 7_000}})])
    walk.work()
    assert database.read_now(noted)["text_cut"].count == 4, "what is new is cut for itself"
    assert [line.check for line in odd_deliveries(database)] == ["deliveries: text_cut"]


def test_what_names_a_warning_is_bounded(database: Database, clock: SettableClock) -> None:
    codes = [f"channel:word{number}" for number in range(100)] + ["channel:" + "x" * 1000, "made_up:thing"]
    database.write_now(lambda conn: note(conn, codes, clock.now()))
    found = database.read_now(noted)
    assert (found["channel"].count, len(found["channel"].details)) == (101, DETAILS)
    assert found["other"].count == 1
    assert set(found) == {"channel", "other"}


def test_a_long_name_is_told_once(database: Database, clock: SettableClock) -> None:
    for _ in range(2):
        database.write_now(lambda conn: note(conn, ["channel:" + "x" * 1000], clock.now()))
    found = database.read_now(noted)["channel"]
    assert (found.count, len(found.details)) == (2, 1)
