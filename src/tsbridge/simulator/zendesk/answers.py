"""How Zendesk says no: the five shapes of its error bodies, and pages of lists (reference/zendesk.md sections 4.8 and 7)."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

PER_PAGE: Final = 100
DEEPEST: Final = 10_000
# What a request of a shape that no route reckons with ends in.
ODD_SHAPES: Final = (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError)


class Rejected(Exception):
    """A request that is turned down: status, body (a dict is JSON, a str is plain text), more headers."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def word(self) -> str:
        """The word that names the error, from whichever shape the body has."""
        error = self.body.get("error") if isinstance(self.body, Mapping) else None
        first = self.body["errors"][0]["code"] if isinstance(self.body, Mapping) and self.body.get("errors") else "Failed"
        return str(error.get("title") if isinstance(error, Mapping) else error or first)

    def says(self) -> str:
        """What is wrong, in one line: the details where there are any."""
        if not isinstance(self.body, Mapping):
            return str(self.body)
        found = [one["description"] for many in self.body.get("details", {}).values() for one in many]
        return "; ".join(found) or str(self.body.get("description", ""))


def not_found() -> Rejected:
    return Rejected(404, {"error": "RecordNotFound", "description": "Not found"})


def no_endpoint() -> Rejected:
    return Rejected(404, {"error": "InvalidEndpoint", "description": "Not found"})


def unauthenticated() -> Rejected:
    return Rejected(401, {"error": "Couldn't authenticate you"})


def forbidden() -> Rejected:
    return Rejected(403, {"error": {"title": "Forbidden", "message": "You do not have access to this page."}})


def invalid(field: str, description: str, error: str = "InvalidValue") -> Rejected:
    details = {field: [{"description": description, "error": error}]}
    return Rejected(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})


def closed() -> Rejected:
    return invalid("status", "Status: closed prevents ticket update", "InvalidValue")


def conflict() -> Rejected:
    return Rejected(
        409,
        {
            "error": "UpdateConflict",
            "description": "Safe Update prevented the update: the ticket has changed since",
        },
    )


def collision() -> Rejected:
    return Rejected(409, {"error": "DatabaseConflict", "description": "Database collision"})


def bad_request(title: str, detail: str) -> Rejected:
    return Rejected(400, {"errors": [{"code": title, "title": title, "detail": detail}]})


def too_many_values(name: str, most: int) -> Rejected:
    """Zendesk names this one in `error`, where clients look for it."""
    return Rejected(400, {"error": "TooManyValues", "description": f"{name} has more than {most} values"})


def too_many(after: str | None) -> Rejected:
    headers = {} if after is None else {"Retry-After": after}
    return Rejected(429, "Number of allowed API requests per minute exceeded", headers)


def too_many_exports(after: str) -> Rejected:
    """The incremental API says it in JSON, unlike the rest."""
    said = {"error": "APIRateLimitExceeded", "description": "Number of allowed incremental ticket export API requests per minute exceeded"}
    return Rejected(429, said, {"Retry-After": after})


def page(items: Sequence[Any], name: str, query: Mapping[str, str], url: str) -> dict[str, Any]:
    """One page of a list: cursor paging with `page[size]`, offset paging without."""
    if "page[size]" in query or "page[after]" in query or "page[before]" in query:
        return _cursor_page(items, name, query, url)
    per_page = min(max(_number(query.get("per_page"), PER_PAGE), 1), PER_PAGE)
    number = max(_number(query.get("page"), 1), 1)
    if number * per_page > DEEPEST and number > 1:
        raise bad_request("InvalidPaginationDepth", "Pagination depth exceeds the limit of 10000 records")
    start = (number - 1) * per_page
    more = start + per_page < len(items)
    return {
        name: list(items[start : start + per_page]),
        "next_page": _link(url, query, page=number + 1, per_page=per_page) if more else None,
        "previous_page": _link(url, query, page=number - 1, per_page=per_page) if number > 1 else None,
        "count": len(items),
    }


def _cursor_page(items: Sequence[Any], name: str, query: Mapping[str, str], url: str) -> dict[str, Any]:
    size = min(max(_number(query.get("page[size]"), PER_PAGE), 1), PER_PAGE)
    start = 0
    if "page[after]" in query:
        start = _after(items, query["page[after]"])
    elif "page[before]" in query:
        start = max(_place(query["page[before]"]) - size, 0)
    end = min(start + size, len(items))
    more = end < len(items)
    after = _cursor(end - 1, items) if end > start else query.get("page[after]")  # a later question may find more behind it
    before = _cursor(start, items) if end > start else None
    return {
        name: list(items[start:end]),
        "meta": {"has_more": more, "after_cursor": after, "before_cursor": before},
        "links": {
            # both are there on every page with something on it, on the last one, too: only has_more says whether to go on
            "prev": _link(url, query, **{"page[before]": before, "page[size]": size}) if before else None,
            "next": _link(url, query, **{"page[after]": after, "page[size]": size}) if before else None,
        },
    }


def _link(url: str, query: Mapping[str, str], **place: Any) -> str:
    """The address of another page: the same question, at another place."""
    kept = {k: v for k, v in query.items() if k not in ("page", "per_page", "page[after]", "page[before]", "page[size]")}
    return f"{url}?{urlencode({**kept, **place})}"


def _after(items: Sequence[Any], cursor: str) -> int:
    """Where the rest begins: behind the item the cursor stands at, or, that one being deleted, where it stood by its id."""
    place, id_ = _read(cursor)
    ids = [_id(item) for item in items]
    if id_ is None or not all(ids):
        return place + 1
    if id_ in ids:
        return ids.index(id_) + 1
    if ids == sorted(ids):
        return bisect_right(ids, id_)
    return next((n for n, one in enumerate(ids) if one < id_), len(ids)) if ids == sorted(ids, reverse=True) else place + 1


def _id(item: Any) -> int:
    """An item's number; 0 for one without."""
    found = item.get("id") if isinstance(item, Mapping) else None
    return found if isinstance(found, int) else 0


def _cursor(place: int, items: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(f"o{place}.{_id(items[place])}".encode()).decode().rstrip("=")


def _place(cursor: str) -> int:
    return _read(cursor)[0]


def _read(cursor: str) -> tuple[int, int | None]:
    """The place a cursor stands at and the id of what stood there."""
    try:
        place, _, id_ = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().removeprefix("o").partition(".")
        return int(place), int(id_ or 0) or None
    except (ValueError, UnicodeDecodeError):
        raise bad_request("InvalidCursor", "The cursor is not valid") from None


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() and len(text) < 10 else default
