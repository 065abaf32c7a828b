"""A process that was told to end does, in time, whatever its work waits for."""

from __future__ import annotations

import threading
import time
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from tests import hanging
from tests.forked import doing
from tests.test_serve import KEY, NEW, ask, free_port, until
from tsbridge.shutdown import FORCED, PATIENCE, Ending, Patience

AT_MOST = timedelta(seconds=25)


def test_the_parts_of_our_patience_are_no_more_than_the_whole_and_that_less_than_supervisors_have() -> None:
    parts = [getattr(PATIENCE, part.name) for part in fields(Patience) if part.name != "whole"]
    assert sum(parts, timedelta(0)) < PATIENCE.whole < AT_MOST


def test_whoever_does_not_end_by_themselves_is_ended_and_told_once_to_stop() -> None:
    stopped, ended = [], threading.Semaphore(0)
    codes: list[int] = []

    def exit(code: int) -> None:
        codes.append(code)
        ended.release()

    ending = Ending(Patience(whole=timedelta(0)), lambda: stopped.append(1), exit)
    for _ in range(2):
        ending.told()
        assert ended.acquire(timeout=30)
    assert (stopped, codes) == ([1], [FORCED, FORCED])


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("kind", "code"), [("answer", 0), ("child", 0), ("thread", FORCED)])
def test_a_service_ends_in_time_whatever_a_task_of_it_waits_for(tmp_path: Path, database_url: str, kind: str, code: int) -> None:
    port = free_port()
    settings = {"TSBRIDGE_DATABASE_URL": database_url, "TSBRIDGE_ADMIN_KEY": KEY, "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": NEW}
    with doing(tmp_path, hanging.serve, kind, port, **settings) as service:
        until(lambda: ask(f"http://127.0.0.1:{port}/readyz")[0] == 200)
        until(lambda: '"hangs"' in (tmp_path / "log").read_text())
        begun = time.monotonic()
        service.terminate()
        service.join(25)
        assert service.exitcode == code
        assert time.monotonic() - begun < AT_MOST.total_seconds()
    said = (tmp_path / "log").read_text()
    assert "tasks did not end in time" in said
    assert ("is ended" in said) == (code == FORCED)
