"""`tsbridge doctor`: around the checks of `tsbridge.doctor`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from tsbridge.cli.frame import at_hand, done, refuse, say
from tsbridge.cli.names import live_named_wrongly
from tsbridge.doctor import almanac, checks, retention, ways
from tsbridge.doctor.checks import Line
from tsbridge.doctor.database import database
from tsbridge.settings.load import load
from tsbridge.settings.model import BadSettings, Settings
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.vendors.zendesk.install import scopes
from tsbridge.wiring.clients import make_zendesk, outside
from tsbridge.wiring.clock_and_ids import SystemClock, TimedIds, entropy

_MARK = {"ok": "ok  ", "warn": "warn", "bad": "BAD "}


def examine(notify: bool, agent: str | None, as_json: bool) -> None:
    if agent is not None and not notify:
        refuse("--agent goes with --notify.")
    logging.disable(logging.CRITICAL)  # the lines below say it all
    lines = [*checks.python(), *checks.zones()]
    try:
        settings = load()
    except BadSettings as refused:
        lines += checks.bad_settings(refused)
    else:
        lines += checks.settings(settings, SystemClock().now().date())
        url, keys = settings.database_url.get_secret_value(), (settings.seal_keys, settings.data_keys)
        lines += database(url, settings.guessed_talkdesk_zone, settings.writeback, *keys, settings.restricted_categories)
        lines += _versions_and_retention(settings)
        lines += _ways(settings, notify, agent)
        asked = asyncio.run(_zendesk(settings))
        lines += asked
        if asked and checks.worst(asked) != "bad" and (wrong := live_named_wrongly(settings)) is not None:
            lines += checks.zendesk_names(wrong)
    state = checks.worst(lines)
    say(as_json, {"state": state, "checks": [line.to_json() for line in lines]}, _printed(lines))
    done(state != "bad")


def _versions_and_retention(settings: Settings) -> list[Line]:
    """Nothing without a database: that is said already."""
    now = SystemClock().now()
    with at_hand(settings) as found:
        try:
            if found is None:
                return []
            kept = [*retention.overdue(found, settings.kept, now), *retention.forgotten(found, now)]
            return [*almanac.kept(found, settings.zone, now), *kept]
        except (*DATABASE_FAILURES, OSError):
            return []


def _ways(settings: Settings, notify: bool, agent: str | None) -> list[Line]:
    """What is proved to reach people; with `notify` a test by every way. Nothing without a database: that is said already."""
    clock = SystemClock()
    with at_hand(settings) as found:
        if found is None:
            return []
        try:
            if not notify:
                return ways.ways(found, clock)
            ids = TimedIds(clock, entropy)
            sending = ways.try_ways(found, clock, ids, entropy, outside(settings, clock), settings.public_url, agent)
            return asyncio.run(sending)
        except (*DATABASE_FAILURES, OSError):
            return []


async def _zendesk(settings: Settings) -> list[Line]:
    clock = SystemClock()
    client = make_zendesk(settings, clock)
    if client is None:
        return []
    try:
        lines = await checks.zendesk(client, clock.now)
        granted = await scopes(client) if checks.worst(lines) != "bad" else None
        return lines if granted is None else [*lines, checks.zendesk_scopes(granted)]
    finally:
        await client.close()


def _printed(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        yield f"{_MARK[line.state]}  {line.check}: {line.words}"
        if line.state != "ok" and line.next_step:
            yield f"      -> {line.next_step}"
    state = checks.worst(lines)
    yield ""
    yield {"ok": "All is well.", "warn": "It can run; see the warnings.", "bad": "Something is wrong; see the lines marked BAD."}[state]
