"""Signing in by an identity provider: who gets in as whom, and every answer that is not as the specification wants it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tests.clocks import SettableClock
from tests.console.conftest import NOW, Visitor, visiting
from tsbridge.acts.callers import ROLES
from tsbridge.core.limits import PROVIDER_BYTES
from tsbridge.http import Http
from tsbridge.store.db import Database
from tsbridge.vendors.oidc.client import KEPT_FOR, Client, Provider
from tsbridge.vendors.oidc.terms import Terms

pytestmark = pytest.mark.anyio

ISSUER = "https://id.example.test/realms/desk"
CLIENT, SECRET = "tsbridge", "a secret of the client: ü"
BACK = "http://bridge.test/console/sign-in/callback"
LEFT = "http://bridge.test/console/sign-in"
KEYS = {name: ECKey.generate_key("P-256", {"kid": name, "use": "sig"}) for name in ("one", "two")}
STOLEN = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})


@dataclass
class IdentityProvider:
    """One with memory, as harsh as the specification: a code is good once, for whom it was made, with what proves the question.

    `claims`, `header`, `key`, `document`: what is otherwise than it should be.
    """

    clock: SettableClock
    shown: tuple[str, ...] = ("one",)
    signs: str = "one"
    claims: dict[str, Any] = field(default_factory=dict)
    forged: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    endless: bool = False

    def sign_in(self, address: str) -> dict[str, str]:
        """Somebody signs in at the address they were sent to; what they are sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query, strict_parsing=True).items()}
        assert address.startswith(f"{ISSUER}/auth?")
        assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", CLIENT, BACK)
        assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
        assert "openid" in asked["scope"].split()
        code = f"code {len(self.codes)} & more"
        self.codes[code] = asked
        return {"state": asked["state"], "code": code}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path.rpartition("/")[2])
        if self.away:
            raise httpx.ConnectError("away")
        if self.endless:
            return httpx.Response(200, content=b'{"a": "' + b"x" * PROVIDER_BYTES + b'"}')
        if request.url.path.endswith("/.well-known/openid-configuration"):
            return httpx.Response(200, json=self._document())
        if request.url.path.endswith("/keys"):
            return httpx.Response(200, json={"keys": [KEYS[name].as_dict(private=False) for name in self.shown]})
        assert request.url.path.endswith("/token")
        return self._token(request)

    def _document(self) -> dict[str, Any]:
        places = {"authorization_endpoint": f"{ISSUER}/auth", "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys"}
        return {"issuer": ISSUER, **places, **self.document}

    def _token(self, request: httpx.Request) -> httpx.Response:
        sent = {name: values[0] for name, values in parse_qs(request.content.decode(), strict_parsing=True).items()}
        pair = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        given = pair or f"{sent.get('client_id')}:{sent.get('client_secret')}"
        if given not in (f"{CLIENT}:a+secret+of+the+client%3A+%C3%BC", f"{CLIENT}:{SECRET}"):
            return httpx.Response(401, json={"error": "invalid_client"})
        asked = self.codes.pop(sent["code"], None)  # once, whatever comes of it
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).decode().rstrip("=")
        good = asked is not None and sent["grant_type"] == "authorization_code" and sent["redirect_uri"] == asked["redirect_uri"]
        if asked is None or not good or challenge != asked["code_challenge"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        now = int(self.clock.now().timestamp())
        claims = {"iss": ISSUER, "sub": "u-1", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {"email": "ana@example.com", "email_verified": True, "groups": ["everybody", "desk-ops"], **self.claims}
        told = {name: value for name, value in claims.items() if value is not None}
        token = self.forged(told) if self.forged else jwt.encode({"alg": "ES256", "kid": self.signs}, told, KEYS[self.signs])
        return httpx.Response(200, json={"token_type": "Bearer", "access_token": "secret", "id_token": token})


async def at_once(seconds: float) -> None:
    """No time passes."""


@asynccontextmanager
async def door(database: Database, **changes: Any) -> AsyncIterator[tuple[Visitor, IdentityProvider]]:
    """A stranger before the console, and the provider that it names."""
    clock = SettableClock(NOW)
    known = IdentityProvider(clock)
    names = {"role_claim": "groups", "name_claim": "email", **changes.pop("claims", {})}
    terms = Terms(ISSUER, CLIENT, **names, roles={"desk-leads": "supervisor", "desk-ops": "ops", "desk": "viewer"}, ladder=ROLES)

    def http(origin: str) -> Http:
        return Http(origin, sleep=at_once, transport=httpx.MockTransport(known), largest=PROVIDER_BYTES)

    provider = Provider(terms, Client(CLIENT, SECRET, BACK, LEFT, "openid email"), http, clock)
    async with visiting(database, None, provider=provider, clock=clock, **changes) as visitor:
        yield visitor, known


async def there(visitor: Visitor, target: str = "") -> httpx.Response:
    return await visitor.look("sign-in/provider", params={"next": target})


async def back(visitor: Visitor, told: dict[str, str]) -> httpx.Response:
    """As a browser comes from another site."""
    return await visitor.look("sign-in/callback", params=told, headers={"Sec-Fetch-Site": "cross-site"})


async def signed_in(visitor: Visitor, known: IdentityProvider, target: str = "", **more: str) -> httpx.Response:
    sent = await there(visitor, target)
    assert sent.status_code == 303
    return await back(visitor, {**known.sign_in(sent.headers["location"]), **more})


async def test_somebody_signs_in_there_and_is_who_the_provider_says_with_the_highest_role_of_their_groups(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        assert "Sign in at id.example.test" in (await visitor.look("sign-in")).text
        answer = await signed_in(visitor, known, "/console/cases?severity=1")
        assert answer.status_code == 200
        assert 'content="0; url=/console/cases?severity=1"' in answer.text
        page = (await visitor.look("now")).text
        assert "ana@example.com, ops" in page
        assert (await visitor.look("events")).status_code == 200
        assert (await visitor.send("keys", name="x", role="viewer")).status_code == 403
        assert (await visitor.send("sign-out")).status_code == 303
        assert (await visitor.look("now")).status_code == 303


async def test_whoever_signs_out_is_offered_to_do_so_at_the_provider_where_it_has_a_way(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        known.document = {"end_session_endpoint": f"{ISSUER}/logout?ui=desk"}
        await signed_in(visitor, known)
        answer = await visitor.send("sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?left=provider")
        assert (await visitor.look("now")).status_code == 303
        page = (await visitor.look("sign-in?left=provider")).text
        assert 'href="/console/sign-in/leave"' in page
        assert "Sign out at id.example.test" in page
        leaving = await visitor.look("sign-in/leave")
        assert leaving.status_code == 303
        address, _, asked = leaving.headers["location"].partition("&")
        assert address == f"{ISSUER}/logout?ui=desk"
        assert parse_qs(asked, strict_parsing=True) == {"client_id": [CLIENT], "post_logout_redirect_uri": [LEFT]}
        assert 'href="/console/sign-in/leave"' not in (await visitor.look("sign-in")).text


@pytest.mark.parametrize("there", [None, "http://id.example.test/logout", "javascript:alert(1)", 7])
async def test_a_provider_without_a_safe_way_to_sign_out_is_not_offered(filled: Database, there: Any) -> None:
    async with door(filled) as (visitor, known):
        known.document = {"end_session_endpoint": there}
        await signed_in(visitor, known)
        assert (await visitor.send("sign-out")).headers["location"] == "/console/sign-in"
        assert (await visitor.look("sign-in/leave")).headers["location"] == "/console/sign-in"


async def test_signing_out_here_waits_for_nobody_there(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        known.document = {"end_session_endpoint": f"{ISSUER}/logout"}
        await signed_in(visitor, known)
        known.clock.advance(KEPT_FOR)
        known.away = True
        assert (await visitor.send("sign-out")).headers["location"] == "/console/sign-in"
        assert (await visitor.look("now")).status_code == 303
        answer = await visitor.look("sign-in/leave")
        assert (answer.status_code, "You are signed out here" in answer.text) == (503, True)


async def test_what_they_do_is_on_record_under_the_name_the_provider_gives(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        await signed_in(visitor, known)
        await visitor.send("cases/case_000001/words")
        assert "ana@example.com" in (await visitor.look("audit/changes?action=case.words_read")).text


async def test_cookies_of_the_question_come_back_from_another_site_and_those_of_the_session_do_not(filled: Database) -> None:
    async with door(filled, secure=True) as (visitor, known):
        visitor.client.base_url = httpx.URL("https://bridge.test")
        sent = await there(visitor)
        asked = sent.headers["set-cookie"].lower()
        assert asked.startswith("__host-tsbridge-provider=")
        assert "samesite=lax" in asked
        answer = await back(visitor, known.sign_in(sent.headers["location"]))
        session, gone = sorted(cookie.lower() for cookie in answer.headers.get_list("set-cookie"))[::-1]
        assert "samesite=strict" in session
        assert all(part in one for one in (asked, session) for part in ("httponly", "; secure"))
        assert "max-age=0" in gone


async def test_nobody_is_led_elsewhere_after_signing_in(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        assert "url=/console/now" in (await signed_in(visitor, known, "https://evil.test/")).text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"aud": "another-app"}, "other_audience"),
    ({"aud": ["another-app"]}, "other_audience"),
    ({"aud": None}, "other_audience"),
    ({"aud": [CLIENT, "another-app"]}, "other_party"),
    ({"azp": "another-app"}, "other_party"),
    ({"iss": "https://evil.test"}, "other_issuer"),
    ({"iss": None}, "claims"),
    ({"sub": None}, "claims"),
    ({"exp": int((NOW - timedelta(seconds=61)).timestamp())}, "expired"),
    ({"exp": None}, "claims"),
    ({"exp": "tomorrow"}, "claims"),
    ({"iat": int((NOW + timedelta(seconds=120)).timestamp())}, "claims"),
    ({"iat": int((NOW - timedelta(hours=1)).timestamp())}, "too_old"),
    ({"nbf": int((NOW + timedelta(seconds=120)).timestamp())}, "claims"),
    ({"nonce": "of another question"}, "other_nonce"),
    ({"nonce": None}, "other_nonce"),
    ({"email": None}, "no_name"),
    ({"email": "an\x00a"}, "no_name"),
    ({"email": ["ana@example.com"]}, "no_name"),
    ({"email_verified": False}, "email_not_verified"),
]


@pytest.mark.parametrize(("claims", "reason"), WRONG)
async def test_a_token_that_says_something_else_lets_nobody_in(filled: Database, claims: dict[str, Any], reason: str) -> None:
    async with door(filled) as (visitor, known):
        known.claims = claims
        answer = await signed_in(visitor, known)
        assert (answer.status_code, f"({reason})" in answer.text) == (403, True)
        assert (await visitor.look("now")).status_code == 303


@pytest.mark.parametrize(
    "claims", [{"exp": int((NOW - timedelta(seconds=30)).timestamp())}, {"iat": int((NOW + timedelta(seconds=30)).timestamp())}]
)
async def test_a_clock_that_is_a_little_off_keeps_nobody_out(filled: Database, claims: dict[str, Any]) -> None:
    async with door(filled) as (visitor, known):
        known.claims = claims
        assert (await signed_in(visitor, known)).status_code == 200


def unsigned(claims: dict[str, Any]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims)]
    return ".".join((*parts, ""))


def by_the_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET.encode() + b" " * 16))


def by_a_key_of_its_own(claims: dict[str, Any]) -> str:
    """A token that brings the key it is signed by."""
    return jwt.encode({"alg": "ES256", "kid": "one", "jwk": STOLEN.as_dict(private=False)}, claims, STOLEN)


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (unsigned, "algorithm"),
        (by_the_secret, "algorithm"),
        (by_a_key_of_its_own, "bad_signature"),
        (lambda claims: jwt.encode({"alg": "ES256", "kid": "one"}, claims, STOLEN), "bad_signature"),
        (lambda claims: jwt.encode({"alg": "ES256", "kid": "nobody's"}, claims, STOLEN), "unknown_key"),
        (lambda claims: "not a token", "unreadable"),
        (lambda claims: "", "unreadable"),
        (lambda claims: 7, "no_token"),
    ],
)
async def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    filled: Database, forged: Callable[[dict[str, Any]], str], reason: str
) -> None:
    async with door(filled) as (visitor, known):
        known.forged = forged
        answer = await signed_in(visitor, known)
        assert (answer.status_code, f"({reason})" in answer.text) == (403, True)


