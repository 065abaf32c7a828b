"""What the settings say of the outside: the door's entrances, readers of deliveries, clients of the vendors, ways to people.

Every command needs some of it and none needs all, so what is made by a function is imported there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.limits import FEED_BYTES, PROVIDER_BYTES, RECEIPT_BYTES
from tsbridge.core.ports import Clock
from tsbridge.settings.model import Settings

if TYPE_CHECKING:
    from tsbridge.delivery_readers import Readers
    from tsbridge.feed_source import Source
    from tsbridge.http import Outgoing
    from tsbridge.notify.make import Outside
    from tsbridge.vendors.oidc.client import Provider
    from tsbridge.vendors.talkdesk.client import TalkdeskClient
    from tsbridge.vendors.zendesk.client import Credentials, Limits, ZendeskClient
    from tsbridge.vendors.zendesk.read_fields import OwnUser
    from tsbridge.web.webhooks import Entrance


def entrances(settings: Settings) -> dict[str, Entrance]:
    """How deliveries come in; a source without a secret lets nobody in."""
    from tsbridge.web import webhooks

    zendesk, talkdesk = _texts(settings.zendesk_webhook_secrets), _texts(settings.talkdesk_webhook_secrets)
    return {"zendesk": webhooks.zendesk(zendesk, settings.signature_tolerance_s), "talkdesk": webhooks.talkdesk(talkdesk)}


def readers(settings: Settings, own: Callable[[], OwnUser]) -> Readers:
    """How the deliveries of each source are read into moments."""
    from tsbridge.delivery_readers import Readers

    return Readers(own, settings.phone_region, settings.talkdesk_zone)


def zendesk_credentials(settings: Settings, clock: Clock) -> Credentials | None:
    """The best kind that is set."""
    from tsbridge.vendors.zendesk.client import AccessToken, ApiToken, client_credentials

    if settings.zendesk_client_id is not None and settings.zendesk_client_secret is not None:
        return client_credentials(settings.zendesk_client_id, settings.zendesk_client_secret.get_secret_value(), clock, crashpoint)
    if settings.zendesk_access_token is not None:
        return AccessToken(settings.zendesk_access_token.get_secret_value())
    if settings.zendesk_email is not None and settings.zendesk_api_token is not None:
        return ApiToken(settings.zendesk_email, settings.zendesk_api_token.get_secret_value())
    return None


def outgoing(settings: Settings) -> Outgoing:
    """How calls leave."""
    from tsbridge.http import Outgoing

    proxy = None if settings.http_proxy is None else settings.http_proxy.get_secret_value()
    return Outgoing(proxy, settings.no_proxy, settings.ca_bundle)


def make_zendesk(settings: Settings, clock: Clock, heard: Callable[[Limits], None] = lambda limits: None) -> ZendeskClient | None:
    """A client of the settings' Zendesk; None when there is no address or no credentials. Close it. `heard` gets its rate headers."""
    from tsbridge.http import Http
    from tsbridge.vendors.zendesk.client import ZendeskClient

    credentials = zendesk_credentials(settings, clock)
    if settings.zendesk_url is None or credentials is None:
        return None
    return ZendeskClient(Http(settings.zendesk_url, sleep=asyncio.sleep, outgoing=outgoing(settings)), credentials, heard)


def provider(settings: Settings, clock: Clock) -> Provider | None:
    """By whom people may sign in to the console; None where nobody said."""
    from tsbridge.acts.callers import ROLES
    from tsbridge.http import Http
    from tsbridge.vendors.oidc.client import Client, Provider
    from tsbridge.vendors.oidc.terms import Terms

    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    way, secret, id_ = outgoing(settings), settings.oidc_client_secret, settings.oidc_client_id
    claims = {"role_claim": settings.oidc_role_claim, "name_claim": settings.oidc_name_claim}
    terms = Terms(settings.oidc_issuer, id_, **claims, roles=settings.roles_by_claim, ladder=ROLES)
    back = f"{settings.public_url}/console/sign-in"
    client = Client(id_, None if secret is None else secret.get_secret_value(), f"{back}/callback", back, settings.oidc_scopes)
    return Provider(terms, client, lambda origin: Http(origin, sleep=asyncio.sleep, outgoing=way, largest=PROVIDER_BYTES), clock)


def feed_source(settings: Settings) -> Source:
    """Where the roster's iCalendar feeds come from."""
    from tsbridge.feed_source import Source
    from tsbridge.http import Http

    way = outgoing(settings)
    return Source(lambda origin: Http(origin, sleep=asyncio.sleep, outgoing=way, largest=FEED_BYTES), lambda path: path.read_text("utf-8"))


def make_talkdesk(settings: Settings, clock: Clock) -> TalkdeskClient | None:
    """A client of the settings' Talkdesk account; None when the account or the client is not set. Close it."""
    from tsbridge.http import Http
    from tsbridge.vendors.talkdesk.client import TalkdeskClient, hosts

    account, client_id, secret = settings.talkdesk_account, settings.talkdesk_client_id, settings.talkdesk_client_secret
    if account is None or client_id is None or secret is None:
        return None
    found = hosts(account, settings.talkdesk_region)
    identity, api = (Http(host, sleep=asyncio.sleep, outgoing=outgoing(settings)) for host in (found.identity, found.api))
    return TalkdeskClient(identity, api, client_id, secret.get_secret_value(), clock, asyncio.sleep)


def outside(settings: Settings, clock: Clock) -> Outside:
    """What the ways of the roster send with."""
    from tsbridge.http import Http
    from tsbridge.notify.make import Outside

    way = outgoing(settings)
    http = partial(Http, sleep=asyncio.sleep, outgoing=way, most=1, largest=RECEIPT_BYTES)
    return Outside(http, clock, settings.mail, variables=settings.variables)


def _texts(secrets: tuple[SecretStr, ...]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets)
