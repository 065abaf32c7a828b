"""Signing in by an identity provider: there with a question that is ours alone, and back with an answer to it; and signing out there.

What the question was is worked out again from a cookie of ten minutes that no script reads; it comes along on the way back from
another site, which the cookie of the session does not.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from datetime import timedelta
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tsbridge.acts import sessions
from tsbridge.console.frame import HEADERS, ROOT, SIGN_IN, Frame, cookie_of
from tsbridge.console.made import Console, Provider
from tsbridge.console.render import Pages
from tsbridge.console.signing import inside
from tsbridge.core.errors import Refused, VendorError

WITHIN: Final = timedelta(minutes=10)
CALLBACK: Final = ROOT + "/sign-in/callback"
LONGEST_CODE: Final = 4_096
WORDS: Final = {
    "other_audience": "its answer was made for another application",
    "other_issuer": "its answer is from another provider",
    "expired": "its answer had expired",
    "unknown_key": "its answer is signed by a key that it does not show",
    "bad_signature": "its answer's signature is wrong",
    "algorithm": "its answer is not signed in a way that proves anything",
    "no_name": "its answer does not say what you are called",
    "email_not_verified": "your e-mail address is not verified there",
}

log = logging.getLogger("tsbridge.console.provider")


class ByProvider:
    """The two steps there and back, and the one out."""

    def __init__(self, console: Console, provider: Provider, pages: Pages, frame: Frame) -> None:
        self._console = console
        self._provider = provider
        self._pages = pages
        self._frame = frame

    @property
    def _cookie(self) -> str:
        return self._frame.cookie + "-provider"

    async def there(self, request: Request) -> Response:
        """To the provider, with what only the answer to this question can repeat."""
        token = self._console.entropy(32).hex()
        try:
            address = await self._provider.leads_to(_part("state", token), _part("nonce", token), _part("verifier", token))
        except VendorError as failed:
            return self._failed(failed)
        answer = RedirectResponse(address, 303, HEADERS)
        self._give(answer, f"{token}.{quote(inside(request.query_params.get('next', '')), safe='')}", int(WITHIN.total_seconds()))
        return answer

    async def back(self, request: Request) -> Response:
        """From the provider: a session for whoever it says came, if it is an answer to a question of ours."""
        token, _, target = (cookie_of(request, self._cookie) or "").partition(".")
        answer = await self._signed_in(request, token, inside(unquote(target)))
        self._give(answer, "", 0)
        return answer

    async def leave(self, request: Request) -> Response:
        """To where people sign out at the provider, after they did so here."""
        try:
            address = await self._provider.leads_out()
        except VendorError:
            return self._frame.failed(503, f"You are signed out here. {self._provider.name} cannot be reached just now.")
        return RedirectResponse(address or SIGN_IN, 303, HEADERS)

    async def _signed_in(self, request: Request, token: str, target: str) -> Response:
        told, console = request.query_params, self._console
        if not token or not hmac.compare_digest(_part("state", token).encode(), told.get("state", "").encode()):
            return self._frame.failed(403, "This is no answer to a question of this browser, or it came too late. Sign in once more.")
        code = told.get("code", "")
        if "error" in told or not 0 < len(code) <= LONGEST_CODE:
            console.gate.security.saw("sign_in_refused", reason="not_there")
            return self._frame.failed(403, f"You were not signed in at {self._provider.name}.")
        try:
            person = await self._provider.came_back(code, told.get("iss"), _part("nonce", token), _part("verifier", token))
        except VendorError as failed:
            return self._failed(failed)
        if person.role is None:
            console.gate.security.saw("sign_in_refused", reason="no_role")
            words = "have no role here. Whoever keeps the accounts there gives you one, by the group that stands for it."
            return self._frame.failed(403, f"You are signed in at {self._provider.name} and {words}")
        name, role, mark, now = person.name, person.role, self._provider.mark, console.clock.now()
        signed = await console.database.write(lambda conn: sessions.sign_in_as(conn, name, role, mark, now, console.entropy), urgent=True)
        console.gate.security.saw("signed_in", role=role)
        # a redirect would still be the other site's: the cookie of the session comes along once the page asks for itself
        answer = HTMLResponse(self._pages.render("again.html", target=target), headers=HEADERS)
        self._frame.give(answer, signed.token, int((signed.ends_at - now).total_seconds()))
        return answer

    def _failed(self, failed: VendorError) -> Response:
        log.warning("signing in by the identity provider failed", extra={"reason": failed.reason})
        if not isinstance(failed, Refused):
            return self._frame.failed(
                503, f"{self._provider.name} cannot be reached just now. Try again in half a minute, or sign in by a key."
            )
        self._console.gate.security.saw("sign_in_refused", reason=failed.reason)
        why = WORDS.get(failed.reason, "its answer is not as it should be")
        return self._frame.failed(403, f"You could not be signed in by {self._provider.name}: {why} ({failed.reason}).")

    def _give(self, answer: Response, value: str, seconds: int) -> None:
        answer.set_cookie(self._cookie, value, max_age=seconds, path="/", secure=self._console.secure, httponly=True, samesite="lax")


def _part(name: str, token: str) -> str:
    """What stands for a question in one place, of which nothing tells the others."""
    return hashlib.sha256(f"tsbridge {name}\x00{token}".encode()).hexdigest()
