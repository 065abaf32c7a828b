"""Signing in and out. Nobody is told more than that a key is not good; wrong ones are counted by the same gate as the API's."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tsbridge.acts import sessions
from tsbridge.acts.callers import PROVIDER, Caller
from tsbridge.acts.sessions import LASTS, SignedIn
from tsbridge.console.frame import HEADERS, ROOT, SIGN_IN, Frame, NoPage, Visit, cookie_of, form_of, words_of
from tsbridge.console.made import Console
from tsbridge.console.render import Pages
from tsbridge.core.errors import VendorError

LONGEST_KEY: Final = 512
HOME: Final = ROOT + "/now"
LEFT: Final = "left=provider"
"""What the address of the page says to whoever signed out and may do so at the provider, too."""
NOBODY: Final = Caller("", "", "viewer")


class SigningIn:
    """The page with the one field."""

    def __init__(self, console: Console, pages: Pages, frame: Frame) -> None:
        self._console = console
        self._pages = pages
        self._frame = frame

    @property
    def _form_cookie(self) -> str:
        """Names the cookie of whoever is about to sign in: it proves that the form was ours."""
        return self._frame.cookie + "-sign-in"

    async def __call__(self, request: Request) -> Response:
        if request.method != "POST":
            return self._shown(request.query_params.get("next", ""), 200, "", left=request.url.query == LEFT)
        try:
            form = await form_of(request)
            token = cookie_of(request, self._form_cookie)
            if token is None or not _of_nobody(token, self._console.clock.now()).sent(form.get("csrf", "")):
                return self._shown(form.get("next", ""), 403, "This form was open too long, or cookies are off. Try once more.")
        except NoPage as refused:
            return self._frame.failed(refused.status, refused.words)
        return await self._signed_in(request, form.get("key", "").strip(), form.get("next", ""))

    async def _signed_in(self, request: Request, key: str, target: str) -> Response:
        console = self._console
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
            return self._shown(target, 422, "Expected a key, as it was shown when it was made.")
        try:
            caller = await console.gate.recognise(key, request.client.host if request.client else "unknown")
        except HTTPException as refused:
            console.gate.security.saw("key_locked" if refused.status_code == 429 else "sign_in_refused")
            return self._shown(target, refused.status_code, words_of(refused), dict(refused.headers or {}))
        now, mark = console.clock.now(), console.gate.admin_mark
        signed = await console.database.write(lambda conn: sessions.sign_in(conn, caller, mark, now, console.entropy), urgent=True)
        console.gate.security.saw("signed_in", role=caller.role)
        answer = RedirectResponse(inside(target), 303, HEADERS)
        self._frame.give(answer, signed.token, int((signed.ends_at - now).total_seconds()))
        self._give(answer, "", 0)
        return answer

    async def out(self, visit: Visit) -> Response:
        """Signing out: the session is gone, not only its cookie. The provider's own is theirs to end, by a link: a form of ours that was
        answered with another site's address would be stopped by `form-action`."""
        token = visit.signed.token
        await visit.console.database.write(lambda conn: sessions.sign_out(conn, token), urgent=True)
        there = visit.signed.caller.id == PROVIDER and await self._leads_out()
        answer = RedirectResponse(f"{SIGN_IN}?{LEFT}" if there else SIGN_IN, 303, HEADERS)
        self._frame.give(answer, "", 0)
        return answer

    async def _leads_out(self) -> bool:
        provider = self._console.provider
        try:
            return provider is not None and await provider.leads_out() is not None
        except VendorError:
            return False

    def _shown(self, target: str, status: int, wrong: str, headers: dict[str, str] | None = None, *, left: bool = False) -> Response:
        token = self._console.entropy(24).hex()
        csrf = _of_nobody(token, self._console.clock.now()).csrf
        provider = None if self._console.provider is None else self._console.provider.name
        page = self._pages.render("sign-in.html", target=inside(target), csrf=csrf, wrong=wrong, provider=provider, left=left)
        told = {name: value for name, value in (headers or {}).items() if name == "Retry-After"}
        answer = HTMLResponse(page, status, {**HEADERS, **told})
        self._give(answer, token, 3_600)
        return answer

    def _give(self, answer: Response, value: str, seconds: int) -> None:
        answer.set_cookie(
            self._form_cookie, value, max_age=seconds, path="/", secure=self._console.secure, httponly=True, samesite="strict"
        )


def _of_nobody(token: str, now: datetime) -> SignedIn:
    """A session that is nobody's yet."""
    return SignedIn(token, NOBODY, now + LASTS, now)


def inside(target: str) -> str:
    """Where to go on: a page of the console, and nowhere else."""
    plain = (
        target.startswith(ROOT + "/")
        and target.isascii()
        and target.isprintable()
        and "\\" not in target
        and "//" not in target
        and ".." not in target
    )
    return target if plain and not target.startswith(SIGN_IN) and len(target) <= 2_000 else HOME
