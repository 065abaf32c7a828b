"""A weekend played in two simulators that run somewhere already: what `tsbridge simulate scenario` does."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import httpx

from tsbridge.simulator.scenario import friday_before, weekend
from tsbridge.simulator.scenario_play import Played, Player, unmet
from tsbridge.simulator.scenario_talkdesk import TalkdeskAccount
from tsbridge.simulator.scenario_zendesk import ZendeskAccount


def run(
    zendesk_url: str,
    talkdesk_url: str,
    *,
    seed: int = 7,
    tickets: int = 300,
    calls: int = 120,
    seconds: float = 60.0,
    settle_s: int = 30,
) -> tuple[Played, tuple[str, ...]]:
    """Play the last weekend in about `seconds`; then wait up to `settle_s` for the expectations.

    Answers how it went and what is not as expected, one line each.
    """

    async def play() -> tuple[Played, tuple[str, ...]]:
        scenario = weekend(seed, friday_before(datetime.now(UTC)), tickets=tickets, calls=calls)
        async with (
            httpx.AsyncClient(base_url=zendesk_url, timeout=15, trust_env=False) as zendesk,
            httpx.AsyncClient(base_url=talkdesk_url, timeout=15, trust_env=False) as talkdesk,
        ):
            people = ZendeskAccount(zendesk)
            player = Player(
                scenario,
                {"zendesk": people, "talkdesk": TalkdeskAccount(talkdesk)},
                people.look,
                monotonic=time.monotonic,
                sleep=asyncio.sleep,
                speed=(scenario.end - scenario.start).total_seconds() / seconds,
            )
            played = await player.play()
            wrong = await unmet(scenario.expected, played.ids, people.look)
            for _ in range(settle_s):
                if not wrong:
                    break
                await asyncio.sleep(1)
                wrong = await unmet(scenario.expected, played.ids, people.look)
            return played, tuple(str(one) for one in wrong)

    return asyncio.run(play())
