"""The shapes of answers about deliveries, write-backs, drift, keys, the audit's proof and health, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class BodyMapping(TypedDict):
    name: str
    when: dict[str, Any]
    event: Any
    fields: dict[str, str]


class MappingsShown(TypedDict):
    mappings: list[BodyMapping]


class KeyShown(TypedDict):
    id: str
    name: str
    role: Literal["viewer", "supervisor", "ops", "admin"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class KeyMade(KeyShown):
    key: str


class Head(TypedDict):
    seq: int
    hash: str


class Broken(TypedDict):
    """`seq` is null and `id` there where it has no place in the chain."""

    seq: int | None
    id: NotRequired[str]
    why: str


class Verdict(TypedDict):
    ok: bool
    entries: int
    unsealed: int
    head: Head
    broken: list[Broken]


class Check(TypedDict):
    ok: bool
    detail: str


class Ready(TypedDict):
    status: Literal["ready", "degraded", "not_ready"]
    degraded: list[str]
    checks: dict[str, Check]
