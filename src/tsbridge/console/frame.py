"""What is around every page: who looks, whether they may, whether a form is one of ours, and strict headers on whatever comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import parse_qsl, quote

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tsbridge.acts import sessions
from tsbridge.acts.errors import Invalid, NotFound, Refused
from tsbridge.acts.ledger import Entry, Ledger
from tsbridge.acts.sessions import SignedIn
from tsbridge.acts.words import Reader
from tsbridge.console.made import Console
from tsbridge.console.render import Pages
from tsbridge.core.times import read_time
from tsbridge.store.availability import unusable
from tsbridge.store.views import DATABASE_FAILURES

P = ParamSpec("P")
T = TypeVar("T")

ROOT: Final = "/console"
SIGN_IN: Final = ROOT + "/sign-in"
FORM_CAP: Final = 64 << 10
MOST_FIELDS: Final = 200
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
"""Besides those that every answer of the service has."""


class NoPage(Exception):
    """An answer in place of the page. `words` may be shown."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody signed in looks at a page, or sends a form. `form`: its fields, the last of each name; empty for a look."""

    request: Request
    console: Console
    pages: Pages
    signed: SignedIn
    now: datetime
    form: Mapping[str, str]

    @property
    def by(self) -> str:
        return self.signed.caller.name

    @property
    def reader(self) -> Reader:
        return Reader(self.signed.caller, self.console.restricted)

    def may(self, role: str) -> bool:
        return self.signed.caller.may(role)

    def show(self, template: str, **more: Any) -> Response:
        return HTMLResponse(self.pages.render(template, visit=self, **more), headers=HEADERS)

    def go(self, path: str) -> Response:
        """To another page, after something was done."""
        return RedirectResponse(ROOT + path, 303, HEADERS)

    def back(self, otherwise: str) -> Response:
        """To the page that a form came from, as its field `back` says, or another one."""
        target = self.form.get("back", "")
        safe = target.startswith("/") and target.isascii() and target.isprintable() and "\\" not in target and "//" not in target
        return self.go(target if safe and ".." not in target and len(target) <= 2_000 else otherwise)

    async def act(self, act: Callable[Concatenate[Connection, Entry, P], T], *asked: P.args, **named: P.kwargs) -> T:
        """Have an act done, and put on record who did it, before all work that waits."""
        console = self.console
        entry = Ledger(console.clock, console.ids, console.entropy).entry(self.by)
        return await console.database.write(lambda conn: act(conn, entry, *asked, **named), urgent=True)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Among all that takes its time when people ask for it, the API's as well."""
        async with self.console.bench.seat(), self.console.bench.turn():
            yield

    def in_path(self, name: str) -> str:
        """A part of the path; empty where this path has none of that name."""
        return str(self.request.path_params.get(name, ""))[:200]

    def done(self, words: Mapping[str, str]) -> str:
        """What was just done, by the few words that the address may name; empty for anything else."""
        return words.get(self.request.query_params.get("done", ""), "")

    def word(self, name: str, longest: int = 200) -> str | None:
        """A parameter of the address; None where it is empty or not there. Raises `NoPage`."""
        return _checked(name, self.request.query_params.get(name, ""), longest, lines=False) or None

    def number(self, name: str, digits: int = 15) -> int | None:
        """A parameter of the address that is a number. Raises `NoPage`."""
        text = self.word(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= digits):
            raise NoPage(422, f"Expected a number for {name}.")
        return int(text)

    def instant(self, text: str) -> datetime:
        """A day or a time as people write it, in UTC; without a zone it is the team's. Raises `ValueError`."""
        at = datetime.fromisoformat(text)
        try:
            return (at if at.tzinfo is not None else at.replace(tzinfo=self.console.zone)).astimezone(UTC)
        except OverflowError:
            raise ValueError("a time at the edge of the calendar") from None

    def place(self, name: str) -> tuple[datetime, str] | None:
        """A place in a list, as an address of ours names it: a time, and what stands behind it. Raises `NoPage`."""
        text = self.word(name)
        if text is None:
            return None
        at, _, rest = text.partition("|")
        try:
            return read_time(at), rest
        except ValueError:
            raise NoPage(422, "This address was changed; go back a page.") from None

    def sent(self, name: str, longest: int = 4_000, *, lines: bool = True) -> str:
        """A field of the form, without blanks around it. Raises `NoPage`."""
        return _checked(name, self.form.get(name, ""), longest, lines=lines)

    def needed(self, name: str, longest: int = 200, *, lines: bool = False) -> str:
        """A field of the form that must not be empty. Raises `NoPage`."""
        value = self.sent(name, longest, lines=lines)
        if not value:
            raise NoPage(422, f"The field {name} is empty; something has to stand there.")
        return value


