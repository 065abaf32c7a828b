"""Deliveries as Zendesk's event subscriptions bring them, made of a seed: many people each with a matter, or one story that goes on."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

FIRST_TICKET: Final = 700_000
FIRST_PERSON: Final = 8_447_388_000_000
STAFF: Final = "8447310000001"
SPREAD: Final = timedelta(minutes=2)
"""Nothing is older: the first step of the starter's policies that waits falls due after fifteen minutes, when a run is over."""
STORY: Final = "story-"
"""How ids of the events of a long story begin."""
SHUFFLED: Final = 1
LATE_SHARE: Final = 0.1
LATE_PLACES: Final = 200
SEVERE_SHARE: Final = 0.25
SEVERE: Final = (
    "my dog was bitten on the way to the park",
    "the sitter threatened me and i am afraid",
    "our cat ran away this morning",
    "the sofa was damaged and i want to be reimbursed",
    "the host asked me to pay cash outside the app",
    "my lawyer will write to you",
)
WORDS: Final = [
    "the",
    "sitter",
    "came",
    "late",
    "today",
    "and",
    "we",
    "called",
    "twice",
    "but",
    "nobody",
    "answered",
    "so",
    "please",
    "tell",
    "me",
    "when",
    "somebody",
    "looks",
    "at",
    "my",
    "booking",
    "because",
    "the",
    "walk",
    "on",
    "sunday",
    "is",
    "still",
    "open",
    "and",
    "i",
    "would",
    "like",
    "to",
    "move",
    "it",
    "to",
    "the",
    "next",
    "week",
    "if",
    "that",
    "is",
    "possible",
    "for",
    "you",
    "thanks",
]


class Sent(NamedTuple):
    """One delivery: the id of its event, when it was received, its body."""

    id: str
    received_at: datetime
    body: bytes


@dataclass(slots=True)
class _Ticket:
    id: str
    requester: str
    said: str
    opened_at: datetime
    status: str = "NEW"
    priority: str = "NORMAL"


def many(count: int, people: int, seed: int, until: datetime, first: int = 0) -> list[Sent]:
    """Deliveries of so many people: each opens a ticket, what is left goes on with one or opens another. A tenth comes late.

    `first`: where tickets and people are numbered from.
    """
    dice = random.Random(seed)  # noqa: S311
    kinds = ["new"] * people + ["more"] * (count - people)
    dice.shuffle(kinds)
    tickets: list[_Ticket] = []
    told: list[bytes] = []
    times = [until - SPREAD + SPREAD * number / count for number in range(count)]
    seen = first
    for number, (kind, at) in enumerate(zip(kinds, times, strict=True)):
        if kind == "new":
            seen += 1
        if kind == "new" or not tickets:
            tickets.append(_open(dice, first + len(tickets), str(FIRST_PERSON + seen), at))
            told.append(_event(tickets[-1], "created", at, f"walk-{seed}-{number}", {}))
        else:
            told.append(_go_on(dice, tickets, first, at, f"walk-{seed}-{number}"))
    order = sorted(range(count), key=lambda n: n + (dice.randrange(LATE_PLACES) if dice.random() < LATE_SHARE else 0))
    return [Sent(f"walk-{seed}-{n}", at, told[n]) for n, at in zip(order, times, strict=True)]


def shuffled(count: int, people: int, seed: int, until: datetime) -> list[Sent]:
    """What `many` makes, received in no order; other seeds bring the same in another one."""
    sent = many(count, people, SHUFFLED, until)
    order = random.Random(seed).sample(range(count), count)  # noqa: S311
    return [Sent(sent[n].id, sent[place].received_at, sent[n].body) for place, n in enumerate(order)]


def one_story(count: int, first: int, seed: int, begun: datetime) -> list[Sent]:
    """So many comments of one ticket from number `first` on; number 0 opened it at `begun`, the others followed a second apart."""
    dice = random.Random(seed * 1_000_003 + first)  # noqa: S311
    about = _Ticket(str(FIRST_TICKET + 500_000), str(FIRST_PERSON + 900_000), "please tell me when somebody looks at my booking", begun)
    sent = []
    for number in range(first, first + count):
        at, id = begun + timedelta(seconds=number), f"{STORY}{seed}-{number}"
        sent.append(Sent(id, at, _event(about, "created", at, id, {}) if number == 0 else _comment(dice, about, at, id)))
    return sent


def _open(dice: random.Random, number: int, requester: str, at: datetime) -> _Ticket:
    said = _words(dice, dice.randrange(20, 300))
    if dice.random() < SEVERE_SHARE:
        said = f"{dice.choice(SEVERE)} {said}"
    return _Ticket(str(FIRST_TICKET + number), requester, said, at)


def _go_on(dice: random.Random, tickets: list[_Ticket], first: int, at: datetime, id: str) -> bytes:
    ticket, kind = dice.choice(tickets), dice.random()
    if kind < 0.5:
        return _comment(dice, ticket, at, id)
    if kind < 0.7:
        tickets.append(_open(dice, first + len(tickets), ticket.requester, at))
        return _event(tickets[-1], "created", at, id, {})
    if kind < 0.85:
        before, ticket.status = ticket.status, dice.choice(("OPEN", "PENDING", "HOLD"))
        return _event(ticket, "status_changed", at, id, {"current": ticket.status, "previous": before})
    before, ticket.priority = ticket.priority, dice.choice(("LOW", "NORMAL", "HIGH"))
    return _event(ticket, "priority_changed", at, id, {"current": ticket.priority, "previous": before})


def _comment(dice: random.Random, ticket: _Ticket, at: datetime, id: str) -> bytes:
    said = _words(dice, dice.randrange(10, 80))
    staff = dice.random() < 0.3
    author = {"id": STAFF if staff else ticket.requester, "is_staff": staff}
    return _event(ticket, "comment_added", at, id, {"comment": {"id": id, "body": said, "is_public": True, "author": author}})


def _words(dice: random.Random, many: int) -> str:
    return " ".join(dice.choices(WORDS, k=many))


def _event(ticket: _Ticket, kind: str, at: datetime, id: str, event: dict[str, Any]) -> bytes:
    by = event["comment"]["author"]["id"] if "comment" in event else ticket.requester if kind == "created" else STAFF
    detail = {
        "actor_id": by,
        "assignee_id": None,
        "brand_id": "8447346621310",
        "created_at": _text(ticket.opened_at),
        "custom_status": "8447320465790",
        "description": ticket.said,
        "external_id": None,
        "form_id": "8646151517822",
        "group_id": "8447320466430",
        "id": ticket.id,
        "is_public": True,
        "organization_id": None,
        "priority": ticket.priority,
        "requester_id": ticket.requester,
        "status": ticket.status,
        "subject": ticket.said[:80],
        "submitter_id": ticket.requester,
        "tags": ["walk"],
        "type": "INCIDENT",
        "updated_at": _text(at),
        "via": {"channel": "email"},
    }
    whole = {
        "account_id": 22129848,
        "detail": detail,
        "event": event,
        "id": id,
        "subject": f"zen:ticket:{ticket.id}",
        "time": _text(at),
        "type": f"zen:event-type:ticket.{kind}",
        "zendesk_event_version": "2022-11-06",
    }
    return json.dumps(whole).encode()


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
