"""What can go wrong with the other side, be it a vendor, a mail server or a chat, as what to do next."""

from __future__ import annotations

from datetime import timedelta


class VendorError(Exception):
    """Something the other side did or sent. `reason` is a stable code of ours; never holds their text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(VendorError):
    """A delivery whose sender did not prove to be the vendor."""


class Malformed(VendorError):
    """A proven delivery that cannot be read. `code` says why, `pointer` where."""

    def __init__(self, code: str, pointer: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.pointer = pointer


class TryLater(VendorError):
    """Not now. `after`: how long the vendor wants us to wait, when it said so. Costs no attempt when `waiting`."""

    def __init__(self, reason: str, after: timedelta | None = None, *, waiting: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.waiting = waiting


class Conflict(VendorError):
    """Somebody else changed it in between: read it again and plan anew."""


class OutcomeUnknown(VendorError):
    """A write whose answer never came: it may or may not have happened. Read before writing again."""


class GiveUp(VendorError):
    """Final for this ticket: closed, deleted, not ours, not accepted."""


class Invalid(GiveUp):
    """Some of what was written is not accepted. `fields`: what the vendor names, by its own field names; perhaps nothing."""

    def __init__(self, fields: frozenset[str]) -> None:
        super().__init__("invalid")
        self.fields = fields


class Unauthorized(VendorError):
    """Our credentials are not accepted (any more), also after a renewal."""
