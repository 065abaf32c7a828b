"""What is asked of an identity provider's answer, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """What is expected. `roles`: by a value of the claim `role_claim` the role it gives; the claims' names may lead into claims by dots."""

    issuer: str
    client_id: str
    role_claim: str
    name_claim: str
    roles: Mapping[str, str]
    ladder: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in. `role`: the highest that their claim gives; None where it gives none."""

    name: str
    role: str | None
