"""`tsbridge retention`: how long what is kept stays, and what goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tsbridge.cli.frame import house, say
from tsbridge.core.retention import kept_for
from tsbridge.store import retention


def tell(as_json: bool) -> None:
    with house() as made:
        now, kept = made.clock.now(), made.settings.kept
        found = made.read(lambda conn: [_class(kind, span, retention.standing(conn, kind, span, now)) for kind, span in kept.spans()])
    say(as_json, {"classes": found}, _in_words(found))


def _class(kind: str, span: Any, standing: retention.Standing) -> dict[str, Any]:
    return {
        "class": kind,
        "kept": kept_for(span),
        "due": standing.due,
        "removed": standing.removed,
        "removed_bytes": standing.removed_bytes,
    }


def _in_words(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        due = f"{one['due']}{' or more' if one['due'] == retention.MOST_COUNTED else ''} are due"
        yield f"{one['class']}: kept {one['kept']}; {due}, {one['removed']} went so far ({one['removed_bytes'] / 1e6:.1f} MB)."
