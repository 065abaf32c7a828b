"""What acts refuse, and why. The words repeat nothing that anybody typed; API, console and command line each say them in their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def pointer(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


class Refused(Exception):
    """An act that was not done; nothing has changed."""


class NotFound(Refused):
    """`what`: of which kind of thing there is none of that name."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")
        self.what = what


def need(found: T | None, what: str) -> T:
    """What was looked for. Raises `NotFound` where there is none."""
    if found is None:
        raise NotFound(what)
    return found


class Conflict(Refused):
    """It makes no sense as things stand."""


class NotAllowed(Refused):
    """Not with the role of whoever asks."""


class TooMuch(Refused):
    """As much of a kind waits as may; later it may be done."""


class Invalid(Refused):
    """What came makes no sense. `wrong`: what was expected, by where: a JSON pointer into what came, without `#`. `code`: what kind."""

    def __init__(self, wrong: Mapping[str, str], code: str = "invalid") -> None:
        super().__init__("; ".join(wrong.values()))
        self.wrong = dict(wrong)
        self.code = code


class Faulty(Refused):
    """A document that cannot be used as it shall be. `kind`: stable name of why; `more`: `findings`, `failed_tests` and the like."""

    def __init__(self, words: str, kind: str, **more: Any) -> None:
        super().__init__(words)
        self.kind = kind
        self.more = more


class Changed(Refused):
    """It was changed since it was looked at. `now`: what names its present state; `kind` and `more`: as of `Faulty`."""

    def __init__(
        self, words: str = "This was changed meanwhile; read it again.", kind: str | None = None, now: Sequence[str] = (), **more: Any
    ) -> None:
        super().__init__(words)
        self.kind = kind
        self.now = tuple(now)
        self.more = more