async def test_a_new_key_of_the_provider_is_fetched_once_and_good_at_once(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        assert (await signed_in(visitor, known)).status_code == 200
        known.shown, known.signs, known.asked = ("one", "two"), "two", []
        assert (await signed_in(visitor, known)).status_code == 200
        assert known.asked == ["token", "keys"]
        known.asked.clear()
        assert (await signed_in(visitor, known)).status_code == 200
        assert known.asked == ["token"]
        known.shown, known.signs, known.asked = ("one",), "one", []
        known.clock.advance(KEPT_FOR)
        assert (await signed_in(visitor, known)).status_code == 200
        assert known.asked == ["openid-configuration", "token", "keys"]


@pytest.mark.parametrize("groups", [None, [], ["everybody"], "everybody", {"desk-ops": True}, [["desk-ops"]]])
async def test_whoever_has_no_role_gets_a_page_that_says_so(filled: Database, groups: Any) -> None:
    async with door(filled) as (visitor, known):
        known.claims = {"groups": groups}
        answer = await signed_in(visitor, known)
        assert (answer.status_code, "have no role here" in answer.text) == (403, True)
        assert (await visitor.look("now")).status_code == 303


async def test_claims_may_stand_in_claims(filled: Database) -> None:
    async with door(filled, claims={"role_claim": "realm_access.roles", "name_claim": "desk.name"}) as (visitor, known):
        known.claims = {"realm_access": {"roles": "desk-leads"}, "desk": {"name": "ana"}}
        assert (await signed_in(visitor, known)).status_code == 200
        assert "ana, supervisor" in (await visitor.look("search")).text


async def test_an_answer_to_nobodys_question_or_a_second_time_lets_nobody_in(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        told = known.sign_in((await there(visitor)).headers["location"])
        assert (await back(visitor, {**told, "state": "0" * 64})).status_code == 403
        assert (await back(visitor, told)).status_code == 403  # the question is gone
        told = known.sign_in((await there(visitor)).headers["location"])
        cookie = {"Cookie": f"tsbridge-provider={visitor.client.cookies['tsbridge-provider']}"}
        assert (await back(visitor, told)).status_code == 200
        again = await visitor.look("sign-in/callback", params=told, headers=cookie)
        assert (again.status_code, "(no_token)" in again.text) == (403, True)
        assert (await back(visitor, {})).status_code == 403


async def test_a_code_that_was_stolen_is_of_no_use_to_another_browser(filled: Database) -> None:
    async with door(filled) as (victim, known):
        told = known.sign_in((await there(victim)).headers["location"])
        victim.client.cookies.clear()
        mine = known.sign_in((await there(victim)).headers["location"])
        answer = await back(victim, {"state": mine["state"], "code": told["code"]})
        assert (answer.status_code, "(no_token)" in answer.text) == (403, True)


async def test_who_the_answer_says_it_is_from_is_looked_at(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        assert "(other_issuer)" in (await signed_in(visitor, known, iss="https://evil.test")).text
        assert (await signed_in(visitor, known, iss=ISSUER)).status_code == 200
    async with door(filled) as (visitor, known):
        known.document = {"authorization_response_iss_parameter_supported": True}
        assert "(other_issuer)" in (await signed_in(visitor, known)).text


async def test_somebody_who_goes_away_there_is_told_so(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        told = known.sign_in((await there(visitor)).headers["location"])
        answer = await back(visitor, {"state": told["state"], "error": "access_denied", "error_description": "<b>no</b>"})
        assert (answer.status_code, "You were not signed in at id.example.test" in answer.text) == (403, True)
        assert "no</b>" not in answer.text


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://id.example.test/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_makes_no_sense_is_not_asked(filled: Database, document: dict[str, Any]) -> None:
    async with door(filled) as (visitor, known):
        known.document = document
        assert (await there(visitor)).status_code == 403
        assert known.asked == ["openid-configuration"]


async def test_a_client_that_has_to_send_its_secret_in_the_form_does(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        known.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        assert (await signed_in(visitor, known)).status_code == 200


async def test_while_the_provider_cannot_be_reached_keys_are_good(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        known.away = True
        answer = await there(visitor)
        assert (answer.status_code, "sign in by a key" in answer.text) == (503, True)


async def test_an_answer_without_an_end_is_read_up_to_its_bound(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        known.endless = True
        assert (await there(visitor)).status_code == 503


async def test_a_session_ends_when_the_terms_of_the_provider_are_others(filled: Database) -> None:
    async with door(filled) as (visitor, known):
        await signed_in(visitor, known)
        token = visitor.client.cookies["tsbridge"]
        async with door(filled, claims={"role_claim": "other"}) as (later, _):
            assert (await later.look("search", headers={"Cookie": f"tsbridge={token}"})).status_code == 303
        async with visiting(filled, None) as without:
            assert (await without.look("search", headers={"Cookie": f"tsbridge={token}"})).status_code == 303
        assert (await visitor.look("search")).status_code == 200


async def test_without_a_provider_there_is_no_way_to_one(filled: Database) -> None:
    async with visiting(filled, None) as visitor:
        assert (await visitor.look("sign-in/provider")).status_code == 404
        assert (await visitor.look("sign-in/leave")).status_code == 404
        assert "sign-in/leave" not in (await visitor.look("sign-in?left=provider")).text
        assert "Or with a key" not in (await visitor.look("sign-in")).text
