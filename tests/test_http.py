"""Outgoing calls: bounded in time and bytes whatever the other side does, by the proxy and the certificates that the settings name."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.far_side import Proxy, Speaks, answers, authority, dribbles, serving
from tsbridge.core.errors import OutcomeUnknown, TryLater, VendorError
from tsbridge.http import TRIES, Answer, Http, Outgoing, trusted
from tsbridge.settings.load import load
from tsbridge.wiring.clients import outgoing


async def at_once(_: float) -> None:
    return


async def asked(url: str, method: str = "GET", **options: Any) -> Answer:
    http = Http(url, sleep=at_once, **options)
    try:
        return await http.call(method, "/x", once=True)
    finally:
        await http.close()


def of(speaks: Speaks, method: str = "GET", **options: Any) -> Answer | VendorError:
    """What comes of a call to a server on this machine."""

    async def call() -> Answer:
        async with serving(speaks) as port:
            return await asked(f"http://127.0.0.1:{port}", method, **options)

    try:
        return asyncio.run(call())
    except VendorError as failure:
        return failure


# How long


def test_a_side_that_sends_a_byte_now_and_then_holds_a_call_no_longer_than_it_may_last() -> None:
    slow = of(dribbles(0.02), call_s=0.2)
    assert isinstance(slow, TryLater)
    assert slow.reason == "too_slow"


def test_a_write_that_took_too_long_may_have_arrived() -> None:
    slow = of(dribbles(0.02), "PUT", call_s=0.2)
    assert isinstance(slow, OutcomeUnknown)
    assert slow.reason == "too_slow"


def test_short_retries_and_their_pauses_are_within_the_time_of_the_call() -> None:
    """The other side asks for a second; the call has less than that."""
    waits: list[float] = []

    async def waiting(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.Event().wait()

    async def call() -> Answer:
        async with serving(answers(b"", "Retry-After: 1", status="503 Later")) as port:
            http = Http(f"http://127.0.0.1:{port}", sleep=waiting, call_s=0.2)
            try:
                return await http.call("GET", "/x")
            finally:
                await http.close()

    with pytest.raises(TryLater, match=r"^too_slow$"):
        asyncio.run(call())
    assert waits == [1.0]


def test_what_is_safe_to_repeat_is_tried_as_often_as_it_may_be() -> None:
    came: list[bytes] = []

    async def speaks(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(head.split(b" ")[0])
        await answers(b"", status="503 Later")(head, reader, writer)

    async def call(method: str) -> int:
        async with serving(speaks) as port:
            http = Http(f"http://127.0.0.1:{port}", sleep=at_once)
            try:
                return (await http.call(method, "/x")).status
            finally:
                await http.close()

    assert [asyncio.run(call(method)) for method in ("GET", "PUT")] == [503, 503]
    assert came == [b"GET"] * TRIES + [b"PUT"]


# How much


@pytest.mark.parametrize("told_size", [True, False])
def test_an_answer_is_read_up_to_its_bound_and_a_larger_one_is_refused(told_size: bool) -> None:
    whole = of(answers(b"x" * 1_000, told_size=told_size), largest=1_000)
    assert isinstance(whole, Answer)
    assert len(whole.body) == 1_000
    over = of(answers(b"x" * 1_001, told_size=told_size), largest=1_000)
    assert isinstance(over, TryLater)
    assert over.reason == "answer_too_large"


def test_an_answer_to_a_write_that_is_too_large_leaves_open_whether_it_happened() -> None:
    over = of(answers(b"x" * 1_001), "POST", largest=1_000)
    assert isinstance(over, OutcomeUnknown)
    assert over.reason == "answer_too_large"


def test_a_packed_answer_counts_unpacked() -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * 900 + b'"}')
    read = of(answers(packed, "Content-Encoding: gzip"), largest=1_000)
    assert isinstance(read, Answer)
    assert read.content == {"a": "x" * 900}
    over = of(answers(gzip.compress(b"x" * 1_001), "Content-Encoding: gzip"), largest=1_000)
    assert isinstance(over, TryLater)
    assert over.reason == "answer_too_large"


def test_a_bomb_is_never_unpacked() -> None:
    """A gibibyte in one million bytes; unpacking it would show in what the process holds."""
    import tracemalloc

    pack = zlib.compressobj(wbits=31)
    bomb = b"".join([*(pack.compress(bytes(1 << 20)) for _ in range(256)), pack.flush()])
    tracemalloc.start()
    try:
        over = of(answers(bomb, "Content-Encoding: gzip"), largest=1 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(over, TryLater)
    assert over.reason == "answer_too_large"
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("body", "packed"),
    [(b"\x1f\x8bno gzip at all", "gzip"), (gzip.compress(b"cut" * 99)[:-12], "gzip"), (b"abc", "br"), (b"abc", "gzip, gzip")],
    ids=["broken", "cut", "unasked", "twice"],
)
def test_what_cannot_be_unpacked_is_unreadable(body: bytes, packed: str) -> None:
    got = of(answers(body, f"Content-Encoding: {packed}"))
    assert isinstance(got, TryLater)
    assert got.reason == "unreadable"


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    got = of(answers(b"", "Location: http://127.0.0.1:1/elsewhere", status="302 Found"))
    assert isinstance(got, Answer)
    assert (got.status, got.headers["location"]) == (302, "http://127.0.0.1:1/elsewhere")


# By which way


def test_a_call_goes_by_the_proxy_and_proves_itself_to_it() -> None:
    async def call() -> tuple[Answer, list[str]]:
        async with serving(answers(b'{"a": 1}')) as port:
            proxy = Proxy(port)
            async with serving(proxy) as through:
                way = Outgoing(f"http://desk:s%40cret@127.0.0.1:{through}")
                return await asked("http://zendesk.test", outgoing=way), proxy.heads

    answer, heads = asyncio.run(call())
    assert answer.content == {"a": 1}
    assert heads[0].startswith("GET http://zendesk.test/x HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic ZGVzazpzQGNyZXQ=\r\n" in heads[0]


def test_an_encrypted_call_goes_through_the_proxy_unread(tmp_path: Path) -> None:
    ca, tls = authority(tmp_path, "zendesk.test")

    async def call() -> tuple[Answer, list[str]]:
        async with serving(answers(b'{"a": 1}'), tls) as port:
            proxy = Proxy(port)
            async with serving(proxy) as through:
                way = Outgoing(f"http://127.0.0.1:{through}", ca_bundle=ca)
                return await asked("https://zendesk.test", outgoing=way), proxy.heads

    answer, heads = asyncio.run(call())
    assert answer.content == {"a": 1}
    assert [head.split("\r\n")[0] for head in heads] == ["CONNECT zendesk.test:443 HTTP/1.1"]


def test_a_proxy_that_refuses_is_named_and_nothing_left() -> None:
    async def call() -> Answer:
        async with serving(Proxy(1, refuses=True)) as through:
            return await asked("https://zendesk.test", "PUT", outgoing=Outgoing(f"http://127.0.0.1:{through}"))

    with pytest.raises(TryLater, match=r"^proxy_refused$"):
        asyncio.run(call())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "chat.internal", "internal.example", "deep.below.example"])
def test_this_machine_and_hosts_named_are_called_without_the_proxy(host: str) -> None:
    way = Outgoing("http://proxy.test:3128", ("chat.internal", "internal.example", ".below.example"))
    assert way.proxy_to(host) is None
    assert way.proxy_to("acme.zendesk.com") == "http://proxy.test:3128"
    assert way.proxy_to("other.chat.internal") == "http://proxy.test:3128"


def test_a_proxy_of_the_environment_is_not_gone_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert isinstance(of(answers(b"{}")), Answer)


# Trusting whom


def test_a_server_of_an_authority_of_our_own_is_trusted_once_its_certificate_is_given(tmp_path: Path) -> None:
    ca, tls = authority(tmp_path, "localhost")

    async def call(way: Outgoing) -> Answer:
        async with serving(answers(b'{"a": 1}'), tls) as port:
            return await asked(f"https://localhost:{port}", outgoing=way)

    with pytest.raises(TryLater, match=r"^certificate$"):
        asyncio.run(call(Outgoing()))
    assert asyncio.run(call(Outgoing(ca_bundle=ca))).content == {"a": 1}


def test_certificates_of_our_own_are_trusted_besides_the_public_ones(tmp_path: Path) -> None:
    ca, _ = authority(tmp_path, "localhost")
    assert len(trusted(ca).get_ca_certs()) == len(trusted(None).get_ca_certs()) + 1 > 100
    assert trusted(ca).verify_mode is ssl.CERT_REQUIRED


def test_the_settings_say_by_which_way(tmp_path: Path) -> None:
    ca, _ = authority(tmp_path, "localhost")
    settings = load(
        {
            "TSBRIDGE_HTTP_PROXY": "http://user:hush-hush@proxy.test:3128",
            "TSBRIDGE_NO_PROXY": "Chat.Internal, .below.example",
            "TSBRIDGE_CA_BUNDLE": str(ca),
        },
        None,
    )
    way = outgoing(settings)
    assert way == Outgoing("http://user:hush-hush@proxy.test:3128", ("chat.internal", ".below.example"), ca)
    assert "hush" not in repr(way)
    assert outgoing(load({}, None)) == Outgoing()


def test_no_call_follows_a_redirect_or_reads_the_environment_by_any_client() -> None:
    """The library's own defaults would: held by what the client was made with."""
    http = Http("https://zendesk.test", sleep=at_once)
    client: httpx.AsyncClient = http._client
    assert not client.follow_redirects
    assert not client.trust_env
