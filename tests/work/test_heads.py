"""Heads of the chain leave the house on a schedule, signed, by each way on its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import SettableClock
from tsbridge import ed25519
from tsbridge.core.errors import TryLater
from tsbridge.core.heads import FAILING, Head, faults
from tsbridge.core.moments import instant_text
from tsbridge.store import chain, stored_values
from tsbridge.store.db import Database
from tsbridge.wiring.heads import message, to_file
from tsbridge.work.heads import EVERY, LOOK, NOT_COPIED, TURN, Heads

pytestmark = pytest.mark.anyio
SEED = b"s" * 32


async def sign(head: Head) -> Mapping[str, Any]:
    return head.signed(ed25519.public_key_of(SEED).hex(), ed25519.sign(SEED, head.message()).hex())


class Away:
    """A place that cannot be reached until it is there."""

    def __init__(self) -> None:
        self.there = False
        self.got: list[int] = []

    async def __call__(self, signed: Mapping[str, Any]) -> None:
        if not self.there:
            raise TryLater("status_503")
        self.got.append(signed["seq"])


def change(database: Database, number: int, clock: SettableClock) -> None:
    told = {"actor": "a", "action": "rule.pause", "subject": "x", "before": None, "after": None, "salt": "s"}
    database.write_now(lambda conn: chain.add_change(conn, id=f"chg_{number}", at=clock.now(), **told) and None)  # type: ignore[arg-type]


async def test_a_head_is_copied_once_an_hour_if_the_chain_has_grown_and_a_place_that_is_away_gets_it_later(
    database: Database, clock: SettableClock, tmp_path: Path
) -> None:
    file, away, alarms = tmp_path / "heads", Away(), list[tuple[str, Any]]()
    places = {"file": to_file(file), "way": away}
    heads = Heads(database, clock, sign, places, lambda what, **named: alarms.append((what, named)), "one")
    other = Heads(database, clock, sign, places, lambda *_, **__: None, "two")

    def seqs() -> list[int]:
        return [json.loads(line)["seq"] for line in file.read_text().splitlines()]

    await heads.round()
    assert not file.exists(), "there is nothing to prove yet"
    change(database, 1, clock)
    for _ in range(3):
        clock.advance(LOOK)
        await heads.round()
        await other.round()
    assert (seqs(), away.got, alarms) == ([1], [], [(NOT_COPIED, {"places": ["way"]})])
    since = instant_text(clock.now() - timedelta(minutes=2))
    assert database.read_now(lambda conn: stored_values.get(conn, FAILING)) == {"way": since}, "since the first time"
    assert file.stat().st_mode & 0o777 == 0o600
    away.there = True
    change(database, 2, clock)
    clock.advance(timedelta(minutes=1))
    await heads.round()
    assert (seqs(), away.got) == ([1], [2])
    assert database.read_now(lambda conn: stored_values.get(conn, FAILING)) == {}
    clock.advance(EVERY)
    await heads.round()
    await heads.round()
    clock.advance(EVERY)
    await heads.round()
    assert (seqs(), away.got, len(alarms)) == ([1, 2], [2], 1)
    hashes = database.read_now(lambda conn: chain.hashes(conn, [1, 2]))
    assert list(faults(file.read_text().splitlines(), hashes, frozenset(), ed25519.proves)) == []


async def test_between_two_looks_nothing_is_written(database: Database, clock: SettableClock, tmp_path: Path) -> None:
    def turn() -> object:
        return database.read_now(lambda conn: stored_values.get(conn, TURN))

    heads = Heads(database, clock, sign, {"file": to_file(tmp_path / "heads")}, lambda *_, **__: None, "one")
    again = await heads.round()
    taken = turn()
    clock.advance(LOOK / 2)
    assert (await heads.round(), turn()) == (again, taken)
    clock.set(again)
    await heads.round()
    assert turn() != taken


async def test_a_head_as_a_message_names_nobody_and_carries_the_line() -> None:
    signed = await sign(Head(7, "a" * 64, "2026-11-22T09:00:00.000000Z"))
    sent = message(signed)
    assert (sent.type, dict(sent.data)) == ("tsbridge.head", dict(signed))
    assert json.loads(sent.text.splitlines()[-1]) == signed


async def test_a_line_that_a_full_disk_cut_short_spoils_no_head_behind_it(tmp_path: Path) -> None:
    file, whole = tmp_path / "heads", [await sign(Head(seq, "a" * 64, "2026-11-22T09:00:00.000000Z")) for seq in (1, 2, 3)]
    await to_file(file)(whole[0])
    with file.open("a") as cut:
        cut.write(json.dumps(whole[1])[:40])
    await to_file(file)(whole[1])
    await to_file(file)(whole[2])
    lines = file.read_text().splitlines()
    assert [json.loads(line) for line in (lines[0], *lines[2:])] == whole


async def test_a_head_that_does_not_fit_into_its_file_is_not_there(tmp_path: Path) -> None:
    program = (
        "import resource, pathlib, sys\n"
        "from tsbridge.wiring.heads import append\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))\n"
        "try:\n"
        "    append(pathlib.Path(sys.argv[1]), {'seq': 1, 'hash': 'a' * 64})\n"
        "except OSError:\n"
        "    print('refused')\n"
    )
    ran = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path / "heads"), stdout=asyncio.subprocess.PIPE)
    out, _ = await ran.communicate()
    assert out == b"refused\n"
