"""A way of the roster as something that sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tsbridge.core import roster
from tsbridge.core.ports import Clock
from tsbridge.http import Http
from tsbridge.notify.chat import SlackWay, TeamsWay
from tsbridge.notify.mail import MailWay
from tsbridge.notify.more import MoreWay
from tsbridge.notify.post import Poster
from tsbridge.notify.ways import LIMIT_S, Mail, Secrets, Way
from tsbridge.notify.webhook import WebhookWay


def _text_of(path: Path) -> str:
    return path.read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Outside:
    """What ways are made with. `http(origin)` makes a client (closed after one message); `read_file` reads a secret's file; `variables`:
    those that ways may name; one attempt lasts at most `limit_s`."""

    http: Callable[[str], Http]
    clock: Clock
    mail: Mail | None = None
    read_file: Callable[[Path], str] = _text_of
    limit_s: float = LIMIT_S
    variables: Mapping[str, str] = field(default_factory=dict)


def make(way: roster.Way, outside: Outside) -> Way:
    """The way, ready to send. What it lacks it says when it is asked to send: a roster may name what is set up later."""
    secrets, poster = Secrets(way, outside.read_file, outside.variables), Poster(outside.http, outside.limit_s)
    match way.kind:
        case "smtp":
            return MailWay(outside.mail, outside.limit_s)
        case "slack":
            return SlackWay(secrets, poster)
        case "teams":
            return TeamsWay(secrets, poster)
        case "webhook":
            return WebhookWay(secrets, poster, outside.clock)
        case "apprise":
            return MoreWay(secrets, outside.limit_s)
    raise ValueError("expected a way of the kind smtp, slack, teams, webhook or apprise")
