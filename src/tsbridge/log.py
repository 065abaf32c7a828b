"""Logs: one JSON object per line, on an allow list of keys.

Everybody else logs with `logging.getLogger("tsbridge.…")` and `extra={...}`; only the roof imports this module. A key
that is not on the list is shown as the kind and size of its value. As a second net, what looks like an address, a phone
number, a card or a token is masked wherever it stands. Control characters cannot forge a line or colour a terminal.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

from tsbridge.core.place import place

Event = MutableMapping[str, Any]

ALLOWED: Final = frozenset(
    {
        *("event", "level", "logger", "timestamp", "exception"),
        *("source", "status", "reason", "outcome", "event_id", "case_id", "decision_id", "writeback_id", "change_id", "trace_id"),
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
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
            processors=[
                _exception,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                redact,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
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


def redact(_: Any, __: str, event: Event) -> Event:
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


def _exception(_: Any, __: str, event: Event) -> Event:
    """An exception as its type, our own line and where it was raised. Its own words may hold somebody's data: they stay out."""
    record = event.get("_record")
    found = getattr(record, "exc_info", None) or event.pop("exc_info", None)
    event.pop("exc_info", None)
    if isinstance(found, tuple) and found[0] is not None:
        frames = traceback.extract_tb(found[2])[-6:]
        places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        event["exception"] = f"{found[0].__module__}.{found[0].__qualname__} at {places}"
        event.setdefault("where", place(found[1]))
    return event