Handler = Callable[[Visit], Awaitable[Response]]


class Frame:
    """Makes endpoints of handlers."""

    def __init__(self, console: Console, pages: Pages) -> None:
        self._console = console
        self._pages = pages

    @property
    def cookie(self) -> str:
        """`__Host-`: of this host and path alone, and never without TLS. A browser refuses that name on plain http."""
        return "__Host-tsbridge" if self._console.secure else "tsbridge"

    def endpoint(self, handler: Handler, role: str, form_cap: int = FORM_CAP) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return await self._visited(request, handler, role, form_cap)
            except NoPage as refused:
                return self.failed(refused.status, refused.words)
            except Refused as refused:
                return self.failed(404 if isinstance(refused, NotFound) else 422 if isinstance(refused, Invalid) else 409, str(refused))
            except HTTPException as refused:
                return self.failed(refused.status_code, words_of(refused))
            except DATABASE_FAILURES as failed:
                if not unusable(failed):
                    raise
                return self.failed(503, "The database cannot be used just now. Nothing was changed; try again in half a minute.")

        return answer

    async def _visited(self, request: Request, handler: Handler, role: str, form_cap: int) -> Response:
        console, now = self._console, self._console.clock.now()
        token = cookie_of(request, self.cookie)
        signed = None
        if token is not None:
            signed = await console.database.read(lambda conn: sessions.signed_in(conn, token, console.marks, now, console.idle))
        if signed is None:
            return self._stranger(request)
        if now - signed.used_at >= sessions.A_MINUTE and not _by_itself(request):
            used = signed.token
            await console.database.write(lambda conn: sessions.use(conn, used, now), urgent=True)
        if (proven := request.scope.get("state", {}).get("proven")) is not None:
            proven()
        form: Mapping[str, str] = {}
        if request.method == "POST":
            form = await form_of(request, form_cap)
            if not signed.sent(form.get("csrf", "")):
                console.gate.security.saw("form_refused")
                raise NoPage(403, "This form is not of your present session. Open the page again and send it from there.")
        if not signed.caller.may(role):
            console.gate.security.saw("role_refused", role=signed.caller.role)
            raise NoPage(403, f"This needs the role {role} or higher; your key has the role {signed.caller.role}.")
        return await handler(Visit(request, console, self._pages, signed, now, form))

    def give(self, answer: Response, value: str, seconds: int) -> None:
        """The cookie of a session."""
        answer.set_cookie(self.cookie, value, max_age=seconds, path="/", secure=self._console.secure, httponly=True, samesite="strict")

    def _stranger(self, request: Request) -> Response:
        if request.method == "POST":
            raise NoPage(403, "You are not signed in any more. Sign in, open the page again and send the form from there.")
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if request.headers.get("sec-fetch-site") == "cross-site":
            # a strict cookie does not come along from a link elsewhere; the page asks once more for itself, and then it does
            return HTMLResponse(self._pages.render("again.html", target=target), headers=HEADERS)
        return RedirectResponse(f"{SIGN_IN}?next={quote(target, safe='')}", 303, HEADERS)

    def failed(self, status: int, words: str) -> Response:
        headers = {**HEADERS, **({"Retry-After": "30"} if status == 503 else {})}
        return HTMLResponse(self._pages.render("failed.html", status=status, words=words), status, headers)


async def form_of(request: Request, cap: int = FORM_CAP) -> Mapping[str, str]:
    """The fields of a form. Raises `NoPage` for what comes from another site's page, is too large or no form."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NoPage(403, "This form comes from another site.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise NoPage(415, "Expected a form.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > cap:
            raise NoPage(413, f"Expected a form of at most {cap} bytes.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise NoPage(422, "Expected a form in UTF-8.") from None


def _by_itself(request: Request) -> bool:
    """Whether a page asked without anybody there: it stays fresh by itself."""
    return request.headers.get("x-refresh") is not None or request.url.path == ROOT + "/live"


def cookie_of(request: Request, name: str) -> str | None:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return None if found is None else found.value


def words_of(refused: HTTPException) -> str:
    return str(refused.detail)


def _checked(name: str, value: str, longest: int, *, lines: bool) -> str:
    value = value.replace("\r\n", "\n").strip()
    bare = value.replace("\n", "").replace("\t", "") if lines else value
    if len(value) > longest or "\ufffd" in value or any(ord(letter) < 32 or ord(letter) == 127 for letter in bare):
        raise NoPage(422, f"In {name}: expected at most {longest} characters of text{'' if lines else ' on one line'}.")
    return value
