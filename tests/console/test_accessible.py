"""Every page of the console held against axe, over a demo: wide, on a phone, in the dark."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.console.axe import violations
from tests.console.pictures import MORE, PAGES, demo, sign_in
from tests.web.browser import CHROMIUM, Phone

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: the console was not looked at in a browser"),
]
LISTS = ("cases", "audit", "writeback", "events", "rulebook", "rulebook/replay", "rulebook?version=draft", "reports")
"""Lists of which the first row is opened, too."""
BESIDES = (
    *("rulebook/try?given=channel:+email%0Atext:+my+dog+was+bitten", "rulebook/tests?version=live", "rulebook/difference?from=1&to=draft"),
    *("search?q=nobody@example.net", "roster/swap?agent=nobody&from=2026-11-23T09:00&to=2026-11-24T09:00&name=lead", "nothing"),
    *("reports/volumes/cases?column=cases", "cases?status=all&severity=1", "roster?week=2020-01-06"),
)
FIRST = "document.querySelector('main a.open')?.getAttribute('href')"
WINDOWS = {"wide": {"touch": False}, "dark": {"touch": False, "dark": True}, "phone": {}}


def test_axe_finds_nothing_on_any_page() -> None:
    found: dict[str, list[str]] = {}
    with demo() as (address, key), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, window in WINDOWS.items():
            size = () if name == "phone" else (1280, 860)
            with Phone(Path(folder, name), *size, **window) as screen:
                for page, broken in walked(screen, address, key):
                    found[f"{page} ({name})"] = broken
    assert len(found) > len(WINDOWS) * (len(PAGES) + len(MORE) + len(BESIDES))
    assert {page: broken for page, broken in found.items() if broken} == {}


def walked(screen: Phone, address: str, key: str) -> list[tuple[str, list[str]]]:
    """Each page and what axe finds there: as a stranger, then signed in."""
    screen.open(f"{address}/console/sign-in")
    found = [("sign-in", violations(screen))]
    sign_in(screen, address, key)
    pages = [*PAGES, *MORE, *BESIDES]
    for page in LISTS:
        screen.open(f"{address}/console/{page}")
        if (first := screen.see(FIRST)) is not None:
            pages.append(str(first).removeprefix("/console/"))
    for page in dict.fromkeys(pages):
        screen.open(f"{address}/console/{page}")
        found.append((page, violations(screen)))
    return found
