"""The supervisor's question in a real browser: from a ticket's address to why it went there, by keys alone and by a finger on a phone.

Part of `benchmarks million`; where there is no Chromium, that is said, and the bar is not held.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select
from starlette.routing import Mount, Router

from tests.clocks import SettableClock
from tests.console.conftest import visiting
from tests.web.browser import CHROMIUM, Phone
from tests.web.conftest import ADMIN
from tests.web.test_acknowledge_phone import served
from tsbridge.console.app import create
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions

TIMES: Final = 20
WALKED: Final = 2_000
WITHIN_S: Final = 2.0
ACTIONS: Final = 3  # of at most four: Ctrl-K, paste, Enter; a finger into the box, paste, a finger on its button
Way = Callable[[Phone, str], None]
WHY: Final = "document.querySelector('section[aria-labelledby=why]')?.innerText || ''"


async def asked(database: Database, count: int = TIMES) -> bool:
    """Print how long it takes; whether each question was answered, within the bar."""
    if CHROMIUM is None:
        print("from an address to why: there is no Chromium on this machine")
        return False
    at, tickets = database.read_now(lambda conn: _some(conn, count))
    good = True
    ways: tuple[tuple[str, Way, bool], ...] = (("by keys", _by_keys, False), ("by a finger", _by_finger, True))
    async with (
        visiting(database, None, clock=SettableClock(at)) as visitor,
        served(Router(routes=[Mount("/console", create(visitor.console))])) as address,
    ):
        for name, walk, touch in ways:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                took = await asyncio.to_thread(_times, address, tickets, walk, touch, Path(folder))
            good &= bool(took) and took[-1] <= WITHIN_S
            what = f"from an address to why {name}, {ACTIONS} actions"
            p50, p95, most = (1e3 * one for one in (took[len(took) // 2], took[int(len(took) * 0.95)], took[-1]))
            print(f"{what:<44}{len(took):>7}{p50:>9.1f}{p95:>9.1f}{most:>9.1f}{1e3 * WITHIN_S:>7.0f}")
    return good


def _some(conn: Connection, count: int) -> tuple[datetime, list[str]]:
    """When the last decision was made, and tickets that walked: a number such as Zendesk's leads to no copy."""
    at = conn.execute(select(func.max(decisions.c.at))).scalar_one()
    tickets = select(decisions.c.interaction).where(decisions.c.number <= WALKED, decisions.c.source == "zendesk")
    found = sorted({ticket for ticket in conn.execute(tickets).scalars() if ticket.isdecimal()})
    return at, random.Random(6).sample(found, min(count, len(found)))  # noqa: S311


def _times(address: str, tickets: Sequence[str], walk: Way, touch: bool, profile: Path) -> list[float]:
    """Seconds from the first key or touch until the page that says why is there, sorted. RuntimeError where it does not say why."""
    took = []
    with Phone(profile, touch=True) if touch else Phone(profile, 1280, 800, touch=False) as screen:
        screen.open(f"{address}/console/now")
        screen.write(ADMIN)
        screen.press("Enter", leads=True)
        for ticket in tickets:
            began = time.perf_counter()
            walk(screen, f"https://desk.zendesk.test/agent/tickets/{ticket}")
            why = str(screen.see(WHY))
            took.append(time.perf_counter() - began)
            if "version" not in why or ticket not in str(screen.see("document.body.innerText")):
                raise RuntimeError("the page does not say why that ticket went where it is")
    return sorted(took)


def _by_keys(screen: Phone, pasted: str) -> None:
    screen.press("k", ctrl=True)
    screen.write(pasted)
    screen.press("Enter", leads=True)


def _by_finger(phone: Phone, pasted: str) -> None:
    phone.touch("#paste")
    phone.write(pasted)
    phone.tap(".paste button")
