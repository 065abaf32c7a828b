"""The page about the simulators lists exactly the endpoints that are there."""

from __future__ import annotations

from pathlib import Path

import tsbridge.simulator.zendesk.api  # noqa: F401  # registers the routes
from tsbridge.simulator.zendesk.routes import written

PAGE = Path(__file__).parents[2] / "docs" / "simulators.md"


def test_the_page_lists_every_route_and_no_other() -> None:
    listed = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("- `/api/v2/")]
    assert listed == written(), "put the lines of tsbridge.simulator.zendesk.routes.written() into docs/simulators.md"
