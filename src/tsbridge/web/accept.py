"""Content negotiation: which of our forms a caller likes best (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastapi import Request

from tsbridge.web.problems import Problem


def choose(request: Request, offered: Sequence[str]) -> str:
    """The best of `offered` for the caller; the first one when they do not care. Raises 406 when none will do."""
    wishes = [_wish(part) for value in request.headers.getlist("accept") for part in value.split(",") if part.strip()]
    if not wishes:
        return offered[0]
    rated = [(_quality(form, wishes), -place) for place, form in enumerate(offered)]
    quality, place = max(rated)
    if quality <= 0:
        raise Problem(406, f"This comes as one of: {', '.join(offered)}.")
    return offered[-place]


def _wish(part: str) -> tuple[str, float]:
    kind, *params = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for param in params:
        name, _, value = param.partition("=")
        if name.strip() == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                quality = 0.0
    return kind, 0.0 if math.isnan(quality) else quality


def _quality(form: str, wishes: Sequence[tuple[str, float]]) -> float:
    """The most specific wish that covers `form` counts."""
    for pattern in (form, form.split("/")[0] + "/*", "*/*"):
        found = [quality for kind, quality in wishes if kind == pattern]
        if found:
            return max(found)
    return 0.0
