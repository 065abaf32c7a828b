"""What people may be called or write, in every field that a page shows and every box it has: nothing runs, nothing asks elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, Router

from tests.console.conftest import NOW, visiting
from tests.console.injected import ELSEWHERE, OUT_OF, STRINGS, VECTORS, WORKED_OUT, fill
from tests.console.test_browser import sign_in
from tests.databases import Sqlite
from tests.web.browser import CHROMIUM, Phone
from tests.web.test_acknowledge_phone import served
from tsbridge.console.app import create
from tsbridge.core.task_state import Checked
from tsbridge.store.db import Database

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.soak,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: nothing was tried in a browser"),
]
AT_ONCE = 50
"""Strings in one database: as many as a list shows."""
PAGES = (
    *("now", "cases", "cases?status=all", "cases?status=resolved", "audit", "audit?count=rule&count=tag", "audit/changes", "patterns"),
    *("rulebook", "rulebook?version=draft", "rulebook/versions", "rulebook/draft", "rulebook/draft/new", "rulebook/tests?version=live"),
    *("rulebook/difference?from=1&to=draft", "rulebook/replay", "rulebook/replay/rep_1", "rulebook/shadow", "rulebook/try"),
    *("roster", "roster/next", "roster/next?away=a0", "writeback", "events", "keys", "reports", "reports/pack?week=2026-W47"),
    *("reports/volumes?group_by=category&from=2026-11-01&to=2026-11-30", "reports/rules?group_by=rule&from=2026-11-01&to=2026-11-30"),
    *("reports/workload?group_by=agent&from=2026-11-01&to=2026-11-30", "reports/volumes/cases?column=cases&from=2026-11-01&to=2026-11-30"),
    "roster/swap?agent=a1&name=lead&from=2026-11-23T09:00&to=2026-11-24T09:00",
)
OF_EACH = ("cases/case_{:06d}", "audit/dec_{:06d}", "writeback/wb_{:06d}", "events/evt_{:06d}")
ASKED = (
    *(
        "sign-in?next={}",
        "search?q={}",
        "cases?queue={}&category={}",
        "cases/{}",
        "audit/{}",
        "audit?q={}&ticket={}&agent={}",
        "now?done={}",
    ),
    *("audit?rule={}&tag={}&queue={}", "audit?category={}&channel={}", "audit/changes?actor={}&action={}", "rulebook?q={}"),
    *("rulebook/rules/{}", "rulebook?version={}", "rulebook/draft/new?text={}", "rulebook/try?given=text:+{}&decision={}", "nothing/{}"),
    *("audit/dec_000001?field={}&value={}", "roster?week={}", "roster/swap?agent={}&name={}&from=2026-11-23T09:00&to=2026-11-24T09:00"),
    *(
        "roster/next?queue={}",
        "roster/next?category={}&channel={}&away={}",
        "reports/{}",
        "reports/volumes?group_by={}",
        "events?status={}",
    ),
    *(
        "reports/volumes/cases?group={}&column=cases",
        "writeback?ticket={}&status={}",
        "patterns?before={}",
        "cases?after=2026-11-22T00:00:00Z|{}",
    ),
)
"""Addresses that somebody may be sent, with a string in each part of the question."""
LOOK = f"""({{
  ran: document.documentElement.dataset.ran || '', worked: document.documentElement.innerText.includes('{WORKED_OUT}'),
  held: window.held || [], base: !!document.querySelector('base'),
  leads: [...document.querySelectorAll('[href], [action], [formaction], [src]')].map(e => e.href || e.action || e.src)
    .filter(to => typeof to === 'string' && !to.startsWith(location.origin + '/') && !to.startsWith('https://desk.zendesk.test/agent/')),
}})"""
WORDS = 'form[action$="/words"]'
WATCH = "addEventListener('securitypolicyviolation', event => (window.held ||= []).push(event.blockedURI || event.violatedDirective))"
CLEAN = {"ran": "", "worked": False, "held": [], "base": False, "leads": []}


@pytest.fixture(params=range(0, len(STRINGS), AT_ONCE))
def strings(request: pytest.FixtureRequest) -> Sequence[str]:
    return STRINGS[request.param : request.param + AT_ONCE]


@pytest.fixture
def filled_with(strings: Sequence[str], sqlite_files: Sqlite) -> Iterator[Database]:
    with sqlite_files.fresh() as url, Database.open(url) as database:
        database.write_now(lambda conn: fill(conn, strings, NOW))
        yield database


@asynccontextmanager
async def running(database: Database, strings: Sequence[str]) -> AsyncIterator[str]:
    """The console, whose probes say such things too; beside it a page that takes them for its own."""

    async def careless(request: Request) -> Response:
        return HTMLResponse(f"<!doctype html><title>{request.query_params['q']}")

    def saying(text: str) -> object:
        async def probe() -> Checked:
            return Checked(ok=False, detail=text)

        return probe

    async with visiting(database, None, probes={text: saying(text) for text in strings}) as visitor:
        app = Router(routes=[Mount("/console", create(visitor.console)), Route("/careless", careless)])
        async with served(app) as address:
            yield address


async def test_300_strings_in_every_field_and_box_run_nothing_and_ask_nothing_elsewhere(
    filled_with: Database, strings: Sequence[str], tmp_path: Path
) -> None:
    assert len(set(STRINGS)) == 300
    async with running(filled_with, strings) as address:
        found = await asyncio.to_thread(walked, address, tmp_path, strings)
    assert found == {}


async def test_the_strings_do_harm_where_a_page_takes_them_for_its_own(sqlite_files: Sqlite, tmp_path: Path) -> None:
    with sqlite_files.fresh() as url, Database.open(url) as database:
        async with running(database, ()) as address:
            harmed = await asyncio.to_thread(careless, address, tmp_path)
    assert len(harmed) > len(VECTORS) // 2


def careless(address: str, profile: Path) -> set[str]:
    """Vectors that ran or asked elsewhere."""
    harmed = set()
    with Phone(profile, 1280, 860, touch=False) as screen:
        for text in VECTORS:
            screen.open(f"{address}/careless?q={quote('</title>' + text, safe='')}")
            if screen.see(LOOK)["ran"] or any(ELSEWHERE in one for one in screen.asked_for()):
                harmed.add(text)
    return harmed


def walked(address: str, profile: Path, strings: Sequence[str]) -> dict[str, object]:
    """By page, what is not as it should be there."""
    amiss: dict[str, object] = {}

    def check(page: str) -> None:
        look, elsewhere = screen.see(LOOK), [one for one in screen.asked_for() if not one.startswith(address)]
        if look != CLEAN or elsewhere:
            amiss[page] = (look, elsewhere)

    with Phone(profile, 1280, 860, touch=False) as screen:
        screen.before_each_page(WATCH)
        sign_in(screen, address)
        for page in addresses(strings):
            screen.open(f"{address}/console/{page}")
            check(page)
            if screen.see(f"!!document.querySelector({WORDS!r})"):
                screen.follow(f"document.querySelector({WORDS!r}).requestSubmit()")
                check(f"{page}, with words")
    return amiss


def addresses(strings: Sequence[str]) -> Iterator[str]:
    """Every page and every row's; each address that asks with one string of each vector, in turn with all that may come before it."""
    yield from PAGES
    for number in range(1, len(strings) + 1):
        yield from (page.format(number) for page in OF_EACH)
    for turn, page in enumerate(ASKED):
        for vector in range(len(strings) // len(OUT_OF)):
            text = quote(strings[vector * len(OUT_OF) + (vector + turn) % len(OUT_OF)], safe="")
            yield page.format(*[text] * page.count("{}"))
