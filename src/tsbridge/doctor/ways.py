"""`tsbridge doctor --notify`: a test message by every way to everybody, with a button that proves that it arrived; and what is proved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tsbridge.core import acklink
from tsbridge.core.acklink import AckLink
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.proved_ways import PROVED_FOR, reached, without_a_way, works_here
from tsbridge.core.roster import Agent, Way
from tsbridge.core.whom import reach_of
from tsbridge.doctor.checks import Line
from tsbridge.notify.make import Outside, make
from tsbridge.notify.messages import Recipient, a_test
from tsbridge.store import link_keys, proved_ways
from tsbridge.store.db import Database
from tsbridge.work.rosters import LiveRoster

AT_ONCE: Final = 8
NO_ROSTER: Final = Line("ways", "warn", "There is no roster: nobody can be told anything.", "Publish one: docs/roster.md.")
NEXT: Final[Mapping[str, str]] = {
    "mail_not_set_up": "Set TSBRIDGE_SMTP_URL and TSBRIDGE_MAIL_FROM.",
    "login_refused": "Correct the user and password in TSBRIDGE_SMTP_URL.",
    "not_supported": "The server has no STARTTLS or no login that is known here: take its port 587, or smtps:// with 465.",
    "certificate": "The server's certificate is not for its name or of nobody known: correct the host, or the server.",
    "no_tls": "What listens there speaks no TLS: take smtp:// with 587 (STARTTLS), or the port for smtps://.",
    "no_address": "Give the person an e-mail, or the way a url or url_file.",
    "bad_address": "Correct the address: https, in one piece; plain http for this machine alone.",
    "url_file_unreadable": "Put the address into the way's url_file, readable for the service.",
    "secret_file_unreadable": "Put the key into the way's secret_file, readable for the service.",
    "url_env_unset": "Set the variable that the way's url_env names, and restart.",
    "secret_env_unset": "Set the variable that the way's secret_env names, and restart.",
    "no_secret": "Give the way a secret_file or secret_env: what it sends is signed.",
    "bad_secret": "Put keys like whsec_<base64 of 24 to 64 bytes> into the secret_file, one a line, or the variable of secret_env.",
    "redirected": "The address moved: put in the one it leads to.",
    "more_ways_not_installed": "Install the extra more-ways.",
    "kind_not_allowed": "Take one of the kinds in docs/roster.md.",
}
ASK: Final = "Run `tsbridge doctor --notify` and have its messages' buttons pressed."


def ways(database: Database, clock: Clock) -> list[Line]:
    """What is proved to reach whom."""
    now = clock.now()
    roster, known = database.read_now(lambda conn: (LiveRoster().roster(conn), proved_ways.proofs(conn)))
    if roster is None:
        return [NO_ROSTER]
    lines = [
        Line(
            "ways",
            "bad",
            f"{agent} cannot be told anything: no way leads there.",
            "Give them `reach`, or an e-mail and a way of kind smtp.",
        )
        for agent in without_a_way(roster, now)
    ]
    all_ = reached(roster, known, now)
    late = [one for one in all_ if not one.good]
    for one in late:
        when = "was never proved" if one.proved_at is None else f"was last proved on {one.proved_at:%Y-%m-%d}"
        lines.append(Line("ways", "warn", f"{one.way} to {one.agent} {when}; it counts for {PROVED_FOR.days} days.", ASK))
    return lines or [Line("ways", "ok", f"All {len(all_)} ways to people were proved within {PROVED_FOR.days} days.")]


async def try_ways(
    database: Database, clock: Clock, ids: Ids, entropy: Callable[[int], bytes], outside: Outside, public_url: str | None, key: str | None
) -> list[Line]:
    """Send a test by every way to everybody who works here, or to `key` alone."""
    now = clock.now()
    roster = await database.read(lambda conn: LiveRoster().roster(conn))
    if roster is None:
        return [NO_ROSTER]
    agents = [agent for agent in roster.agents if (agent.key == key if key is not None else works_here(agent, roster, now))]
    if not agents:
        return [Line("notify", "bad", "Nobody of that key is in the roster.", "Take a key of its `agents`.")]
    lines = []
    if public_url is None:
        lines.append(
            Line(
                "notify",
                "bad",
                "TSBRIDGE_PUBLIC_URL is not set: messages have no button and prove nothing.",
                "Set it to where people reach us.",
            )
        )
    period, secret = await database.write(lambda conn: link_keys.signing(conn, now, entropy))
    known = {way.key: way for way in roster.ways}
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(agent: Agent, way: Way) -> Line:
        to = Recipient(agent.key, agent.email, None, agent.zone)
        id_ = ids.new("ntf")
        token = acklink.sign(AckLink("proof", agent.key, way.key, way.key, None, now), period, secret)
        message = a_test(id_, now, way.key, to, acknowledge_link=public_url and acklink.address(public_url, token))
        async with turn:
            return await _sent(f"{way.key} to {agent.key}", make(way, outside).send(to, message))

    sent = [one(agent, known[way]) for agent in agents for way in reach_of(roster, agent)]
    nowhere = [
        Line("notify", "bad", f"No way leads to {agent.key}.", "Give them `reach`.") for agent in agents if not reach_of(roster, agent)
    ]
    return [*lines, *nowhere, *await asyncio.gather(*sent)]


async def _sent(what: str, sending: Awaitable[str]) -> Line:
    try:
        answer = await sending
    except TryLater as failure:
        return Line("notify", "bad", f"{what}: not now ({failure.reason}).", "Look whether the other side is up; then try again.")
    except OutcomeUnknown as failure:
        return Line("notify", "warn", f"{what}: no answer came ({failure.reason}); it may have arrived.", "Look whether it did, and press.")
    except GiveUp as failure:
        return Line("notify", "bad", f"{what}: this way will not do ({failure.reason}).", NEXT.get(failure.reason, "Look at its settings."))
    return Line("notify", "ok", f"{what}: sent ({answer}). Its button proves that it arrived.")
