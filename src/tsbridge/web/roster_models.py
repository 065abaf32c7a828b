"""The shapes of answers about the roster and who is there, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class Reason(TypedDict):
    step: str
    says: str


class RosterWhole(TypedDict, total=False):
    id: str
    version: int
    hash: str | None
    published_at: str | None
    published_by: str | None
    note: str | None
    document: dict[str, Any] | None


class RosterEntry(TypedDict):
    part: str
    key: str
    value: Any
    version: int


class RosterPart(TypedDict):
    part: str
    value: Any
    version: int


RosterDiff = TypedDict("RosterDiff", {"from": int, "to": int, "same": bool, "parts": list[dict[str, Any]], "other": list[dict[str, Any]]})

OverrideShown = TypedDict(
    "OverrideShown",
    {
        "id": str,
        "kind": Literal["oncall", "shift", "off"],
        "agent": str,
        "instead_of": str | None,
        "rotation": str | None,
        "queue": str | None,
        "from": str,
        "to": str,
        "why": str,
        "made_at": str,
        "made_by": str,
        "removed_at": str | None,
        "removed_by": str | None,
    },
)


class WayShown(TypedDict):
    way: str
    proved_at: str | None


AgentShown = TypedDict(
    "AgentShown",
    {
        "id": str,
        "name": str,
        "zendesk_user_id": int | None,
        "queues": list[str],
        "skills": dict[str, int],
        "on_shift": bool,
        "on_call": bool,
        "ways": list[WayShown],
        "from": str | None,
        "until": str | None,
        "shadow": bool,
    },
)

DutyShown = TypedDict(
    "DutyShown",
    {
        "id": str,
        "agent": str,
        "from": str,
        "to": str,
        "source": Literal["shift", "rotation", "override"],
        "name": str,
        "because": list[Reason],
    },
)


class PersonShown(TypedDict):
    agent: str
    name: str
    until: str | None
    because: list[Reason]


GapShown = TypedDict("GapShown", {"from": str, "to": str | None, "why": str})


class OnCallShown(TypedDict):
    at: str
    people: list[PersonShown]
    then: list[str]
    gap: GapShown | None


HoleShown = TypedDict(
    "HoleShown",
    {"queue": str, "severity": int | None, "from": str, "to": str, "why": str, "proposal": str},
)

CoverageShown = TypedDict("CoverageShown", {"from": str, "to": str, "holes": list[HoleShown]})


class FeedLinkMade(TypedDict):
    """`url`: whole where TSBRIDGE_PUBLIC_URL says how people reach this service, else from its first slash on."""

    url: str


class FeedShown(TypedDict):
    """`failure`: why it cannot be read, with the line. `warnings`: what was not taken as it is written, with how often."""

    id: str
    key: str
    agent: str | None
    means: Literal["off", "rotation", "shift"]
    looked_at: str | None
    read_at: str | None
    failing_since: str | None
    failure: str | None
    warnings: dict[str, int]
