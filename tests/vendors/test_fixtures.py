"""Every event type and every trap of the vendors, captured, with the moments it means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.vendors.captured import FIXTURES, deliveries, golden, told
from tsbridge.core.moments import from_json
from tsbridge.vendors.talkdesk import normalize as talkdesk
from tsbridge.vendors.zendesk.read_event import EVENTS

DELIVERIES = list(deliveries())


@pytest.mark.parametrize("path", DELIVERIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_captured_delivery_says_what_its_golden_moments_say(path: Path) -> None:
    assert told(path) == golden(path)


@pytest.mark.parametrize("path", DELIVERIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_moment_survives_being_kept(path: Path) -> None:
    for moment in golden(path)["moments"]:
        assert json.loads(from_json(moment).text) == moment


def test_every_golden_file_has_its_delivery() -> None:
    goldens = {path.name.removesuffix(".moments.json") for path in FIXTURES.glob("*/*.moments.json")}
    assert goldens == {path.stem for path in DELIVERIES}


def test_every_ticket_event_we_know_is_captured() -> None:
    captured = {golden(path)["event_type"] for path in DELIVERIES if path.parent.name == "zendesk"}
    assert {f"ticket.{name}" for name in EVENTS} <= captured
    assert "messaging_ticket.message_added" in captured


def test_every_call_event_we_understand_is_captured() -> None:
    moments = [moment for path in DELIVERIES if path.parent.name == "talkdesk" for moment in golden(path)["moments"]]
    assert set(talkdesk.EVENTS.values()) <= {moment["event"] for moment in moments}
    assert {golden(path)["event_type"] for path in DELIVERIES} >= talkdesk.SILENT
