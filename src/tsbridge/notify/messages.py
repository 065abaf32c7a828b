"""What people are told: ids, severity, category, queue, what is asked, when the next step comes, one link to press. No text of tickets,
no names, no numbers.

A message is written once, for one recipient and one way, and is the same when it is sent again. What stands in it is inert:
ways that know a mark-up of their own send it as plain text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final

from tsbridge.core.inert import unlinked
from tsbridge.core.moments import instant_text

SHOWN: Final = 10
"""Cases told one by one in a grouped message; the page behind its link has all of them."""
WORD: Final = 120
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a way is to reach. `agent` is None for a way that is told itself. `address`: what the way calls them, where it needs that."""

    agent: str | None
    email: str | None
    address: str | None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Item:
    """One case of a message. `step` counts from 1; `policy` and `step` are None where a rule itself asked. `late`: asked for afterwards."""

    case_id: str
    severity: int | None
    category: str | None
    queue: str | None
    policy: str | None = None
    step: int | None = None
    next_step_at: datetime | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes with a mail."""

    name: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` (`ntf_…`) is its Message-ID and webhook-id, the same when it is sent again. `text` has no link in it.

    `at`: when it was written. `data`: of the body of outbound webhooks (contract section 8). `acknowledge_link`: the page to press a button
    on, `button` what that does. `type`: what outbound webhooks call it. `attached`: files, which mail alone takes with it.
    """

    id: str
    at: datetime
    subject: str
    text: str
    data: Mapping[str, Any]
    link: str | None = None
    acknowledge_link: str | None = None
    button: str = "Acknowledge"
    type: str = "tsbridge.escalation"
    attached: tuple[Attached, ...] = ()


BY_LINK: Final = "Please take it: open the link and press its button."
BY_HAND: Final = "Please take it: take its ticket in Zendesk, or acknowledge the case."
"""Where messages carry no link, since TSBRIDGE_PUBLIC_URL is not set."""


def about_cases(
    id: str, at: datetime, items: Sequence[Item], to: Recipient, *, link: str | None, acknowledge_link: str | None, asked: str | None = None
) -> Message:
    """One message about one case or several, the worst first. `link`: where the (worst) case is shown; `asked`: other words for what is."""
    if not items:
        raise ValueError("expected at least one case")
    worst, *more = ranked = sorted(items, key=_rank)
    words = inert(asked or (BY_LINK if acknowledge_link else BY_HAND), 400)
    if more:
        heads = [f"- {_about(item)} {item.case_id}{_next(item, to.zone)}" for item in ranked[:SHOWN]]
        left = [f"and {len(ranked) - SHOWN} more."] if len(ranked) > SHOWN else []
        subject = f"{len(ranked)} cases, the worst: {_about(worst)}"
        led = "; the link leads to all of them" if acknowledge_link else ""
        text = "\n".join([f"{len(ranked)} cases ask for you{led}.", "", *heads, *left, "", words])
    else:
        subject = f"{_about(worst)} ({worst.case_id})"
        why = f"Policy {inert(worst.policy)}, step {worst.step}." if worst.policy is not None else "A rule asks for you."
        text = "\n".join([f"{_about(worst)}{_next(worst, to.zone)}", f"Case {worst.case_id}. {why}", "", words])
    data = _data(worst, to, link, acknowledge_link)
    if more:
        data["cases"] = [_case(item) for item in ranked]
    return Message(id, at, subject, text, MappingProxyType(data), link, acknowledge_link)


def about_takers(id: str, at: datetime, takers: Sequence[tuple[str, str]], to: Recipient, *, link: str | None) -> Message:
    """Tells those who were told that somebody has the case by now. `takers`: case and who took it, by the roster's key."""
    if not takers:
        raise ValueError("expected at least one case")
    heads = [f"Case {case_id} was taken by {inert(who)}." for case_id, who in takers[:SHOWN]]
    left = [f"So were {len(takers) - SHOWN} more."] if len(takers) > SHOWN else []
    subject = f"{takers[0][0]} was taken by {inert(takers[0][1])}" if len(takers) == 1 else f"{len(takers)} cases were taken"
    cases = [{"case_id": case_id, "acknowledged_by": who} for case_id, who in takers]
    data = {"acknowledged": True, **cases[0], "to": to.agent, "link": link, "acknowledge_link": None, "dedup_key": cases[0]["case_id"]}
    return Message(
        id, at, subject, "\n".join([*heads, *left, "Nothing is asked of you."]), MappingProxyType({**data, "cases": cases}), link
    )


def a_test(id: str, at: datetime, way: str, to: Recipient, *, acknowledge_link: str | None) -> Message:
    """A message that only asks whether it arrived."""
    who = to.agent or way
    text = (
        f"This tests the way {inert(way)} for {inert(who)}. Nothing happened. Press the button behind the link: then it is known to arrive."
    )
    data = {"test": True, "to": who, "link": None, "acknowledge_link": acknowledge_link, "dedup_key": f"test:{way}:{who}"}
    return Message(id, at, "A test: does this arrive?", text, MappingProxyType(data), None, acknowledge_link, "It arrived")


def inert(text: str | None, most: int = WORD) -> str:
    """Text on one line without characters that steer a terminal, a mail header or the direction of writing, and without links."""
    plain = "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else letter for letter in text or "")
    plain = unlinked(_SPACE.sub(" ", plain).strip())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def local_text(at: datetime, zone: tzinfo) -> str:
    """An instant for somebody who just woke up: the wall clock of their own zone, and which one that is."""
    name = getattr(zone, "key", None) or "UTC"
    return f"{at.astimezone(zone):%H:%M on %A %d %B} ({name})"


def _rank(item: Item) -> tuple[int, str]:
    return (item.severity if item.severity is not None else 5, item.case_id)


def _about(item: Item) -> str:
    parts = [
        f"Severity {item.severity}" if item.severity is not None else "No severity yet",
        inert(item.category) or "no category",
        f"queue {inert(item.queue)}" if item.queue else "no queue",
    ]
    return ("Late: " if item.late else "") + ", ".join(parts) + "."


def _next(item: Item, zone: tzinfo) -> str:
    return "" if item.next_step_at is None else f" The next step comes at {local_text(item.next_step_at, zone)}."


def _case(item: Item) -> dict[str, Any]:
    return {
        "case_id": item.case_id,
        "severity": item.severity,
        "category": item.category,
        "queue": item.queue,
        "policy": item.policy,
        "step": item.step,
        "next_step_at": None if item.next_step_at is None else instant_text(item.next_step_at),
    }


def _data(item: Item, to: Recipient, link: str | None, acknowledge_link: str | None) -> dict[str, Any]:
    more = {"to": to.agent, "link": link, "acknowledge_link": acknowledge_link, "dedup_key": item.case_id}
    return _case(item) | more
