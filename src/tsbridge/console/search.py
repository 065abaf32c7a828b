"""The one box: whatever is pasted into it leads to its case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import cases
from tsbridge.acts.cases import Case
from tsbridge.acts.errors import NotFound
from tsbridge.acts.people import handles_of
from tsbridge.console.frame import Visit
from tsbridge.store.views import CaseFilter

LONGEST: Final = 400
MOST: Final = 50
_TICKET_ADDRESS: Final = re.compile(r"https?://[^\s/?#]+/(?:[^\s?#]*/)?(?:tickets|requests)/(\d{1,19})(?:[/?#.]\S*)?", re.ASCII)
_TICKET: Final = re.compile(r"(?:ticket\s*)?#?(\d{1,19})", re.ASCII | re.IGNORECASE)
_CALL: Final = re.compile(r"[0-9a-f]{24,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_CASE: Final = re.compile(r"case_[a-z0-9_]{1,100}", re.ASCII)
_PHONE: Final = re.compile(r"\+?[\d\s().\-/]{7,30}", re.ASCII)
_IN_ADDRESS: Final = re.compile(r"/console/cases/(case_[a-z0-9_]{1,100})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody pasted, as far as its form tells. `words`: for people, without the value."""

    kind: Literal["case", "ticket", "call", "person"]
    value: str
    words: str


def meant(text: str) -> list[Meant]:
    """What it may be, the likeliest first; empty for what has no form we know."""
    text = text.strip().strip("<>\"'")
    if found := _IN_ADDRESS.search(text):
        return [Meant("case", found[1], "a case")]
    if found := _TICKET_ADDRESS.fullmatch(text):
        return [Meant("ticket", found[1], "a ticket's address")]
    if _CASE.fullmatch(text):
        return [Meant("case", text, "a case")]
    if "@" in text and " " not in text:
        return [Meant("person", text, "an e-mail address")]
    guesses = []
    if found := _TICKET.fullmatch(text):
        guesses.append(Meant("ticket", found[1], "a ticket"))
    if _CALL.fullmatch(text):
        guesses.append(Meant("call", text, "a call"))
    if _PHONE.fullmatch(text) and sum(letter.isdigit() for letter in text) >= 7:
        guesses.append(Meant("person", re.sub(r"[^\d+]", "", text), "a phone number"))
    if not guesses and text and " " not in text:
        guesses.append(Meant("call", text, "a call"))
    return guesses


async def page(visit: Visit) -> Response:
    """Leads to the case where it can only be one; else lists what was found."""
    text = visit.word("q", LONGEST)
    guesses = [] if text is None else meant(text)

    def read(conn: Connection) -> tuple[Meant | None, list[Case]]:
        for guess in guesses:
            if found := _found(conn, guess):
                return guess, found
        return None, []

    guess, found = await visit.console.database.read(read)
    if guess is not None and len(found) == 1 and guess.kind != "person":
        return visit.go(f"/cases/{found[0].id}")
    return visit.show("search.html", here="", asked=text or "", guesses=guesses, guess=guess, cases=found, most=MOST)


def _found(conn: Connection, guess: Meant) -> list[Case]:
    if guess.kind == "case":
        try:
            return [cases.show(conn, guess.value)]
        except NotFound:
            return []
    if guess.kind == "ticket":
        wanted = CaseFilter(ticket=guess.value)
    elif guess.kind == "call":
        wanted = CaseFilter(call=guess.value)
    else:
        wanted = CaseFilter(people=handles_of(guess.value))
    return cases.listed(conn, wanted, MOST)
