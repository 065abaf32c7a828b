"""Who sent it: vectors computed by others, and no single bit may differ."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.errors import Refused
from tsbridge.vendors.talkdesk.verify import verify as talkdesk
from tsbridge.vendors.zendesk import verify as zendesk

PUBLISHED = zendesk.PUBLIC_TEST_SECRET
OURS = "tsbridge-unit-test-secret-01"
V1_BODY = b'{"ticket_id":"4711","tags":"vip escalated","updated_by":"tsbridge"}'
V2_BODY = (
    b'{"account_id":21458100,"detail":{"id":"4711"},"event":{"tags_added":["vip"],"tags_removed":[]},'
    b'"id":"6f1f6f3e-5f0a-4a53-9b63-0c7b1d1f9a10","subject":"zen:ticket:4711","time":"2026-11-22T10:16:02.123456789Z",'
    b'"type":"zen:event-type:ticket.tags_changed","zendesk_event_version":"2022-11-06"}'
)
V3_BODY = bytes.fromhex(
    "7b227375626a656374223a225374c3b672756e6720e2809320d097d0b2e28099d18fd0b7d0bed0ba20f09f939e222c226964223a2234373132227d"
)
VECTORS = [
    pytest.param(
        PUBLISHED, "2021-03-25T05:09:27Z", b'{"event":"ticket.updated","id":123}', "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=", id="V0"
    ),
    pytest.param(PUBLISHED, "2026-11-22T10:15:30Z", V1_BODY, "bEpcqBvlmXgWvYLBr0pQjx4RWv+vLFzc9jlRXOv8eRo=", id="V1"),
    pytest.param(OURS, "2026-11-22T10:16:03Z", V2_BODY, "YA653oEcTzTW4Rcb3PU/bj9b2jbW4Ak1qxVE9hcTw+M=", id="V2"),
    pytest.param(OURS, "2026-11-22T23:59:59Z", V3_BODY, "tp/dZvtVPQoQwheDUJCiKi198t0vYAbbaVDk5jPRMYM=", id="V3"),
    pytest.param(OURS, "2026-11-22T10:20:00Z", b"", "Q5MJhSIXahoITPVu4rsFvUHE2+AYcgEzD5mM9CztiIo=", id="V4"),
]
NOW = datetime(2026, 11, 22, 10, 16, 3, tzinfo=UTC)


def headers(signature: str, timestamp: str) -> dict[str, str]:
    return {zendesk.SIGNATURE: signature, zendesk.TIMESTAMP: timestamp}


def prove(body: bytes, signature: str, timestamp: str, secrets: list[str], tolerance: int = 0, now: datetime = NOW) -> zendesk.Proof:
    return zendesk.verify(body, zendesk.claimed(headers(signature, timestamp)), secrets, now, timedelta(seconds=tolerance))


@pytest.mark.parametrize(("secret", "timestamp", "body", "signature"), VECTORS)
def test_we_sign_as_zendesk_does(secret: str, timestamp: str, body: bytes, signature: str) -> None:
    assert zendesk.sign(body, secret, timestamp) == signature


@pytest.mark.parametrize(("secret", "timestamp", "body", "signature"), VECTORS[2:])
def test_a_true_signature_is_accepted_by_whichever_secret_fits(secret: str, timestamp: str, body: bytes, signature: str) -> None:
    assert prove(body, signature, timestamp, ["another", secret]).secret == 1


def test_the_secret_printed_in_the_documentation_proves_nothing() -> None:
    with pytest.raises(Refused, match="bad_signature"):
        prove(V1_BODY, "bEpcqBvlmXgWvYLBr0pQjx4RWv+vLFzc9jlRXOv8eRo=", "2026-11-22T10:15:30Z", [PUBLISHED])


@pytest.mark.parametrize(
    ("secret", "timestamp", "body", "signature"),
    [
        pytest.param(PUBLISHED, "2026-11-22T10:15:30Z", V1_BODY, "wMdeKcYiyc8P+tkIsHCZ65ZiU3RG7JEmj8RrnHXvwq8=", id="key decoded first"),
        pytest.param(PUBLISHED, "2026-11-22T10:15:30Z", V1_BODY, "593GdRa7uBwQ6Y+tBsRC4GCBxCGnh0rWzztBfa7wkhI=", id="dot between"),
        pytest.param(OURS, "2026-11-22T10:16:03Z", V2_BODY, "lZZ1NRG6MssJ9dBlQF47Y0KZAOXrC/cmbDJvABQynnc=", id="body written anew"),
    ],
)
def test_a_signature_made_in_a_well_known_wrong_way_is_refused(secret: str, timestamp: str, body: bytes, signature: str) -> None:
    assert zendesk.sign(body, secret, timestamp) != signature
    with pytest.raises(Refused, match="bad_signature"):
        prove(body, signature, timestamp, [secret])


@given(st.binary(min_size=1, max_size=200), st.data())
def test_no_bit_of_body_signature_or_time_may_differ(body: bytes, data: st.DataObject) -> None:
    timestamp = "2026-11-22T10:16:03Z"
    parts = {"body": body, "signature": base64.b64decode(zendesk.sign(body, OURS, timestamp)), "time": timestamp.encode()}
    name = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, 8 * len(parts[name]) - 1))
    flipped = bytearray(parts[name])
    flipped[bit // 8] ^= 1 << bit % 8
    parts[name] = bytes(flipped)
    with pytest.raises(Refused):
        prove(parts["body"], base64.b64encode(parts["signature"]).decode(), parts["time"].decode("utf-8", "surrogateescape"), [OURS])


@pytest.mark.parametrize("given", ["", "x", "====", "Zm9v", "tp/dZvtVPQoQwheDUJCiKi198t0vYAbbaVDk5jPRMYM", "€" * 44, "A" * 9_999])
def test_what_is_no_signature_is_refused(given: str) -> None:
    with pytest.raises(Refused):
        prove(b"{}", given, "2026-11-22T10:16:03Z", [OURS])


@pytest.mark.parametrize(
    ("signed", "fits"),
    [
        (NOW, True),
        (NOW - timedelta(seconds=900), True),
        (NOW - timedelta(seconds=901), False),
        (NOW + timedelta(seconds=60), True),
        (NOW + timedelta(seconds=61), False),
    ],
)
def test_a_signature_has_its_time(signed: datetime, fits: bool) -> None:
    stamp = signed.isoformat().replace("+00:00", "Z")
    signature = zendesk.sign(b"{}", OURS, stamp)
    assert prove(b"{}", signature, stamp, [OURS]).timestamp == stamp  # without a window any time does
    if fits:
        assert prove(b"{}", signature, stamp, [OURS], 900)
    else:
        with pytest.raises(Refused, match="stale"):
            prove(b"{}", signature, stamp, [OURS], 900)


def test_a_time_that_cannot_be_read_is_refused_unless_the_window_is_off() -> None:
    signature = zendesk.sign(b"{}", OURS, "yesterday")
    assert prove(b"{}", signature, "yesterday", [OURS])
    with pytest.raises(Refused, match="stale"):
        prove(b"{}", signature, "yesterday", [OURS], 900)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "presented",
    [
        {"x-tsbridge-key": "s3cret"},
        {"authorization": "Bearer s3cret"},
        {"authorization": "bearer  s3cret"},
        {"authorization": basic("anyone", "s3cret")},
    ],
)
def test_talkdesks_secret_may_be_presented_in_three_ways(presented: dict[str, str]) -> None:
    assert talkdesk(presented, ["old", "s3cret"]) == 1


@pytest.mark.parametrize(
    "presented",
    [
        {},
        {"x-tsbridge-key": "S3cret"},
        {"x-tsbridge-key": "s3cret2"},
        {"x-tsbridge-key": ""},
        {"authorization": "s3cret"},
        {"authorization": "Bearer "},
        {"authorization": basic("s3cret", "")},
        {"authorization": basic("s3cret", "other")},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic czNjcmV0"},
    ],
)
def test_anything_else_is_not_talkdesk(presented: dict[str, str]) -> None:
    with pytest.raises(Refused):
        talkdesk(presented, ["s3cret"])
