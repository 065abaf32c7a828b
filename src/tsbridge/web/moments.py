"""What a person does to one moment of a story. Their ids stand on the timeline of the case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from tsbridge.acts import casework
from tsbridge.acts.casework import Withdrawn
from tsbridge.web.auth import Supervisor
from tsbridge.web.desk import Made
from tsbridge.web.inputs import Body, Id
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/moments", tags=["cases"])


class Withdrawal(Body):
    """`reason`: stands in the audit and on the timeline; the moment's words do not."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00\ufffd]*[^\s\x00\ufffd][^\x00\ufffd]*$")]


@routes.post("/{moment_id}/withdraw")
async def withdraw_moment(desk: Made, by: Supervisor, moment_id: Id, body: Withdrawal) -> Withdrawn:
    """Take a wrong moment out of its story: it stays on record, the case is judged again without it. Done twice, the first stands."""
    return await desk.edit(by.name, casework.withdraw, moment_id, body.reason)
