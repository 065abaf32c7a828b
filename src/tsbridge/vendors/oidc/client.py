"""An identity provider: where people are sent to sign in, and who came back (OpenID Connect Core 1.0, authorization code with PKCE)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from tsbridge.core.errors import OutcomeUnknown, Refused, TryLater
from tsbridge.core.ports import Clock
from tsbridge.core.roster import LOOPBACK
from tsbridge.http import Answer, Http
from tsbridge.vendors.oidc.terms import Person, Terms

DISCOVERY: Final = "/.well-known/openid-configuration"
KEPT_FOR: Final = timedelta(hours=1)
"""How long discovery and keys are taken to be what they were."""
CALL_S: Final = 10.0
"""Somebody waits before the page."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the provider says of itself. `names_itself`: it says who it is when it sends people back (RFC 9207). `end_session`: where
    people sign out there (OpenID Connect RP-Initiated Logout 1.0); None where it has no such place."""

    authorization: str
    token: str
    keys: str
    by_form: bool
    names_itself: bool
    end_session: str | None


@dataclass(frozen=True, slots=True)
class Client:
    """What we are there. Without a `secret` a public client: PKCE alone proves us. `left_uri`: where people come back to who signed out."""

    id: str
    secret: str | None
    redirect_uri: str
    left_uri: str
    scopes: str

    def __repr__(self) -> str:
        return f"Client({self.id!r})"


class Provider:
    """One provider. `http(origin)` makes a client of it, closed after one call. Discovery and keys are kept for an hour.

    `mark`: tells these terms from any others; who came in by others is not signed in any more.
    """

    def __init__(self, terms: Terms, client: Client, http: Callable[[str], Http], clock: Clock) -> None:
        self._terms = terms
        self._client = client
        self._http = http
        self._clock = clock
        self._endpoints: tuple[datetime, Endpoints] | None = None
        self._keys: tuple[datetime, Any] | None = None
        told = (terms.issuer, terms.client_id, terms.role_claim, terms.name_claim, sorted(terms.roles.items()))
        self.mark = hashlib.sha256(repr(told).encode()).hexdigest()

    @property
    def name(self) -> str:
        """Its host, as people know it."""
        return urlsplit(self._terms.issuer).netloc

    async def leads_to(self, state: str, nonce: str, verifier: str) -> str:
        """Where somebody signs in. Raises TryLater, and Refused for a provider that makes no sense."""
        endpoints = await self._discovered()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": self._client.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with(endpoints.authorization, asked)

    async def leads_out(self) -> str | None:
        """Where somebody signs out there; None where the provider has no such place. Raises as `leads_to`.

        Nothing says who it is: the ID token was not kept, so the provider asks them whether they mean it."""
        address = (await self._discovered()).end_session
        asked = {"client_id": self._client.id, "post_logout_redirect_uri": self._client.left_uri}
        return None if address is None else _with(address, asked)

    async def came_back(self, code: str, issuer: str | None, nonce: str, verifier: str) -> Person:
        """Who a code stands for. `issuer`: whom the answer says it is from. Raises TryLater, and Refused with the reason."""
        endpoints = await self._discovered()
        if issuer != self._terms.issuer and (issuer is not None or endpoints.names_itself):
            raise Refused("other_issuer")
        token = await self._redeemed(endpoints, code, verifier)
        return await self._read(endpoints, token, nonce)

    async def _read(self, endpoints: Endpoints, token: str, nonce: str) -> Person:
        from tsbridge.vendors.oidc.tokens import UnknownKey, person

        now = self._clock.now()
        kept = self._keys is not None and now - self._keys[0] < KEPT_FOR
        for fresh in (not kept, True):
            keys = await self._fetched_keys(endpoints) if fresh or self._keys is None else self._keys[1]
            try:
                return person(token, keys, self._terms, nonce, now)
            except UnknownKey:
                if fresh:  # the keys are those of this moment
                    break
        raise Refused("unknown_key")

    async def _discovered(self) -> Endpoints:
        now = self._clock.now()
        if self._endpoints is None or now - self._endpoints[0] >= KEPT_FOR:
            told = _object(await self._call("GET", self._terms.issuer.rstrip("/") + DISCOVERY), "discovery_unreadable")
            if told.get("issuer") != self._terms.issuer:
                raise Refused("other_issuer")
            self._endpoints = (now, _endpoints(told))
        return self._endpoints[1]

    async def _fetched_keys(self, endpoints: Endpoints) -> Any:
        from tsbridge.vendors.oidc.tokens import key_set

        keys = key_set(_object(await self._call("GET", endpoints.keys), "keys_unreadable"))
        self._keys = (self._clock.now(), keys)
        return keys

    async def _redeemed(self, endpoints: Endpoints, code: str, verifier: str) -> str:
        """The ID token for a code, which is good once."""
        client = self._client
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri, "code_verifier": verifier}
        headers: dict[str, str] = {}
        if client.secret is None or endpoints.by_form:
            form |= {"client_id": client.id, **({} if client.secret is None else {"client_secret": client.secret})}
        else:
            pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._call("POST", endpoints.token, form=form, headers=headers)
        token = _object(answer, "no_token").get("id_token")
        if not isinstance(token, str):
            raise Refused("no_token")
        return token

    async def _call(self, method: str, address: str, **more: Any) -> Answer:
        parts = urlsplit(address)
        client = self._http(f"{parts.scheme}://{parts.netloc}")
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            answer = await client.call(method, path, once=method == "POST", call_s=CALL_S, **more)
        except OutcomeUnknown as cut:
            raise TryLater(cut.reason) from None
        finally:
            await client.close()
        if answer.status == 429 or answer.status >= 500:
            raise TryLater("unreachable")
        return answer


def _with(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def _object(answer: Answer, reason: str) -> Mapping[str, Any]:
    if answer.status != 200 or not isinstance(answer.content, dict):
        raise Refused(reason)
    return answer.content


def _endpoints(told: Mapping[str, Any]) -> Endpoints:
    """Raises Refused where what is needed is missing or would travel unprotected."""
    addresses = [told.get(f"{name}_endpoint") for name in ("authorization", "token")] + [told.get("jwks_uri")]
    if not all(isinstance(one, str) and _safe(one) for one in addresses):
        raise Refused("discovery_unreadable")
    ways = told.get("token_endpoint_auth_methods_supported")
    by_form = isinstance(ways, list) and "client_secret_basic" not in ways and "client_secret_post" in ways
    authorization, token, keys = map(str, addresses)
    names_itself, end = told.get("authorization_response_iss_parameter_supported") is True, told.get("end_session_endpoint")
    return Endpoints(authorization, token, keys, by_form, names_itself, end if isinstance(end, str) and _safe(end) else None)


def _safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    return (
        (parts.scheme == "https" or plain) and bool(parts.hostname) and not parts.fragment and address.isascii() and address.isprintable()
    )
