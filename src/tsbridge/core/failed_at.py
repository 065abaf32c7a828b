"""Where in our own code something failed: a message could quote a person's data, a place cannot."""

from __future__ import annotations

from types import TracebackType
from typing import Final

OURS: Final = __name__.partition(".")[0]


def failed_at(failure: BaseException) -> str:
    """The innermost line of ours that a failure passed, as module and line; a stranger's where it passed none of ours, `?` for no line."""
    lines = _lines(failure.__traceback__)
    ours = [line for line in lines if line.partition(".")[0] == OURS]
    return (ours or lines or ["?"])[-1]


def _lines(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        found.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found
