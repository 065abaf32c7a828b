"""Carrying out a set-up: looks at what stands in Zendesk, does the steps in their order, reads the signing secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tsbridge.core.errors import VendorError
from tsbridge.vendors.zendesk import setup
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.setup import Kind, Step


async def look(zendesk: ZendeskClient) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The account's webhooks and triggers."""
    return await zendesk.every("webhooks", "webhooks"), await zendesk.every("triggers", "triggers")


async def planned(zendesk: ZendeskClient, endpoint: str, kind: Kind) -> tuple[Step, ...]:
    return setup.plan(*await look(zendesk), endpoint, kind)


async def removal(zendesk: ZendeskClient) -> tuple[Step, ...]:
    return setup.removal(*await look(zendesk))


async def carry_out(zendesk: ZendeskClient, steps: Sequence[Step]) -> None:
    """Do the steps. What fails stops here; planning again shows what is left."""
    ours = [step for step in steps if step.what == "webhook" and step.name == setup.NAME]
    webhook_id = next((step.id for step in ours if step.act in ("keep", "change")), None)
    for step in steps:
        if step.what == "webhook":
            made = await _webhook(zendesk, step)
            webhook_id = made if made is not None and step.name == setup.NAME else webhook_id
        elif step.act == "remove":
            await zendesk.ask("DELETE", f"triggers/{step.id}")
        elif step.act in ("create", "change"):
            body = {"trigger": setup.addressed(step, webhook_id or "")}
            await zendesk.ask(*(("POST", "triggers") if step.act == "create" else ("PUT", f"triggers/{step.id}")), body)


async def signing_secrets(zendesk: ZendeskClient) -> tuple[str, ...]:
    """What our webhooks sign with, each its own; none while there is no webhook."""
    webhooks = await zendesk.every("webhooks", "webhooks")
    secrets = []
    for name in (setup.NAME, setup.PEOPLE):
        for one in webhooks:
            if one.get("name") == name:
                found = (await zendesk.ask("GET", f"webhooks/{one['id']}/signing_secret")).get("signing_secret")
                if isinstance(found, Mapping) and found.get("secret"):
                    secrets.append(str(found["secret"]))
    return tuple(secrets)


async def scopes(zendesk: ZendeskClient) -> tuple[str, ...] | None:
    """What our token may do; None when Zendesk does not say (an API token has no scopes)."""
    try:
        token = (await zendesk.ask("GET", "oauth/tokens/current")).get("token")
    except VendorError:
        return None
    found = token.get("scopes") if isinstance(token, Mapping) else None
    return tuple(str(one) for one in found) if isinstance(found, list) else None


async def _webhook(zendesk: ZendeskClient, step: Step) -> str | None:
    """The id of the webhook that stands after the step, when it is another than before."""
    if step.act == "change":
        await zendesk.ask("PUT", f"webhooks/{step.id}", {"webhook": step.body})
    if step.act in ("remove", "replace"):
        await zendesk.ask("DELETE", f"webhooks/{step.id}")
    if step.act in ("create", "replace"):
        made = (await zendesk.ask("POST", "webhooks", {"webhook": step.body})).get("webhook")
        return str(made["id"]) if isinstance(made, Mapping) else None
    return None
