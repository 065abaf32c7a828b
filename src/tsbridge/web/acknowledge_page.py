"""The words and the look of the page behind a link: one column, one large button, no script, nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from tsbridge.acts.acklinks import Person
from tsbridge.notify.messages import local_text
from tsbridge.store.case_acceptance import Standing

MEDIA_TYPE: Final = "text/html; charset=utf-8"
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --quiet: #5a5a66; --line: #d9d9e0; --go: #0a5c36; --on-go: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f2f2f5; --paper: #17171b; --quiet: #b4b4c0; --line: #3a3a44; --go: #7fe0ae; --on-go: #06281a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 34rem; padding: 1.25rem; font: 1.125rem/1.5 system-ui, sans-serif; }
body { color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
dl { margin: 0 0 1.25rem; border-top: 1px solid var(--line); }
dl div { display: flex; flex-wrap: wrap; gap: 0 .75rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--quiet); min-width: 6.5rem; }
dd { margin: 0; flex: 1 1 10rem; overflow-wrap: anywhere; }
form { margin: 0 0 1rem; }
button { width: 100%; min-height: 3.5rem; border: 0; border-radius: .75rem; padding: .75rem 1rem; font: inherit; font-weight: 600; }
button { color: var(--on-go); background: var(--go); cursor: pointer; }
button:focus-visible, a:focus-visible { outline: 3px solid currentColor; outline-offset: 3px; }
a { color: inherit; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
section h2 { font-size: 1.125rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-size: 1rem; }
nav { display: flex; justify-content: space-between; gap: 1rem; padding: 1rem 0; }
nav a { display: inline-block; padding: .75rem 0; }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


class Tickets:
    """Links to tickets at the configured Zendesk; without one tickets are numbers."""

    def __init__(self, zendesk_url: str | None) -> None:
        self._url = zendesk_url

    def shown(self, case: Standing) -> str:
        return ", ".join(self._one(ticket) for ticket in case.tickets[:5]) + (" and more" if len(case.tickets) > 5 else "")

    def _one(self, ticket: str) -> str:
        number = escape(ticket)
        return (
            number if self._url is None else f'<a href="{escape(self._url)}/agent/tickets/{number}" rel="noreferrer nofollow">{number}</a>'
        )


def one(case: Standing, person: Person, tickets: Tickets) -> str:
    """A case to take."""
    return _page(
        _head(case),
        _facts(case, person, tickets),
        f'<form method="post"><button type="submit">I take it</button></form><p class="quiet">As {escape(person.name)}. '
        "Until you press, nothing is acknowledged.</p>",
    )


def taken(case: Standing, person: Person, names: Mapping[str, str], tickets: Tickets) -> str:
    """A case that somebody has."""
    title, words = _who(case, person, names)
    return _page(title, f"<p>{escape(words)}</p>", _facts(case, person, tickets))


def group(cases: Sequence[Standing], person: Person, names: Mapping[str, str], tickets: Tickets, start: int, most: int) -> str:
    """The cases of one message, the worst first, each with its button."""
    start = start if start < len(cases) else 0
    left = sum(case.state == "open" for case in cases)
    parts = [f"<p>{left} of {len(cases)} still open. The worst are first.</p>"]
    for case in cases[start : start + most]:
        if case.state == "open":
            named = f'<input type="hidden" name="case" value="{escape(case.case_id)}">'
            button = f'<form method="post">{named}<button type="submit">I take it</button></form>'
        else:
            words = _who(case, person, names)[0] if case.state == "taken" else "Over: nothing is asked any more."
            button = f"<p><strong>{escape(words)}</strong></p>"
        parts.append(f"<section><h2>{escape(_head(case))}</h2>{_facts(case, person, tickets)}{button}</section>")
    before = f'<a href="?from={max(0, start - most)}">The ones before</a>' if start else "<span></span>"
    more = f'<a href="?from={start + most}">The next {min(most, len(cases) - start - most)}</a>' if start + most < len(cases) else ""
    parts.append(f'<nav>{before}{more}</nav><p class="quiet">As {escape(person.name)}. Until you press, nothing is acknowledged.</p>')
    return _page("1 case" if len(cases) == 1 else f"{len(cases)} cases", *parts)


def over(case: Standing | None = None) -> str:
    about = "" if case is None else f" ({escape(case.case_id)})"
    return _page("This is over", f"<p>Nothing is asked of you any more{about}: it was resolved, stopped, or is somebody else's now.</p>")


def unknown() -> str:
    return _page(
        "This link is not valid",
        "<p>It is not whole, was changed, or is too old. If you came from a message, open its link again, all of it; "
        "otherwise look the case up in your helpdesk.</p>",
    )


def unavailable() -> str:
    return _page(
        "Not just now",
        "<p>This page cannot do its work at the moment; nothing was changed. Try again in a minute, or take the ticket in Zendesk.</p>",
    )


def test(person: Person, way: str) -> str:
    return _page(
        "Did the message arrive?",
        f"<p>It was sent to {escape(person.name)} by the way <strong>{escape(way)}</strong>. Press the button, so that this is known.</p>",
        '<form method="post"><button type="submit">It arrived</button></form>',
    )


def proved(person: Person, way: str) -> str:
    return _page(
        "It arrived", f"<p>Thank you: {escape(person.name)} is reached by <strong>{escape(way)}</strong>. You can close this page.</p>"
    )


def test_over() -> str:
    return _page(
        "This test is over",
        "<p>It was sent too long ago to prove anything. Ask for another with <code>tsbridge doctor --notify</code>.</p>",
    )


def _head(case: Standing) -> str:
    severity = "Severity not known yet" if case.severity is None else f"Severity {case.severity}"
    return severity if case.category is None else f"{severity}: {case.category}"


def _who(case: Standing, person: Person, names: Mapping[str, str]) -> tuple[str, str]:
    """Who has it, in a few words and in more, as text."""
    at = "" if case.taken_at is None else f" at {local_text(case.taken_at, person.zone)}"
    if case.taken_by == person.key:
        return "You have it", f"You took it{at}. Nothing more to press."
    who = "Somebody" if case.taken_by is None else names.get(case.taken_by, case.taken_by)
    return f"{who} has it", f"{who} was first{at}. You need not do anything."


def _facts(case: Standing, person: Person, tickets: Tickets) -> str:
    rows = [("Case", escape(case.case_id)), ("Queue", escape(case.queue or "none"))]
    if case.tickets:
        rows.append(("Ticket" if len(case.tickets) == 1 else "Tickets", tickets.shown(case)))
    if case.state == "open" and case.next_at is not None:
        rows.append(("Next step", escape(local_text(case.next_at, person.zone))))
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows) + "</dl>"


def _page(title: str, *parts: str) -> str:
    """`title` is text, the parts are HTML."""
    name = escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex, nofollow">\n'
        f'<title>{name}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{name}</h1>\n'
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )
