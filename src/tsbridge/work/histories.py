"""A ticket's audits, page by page: the newest hundred, and as far behind them as nothing was heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tsbridge.vendors.reading import whole_id
from tsbridge.vendors.zendesk.client import AuditPage

MOST_PAGES: Final = 10
"""Of one ticket: a thousand audits. What is older is left out, and said."""
CUT: Final = "history_cut"
"""The warning that says it."""


class Zendesk(Protocol):
    """The question asked of Zendesk; the answer is its own JSON."""

    async def audit_page(self, ticket: str, after: str | None = None) -> AuditPage: ...


@dataclass(frozen=True, slots=True)
class History:
    """`audits` without a gap up to the newest. `cut`: there are older ones that were never heard, and are left out."""

    audits: Sequence[Mapping[str, Any]]
    cut: bool = False


async def history(
    zendesk: Zendesk, ticket: str, heard: Callable[[str], Awaitable[set[str]]], permit: Callable[[], Awaitable[bool]]
) -> History | None:
    """What of a ticket's audits is to be told; None when there is no `permit` for a further page. Raises the vendors' errors.

    `heard`: which of its audits were heard, by ids of twenty digits; asked only about tickets that have more than a page.
    """
    page = await zendesk.audit_page(ticket)
    audits = list(page.audits)
    if page.after is None:
        return History(audits)
    known = await heard(ticket)
    for _ in range(MOST_PAGES - 1):
        if page.after is None or (_newest_first(page.audits) and any(number(audit) in known for audit in page.audits)):
            break
        if not await permit():
            return None
        page = await zendesk.audit_page(ticket, page.after)
        audits += page.audits
    return History(audits, cut=page.after is not None and not any(number(audit) in known for audit in audits))


def number(audit: Mapping[str, Any]) -> str:
    """An audit's id as twenty digits."""
    return (whole_id(audit.get("id")) or "0").zfill(20)


def _newest_first(audits: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the order that was asked for was heeded: only then older ones stand behind."""
    return bool(audits) and number(audits[0]) >= number(audits[-1])
