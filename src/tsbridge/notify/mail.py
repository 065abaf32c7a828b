"""Mail: one recipient a message, so that every answer is about one person."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as AS_MAIL
from pathlib import Path
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater, VendorError
from tsbridge.notify.messages import Message, Recipient
from tsbridge.notify.ways import Mail

GOODBYE_S: Final = 1.0
_QUOTED: Final = AS_MAIL.clone(max_line_length=76)
"""As long as a line of quoted-printable may be."""
_UNFOLDED: Final = AS_MAIL.clone(max_line_length=500)
"""A long subject folded behind its colon reaches some readers with a blank before it."""
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class MailWay:
    """See the module. A connection a message: there are few, and none lies open when the server goes away."""

    def __init__(self, mail: Mail | None, limit_s: float) -> None:
        self._mail = mail
        self._limit_s = limit_s

    async def send(self, to: Recipient, message: Message) -> str:
        mail = self._mail
        if mail is None:
            raise GiveUp("mail_not_set_up")
        if not to.email:
            raise GiveUp("no_address")
        raw = as_mail(mail, to.email, message)
        handing_over = False
        server = SMTP(
            hostname=mail.host,
            port=mail.port,
            username=mail.user,
            password=mail.password,
            use_tls=mail.tls,
            start_tls=mail.starttls and not mail.tls,
            tls_context=_trusted(mail.ca_bundle),
            local_hostname=mail.domain,  # else a look-up of our own name in the DNS
            timeout=self._limit_s,
        )
        try:
            async with asyncio.timeout(self._limit_s):
                await server.connect()
                await server.mail(mail.sender, options=[])
                await server.rcpt(to.email)
                handing_over = True
                answer = await server.data(raw)
            await _part(server)
            return _words(answer.code, answer.message)
        except (SMTPException, OSError, ValueError) as failure:  # a time-out is an OSError, too
            raise _meaning(failure, handing_over) from None
        finally:
            server.close()


def _trusted(ca_bundle: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    return context


async def _part(server: SMTP) -> None:
    """Say goodbye; what comes of it changes nothing any more."""
    with contextlib.suppress(SMTPException, OSError):
        async with asyncio.timeout(GOODBYE_S):
            await server.quit()


def as_mail(mail: Mail, recipient: str, message: Message) -> bytes:
    """The message as it goes over the wire, the same bytes whenever it is sent, in seven bits.

    Raises GiveUp for an address that is none.
    """
    made = EmailMessage(_QUOTED)
    made["From"] = mail.sender
    try:
        made["To"] = str(Address(addr_spec=recipient))
        recipient.encode("ascii")
    except (ValueError, IndexError):  # the parser of the standard library stumbles over some
        raise GiveUp("bad_address") from None
    made["Subject"] = message.subject
    made["Message-ID"] = f"<{message.id}@{mail.domain}>"
    made["Date"] = message.at
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    lines = [message.text]
    if message.acknowledge_link is not None:
        lines += [f"{message.button}: {message.acknowledge_link}"]
    elif message.link is not None:
        lines += [f"Look at it: {message.link}"]
    made.set_content("\n\n".join(lines) + "\n", cte="quoted-printable")
    for one in message.attached:
        kind, _, inner = one.kind.partition("/")
        made.add_attachment(one.body, maintype=kind, subtype=inner, filename=one.name)
    if message.attached:
        made.set_boundary(f"=_{message.id}")
    return made.as_bytes(policy=_UNFOLDED)


def _words(code: int, text: str) -> str:
    """An answer without what the server says in its own words: it likes to repeat addresses."""
    found = _ENHANCED.match(text)
    return f"{code} {found[0]}" if found else str(code)


def _meaning(failure: Exception, handing_over: bool) -> VendorError:
    if isinstance(failure, SMTPRecipientsRefused):
        failure = failure.recipients[0]
    if isinstance(failure, SMTPAuthenticationError) and failure.code >= 500:
        return GiveUp("login_refused")
    if isinstance(failure, SMTPResponseException):
        if 400 <= failure.code < 500:
            return TryLater(f"smtp_{failure.code}")
        if 500 <= failure.code < 600:
            return GiveUp(f"smtp_{failure.code}")
        return OutcomeUnknown("not_smtp") if handing_over else TryLater("not_smtp")
    if isinstance(failure, SMTPNotSupported) or type(failure) is SMTPException:
        return GiveUp("not_supported")  # no STARTTLS, or no way to log in that we know
    if handing_over:
        return OutcomeUnknown("cut")
    tls = failure if isinstance(failure, ssl.SSLError) else failure.__cause__
    if isinstance(tls, ssl.SSLError):
        return GiveUp("certificate" if isinstance(tls, ssl.SSLCertVerificationError) else "no_tls")
    if isinstance(failure, ValueError):
        return GiveUp("bad_address")
    return TryLater("unreachable")
