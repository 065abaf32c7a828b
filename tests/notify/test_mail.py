"""Mail, handed to a server that keeps it, refuses it, hangs, or goes away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.far_side import authority
from tests.notify.desk import ACKNOWLEDGE, ANA, CASE, QUICKLY, item, message, sinks
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater, VendorError
from tsbridge.notify.messages import Recipient

pytestmark = pytest.mark.anyio


async def test_a_message_arrives_with_its_own_id_and_no_answer_by_machine_asked_for() -> None:
    async with sinks() as desk:
        assert await desk.mail_way().send(ANA, message()) == "250 2.0.0"
        [mail] = desk.mail.received
    assert (mail.sender, mail.recipients) == ("desk@example.com", ("ana@example.com",))
    assert mail.message["Message-ID"] == "<ntf_01jd0000000000000000000009@desk.example>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Date"] == "Sun, 29 Nov 2026 02:12:00 +0000"
    assert f"\r\nSubject: Severity 1, safety_incident, queue safety. ({CASE})\r\n".encode() in mail.raw
    assert max(len(line) for line in mail.raw.partition(b"\r\n\r\n")[2].split(b"\r\n")) <= 76
    text = mail.message.get_content()
    assert ACKNOWLEDGE in text
    assert CASE in text
    assert "Severity 1, safety_incident, queue safety." in text
    assert "The next step comes at 03:27 on Sunday 29 November (Europe/Berlin)." in text


async def test_sent_again_it_is_the_same_to_the_byte() -> None:
    async with sinks() as desk:
        for _ in range(2):
            await desk.mail_way().send(ANA, message())
        first, second = desk.mail.received
    assert first == second


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (421, TryLater, "smtp_421"),
        (451, TryLater, "smtp_451"),
        (450, TryLater, "smtp_450"),
        (550, GiveUp, "smtp_550"),
        (554, GiveUp, "smtp_554"),
    ],
)
async def test_an_answer_says_what_to_do_next(code: int, error: type[VendorError], reason: str) -> None:
    async with sinks() as desk:
        desk.mail.faults.code, desk.mail.faults.times = code, 1
        with pytest.raises(error) as refused:
            await desk.mail_way().send(ANA, message())
        assert refused.value.reason == reason
        assert await desk.mail_way().send(ANA, message()) == "250 2.0.0"


async def test_a_refused_recipient_is_an_error_and_its_address_is_not_in_it() -> None:
    async with sinks() as desk:
        desk.mail.faults.refuse = {"ana@example.com"}
        with pytest.raises(GiveUp) as refused:
            await desk.mail_way().send(ANA, message())
        assert desk.mail.received == []
    assert refused.value.reason == "smtp_550"
    assert "ana" not in repr(refused.value)
    assert refused.value.__suppress_context__


async def test_a_connection_lost_behind_the_message_leaves_it_open_whether_it_arrived() -> None:
    async with sinks() as desk:
        desk.mail.faults.lost = True
        with pytest.raises(OutcomeUnknown):
            await desk.mail_way().send(ANA, message())
        assert len(desk.mail.received) == 1


async def test_a_server_that_hangs_behind_the_message_leaves_it_open_as_well() -> None:
    async with sinks() as desk:
        desk.limit_s = QUICKLY
        desk.mail.faults.hang = True
        with pytest.raises(OutcomeUnknown):
            await desk.mail_way().send(ANA, message())


async def test_a_server_that_cuts_off_or_is_away_is_tried_later() -> None:
    async with sinks() as desk:
        desk.mail.faults.away = True
        with pytest.raises(TryLater) as cut:
            await desk.mail_way().send(ANA, message())
        await desk.mail.close()
        with pytest.raises(TryLater) as away:
            await desk.mail_way().send(ANA, message())
    assert (cut.value.reason, away.value.reason) == ("unreachable", "unreachable")


async def test_who_we_are_is_proven_and_a_wrong_password_is_final_and_not_shown() -> None:
    async with sinks("desk", "s3cret pass") as desk:
        await desk.mail_way(user="desk", password="s3cret pass").send(ANA, message())
        assert desk.mail.received[0].user == "desk"
        with pytest.raises(GiveUp) as refused:
            await desk.mail_way(user="desk", password="wrong-one").send(ANA, message())
    assert refused.value.reason == "login_refused"
    assert "wrong-one" not in repr(refused.value)


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for() -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp) as refused:
            await desk.mail_way(starttls=True).send(ANA, message())
        assert desk.mail.received == []
        with pytest.raises(GiveUp) as plain:
            await desk.mail_way(tls=True).send(ANA, message())
    assert (refused.value.reason, plain.value.reason) == ("not_supported", "no_tls")


@pytest.mark.parametrize("address", ["", "ana", "ana@", "a b@example.com", "ana@example.com\r\nBcc: eve@example.com", "ä@example.com"])
async def test_an_address_that_is_none_is_refused_before_anything_is_sent(address: str) -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp) as refused:
            await desk.mail_way().send(replace(ANA, email=address), message())
        assert desk.mail.connections == 0
    assert refused.value.reason in ("no_address", "bad_address")


async def test_somebody_without_an_address_and_mail_that_is_not_set_up_are_said() -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp, match="no_address"):
            await desk.mail_way().send(Recipient("ben", None, None), message())
        with pytest.raises(GiveUp, match="mail_not_set_up"):
            await desk.way("smtp").send(ANA, message())


async def test_words_of_the_rulebook_cannot_add_headers() -> None:
    async with sinks() as desk:
        await desk.mail_way().send(ANA, message(item(category="bite\r\nBcc: eve@example.com\u202e")))
        [mail] = desk.mail.received
    assert mail.message["Bcc"] is None
    assert mail.recipients == ("ana@example.com",)
    assert "bite Bcc: eve@example.com" in mail.message["Subject"]


async def test_a_server_certified_by_an_authority_of_our_own_is_trusted_once_its_certificate_is_given(tmp_path: Path) -> None:
    ca, tls = authority(tmp_path, "localhost")
    async with sinks() as desk:
        server = await asyncio.start_server(desk.mail.talk, "127.0.0.1", 0, ssl=tls)
        async with server:
            place = {"host": "localhost", "port": server.sockets[0].getsockname()[1], "tls": True}
            with pytest.raises(GiveUp, match=r"^certificate$"):
                await desk.mail_way(**place).send(ANA, message())
            assert await desk.mail_way(**place, ca_bundle=ca).send(ANA, message()) == "250 2.0.0"
