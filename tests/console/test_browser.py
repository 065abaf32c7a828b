"""The console in a real browser: by keyboard alone, on a phone, in the dark; nothing that people wrote runs, nothing is from elsewhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount, Router

from tests.console.axe import violations
from tests.console.conftest import visiting
from tests.web.browser import CHROMIUM, WIDTH, Phone
from tests.web.conftest import ADMIN
from tests.web.test_acknowledge_phone import served
from tsbridge.console.app import create
from tsbridge.store.db import Database

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: the console was not looked at in a browser"),
]
PICTURES = os.environ.get("PICTURES")
"""Where pictures of the pages go, for whoever wants to look."""
PAGES = ("now", "cases", "cases/case_000003", "search?q=nobody@example.net")
TOO_SMALL = """[...document.querySelectorAll('button, input:not([type=hidden]), select')]
  .filter(e => e.checkVisibility() && !e.closest('.hidden, dialog') && e.getBoundingClientRect().height < 44)
  .map(e => e.outerHTML.slice(0, 80))"""
ELSEWHERE = "performance.getEntriesByType('resource').map(e => e.name).filter(name => !name.startsWith(location.origin))"
RAN = "document.querySelectorAll('main script, main img, main svg').length"


def sign_in(phone: Phone, address: str) -> None:
    phone.open(f"{address}/console/now")
    phone.write(ADMIN)
    phone.press("Enter", leads=True)


def by_keyboard(address: str, profile: Path) -> dict[str, Any]:
    """Sign in, paste a ticket's address, pick an act and let go of it, move in a list."""
    seen: dict[str, Any] = {}
    with Phone(profile, 1280, 800, touch=False, dark=True) as screen:
        sign_in(screen, address)
        seen["now"] = screen.see("document.querySelector('h1').textContent")
        screen.press("?")
        seen["keys"] = screen.see("document.querySelector('#keys').open")
        screen.press("Escape")
        screen.press("ArrowDown")
        screen.press("a")
        seen["picked"] = screen.see("document.querySelector('[data-picked]').textContent")
        screen.press("Escape")
        screen.press("k", ctrl=True)
        screen.write("https://desk.zendesk.test/agent/tickets/4711")
        seen["dead"] = screen.see("document.querySelectorAll('[aria-current] [data-picked]').length")
        screen.press("Enter", leads=True)
        seen["case"] = screen.see("document.querySelector('h1').textContent")
        seen["dark"] = screen.see("getComputedStyle(document.body).backgroundColor")
    return seen


def by_touch(address: str, profile: Path) -> dict[str, Any]:
    """Every page on a phone."""
    seen: dict[str, Any] = {}
    with Phone(profile) as phone:
        sign_in(phone, address)
        for page in PAGES:
            phone.open(f"{address}/console/{page}")
            looks = {"width": "document.documentElement.scrollWidth", "small": TOO_SMALL, "elsewhere": ELSEWHERE, "ran": RAN}
            seen[page] = {name: phone.see(expression) for name, expression in looks.items()}
            if page == PAGES[0]:  # every page of a demo: tests/console/test_accessible.py
                seen["axe"] = violations(phone)
            if PICTURES is not None:
                Path(PICTURES, page.replace("/", "-").partition("?")[0] + ".png").write_bytes(phone.picture())
    return seen


async def test_by_keyboard_alone_in_the_dark(filled: Database, tmp_path: Path) -> None:
    async with visiting(filled, None) as visitor, served(Router(routes=[Mount("/console", create(visitor.console))])) as address:
        seen = await asyncio.to_thread(by_keyboard, address, tmp_path)
    assert seen["now"] == "Now"
    assert seen["keys"] is True
    assert seen["picked"].startswith("Acknowledge")
    assert seen["dead"] == 0
    assert seen["case"] == "Ticket 4711: safety_incident"
    assert seen["dark"] == "rgb(18, 20, 26)"


async def test_on_a_phone_every_page_fits_and_a_finger_finds_its_buttons(filled: Database, tmp_path: Path) -> None:
    async with visiting(filled, None) as visitor, served(Router(routes=[Mount("/console", create(visitor.console))])) as address:
        seen = await asyncio.to_thread(by_touch, address, tmp_path)
    assert seen.pop("axe") == []
    assert seen == {page: {"width": WIDTH, "small": [], "elsewhere": [], "ran": 0} for page in PAGES}
