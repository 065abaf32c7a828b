"""What a rulebook names that Zendesk does not have, for the commands that show findings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tsbridge.cli.frame import at_hand
from tsbridge.core.rules.findings import Finding
from tsbridge.settings.load import load
from tsbridge.settings.model import Settings
from tsbridge.store import agents, rulebooks
from tsbridge.store.db import Database
from tsbridge.wiring.clients import make_zendesk
from tsbridge.wiring.clock_and_ids import SystemClock
from tsbridge.work.names import Names
from tsbridge.work.reads import ReadBudget


def named_wrongly(document: Any, database: Database | None = None, users: Mapping[str, str | None] | None = None) -> list[Finding]:
    """Findings about names, of a rulebook without faults; none where no Zendesk is set up.

    `database`: where reads are counted; without it the settings' own, if there is one already. `users`: of a roster, by its keys.
    """
    settings, clock = load(), SystemClock()

    async def ask(counted: Database | None) -> list[Finding]:
        client = make_zendesk(settings, clock)
        if client is None:
            return []
        reads = None if counted is None else ReadBudget(counted, clock, settings.zendesk_reads_per_minute)
        try:
            names = Names(client, reads)
            return [*await names.findings(document), *await names.of_roster(users or {})]
        finally:
            await client.close()

    if settings.zendesk_url is None:
        return []
    if database is not None:
        return asyncio.run(ask(database))
    with at_hand(settings) as found:
        return asyncio.run(ask(found))


def live_named_wrongly(settings: Settings) -> list[dict[str, Any]] | None:
    """The same of the live rulebook, and of the live roster's agents; None where there is none that could be read."""
    with at_hand(settings) as database:
        if database is None:
            return None
        try:
            document = database.read_now(lambda conn: rulebooks.get(conn, rulebooks.live_version(conn)).document)
        except rulebooks.NoRulebook:
            return None
        return [one.to_json() for one in named_wrongly(document, database, database.read_now(agents.users))]
