"""The shapes of answers about deliveries, write-backs, drift, keys, the audit's proof and health, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict


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
