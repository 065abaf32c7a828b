"""What a way to reach people is, and what ways are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from tsbridge.core import roster
from tsbridge.core.errors import GiveUp
from tsbridge.core.roster import LOOPBACK
from tsbridge.notify.messages import Message, Recipient

LIMIT_S: Final = 10.0
"""The longest that one attempt may take: after it there has to be time left for the next way."""
LONGEST_FILE: Final = 8_192


class Way(Protocol):
    """One way to reach somebody."""

    async def send(self, to: Recipient, message: Message) -> str:
        """Send it once; the other side's answer in a few words that name nobody.

        Raises `core.errors`: TryLater (not now, it did not go out), GiveUp (this way will not do), OutcomeUnknown (it may have arrived:
        send it again under the same id). It lasts at most about `LIMIT_S`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mail:
    """Where mail is handed in. `domain` names us in Message-IDs: the host of the public address. `ca_bundle`: certificates trusted
    besides the machine's own."""

    host: str
    port: int
    sender: str
    domain: str
    user: str | None = None
    password: str | None = None
    tls: bool = False
    starttls: bool = True
    ca_bundle: Path | None = None

    def __repr__(self) -> str:
        return f"Mail(host={self.host!r}, port={self.port})"


def read_mail(url: str, sender: str, public_url: str | None) -> Mail:
    """How mail is handed in, of `smtp://user:password@host:587` (with STARTTLS) or `smtps://…:465`; parts are percent-encoded.

    This machine's own server is spoken to in the clear and needs no login. Raises ValueError without repeating anything.
    """
    wanted = "expected smtp://user:password@host:587 or smtps://user:password@host:465 (without a login for this machine itself alone)"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(wanted) from None
    tls, here = parts.scheme == "smtps", host in LOOPBACK
    rest = parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in ("smtp", "smtps") or not host or port == 0 or rest or bool(parts.username) != bool(parts.password):
        raise ValueError(wanted)
    if not here and not parts.username:
        raise ValueError(wanted)
    user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    domain = (urlsplit(public_url).hostname if public_url else None) or sender.rpartition("@")[2]
    return Mail(host, port or (465 if tls else 587), sender, domain, user, password, tls, not tls and not here)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an HTTP way sends: `origin` and what follows it. Both may hold a secret: never shown."""

    origin: str
    path: str

    def __repr__(self) -> str:
        return "Address(…)"


class Secrets:
    """A way's address and key, files read anew for each message, so that a changed one counts at once. `variables`: those of the
    environment that ways may name."""

    def __init__(self, way: roster.Way, read_file: Callable[[Path], str], variables: Mapping[str, str] = MappingProxyType({})) -> None:
        self._way = way
        self._read_file = read_file
        self._variables = variables

    def url(self) -> str:
        """Raises GiveUp where there is none."""
        text = self._secret(self._way.url_file, self._way.url_env, "url") or self._way.url
        if not text:
            raise GiveUp("no_address")
        return text

    def address(self) -> Address:
        """Where to send by HTTP. Raises GiveUp for what is no https address (plain http for this machine only)."""
        text = self.url()
        try:
            parts = urlsplit(text)
            plain = parts.scheme == "http" and parts.hostname in LOOPBACK
            good = (parts.scheme == "https" or plain) and parts.hostname and parts.port != 0 and not parts.username and text.isprintable()
        except ValueError:
            good = False
        if not good or " " in text:
            raise GiveUp("bad_address")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Address(f"{parts.scheme}://{parts.netloc}", path)

    def keys(self) -> list[str]:
        """The signing keys, one a line or with blanks between, the newest first. Raises GiveUp where there is none."""
        found = (self._secret(self._way.secret_file, self._way.secret_env, "secret") or "").split()
        if not found:
            raise GiveUp("no_secret")
        return found[:3]

    def _secret(self, path: str | None, variable: str | None, what: str) -> str | None:
        """Of a file or a variable; None where the way names neither."""
        if variable is not None:
            if not (text := self._variables.get(variable, "").strip()):
                raise GiveUp(f"{what}_env_unset")
            return text
        try:
            return None if path is None else self._read_file(Path(path))[:LONGEST_FILE].strip()
        except (OSError, UnicodeDecodeError):
            raise GiveUp(f"{what}_file_unreadable") from None
