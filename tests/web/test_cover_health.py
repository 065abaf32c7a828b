"""A hole ahead is on `/readyz` as degraded, among the figures and with the doctor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import START
from tests.roster.rosters import document
from tests.web.test_health import figures
from tsbridge.doctor import contents
from tsbridge.store import cover, rosters
from tsbridge.store.db import Database
from tsbridge.web.probes import cover_probe

pytestmark = pytest.mark.anyio

HOLE = {
    "queue": "claims",
    "severity": None,
    "from": "2026-11-22T10:00:00.000000Z",
    "to": "2026-11-23T10:00:00.000000Z",
    "why": "no line of cover is for claims",
    "proposal": "ana could",
}


async def test_a_hole_ahead_degrades_and_does_not_stop(room: Any) -> None:
    app = room.other(probes={"cover": cover_probe(room.desk.database)})
    nobody = (await app.get("/readyz")).json()
    assert (nobody["degraded"], nobody["checks"]["cover"]["detail"]) == (["cover"], "no roster has been published: nobody is on call")
    assert (await figures(room))["tsbridge_roster_version", ""] == 0
    publish(room.desk.database, document())
    assert (await figures(room))["tsbridge_roster_version", ""] == 1
    first = (await app.get("/readyz")).json()
    assert (first["status"], first["checks"]["cover"]["detail"]) == ("ready", "not looked at yet")
    await room.desk.database.write(lambda conn: cover.save(conn, cover.Ahead(START, (1, 1), 1, (HOLE,))))
    answer = await app.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["degraded"]) == (200, "degraded", ["cover"])
    assert "claims from 2026-11-22T10" in answer.json()["checks"]["cover"]["detail"]
    assert (await figures(room))["tsbridge_cover_holes", ""] == 1
    await room.desk.database.write(lambda conn: cover.save(conn, cover.Ahead(START + timedelta(hours=1), (2, 1))))
    assert (await app.get("/readyz")).json()["status"] == "ready"
    assert (await figures(room))["tsbridge_cover_holes", ""] == 0


async def test_the_doctor_says_whether_there_is_a_roster_and_where_nobody_is_on_call(database: Database) -> None:
    def found() -> list[tuple[str, str]]:
        return [(one.check, one.state) for one in contents.roster(database)]

    assert found() == [("roster", "warn")]
    publish(database, document())
    assert found() == [("roster", "ok")]
    database.write_now(lambda conn: cover.save(conn, cover.Ahead(START, (1, 1), 1, (HOLE,))))
    assert found() == [("roster", "ok"), ("cover", "warn")]
    publish(database, {"schema": 9})
    assert found() == [("roster", "bad")]


def publish(database: Database, made: Any) -> None:
    database.write_now(lambda conn: rosters.publish(conn, made, "sha256:x", "why", START, "sam"))
