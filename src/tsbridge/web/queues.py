"""Queues: who would get the next case, and why each other one would not."""

from __future__ import annotations

from fastapi import APIRouter

from tsbridge.acts import queues
from tsbridge.acts.queues import NextInQueue
from tsbridge.web.inputs import Id
from tsbridge.web.roles import Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/queues", tags=["queues"])


@routes.get("/{key}/next")
async def next_of_queue(services: Made, by: Viewer, key: Id) -> NextInQueue:
    """What giving out would do next in this queue of the live rulebook: how much waits, and everybody ranked, whoever gets it first.

    Of a queue in which nothing waits, an ordinary e-mail is thought of. Nobody is chosen where nobody can get it.
    """
    return await services.ask(queues.next_of, services.live, services.choosing, key, services.clock.now())
