"""The page behind a link on a phone: 360 pixels wide, no sign-in, two taps."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from tests.web.browser import CHROMIUM, WIDTH, Phone
from tests.web.test_acknowledge import Linked, linked  # noqa: F401  # a fixture

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: the page was not looked at as a phone shows it"),
]
PICTURES = os.environ.get("PICTURES")
"""Where pictures of the pages go, for whoever wants to look."""


@asynccontextmanager
async def served(app: object) -> AsyncIterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", access_log=False))  # type: ignore[arg-type]
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


def walked(address: str, profile: Path, name: str, selector: str = "button") -> dict[str, object]:
    """Tap the link, look, tap the button, look."""
    seen: dict[str, object] = {}
    with Phone(profile) as phone:
        phone.open(address)
        seen["before"] = phone.see("document.body.innerText")
        seen["width"] = phone.see("document.documentElement.scrollWidth")
        seen["height"] = phone.see(f"document.querySelector({selector!r}).getBoundingClientRect().height")
        seen["visible"] = phone.see(f"document.querySelector({selector!r}).getBoundingClientRect().bottom <= innerHeight")
        first = phone.picture()
        phone.tap(selector)
        seen["after"] = phone.see("document.body.innerText")
        if PICTURES is not None:
            Path(PICTURES, f"{name}-1.png").write_bytes(first)
            Path(PICTURES, f"{name}-2.png").write_bytes(phone.picture())
    return seen


async def test_a_person_needs_two_taps(linked: Linked, tmp_path: Path) -> None:  # noqa: F811
    [case_id] = await linked.hear("4711")
    async with served(linked.client._transport._app) as address:  # type: ignore[attr-defined]
        seen = await asyncio.to_thread(walked, address + linked.link("ana", case_id), tmp_path, "one")
    assert "Severity 1: safety_incident" in str(seen["before"])
    assert linked.acknowledgements()[0]["actor"][1] == "ana"
    assert seen["width"] == WIDTH
    assert seen["visible"] is True
    assert float(str(seen["height"])) >= 44
    assert "You have it" in str(seen["after"])


async def test_so_does_each_case_of_a_group(linked: Linked, tmp_path: Path) -> None:  # noqa: F811
    found = await linked.hear("4711", "4712", "4713")
    linked.carried["ntf_1"] = [(case_id, "sev1", linked.clock.now()) for case_id in found]
    async with served(linked.client._transport._app) as address:  # type: ignore[attr-defined]
        seen = await asyncio.to_thread(walked, address + linked.link("ana", "ntf_1", "group", None), tmp_path, "group")
    assert "3 of 3 still open" in str(seen["before"])
    assert "2 of 3 still open" in str(seen["after"])
    assert seen["width"] == WIDTH
    assert len(linked.acknowledgements()) == 1
