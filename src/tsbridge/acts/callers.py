"""Who asks for an act: whoever holds a key, and how far up the ladder of roles it lets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

Role = Literal["viewer", "supervisor", "ops", "admin"]
ROLES: Final[tuple[str, ...]] = get_args(Role)
"""The lowest first."""
ADMIN: Final = "admin"
"""Id and name of TSBRIDGE_ADMIN_KEY."""
PROVIDER: Final = "provider"
"""Id of whoever signed in by the identity provider, under the name that it gives."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds the key. `name` is the key's: what the audit records as actor."""

    id: str
    name: str
    role: str
    expires_at: datetime | None = None

    def may(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)
