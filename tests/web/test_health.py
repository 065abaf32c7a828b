"""Alive, ready, figures, and the description of everything."""

from __future__ import annotations

import hashlib
import importlib.resources
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, update

from tests.web import rows
from tsbridge.core.budget import PROBE, wait_until
from tsbridge.core.link import Shared
from tsbridge.core.moments import Handle
from tsbridge.core.task_state import Checked, Standing
from tsbridge.core.watch import NOT_GIVEN, STEP_LATE, Finding
from tsbridge.store import budget, desired, erasing, inbox, inbox_tables, proved_ways, rosters, shared, stored_values, watch, writemode
from tsbridge.store.erased_person import Person
from tsbridge.store.replay_tables import drift
from tsbridge.store.work_tables import workload
from tsbridge.web.probes import clock_probe, migrations_probe, tasks_probe, watch_probe, ways_probe

pytestmark = pytest.mark.anyio

STRANGER = {"Authorization": ""}


async def figures(room: Any) -> dict[tuple[str, str], float]:
    """(name, labels as text) -> value."""
    answer = await room.client.get("/metrics", headers=STRANGER)
    assert answer.status_code == 200
    return {
        (sample.name, ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_alive_and_ready_without_a_key(room: Any) -> None:
    assert (await room.client.get("/livez", headers=STRANGER)).json() == {"status": "ok"}
    ready = await room.client.get("/readyz", headers=STRANGER)
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "degraded": [],
        "checks": {"database": {"ok": True, "detail": "answers; rulebook version 1"}},
    }


async def test_ids_that_stand_for_too_many_people_are_counted(room: Any) -> None:
    assert (await figures(room))["tsbridge_shared_ids", "kind=call"] == 0
    id_ = Handle("call", "x")
    await room.desk.database.write(lambda conn: shared.note(conn, [id_], [], Shared(frozenset({id_}), frozenset())))
    assert (await figures(room))["tsbridge_shared_ids", "kind=call"] == 1


async def test_what_waits_for_somebody_is_counted_by_queue(room: Any) -> None:
    assert (await figures(room))["tsbridge_assignments", ""] == 0
    piece = {"thread": "zendesk:1", "ticket": "1", "queue": "safety", "channel": "email", "since": room.desk.clock.now()}
    for case_id, waits in (("case_1", True), ("case_2", False), ("case_3", True)):
        row = workload.insert().values(case_id=case_id, waits=waits, **piece)
        await room.desk.database.write(lambda conn, row=row: conn.execute(row) and None)
    assert (await figures(room))["tsbridge_queue_waiting", "queue=safety"] == 2


async def test_what_the_watchdog_finds_makes_it_degraded_and_is_counted(room: Any, clock: Any) -> None:
    probe = watch_probe(room.desk.database, clock)
    assert await probe() == Checked(True, "nothing is late or missing")
    found = [Finding(STEP_LATE, "esc_1", "case_1", clock.now()), Finding(NOT_GIVEN, "zendesk:1", "case_2", clock.now())]
    await room.desk.database.write(lambda conn: watch.settle(conn, {}, found, clock.now()))
    async with room.other(probes={"watch": probe}) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["degraded"]) == (200, "degraded", ["watch"])
        assert ready.json()["checks"]["watch"]["detail"] == "1 step_late, since 2026-11-22T09:00Z"
    counts = await figures(room)
    assert counts["tsbridge_watch_findings", "kind=step_late"] == 1
    assert counts["tsbridge_watch_findings", "kind=not_given"] == 0  # it may still be given
    assert counts["tsbridge_watch_findings", "kind=notice_lost"] == 0


async def test_a_watchdog_that_does_not_come_round_is_missed(room: Any, clock: Any) -> None:
    probe = watch_probe(room.desk.database, clock)
    await room.desk.database.write(lambda conn: watch.begin(conn, clock.now()))
    clock.advance(timedelta(minutes=31))
    assert (await probe()).degraded
    assert (await figures(room))["tsbridge_watch_walk_age_seconds", ""] == 31 * 60
    await room.desk.database.write(lambda conn: watch.walked(conn, clock.now() - timedelta(minutes=1)))
    assert not (await probe()).degraded
    assert (await figures(room))["tsbridge_watch_walk_age_seconds", ""] == 60


