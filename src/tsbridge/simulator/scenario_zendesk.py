"""The player's hand in the simulated Zendesk: what its people do, done by them, at the weekend's time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tsbridge.simulator.scenario_play import Ticket
from tsbridge.simulator.scenario_stories import Act
from tsbridge.simulator.scenario_words import AGENTS
from tsbridge.simulator.zendesk.answers import Rejected
from tsbridge.simulator.zendesk.world import World

CHANNELS = {"email": "mail", "web": "web_form", "chat": "chat", "api": "api"}
"""Our word -> Zendesk's `via.channel`."""


class ZendeskAccount:
    """People of one simulated account. `put_clock` sets its time, `wake` says that something is to be delivered.

    The agents of the scenario are made when first needed. A change that Zendesk refuses (a ticket closed meanwhile) is
    left undone, as people leave it.
    """

    def __init__(self, world: World, put_clock: Callable[[datetime], None], wake: Callable[[], None]) -> None:
        self._world, self._put_clock, self._wake = world, put_clock, wake
        self.refused = 0
        for name, email in AGENTS:
            if world.user_by_email(email) is None:
                world.add_user(name, email, role="agent")

    async def perform(self, at: datetime, act: Act, ids: Mapping[str, str]) -> str:
        self._put_clock(at)
        if act.act == "ticket":
            made = self._write(act.args)
        else:
            made = ids[act.ref]
            try:
                self._touch(act, int(made), ids)
            except Rejected:
                self.refused += 1
        self._wake()
        return made

    async def look(self, ticket_id: str) -> Ticket:
        ticket = self._world.ticket(int(ticket_id))
        group = self._world.store.groups.get(ticket["group_id"] or 0)
        return Ticket(frozenset(ticket["tags"]), group["name"] if group else "")

    def _write(self, args: Mapping[str, Any]) -> str:
        person = args["requester"]
        requester = self._world.user_by_email(person["email"]) or self._person(person)
        channel = CHANNELS[args["channel"]]
        ticket = {
            "requester_id": requester["id"],
            "subject": args["subject"],
            "comment": {"body": args["body"], "public": True},
            "tags": args["tags"],
            "via": {"channel": channel},
            **({"external_id": args["external_id"]} if args["external_id"] else {}),
        }
        return str(self._world.create(ticket, requester, channel)["id"])

    def _person(self, person: Mapping[str, Any]) -> dict[str, Any]:
        return self._world.add_user(person["name"], person["email"], phone=person["phone"] or None)

    def _touch(self, act: Act, ticket_id: int, ids: Mapping[str, str]) -> None:
        world, args = self._world, act.args
        ticket = world.ticket(ticket_id)
        agent = self._agent(args["agent"]) if "agent" in args else None
        if act.act == "comment":
            author = agent or world.user(ticket["requester_id"])
            via = "web" if agent else ticket["via"]["channel"]
            world.change(ticket_id, {"comment": {"body": args["body"], "public": args["public"]}}, author, via)
            return
        if agent is None:
            raise ValueError(f"{act.act} is done by an agent")
        if act.act == "assign":
            world.change(ticket_id, {"assignee_id": agent["id"], "status": "open"}, agent, "web")
        elif act.act == "update":
            world.change(ticket_id, {"status": args["status"], "assignee_id": agent["id"]}, agent, "web")
        elif act.act == "tag":
            world.change(ticket_id, {"tags": sorted({*ticket["tags"], *args["tags"]})}, agent, "web")
        elif act.act == "untag":
            world.change(ticket_id, {"tags": sorted(set(ticket["tags"]) - set(args["tags"]))}, agent, "web")
        elif act.act == "move":
            world.change(ticket_id, {"group_id": self._group(args["group"])}, agent, "web")
        elif act.act == "merge":
            world.merge(int(ids[args["into"]]), [ticket_id], agent, None, None)
        else:
            raise ValueError(f"expected an act of a ticket, got {act.act}")

    def _agent(self, email: str) -> dict[str, Any]:
        found = self._world.user_by_email(email)
        if found is None:
            raise ValueError("expected one of the scenario's agents")
        return found

    def _group(self, name: str) -> int:
        return next(id_ for id_, group in self._world.store.groups.items() if group["name"] == name)
