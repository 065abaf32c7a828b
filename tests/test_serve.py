"""The service as a process of its own, on both databases: it hears, works, and ends with 0 when told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tsbridge import ZONE_RULES

ROOT = Path(__file__).resolve().parent.parent
KEY = "an-admin-key-that-nobody-guesses"
NEW, OLD = "a-new-secret-of-the-flow", "an-old-secret-of-the-flow"
BODY = {"tsbridge_event": "call.missed", "call_id": "c1", "interaction_id": "i1", "contact_phone_number": "+14155550123", "notes": "bitten"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def until(look: Any, within_s: float = 60) -> Any:
    """What `look` gives once it gives something; another process is at work meanwhile."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("nothing came in time")


@contextmanager
def process(
    folder: Path, database_url: str, *arguments: str, module: str = "tsbridge", **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TSBRIDGE_")}
    environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), environ.get("PYTHONPATH", "")))
    environ |= {
        "TSBRIDGE_DATABASE_URL": database_url,
        "TSBRIDGE_ADMIN_KEY": KEY,
        "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": f"{NEW},{OLD}",
    } | settings
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", module, *arguments]
        started = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)  # noqa: S603  # our own program
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait(10)


def test_a_delivery_becomes_a_case_and_a_signal_ends_the_service_with_0(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process(tmp_path, database_url, "serve", "--port", str(port)) as service:
        until(lambda: ask(url + "/readyz")[0] == 200)
        assert ask(url + "/readyz")[1]["checks"]["time_zones"] == {"ok": True, "detail": f"rules of {ZONE_RULES}, packaged"}
        writeback = ask(url + "/readyz")[1]["checks"]["writeback"]
        assert writeback == {"ok": True, "detail": "live: TSBRIDGE_WRITEBACK says live, and nobody has switched it"}
        assert ask(url + "/webhooks/talkdesk", BODY, **{"X-Tsbridge-Key": "wrong"})[0] == 401
        assert ask(url + "/webhooks/zendesk", BODY)[0] == 503
        status, receipt = ask(url + "/webhooks/talkdesk", BODY, **{"X-Tsbridge-Key": OLD})
        assert (status, receipt["status"]) == (202, "accepted")
        again = ask(url + "/webhooks/talkdesk", BODY, **{"X-Tsbridge-Key": NEW})
        assert again == (202, {"event_id": receipt["event_id"], "status": "duplicate"})
        cases = until(lambda: ask(url + "/v1/cases", Authorization=f"Bearer {KEY}")[1]["items"])
        assert [one["id"] for one in cases[0]["interactions"]] == ["i1"]
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    told = (tmp_path / "log").read_text()
    assert "+14155550123" not in told
    first = next(json.loads(line) for line in told.splitlines() if line.startswith("{") and "logger" in line)
    assert (first["event"], first["zone_rules"]) == ("starting", ZONE_RULES)
    assert (first["mode"], first["reason"]) == ("live", "TSBRIDGE_WRITEBACK says live, and nobody has switched it")


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
def test_a_service_that_begins_anew_refuses_secrets_that_can_be_guessed(tmp_path: Path, database_url: str) -> None:
    with process(tmp_path, database_url, "serve", "--port", "0", TSBRIDGE_TALKDESK_WEBHOOK_SECRETS="short-one") as service:
        assert service.wait(30) == 2
    told = (tmp_path / "log").read_text()
    assert "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS: expected at least 16 characters in each secret" in told
    assert "short-one" not in told


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_worker_without_a_port_works_and_ends_with_0(tmp_path: Path, database_url: str) -> None:
    with process(tmp_path, database_url, "worker") as worker:
        until(lambda: '"working"' in (tmp_path / "log").read_text())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    assert '"stopped"' in (tmp_path / "log").read_text()


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_worker_elsewhere_does_what_a_service_without_workers_hears(tmp_path: Path, database_url: str) -> None:
    port, worker_port = free_port(), free_port()
    url, worker_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{worker_port}"
    with (
        process(tmp_path, database_url, "serve", "--port", str(port), "--no-workers") as service,
        process(tmp_path, database_url, "worker", TSBRIDGE_WORKER_PORT=str(worker_port)) as worker,
    ):
        until(lambda: ask(url + "/readyz")[0] == 200)
        assert ask(url + "/webhooks/talkdesk", BODY, **{"X-Tsbridge-Key": NEW})[0] == 202
        assert until(lambda: ask(url + "/v1/cases", Authorization=f"Bearer {KEY}")[1]["items"])
        assert ask(worker_url + "/livez") == (200, {"status": "ok"})
        ready = until(lambda: ask(worker_url + "/readyz")[1])
        assert ready["checks"].keys() - {"worker", "clock"} == ask(url + "/readyz")[1]["checks"].keys() - {"workers"}
        with urllib.request.urlopen(worker_url + "/metrics", timeout=5) as answer:  # noqa: S310
            figures = answer.read().decode()
        assert 'tsbridge_task_rounds_total{task="ingest"}' in figures
        assert "tsbridge_decisions 1.0" in figures
        for path in ("/v1/cases", "/webhooks/talkdesk", "/docs"):
            assert ask(worker_url + path, Authorization=f"Bearer {KEY}")[0] == 404
        for one in (worker, service):
            one.send_signal(signal.SIGTERM)
        assert (worker.wait(30), service.wait(30)) == (0, 0)