async def test_one_failed_check_makes_it_not_ready(room: Any) -> None:
    async def fine() -> Checked:
        return Checked(True, "fine")

    async def silent() -> Checked:
        return Checked(False, "the worker has not started")

    async with room.other(probes={"database": fine, "worker": silent}) as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["worker"] == {"ok": False, "detail": "the worker has not started"}
        assert (await client.get("/livez")).status_code == 200


async def test_the_worker_is_missed_when_it_has_been_silent_too_long(clock: Any) -> None:
    beat = clock.now()
    probe = tasks_probe(lambda: beat, clock, timedelta(seconds=30))
    assert (await probe()).ok
    clock.advance(timedelta(seconds=31))
    assert not (await probe()).ok
    assert not (await tasks_probe(lambda: None, clock, timedelta(seconds=30))()).ok


async def test_a_task_that_hangs_and_one_that_keeps_failing_are_named_and_counted(room: Any, clock: Any) -> None:
    limit = timedelta(minutes=5)
    well = Standing(True, limit, timedelta(0), timedelta(seconds=1), 90, {}, 0, None)
    hangs = Standing(False, limit, timedelta(minutes=7), timedelta(minutes=8), 4, {}, 0, None)
    fails = Standing(False, limit, timedelta(0), timedelta(seconds=40), 9, {"TryLater": 7, "KeyError": 1}, 6, "TryLater")
    found = {"ingest": well, "reconcile": hangs, "calls": fails}
    probe = tasks_probe(clock.now, clock, timedelta(seconds=30), lambda: found)
    async with room.other(probes={"worker": probe}, standings=lambda: found) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["degraded"]) == (200, ["worker"])  # deliveries are taken and worked on
        said = "; calls failed 6 times in a row (TryLater), for 40 s; reconcile has not come back for 420 s"
        assert ready.json()["checks"]["worker"]["detail"].endswith(said)
        text = (await client.get("/metrics")).text
        for line in (
            'tsbridge_task_round_seconds{task="reconcile"} 420.0',
            'tsbridge_task_limit_seconds{task="reconcile"} 300.0',
            'tsbridge_task_last_sign_age_seconds{task="calls"} 40.0',
            'tsbridge_task_rounds_total{task="ingest"} 90.0',
            'tsbridge_task_failures_total{kind="TryLater",task="calls"} 7.0',
            'tsbridge_task_amiss{task="calls"} 1.0',
            'tsbridge_task_amiss{task="ingest"} 0.0',
        ):
            assert line in text.replace('task="calls",kind="TryLater"', 'kind="TryLater",task="calls"')
        found["ingest"] = replace(well, in_a_row=5, kind="KeyError")
        assert (await client.get("/readyz")).status_code == 503


async def test_ways_that_are_not_proved_make_it_degraded_and_are_counted(room: Any, clock: Any) -> None:
    roster = {
        "schema": 1,
        "timezone": "UTC",
        "agents": {"ana": {"name": "Ana", "email": "ana@example.com", "queues": ["safety"], "reach": ["mail", "chat"]}},
        "ways": {"mail": {"kind": "smtp"}, "chat": {"kind": "slack", "url_file": "/run/secrets/chat"}},
    }
    desk = room.desk
    probe = ways_probe(desk.database, clock, desk.roster)
    assert await probe() == Checked(True, "nobody is to be reached")

    def publish(conn: Any) -> None:
        rosters.lock(conn)
        rosters.publish(conn, roster, "sha256:x", "first", clock.now(), "test")
        proved_ways.prove(conn, "ana", "mail", clock.now())

    await desk.database.write(publish)
    async with room.other(probes={"ways": probe}) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["degraded"]) == (200, "degraded", ["ways"])
        assert "ana" not in ready.text
        text = (await client.get("/metrics")).text
    assert 'tsbridge_ways{state="proved"} 1.0' in text
    assert 'tsbridge_ways{state="unproved"} 1.0' in text
    await desk.database.write(lambda conn: proved_ways.prove(conn, "ana", "chat", clock.now()))
    assert await probe() == Checked(True, "2 ways to people, all proved lately")
    clock.advance(timedelta(days=30, seconds=1))
    assert (await probe()).degraded


