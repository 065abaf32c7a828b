"""What happened in a world, in order: what went in, what people and vendors did, what came out. Plain data, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


class History:
    """A list of entries; each has `at`, the world's time, and `what`."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, at: datetime, what: str, **named: Any) -> None:
        self._lines.append(json.dumps({"at": at, "what": what, **named}, sort_keys=True, default=_plain))

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._lines]

    def bytes(self) -> bytes:
        return "\n".join(self._lines).encode()

    def digest(self) -> str:
        return hashlib.sha256(self.bytes()).hexdigest()
