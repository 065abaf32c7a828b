"""What is claimed stays claimed as long as the work on it may last: each lease is longer than the limit of the task it is taken in, or
than the time-outs of what is done under it together."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta
from types import ModuleType

import pytest

import tsbridge.work
from tsbridge import delivery_readers, feed_source
from tsbridge.core.limits import CALL_S
from tsbridge.wiring import tasks
from tsbridge.work import (
    batch_updates,
    calls,
    deleted_users,
    feeds,
    ingest,
    isolated,
    loop,
    notify,
    paging,
    reconcile,
    recordings,
    rejudge,
    replay_jobs,
    stream,
    writeback,
    writing,
)
from tsbridge.work.loop import LIMIT

TAKEN_IN: dict[str, tuple[ModuleType, ...]] = {
    tasks.INGEST: (ingest,),
    tasks.ALONE: (isolated,),
    tasks.WRITEBACK: (writeback, writing, batch_updates),
    tasks.REPLAY: (replay_jobs,),
    tasks.REJUDGE: (rejudge,),
    tasks.RECONCILE: (reconcile,),
    tasks.STREAM: (stream,),
    tasks.CALLS: (calls,),
    tasks.DELETED_USERS: (deleted_users,),
    tasks.RECORDINGS: (recordings,),
}
SENT: tuple[ModuleType, ...] = (notify, paging)
"""Messages are sent beside the rounds of their task."""


@pytest.mark.parametrize(("task", "module"), [(task, module) for task, modules in TAKEN_IN.items() for module in modules])
def test_a_lease_is_longer_than_the_round_in_which_it_is_taken(task: str, module: ModuleType) -> None:
    assert tasks.LIMITS.get(task, LIMIT) < module.LEASE


def test_what_was_claimed_ahead_is_claimed_for_longer_than_its_own_round_may_last() -> None:
    assert tasks.LIMITS[tasks.INGEST] + ingest.AHEAD < ingest.LEASE


def test_no_lease_is_overlooked() -> None:
    found = [importlib.import_module(f"tsbridge.work.{one.name}") for one in pkgutil.iter_modules(tsbridge.work.__path__)]
    named = {*(module for modules in TAKEN_IN.values() for module in modules), *SENT, loop}
    assert {module.__name__ for module in found if hasattr(module, "LEASE")} == {module.__name__ for module in named}


def test_a_message_is_given_up_for_now_well_before_its_lease_ends() -> None:
    assert notify.LONGEST + timedelta(seconds=5) <= paging.LEASE


def test_a_feed_is_fetched_and_read_well_before_its_turn_ends() -> None:
    assert timedelta(seconds=CALL_S + feed_source.READING.seconds) * 2 < feeds.LONGEST


def test_two_processes_in_a_row_may_read_a_delivery_alone_within_the_limit_of_its_task() -> None:
    assert timedelta(seconds=delivery_readers.ALONE.seconds * delivery_readers.TRIES) < tasks.LIMITS[tasks.ALONE]
