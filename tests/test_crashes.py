"""kill -9 at every named point, in the real service, on both databases: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import functools
import json
import signal
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.crashing import alone, storm
from tests.forked import serving
from tests.seeds import first
from tests.store.counting import rows_are_as_counted
from tests.test_serve import KEY, NEW, ask, free_port, process, until
from tsbridge.core.crashpoint import POINTS
from tsbridge.store import decision_tables, inbox, inbox_tables, leases, proof
from tsbridge.store.db import Database

EACH = 3
SOAK = pytest.mark.soak
ADMIN = {"Authorization": f"Bearer {KEY}"}
BEFORE_WRITEBACK = [name for name in POINTS if name.startswith(("door.", "ingest."))]
WRITEBACK = [name for name in POINTS if name.startswith("writeback.")]


def ways(database: str, few: list[str], every: list[str]) -> list[Any]:
    """A few points on this database for every change: each costs two starts of the service. All of them, on both, by `make soak`."""
    return [(database, few), *(pytest.param(each, every, marks=SOAK) for each in ("sqlite", "postgresql"))]


class Sender:
    """Talkdesk, if it re-sent: keeps sending each delivery until it is acknowledged, and remembers what it was told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.unanswered: dict[str, dict[str, Any]] = {}
        self.acknowledged: dict[str, set[str]] = {}

    def add(self, call: str) -> None:
        notes = f"call {call}: my dog was bitten"
        self.unanswered[call] = {"tsbridge_event": "call.missed", "call_id": call, "interaction_id": f"i-{call}", "notes": notes}

    def send(self) -> None:
        """All that is unanswered, at the same time, once; whoever gets no answer stays unanswered."""
        threads = [threading.Thread(target=self._send, args=(call, body)) for call, body in list(self.unanswered.items())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, call: str, body: dict[str, Any]) -> None:
        try:
            status, receipt = ask(self.url + "/webhooks/talkdesk", body, **{"X-Tsbridge-Key": NEW})
        except (OSError, ValueError):  # it died: refused, reset, or half an answer
            return
        assert status == 202
        self.acknowledged.setdefault(call, set()).add(receipt["event_id"])
        self.unanswered.pop(call, None)


@contextmanager
def service(folder: Path, url: str, port: int, crash: str = "", **settings: str) -> Iterator[BaseProcess]:
    """The service, ready to take deliveries."""
    made = {"TSBRIDGE_DATABASE_URL": url, "TSBRIDGE_ADMIN_KEY": KEY, "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": NEW} | settings
    if crash:
        made["TSBRIDGE_TEST_CRASH"] = crash
    with serving(folder, port, **made) as started:
        until(lambda: not started.is_alive() or ask(f"http://127.0.0.1:{port}/readyz")[0] == 200)
        yield started


def killed(service: BaseProcess) -> bool:
    service.join(30)
    return service.exitcode == -signal.SIGKILL


def minute_passes(database_url: str) -> None:
    """Leases of the dead end. On SQLite the service does that itself: nobody else can be alive."""
    if database_url.startswith("postgresql"):
        with Database.open(database_url) as database:
            database.write_now(lambda conn: leases.end_all(conn, datetime.now(UTC)))


def read(database_url: str, work: Callable[[Any], Any]) -> Any:
    with Database.open(database_url) as database:
        return database.read_now(work)


def settled(port: int) -> bool:
    return not ask(f"http://127.0.0.1:{port}/v1/events?status=pending", **ADMIN)[1]["items"]


@pytest.mark.parametrize(
    ("fresh_url", "points"),
    ways("sqlite", ["door.inserted", "door.committed", "ingest.concluded"], BEFORE_WRITEBACK),
    indirect=["fresh_url"],
)
@pytest.mark.timeout(240)
def test_killed_anywhere_between_door_and_decision_nothing_is_lost_and_nothing_is_doubled(
    tmp_path: Path, database_url: str, points: list[str]
) -> None:
    port = free_port()
    sender = Sender(f"http://127.0.0.1:{port}")
    for number, point in enumerate(points):
        with service(tmp_path, database_url, port, point if point.startswith("ingest.") else f"{point}:2") as armed:
            for calls in (range(1), range(1, EACH)):  # one alone first, so that the second commit is not the first
                for call in calls:
                    sender.add(f"{number}-{call}")
                sender.send()
            assert killed(armed), point
        kept = {id_ for (id_,) in read(database_url, lambda conn: conn.execute(select(inbox_tables.inbox.c.id)).all())}
        assert {id_ for ids in sender.acknowledged.values() for id_ in ids} <= kept, f"{point}: acknowledged and gone"
        minute_passes(database_url)
        with service(tmp_path, database_url, port):
            sender.send()
            assert not sender.unanswered
            until(lambda: settled(port))

    read(database_url, rows_are_as_counted)

    def books(conn: Any) -> tuple[Any, ...]:
        rows = conn.execute(select(inbox_tables.inbox.c.id, inbox_tables.inbox.c.status, inbox_tables.inbox.c.reason)).all()
        decided = conn.execute(select(decision_tables.decisions.c.interaction, decision_tables.decisions.c.event_id)).all()
        return rows, decided, inbox.counts(conn)["talkdesk"], proof.verify(conn)

    rows, decided, counts, verdict = read(database_url, books)
    total = len(points) * EACH
    assert Counter((status, reason) for _, status, reason in rows) == {("applied", None): total}
    assert all(len(ids) == 1 for ids in sender.acknowledged.values())
    assert {id_ for ids in sender.acknowledged.values() for id_ in ids} == {row.id for row in rows}
    assert Counter(Counter(interaction for interaction, _ in decided).values()) == {1: total}
    assert counts.applied == total
    assert verdict["ok"]


