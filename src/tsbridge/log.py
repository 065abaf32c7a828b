"""Logs: one JSON object per line, on an allow list of keys.

Everybody else logs with `logging.getLogger("tsbridge.…")` and `extra={...}`; only the roof imports this module. A key
that is not on the list is shown as the kind and size of its value. As a second net, what looks like an address, a phone
number, a card or a token is masked wherever it stands. Control characters cannot forge a line or colour a terminal.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from tsbridge.core.failed_at import failed_at

_OF_EVERY_RECORD: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})

ALLOWED: Final = frozenset(
    {
        *("event", "level", "logger", "timestamp", "exception"),
        *(
            "source",
            "status",
            "reason",
            "outcome",
            "event_id",
            "case_id",
            "decision_id",
            "writeback_id",
            "change_id",
            "erasure_id",
            "trace_id",
        ),
        *("ticket", "version", "hash", "rule", "queue", "policy", "step", "mode", "revision", "attempt", "attempts", "worker"),
        *("count", "size", "bytes", "seconds", "after_s", "due_at", "host", "port", "path", "method", "route", "dialect", "kind"),
        *(
            "error",
            "where",
            "setting",
            "check",
            "signal",
            "role",
            "crashpoint",
            "decisions",
            "wishes",
            "claimed",
            "upstream",
            "about",
            "since",
            "tags",
            "parts",
            "places",
            "zone_rules",
            "severity",
            "until",
            "way",
            "message_id",
            "feed",
            "fields",
            "values",
            "by",
        ),
    }
)
LONGEST: Final = 500
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VALUES: Final = re.compile(r"[(<\n]")
"""Behind it asyncio shows values: arguments of a callback, what became of a task."""
_NETS: Final = (
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"), "<address>"),
    (re.compile(r"\b(?:tsb_[A-Za-z0-9]{8}_[\w-]{20,}|Bearer\s+\S+|Basic\s+\S+)"), "<credential>"),
    (re.compile(r"://[^/\s:@]+:[^/\s@]+@"), "://<credential>@"),
    (re.compile(r"(?<![\w.:-])\+\d[\d ().-]{6,18}\d"), "<number>"),
    (re.compile(r"(?<![\w.:-])(?:\d[ -]?){13,19}(?![\w.:-])"), "<number>"),
)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream` (standard error) in our form. Again replaces the first."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in (
        ("uvicorn.access", logging.CRITICAL),
        ("httpx", logging.WARNING),
        ("httpcore", logging.WARNING),
        ("alembic", logging.WARNING),
        ("uvicorn", logging.WARNING),
    ):
        logging.getLogger(name).setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    logging.captureWarnings(True)
    threading.excepthook = _died
    sys.unraisablehook = _ignored


def _died(about: threading.ExceptHookArgs) -> None:
    """Python would write the failure's own words to standard error."""
    logging.getLogger("tsbridge").critical("a thread died", exc_info=about.exc_value)


def _ignored(about: sys.UnraisableHookArgs) -> None:
    logging.getLogger("tsbridge").error("a failure was ignored", exc_info=about.exc_value)


class Lines(logging.Formatter):
    """A record as a line: what it says, what came with it, when and where; of all that, what may be shown."""

    def format(self, record: logging.LogRecord) -> str:
        event = {key: value for key, value in vars(record).items() if key not in _OF_EVERY_RECORD}
        event["event"] = record.getMessage() if record.name != "asyncio" else _VALUES.split(record.getMessage())[0].strip()
        event["level"] = record.levelname.lower()
        event["logger"] = record.name
        event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        if record.exc_info and record.exc_info[1] is not None:
            event["exception"] = failure_told(record.exc_info[1])
            event.setdefault("where", failed_at(record.exc_info[1]))
        return json.dumps(redact(event), sort_keys=True)


def redact(event: Mapping[str, Any]) -> dict[str, Any]:
    """Only allowed keys keep their values, and those are cleaned."""
    return {key: clean(value) if key in ALLOWED else _kind(value) for key, value in event.items()}


def clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(one) for one in list(value)[:20]]
    if isinstance(value, dict):
        return _kind(value)
    text = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", str(value))
    for pattern, instead in _NETS:
        text = pattern.sub(instead, text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _kind(value: Any) -> str:
    size = f"({len(value)})" if isinstance(value, str | bytes | list | tuple | dict | set) else ""
    return f"<{type(value).__name__}{size}>"


def failure_told(failure: BaseException) -> str:
    """Its type and where it was raised. Its own words may hold somebody's data: they stay out."""
    frames = traceback.extract_tb(failure.__traceback__)[-6:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(failure).__module__}.{type(failure).__qualname__} at {places}"
