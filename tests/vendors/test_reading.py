"""Reading what vendors write, value by value."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tsbridge.core.moments import Handle
from tsbridge.vendors import reading
from tsbridge.vendors.zendesk.read_fields import names_in

BERLIN = "+4930123456"


@pytest.mark.parametrize(
    "written",
    [
        "+49 30 123456",
        "+49 30 123456 x204",
        "+49 30 123456x204",
        "+49 30 123456 ext. 204",
        "+49 30 123456 (ext 204)",
        "+49 30 123456 extension 204",
        "+49 30 123456 poste 204",
        "+49 30 123456 Durchwahl 204",
        "+49 30 123456;ext=204",
        "+49 30 123456 #204",
        "+49 30 123456,,204",
        "tel:+49-30-123456",
        "TEL:+49-30-123456;ext=204",
        "+49 30 123456 Max",
        "+49 30 123456 Max: call after 17:00",
        "+49 30 123456 / +49 171 1234567",
        "\uff0b49 30 123456",
        "0049 30 123456 доб. 204",
        "030 123456 x204",
        "+49 30 123456-204",
        "+49 30 123456 - 204",
        "+49 30 123456 \u2013 204",
        "+49 30 123456p204",
        "+49 30 123456 p. 204",
        "+49 30 123456 w204",
        "+49 30 123456 ext: 204",
        "+49 30 123456 extn 204",
        "+49 30 123456, ext. 204",
        "+49 30 123456 X 204",
        "+49 30 123456;204",
        "+49 30 123456*204",
        "+49 30 123456~204",
        "callto:+4930123456",
        "callto://+4930123456",
        "sip:+4930123456@example.com",
        "sips:+4930123456@example.com;user=phone",
        "sip:+4930123456",
        "Mobile: +49 30 123456",
        "Tel.: 030 123456",
        "\u202a+49 30 123456\u202c",
        "+49\u00a030\u00a0123456",
        "+49 (0)30 123456",
        "(+49) 30 123456",
        "4930123456",
        "+49 30 123456 9am to 5pm",
        "+49 30 123456 24/7",
        "+49 30 123456 2nd floor",
        "+49 30 123456\n+49 171 1234567",
    ],
)
def test_a_number_is_read_without_its_extension_and_remarks(written: str) -> None:
    assert reading.phone(written, "DE") == BERLIN


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("415-555-2671", "US", "+14155552671"),
        ("415-555-2671-204", "US", "+14155552671"),
        ("(415) 555-2671 p204", "US", "+14155552671"),
        ("+1 415-555-2671-204", "DE", "+14155552671"),
        ("+1 (555) 000-1234", "US", "+15550001234"),
        ("+49 30 1234-5678", "DE", "+493012345678"),
        ("+49-30-123456-204", "DE", "+4930123456204"),
        ("030-123456", "DE", "+4930123456"),
        ("+358 9 123-4567", "US", "+35891234567"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("+55 11 98765-4321", "US", "+5511987654321"),
    ],
)
def test_what_stands_behind_a_dash_is_an_extension_only_where_the_number_is_whole_without(written: str, region: str, number: str) -> None:
    assert reading.phone(written, region) == number


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("7378742833", "US", "+17378742833"),
        ("4155552671", "US", "+14155552671"),
        ("14155552671", "US", "+14155552671"),
        ("4155552671", "DE", "+494155552671"),
        ("4930123456", "US", "+4930123456"),
        ("351910000123", "US", "+351910000123"),
        ("447700900321", "US", "+447700900321"),
        ("011 49 30 123456", "US", "+4930123456"),
        ("0044 20 7946 0958", "DE", "+442079460958"),
        ("5550001234", "US", None),
        ("86282452253", "DE", None),
        ("7378742833", "DE", None),
        ("1234567", "US", None),
    ],
)
def test_a_number_without_a_plus_is_one_of_the_region_before_it_is_one_from_abroad(written: str, region: str, number: str | None) -> None:
    assert reading.phone(written, region) == number


@pytest.mark.parametrize("written", ["+5215512345678", "+525512345678", "+52 1 55 1234 5678", "5215512345678"])
def test_a_mexican_mobile_has_one_number_with_and_without_its_old_digit(written: str) -> None:
    assert reading.phone(written, "US") == "+525512345678"


@pytest.mark.parametrize(
    "written",
    [
        "anonymous",
        "Restricted",
        "unavailable",
        "private",
        "unknown",
        "+266696687",
        "266696687",
        "+86282452253",
        "+7378742833",
        "+2562533",
        "+8656696",
        "0000000000",
        "+10000000000",
        "+0000000000",
        "+15555555555",
        "+99999999999",
        "+11234567890",
        "sip:anonymous@anonymous.invalid",
        "sip:4930123456@example.com",
        "sip:ana@example.com",
        "sip:+266696687@example.com",
        "+4930123456@example.com",
        "tel:anonymous",
        "tel:+266696687",
        "1-800-FLOWERS",
        "tel:30123456;phone-context=example.com",
        "+49²²²²²²²²",
        "+" + "1" * 59,
    ],
)
def test_withheld_and_bogus_numbers_are_none(written: str) -> None:
    assert reading.phone(written, "US") is None


@pytest.mark.parametrize("written", ["+15550001234", "+14155550001", "+12025550142", "(415) 555-2671", "+17378742833"])
def test_test_ranges_and_plain_numbers_go_on_working(written: str) -> None:
    digits = "".join(c for c in written if c.isdigit())
    assert reading.phone(written, "US") == "+" + digits.rjust(11, "1")


@pytest.mark.parametrize("written", ["N/A", "none", "null", "{{name}} bit me", "{{a}} and {{b}}", "Null"])
def test_free_text_that_looks_like_nothing_is_text(written: str) -> None:
    assert reading.text(written) == written
    assert dict(reading.person_facts("7", written, None, None, "US")[0])["requester.name"] == written


@pytest.mark.parametrize("written", ["", "  ", None, "{{ticket.title}}", " {{ ticket.title }} "])
def test_only_emptiness_and_one_whole_placeholder_are_no_text(written: str | None) -> None:
    assert reading.text(written) is None


@pytest.mark.parametrize("written", ["null", "None", "N/A", "{{x}}", "{{a}}-{{b}}"])
def test_words_for_nothing_are_no_id_word_number_or_time(written: str) -> None:
    read = (reading.id_text, reading.whole_id, reading.word, reading.label, reading.seconds, reading.time, reading.email)
    assert [function(written) for function in read] == [None] * len(read)


@pytest.mark.parametrize(
    "written", ["\u00b2", "12abc", "1" * 60, "1" * 20, "-5", "0", "000", "1.0", 1.0, True, "\u0661\u0662", "1 2", [1], "+5"]
)
def test_what_is_not_plain_digits_is_no_zendesk_id(written: object) -> None:
    assert reading.whole_id(written) is None


def test_zendesk_ids_are_plain_digits_and_call_ids_are_any_bounded_text() -> None:
    assert reading.whole_id(" 12 ") == reading.whole_id(12) == reading.whole_id("0012") == "12"
    assert reading.whole_id("9" * 19) == "9" * 19
    assert reading.id_text("CA-12_ab:\u00fc") == "CA-12_ab:\u00fc"
    assert reading.id_text("a" * 201) is None


ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-06-01T09:14:03", "2026-06-01T16:14:03+00:00"),
        ("2026-06-01 09:14:03", "2026-06-01T16:14:03+00:00"),
        ("2026-06-01T09:14:03Z", "2026-06-01T09:14:03+00:00"),
        ("2026-06-01T09:14:03+02:00", "2026-06-01T07:14:03+00:00"),
        ("1780305243", "2026-06-01T09:14:03+00:00"),
        ("2026-03-08T02:30:00", "2026-03-08T10:30:00+00:00"),  # skipped: it lies behind the gap, at 03:30
    ],
)
def test_a_time_without_a_zone_is_in_the_zone_one_is_told(written: str, utc: str) -> None:
    assert reading.time(written, ANGELES) == datetime.fromisoformat(utc)


@pytest.mark.parametrize(("came", "meant"), [("08:31", "08:30"), ("09:26", "09:30"), ("09:31", "09:30"), ("23:00", "09:30")])
def test_a_doubled_wall_time_is_the_later_one_unless_that_was_still_to_come(came: str, meant: str) -> None:
    received, at = (datetime.fromisoformat(f"2026-11-01T{text}:00+00:00") for text in (came, meant))
    assert reading.time("2026-11-01T01:30:00", ANGELES, received) == at


def test_a_time_that_leads_out_of_the_calendar_is_none() -> None:
    assert reading.time("0001-01-01T00:00:00", ZoneInfo("Asia/Tokyo")) is None
    assert reading.time("9999-12-31T23:59:59", ANGELES) is None


@pytest.mark.parametrize("written", ["5f1e0c9a7b2d4e0011aa22bb", "c2d1b0a9-8f7e-4d6c-9b5a-3f2e1d0c9b8a", " 60aa ", 4711])
def test_ids_of_calls_are_taken_in_any_format(written: object) -> None:
    assert reading.token(written) == str(written).strip()


@pytest.mark.parametrize("written", ["", "null", "N/A", "{{call_id}}", "not available", "a\tb", "çall", "x" * 201, None, True, [], {}])
def test_words_where_the_id_of_a_call_belongs_are_none(written: object) -> None:
    assert reading.token(written) is None
    assert names_in({"ticket.external_id": f"talkdesk:acme:{written}" if isinstance(written, str) else "talkdesk:"}) == ()


def test_a_call_is_named_by_a_tickets_external_id_with_or_without_the_account() -> None:
    assert (
        names_in({"ticket.external_id": "talkdesk:acme:60aa"})
        == names_in({"ticket.external_id": "Talkdesk:60aa"})
        == (Handle("call", "60aa"),)
    )