def put(url: str, body: Any) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        assert answer.status == 200


def written(port: int, ticket: str) -> bool:
    items = ask(f"http://127.0.0.1:{port}/v1/writebacks?ticket={ticket}", **ADMIN)[1]["items"]
    return bool(items) and items[0]["status"] in ("confirmed", "unneeded")


def make_ticket(zendesk: str, token: str, subject: str) -> str:
    body = {"ticket": {"subject": subject, "comment": {"body": "my dog was bitten by the sitter's dog"}}}
    status, made = ask(f"{zendesk}/api/v2/tickets.json", body, Authorization=f"Bearer {token}", **{"Content-Type": "application/json"})
    assert status == 201
    return str(made["ticket"]["id"])


@pytest.mark.parametrize(
    ("fresh_url", "points"), ways("postgresql", ["writeback.sent", "writeback.answered"], WRITEBACK), indirect=["fresh_url"]
)
@pytest.mark.timeout(240)
def test_killed_anywhere_on_the_way_to_zendesk_each_ticket_gets_its_tags_once(tmp_path: Path, database_url: str, points: list[str]) -> None:
    port, zendesk_port = free_port(), free_port()
    zendesk = f"http://127.0.0.1:{zendesk_port}"
    settings = {
        "TSBRIDGE_ZENDESK_URL": zendesk,
        "TSBRIDGE_ZENDESK_CLIENT_ID": "tsbridge",
        "TSBRIDGE_ZENDESK_CLIENT_SECRET": "secret",
        "TSBRIDGE_ZENDESK_WEBHOOK_SECRETS": "simulated-zendesk-secret",
        "TSBRIDGE_ZENDESK_UPDATES_PER_MINUTE": "600",
        "TSBRIDGE_ZENDESK_READS_PER_MINUTE": "6000",
    }
    simulate = ("simulate", "zendesk", "--port", str(zendesk_port), "--webhook-url", f"http://127.0.0.1:{port}/webhooks/zendesk")
    with process(tmp_path, database_url, *simulate):
        kind = {"Content-Type": "application/json"}
        grant = {"grant_type": "client_credentials", "client_id": "tsbridge", "client_secret": "secret", "scope": "read write"}
        token = until(lambda: ask(f"{zendesk}/oauth/tokens", grant, **kind)[1]["access_token"])
        for point in points:
            with service(tmp_path, database_url, port, point, **settings) as armed:
                if point == "writeback.sent":  # the update is applied, its answer never comes
                    put(f"{zendesk}/_sim/faults", {"cut": 1})
                ticket = make_ticket(zendesk, token, point)
                assert killed(armed), point
            minute_passes(database_url)
            with service(tmp_path, database_url, port, **settings):
                until(functools.partial(written, port, ticket))
                until(lambda: settled(port))
            shown = ask(f"{zendesk}/api/v2/tickets/{ticket}.json", Authorization=f"Bearer {token}")[1]["ticket"]
            assert {"ts_injury", "ts_sev1"} <= set(shown["tags"]), point
            audits = ask(f"{zendesk}/api/v2/tickets/{ticket}/audits.json", Authorization=f"Bearer {token}")[1]["audits"]
            events = [event for audit in audits[1:] for event in audit["events"]]
            ours = Counter(event["field_name"] for event in events if event["type"] == "Change" and event["field_name"] == "tags")
            assert ours == {"tags": 1}, point
            notes = Counter(event["body"] for event in events if event["type"] == "Comment")
            assert set(notes.values()) <= {1}, point


@pytest.mark.parametrize("times", first(1, [1, 2]))
@pytest.mark.timeout(300)
def test_two_servers_and_two_workers_killed_on_a_database_that_restarts_lose_double_and_blame_nothing(tmp_path: Path, times: int) -> None:
    outcome, sender = storm(tmp_path, seconds=6 * times, kills=2 * times, restarts=times, per_second=15, patient=False)
    assert outcome.good, (outcome, sender.refused)
    assert outcome.sent > 20 * times
    assert sender.refused  # somebody was away


@pytest.mark.parametrize("kills", first(1, [2, 6]))
@pytest.mark.timeout(240)
def test_one_process_on_sqlite_killed_again_and_again_loses_doubles_and_blames_nothing(tmp_path: Path, kills: int) -> None:
    outcome, sender = alone(tmp_path, seconds=2 * kills, kills=kills, per_second=15)
    assert outcome.good, (outcome, sender.refused)
    assert sender.refused  # it was away
