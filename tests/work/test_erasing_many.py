"""Many people, some of whom are forgotten, and then everything is told again: in other bytes, in any order, as a poll would tell it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.readable import opened
from tests.seeds import first
from tests.web.conftest import BOOK
from tests.work.test_erasing import signed
from tests.work.test_redaction import in_force
from tests.work.walk import Walk, call, ticket
from tsbridge.acts import erasing as acts
from tsbridge.acts.ledger import Ledger
from tsbridge.store import proof
from tsbridge.store.all_tables import metadata
from tsbridge.store.db import Database
from tsbridge.work.erasing import Erasing


def words(number: int) -> tuple[str, ...]:
    return f"canary{number:05}x", f"p{number}@example.com", f"+1415555{number:04}"


def deliveries(number: int) -> list[tuple[str, dict[str, Any]]]:
    said, _, phone = words(number)
    at = number % 50
    told = [
        ticket("created", at, str(10_000 + number), text=f"{said} was bitten", person=str(number), phone=phone),
        ticket("updated", at + 1, str(10_000 + number), text=f"{said} again", person=str(number), phone=phone),
    ]
    if number % 3 == 0:
        told += [
            call("call.ended", at + 2, f"call-{number:05}", phone=phone),
            call("call.note", at + 3, f"call-{number:05}", phone=phone, note=said),
        ]
    return told


def everything(database: Database) -> str:
    def look(conn: Any) -> str:
        told: list[str] = []
        for table in metadata.sorted_tables:
            for row in conn.exec_driver_sql(f'SELECT * FROM "{table.name}"').mappings():  # noqa: S608  # names of the code's own tables
                told += [opened(conn, table.columns[name], value).decode(errors="replace") for name, value in row.items()]
        return "\n".join(told)

    return database.read_now(look)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("seed", "people", "forgotten"), first(1, [(0, 20, 3), (1, 1_000, 100), (2, 1_000, 100)]))
def test_of_many_people_those_who_are_forgotten_stay_so_and_nobody_else_loses_a_word(
    database: Database, clock: SettableClock, seed: int, people: int, forgotten: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  # the same every time
    walk = Walk(database, clock, BOOK)
    clock.advance(3600)
    told = [one for number in range(people) for one in deliveries(number)]
    dice.shuffle(told)
    walk.tell(told)
    walk.work()
    clock.advance(2 * 3600)
    stood, before = in_force(database), walk.outcome()
    gone = dice.sample(range(people), forgotten)
    for number in gone:
        entry = Ledger(clock, walk.ids, lambda length: b"\1" * length).entry("root")
        person = dice.choice([words(number)[1], words(number)[2], str(number)])
        database.write_now(lambda conn, entry=entry, person=person: acts.begin(conn, entry, walk.ids, acts.named(person)) and None)  # type: ignore[misc]
    worker = Erasing(database, clock, walk.ids, lambda: "salt", walk.rulebooks, signed)

    async def through() -> None:
        while await worker.step():
            continue

    asyncio.run(through())
    again = [(source, {**body, "told": "again"}) for source, body in told]
    dice.shuffle(again)
    walk.tell(again)
    walk.work()
    asyncio.run(through())
    left = everything(database)
    assert [word for number in gone for word in words(number) if word in left] == []
    assert [number for number in set(range(people)) - set(gone) for word in words(number)[:2] if word not in left] == []
    assert in_force(database) == stood
    now = walk.outcome()
    assert (now["members"], now["decisions"]) == (before["members"], before["decisions"])
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"][:5]
