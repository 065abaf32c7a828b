"""The player's hand in the simulated Talkdesk: acts over its control endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import httpx

from tsbridge.simulator.scenario_sheet import Act


class TalkdeskAccount:
    """Drives one simulated Talkdesk through `client`, whose base URL is the simulator (over HTTP or in process)."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def perform(self, at: datetime, act: Act, ids: Mapping[str, str]) -> str:
        args = dict(act.args)
        if act.act == "started" and act.ref:
            args["ticket_id"] = ids[act.ref]
        answer = await self._client.post("/_sim/act", json={"at": at.isoformat(), "act": act.act, "args": args})
        answer.raise_for_status()
        return str(answer.json()["id"])
