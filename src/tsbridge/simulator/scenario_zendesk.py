"""The player's hand in the simulated Zendesk: what its people do, done by them over the control endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from tsbridge.simulator.scenario_play import Ticket
from tsbridge.simulator.scenario_sheet import Act
from tsbridge.simulator.zendesk.world import ADMIN

CHANNELS = {"email": "mail", "web": "web_form", "chat": "chat", "api": "api"}
"""Our word -> Zendesk's `via.channel`."""


class ZendeskAccount:
    """Drives one simulated Zendesk through `client`, whose base URL is the simulator (over HTTP or in process).

    A change that Zendesk refuses (the ticket was closed meanwhile) is left undone, as people leave it, and counted.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._known: set[str] = set()
        self._channels: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self.refused = 0

    async def perform(self, at: datetime, act: Act, ids: Mapping[str, str]) -> str:
        if act.act == "ticket":
            return await self._write(at, act.args)
        ticket_id = ids[act.ref]
        act_name, args = await self._touched(act, ticket_id, ids)
        answer = await self._act(at, act_name, {"id": ticket_id, **args})
        if answer.status_code == 422:
            self.refused += 1
        else:
            answer.raise_for_status()
        return ticket_id

    async def look(self, ticket_id: str) -> Ticket:
        answer = await self._client.get(f"/_sim/as/{ADMIN}/api/v2/tickets/{ticket_id}")
        answer.raise_for_status()
        ticket = answer.json()["ticket"]
        names = {id_: name for name, id_ in (await self._group_ids()).items()}
        return Ticket(frozenset(ticket["tags"]), names.get(str(ticket["group_id"]), ""), ticket["status"])

    async def _write(self, at: datetime, args: Mapping[str, Any]) -> str:
        person = args["requester"]
        if person["email"] not in self._known:
            self._known.add(person["email"])
            user = {"name": person["name"], "email": person["email"], **({"phone": person["phone"]} if person["phone"] else {})}
            (await self._act(at, "user", {"user": user})).raise_for_status()
        channel = CHANNELS[args["channel"]]
        ticket = {
            "subject": args["subject"],
            "comment": {"body": args["body"], "public": True},
            "tags": args["tags"],
            "via": {"channel": channel},
            **({"external_id": args["external_id"]} if args["external_id"] else {}),
        }
        answer = await self._act(at, "create", {"ticket": ticket, "as": person["email"], "via": channel})
        answer.raise_for_status()
        made = str(answer.json()["id"])
        self._channels[made] = channel
        return made

    async def _touched(self, act: Act, ticket_id: str, ids: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        """The simulator's act and arguments for one of ours."""
        args = act.args
        agent = {"as": args["agent"]} if "agent" in args else {}
        if act.act == "comment":
            via = "web" if agent else self._channels.get(ticket_id, "web")
            return "change", {"ticket": {"comment": {"body": args["body"], "public": args["public"]}}, "via": via, **agent}
        if act.act == "assign":
            return "change", {"ticket": {"assignee_email": args["agent"], "status": "open"}, **agent}
        if act.act == "update":
            return "change", {"ticket": {"status": args["status"], "assignee_email": args["agent"]}, **agent}
        if act.act in ("tag", "untag"):
            return act.act, {"tags": args["tags"], **agent}
        if act.act == "move":
            return "change", {"ticket": {"group_id": (await self._group_ids())[args["group"]]}, **agent}
        if act.act == "merge":
            return "merge", {"into": ids[args["into"]], **agent}
        raise ValueError(f"expected an act of a ticket, got {act.act}")

    async def _act(self, at: datetime, act: str, args: Mapping[str, Any]) -> httpx.Response:
        return await self._client.post("/_sim/act", json={"at": at.isoformat(), "act": act, "args": args})

    async def _group_ids(self) -> Mapping[str, str]:
        if not self._groups:
            answer = await self._client.get(f"/_sim/as/{ADMIN}/api/v2/groups")
            answer.raise_for_status()
            self._groups = {group["name"]: str(group["id"]) for group in answer.json()["groups"]}
        return self._groups