async def test_a_clock_that_differs_from_the_vendors_is_told() -> None:
    tolerance = timedelta(seconds=60)
    assert (await clock_probe(lambda: None, tolerance)()).ok
    assert (await clock_probe(lambda: timedelta(seconds=-60), tolerance)()).ok
    found = await clock_probe(lambda: timedelta(seconds=-61), tolerance)()
    assert (found.ok, found.degraded) == (True, True), "taken out of service for it, nothing would be heard"


async def test_other_tables_than_this_code_knows_are_told(room: Any) -> None:
    async def told(found: str | None) -> Any:
        return await migrations_probe(room.desk.database, lambda conn: found, ("a", "b"))()

    assert (await told("b")).ok
    for found, words in (("a", "run tsbridge migrate"), (None, "run tsbridge migrate"), ("c", "a newer tsbridge")):
        assert not (await told(found)).ok
        assert words in (await told(found)).detail


async def test_what_became_of_the_deliveries_makes_up_what_was_received_per_source(room: Any, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        for number, status in enumerate(["applied", "applied", "ignored", "quarantined", "dead", "pending"]):
            age = timedelta(minutes=number)
            for again in range(number + 1):
                inbox.keep(conn, [inbox.Delivery(f"evt_{number}_{again}", "zendesk", f"key-{number}", at - age, {}, b"{}")])
            conn.execute(update(inbox_tables.inbox).where(inbox_tables.inbox.c.id == f"evt_{number}_0").values(status=status))
        inbox.keep(conn, [inbox.Delivery("evt_t", "talkdesk", "key", at, {}, b"{}")])

    await room.desk.database.write(write)
    found = await figures(room)
    for source, total in (("zendesk", 21), ("talkdesk", 1)):
        parts = [value for (name, labels), value in found.items() if name == "tsbridge_deliveries" and f"source={source}" in labels]
        assert found["tsbridge_deliveries_received", f"source={source}"] == sum(parts) == total
    assert found["tsbridge_deliveries", "source=zendesk,status=duplicate"] == 15
    assert found["tsbridge_deliveries_dead", ""] == 1
    assert found["tsbridge_oldest_pending_age_seconds", ""] == 300
    await room.desk.database.write(lambda conn: conn.execute(delete(inbox_tables.inbox).where(inbox_tables.inbox.c.id == "evt_2_0")))
    again = await figures(room)  # what is not kept any longer stays counted
    assert {key: again[key] for key in found if "deliveries" in key[0]} == {key: found[key] for key in found if "deliveries" in key[0]}


async def test_figures_say_what_keeps_the_desk_from_writing(room: Any, clock: Any) -> None:
    found = await figures(room)
    quiet = {
        name: found[name, ""] for name in ("tsbridge_rules_paused", "tsbridge_credentials_refused", "tsbridge_cases_severe_unacknowledged")
    }
    assert set(quiet.values()) == {0}
    assert [found["tsbridge_writeback_mode", f"mode={mode}"] for mode in ("live", "paused", "dry-run")] == [1, 0, 0]

    def write(conn: Any) -> None:
        writemode.switch(conn, "live", "paused", clock.now())
        stored_values.put(conn, desired.PAUSED_RULES, ["injury", "urgent-mail"])
        budget.change(conn, lambda shared: wait_until(shared, clock.now() + PROBE, "unauthorized"))
        for number, severity, acknowledged, status in (
            (1, 1, False, "open"),
            (2, 1, True, "open"),
            (3, 2, False, "open"),
            (4, 1, False, "resolved"),
        ):
            rows.case(conn, f"case_{number}", clock.now(), severity=severity, acknowledged=acknowledged, status=status)
        lost = {"ticket": "1", "case_id": "case_1", "wanted": "there", "actual": "gone", "cause": "trigger", "policy": "alarm"}
        conn.execute(drift.insert().values(id="drf_1", what="tag:ts_injury", found_at=clock.now(), **lost))

    await room.desk.database.write(write)
    found = await figures(room)
    assert [found["tsbridge_writeback_mode", f"mode={mode}"] for mode in ("live", "paused", "dry-run")] == [0, 1, 0]
    assert (found["tsbridge_rules_paused", ""], found["tsbridge_credentials_refused", ""]) == (2, 1)
    assert (found["tsbridge_drift", "cause=trigger"], found["tsbridge_drift", "cause=person"]) == (1, 0)
    assert found["tsbridge_cases_severe_unacknowledged", ""] == 1
    clock.advance(PROBE)
    assert (await figures(room))["tsbridge_credentials_refused", ""] == 0  # it is to be seen


async def test_figures_of_decisions_wishes_and_the_door(room: Any, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        rows.decision(conn, 1, at)
        rows.wish(conn, 1, at - timedelta(minutes=5), status="waiting")
        rows.wish(conn, 2, at - timedelta(hours=5))

    await room.desk.database.write(write)
    room.desk.counters.door("zendesk", 202, "accepted")
    room.desk.counters.door("ana@example.com", 401, "no_signature")
    found = await figures(room)
    assert found["tsbridge_decisions", ""] == 1
    assert found["tsbridge_writebacks", "status=waiting"] == 1
    assert found["tsbridge_oldest_wish_age_seconds", ""] == 300
    assert found["tsbridge_door_answers_total", "reason=accepted,source=zendesk,status=202"] == 1
    assert found["tsbridge_door_answers_total", "reason=no_signature,source=other,status=401"] == 1


async def test_erasures_are_counted_by_who_asked_and_told_while_they_have_no_certificate(room: Any, clock: Any) -> None:
    def write(conn: Any) -> None:
        for number, by, hours in ((1, "key_1", 2), (2, "tsbridge", 1), (3, "Zendesk", 3)):
            erasing.begin(conn, f"era_{number}", Person(frozenset(), frozenset(), frozenset()), by, clock.now() - timedelta(hours=hours))
        erasing.finish(conn, "era_3", {})

    await room.desk.database.write(write)
    found = await figures(room)
    assert [found["tsbridge_erasures_total", f"asked={who}"] for who in ("people", "zendesk")] == [2, 1]
    assert (found["tsbridge_erasures_unfinished", ""], found["tsbridge_oldest_erasure_age_seconds", ""]) == (2, 7200)


async def test_labels_are_bounded_whatever_is_asked_for(room: Any) -> None:
    for number in range(20):
        await room.client.request("GET", f"/v1/cases/case_{number}")
        await room.client.request("GET", f"/nowhere/{number}")
        await room.client.request(f"VERB{number}", "/livez")
    labels = {labels for name, labels in await figures(room) if name == "tsbridge_http_requests_total"}
    assert len(labels) <= 6
    assert any("route=/v1/cases/{case_id}" in label for label in labels)


async def test_the_docs_page_loads_nothing_from_elsewhere_and_has_no_inline_script(room: Any) -> None:
    answer = await room.client.get("/docs", headers=STRANGER)
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style| on\w+=|//", answer.text)
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
        assert (await room.client.get(path, headers=STRANGER)).status_code == 200, path


def test_the_docs_assets_are_a_swagger_ui_that_reads_openapi_3_1() -> None:
    script = (importlib.resources.files("fastapi_offline") / "static" / "swagger-ui-bundle.js").read_bytes()
    assert re.search(rb'"5\.\d+\.\d+"', script)
    assert hashlib.sha256(script).hexdigest() == "4b5a9b35a1adf37f00d39c0bae23cdb37007e2946240ef035137cc85b4d55349"
