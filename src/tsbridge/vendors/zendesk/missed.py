"""What the export of changed tickets shows and no webhook told: that a ticket is gone (reference/zendesk.md section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.vendors.zendesk.payload import EVENT

SCRUBBED: Final = "SCRUBBED"
"""What the export calls the subject of a ticket that was deleted for good."""


def gone(ticket: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The delivery of a ticket that the export shows as deleted, or as deleted for good: of that one only the row is left."""
    id_, at = str(ticket["id"]), str(ticket.get("updated_at"))
    if ticket.get("subject") == SCRUBBED:
        return f"scrubbed:{id_}", {"type": f"{EVENT}ticket.permanently_deleted", "time": at, "detail": {"id": id_}, "event": {}}
    return f"deleted:{id_}:{at}", {"tsbridge": "1", "type": "ticket.deleted", "ticket": {"id": id_, "updated_at": at}}
