"""What a person does to one moment of a story. Their ids stand on the timeline of the case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from tsbridge.acts import timeline
from tsbridge.acts.timeline import MomentShown
from tsbridge.web.auth import Supervisor
from tsbridge.web.desk import Made
from tsbridge.web.inputs import Body, Id
from tsbridge.web.problems import not_found
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/moments", tags=["cases"])


class Withdrawal(Body):
    """`reason`: stands in the audit and on the timeline; the moment's words do not."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00\ufffd]*[^\s\x00\ufffd][^\x00\ufffd]*$")]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    case_id: str
    moment: MomentShown


@routes.post("/{moment_id}/withdraw")
async def withdraw_moment(desk: Made, by: Supervisor, moment_id: Id, body: Withdrawal) -> Withdrawn:
    """Take a wrong moment out of its story: it stays on record, the case is judged again without it. Done twice, the first stands."""
    try:
        case_id = await desk.cases.withdraw(moment_id, by.name, body.reason)
    except LookupError:
        raise not_found("moment") from None
    return Withdrawn(case_id, await desk.ask(timeline.moment, moment_id))
