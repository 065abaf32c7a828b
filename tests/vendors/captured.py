"""Captured deliveries: `tests/fixtures/<vendor>/<event>__<situation>.json`, each with its golden moments beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.talkdesk.normalize import normalize as talkdesk
from tsbridge.vendors.zendesk.normalize import normalize as zendesk
from tsbridge.vendors.zendesk.read_fields import OwnUser

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
RECEIVED: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OWN: Final = OwnUser("99000000001", "bridge@example.com")


def deliveries() -> Iterator[Path]:
    return (path for path in sorted(FIXTURES.glob("*/*.json")) if not path.name.endswith(".moments.json"))


def golden(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".moments.json").read_text("utf-8"))
    return found


def normalized(vendor: str, body: Any) -> Normalized:
    if vendor == "zendesk":
        return zendesk(body, received_at=RECEIVED, own=OWN)
    return talkdesk(body, received_at=RECEIVED)


def told(path: Path) -> dict[str, Any]:
    """What a captured delivery says, as it stands in its golden file."""
    try:
        found = normalized(path.parent.name, strict_json.read(path.read_bytes()))
    except Malformed as refused:
        return {"malformed": refused.code, "pointer": refused.pointer, "event_type": None, "moments": []}
    return {
        "event_type": found.event_type,
        "ignored": found.ignored,
        "moments": [json.loads(moment.text) for moment in found.moments],
        "warnings": list(found.warnings),
    }
