"""Who was told what, when, by which way, with what answer; and why them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from tsbridge.acts import notifications
from tsbridge.acts.notifications import Notification, NotificationWhole
from tsbridge.web.inputs import Id, Word
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import refuses
from tsbridge.web.roles import Supervisor
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/notifications", tags=["notifications"])


@routes.get("")
async def list_notifications(
    services: Made,
    by: Supervisor,
    page: Paged,
    case: Word = None,
    status: Annotated[notifications.Status | None, Query()] = None,
    agent: Word = None,
) -> Listed[Notification]:
    """Tellings, the newest first. `to` is null where nobody was there to be told, and for a way that is told itself; `case_id` where the
    `kind` is `duty`: somebody's own coming duty is another than it was."""
    after = page.after_text("notifications")
    found = await services.ask(notifications.listed, page.limit + 1, after, case_id=case, status=status, agent=agent)
    return page.of("notifications", found, lambda one: (one.id,))


@routes.get("/{notification_id}")
async def show_notification(services: Made, by: Supervisor, notification_id: Id) -> NotificationWhole:
    """One telling with the whole why, as it was known when they were told: whom the rule meant, why them, why not the others."""
    return await services.ask(notifications.show, notification_id)


@routes.post("/{notification_id}/retry", responses=refuses(409))
async def retry_notification(services: Made, by: Supervisor, notification_id: Id) -> NotificationWhole:
    """Tell once more, at once, what failed or waits; 409 for what arrived, is on its way, or need not be told any more."""
    await services.act(by, notifications.retry, notification_id)
    services.wake_writer()
    return await services.ask(notifications.show, notification_id)
