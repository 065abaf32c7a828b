"""Telephone numbers as people and carriers write them, into E.164. Total: what makes no sense is no number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import phonenumbers

SCHEME: Final = re.compile(r"^\s*[a-z][a-z0-9.+-]*:(//)?\s*", re.IGNORECASE)
"""tel:, callto:, sip:, and what people put before a number in the same way, as in "Mobile:"."""
SIP: Final = re.compile(r"\s*sips?:", re.IGNORECASE)
INVISIBLE: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Copied out of an address book a number is wrapped in marks of direction."""
NUMBER: Final = re.compile(r"\s*[+(]*\d[\d\s()./\u2010-\u2015\u2212-]*")
DASH: Final = re.compile("[\u2010-\u2015\u2212-]")
BEHIND_DASH: Final = re.compile("(.*[0-9]) ?[\u2010-\u2015\u2212-] ?[0-9]{1,5}")
LONG_ENOUGH: Final = len("+493012345")
DIGITS_OF_A_REMARK: Final = re.compile(r"\s\d{1,2}(st|nd|rd|th|h|am|pm|uhr|:\d\d|/7)\b.*", re.IGNORECASE | re.DOTALL)
WITHHELD: Final = frozenset({"266696687", "86282452253", "7378742833", "2562533", "8656696", "7748283", "94844353"})
"""ANONYMOUS, UNAVAILABLE, RESTRICTED, BLOCKED, UNKNOWN, PRIVATE, WITHHELD on a keypad: what carriers put for a number they may not show."""
COUNTED: Final = "012345678901234567890"


def e164(written: str, region: str) -> str | None:
    """Without scheme, extension or remark; None for withheld callers, names at a SIP host, short codes and nonsense.

    A number with its country code only has to be possible (test ranges are). One without is read in `region`, then as if its
    plus were missing, whichever is valid first.
    """
    if "phone-context" in written:  # a local number of somewhere else
        return None
    bare = SCHEME.sub("", INVISIBLE.sub("", written).replace("\uff0b", "+"))
    if "@" in bare and not (SIP.match(written) and bare.startswith("+")):
        return None
    number = NUMBER.match(DIGITS_OF_A_REMARK.sub("", bare))  # the rest is extension or remark; its letters would count as digits
    return None if number is None else _without_extension(number[0].strip(), region)


def _without_extension(plain: str, region: str) -> str | None:
    """Without what stands behind a dash, where the number is whole without it: in 555-2671 it is not, in 123456-204 it is.

    In countries where numbers have any length both are: there it is an extension behind the only dash and a long enough number.
    """
    whole, behind = _read_number(plain, region), BEHIND_DASH.fullmatch(plain)
    short = None if behind is None else _read_number(behind[1], region, valid=True)
    if short is None or behind is None:
        return whole
    return short if whole is None or (len(short) >= LONG_ENOUGH and not DASH.search(behind[1])) else whole


def _read_number(plain: str, region: str, *, valid: bool = False) -> str | None:
    digits = "".join(c for c in plain if c.isdigit())
    if len(digits) < 7:
        return None
    if plain.startswith("+"):
        return None if digits in WITHHELD else _parsed(plain, None, valid=valid)
    here = _parsed(plain, region, valid=True)
    if digits in WITHHELD:
        return here if here is not None and here.startswith("+1") else None  # 737 874 2833 may be somebody in Austin
    abroad = "+" + plain.removeprefix("00")
    possible = None if valid or _parsed(plain, region) else _parsed(abroad, None)
    return here or _parsed(abroad, None, valid=True) or possible


def _parsed(number: str, region: str | None, *, valid: bool = False) -> str | None:
    import phonenumbers  # with the numbering plans of all countries: with the first number that is read

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    _fold_mexican(parsed)
    fits = phonenumbers.is_valid_number(parsed) if valid else phonenumbers.is_possible_number(parsed)
    if not fits or _bogus(phonenumbers.national_significant_number(parsed)):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _fold_mexican(parsed: phonenumbers.PhoneNumber) -> None:
    """+521 and ten digits is how mobiles were dialled until 2019: the same subscriber as +52 and the ten."""
    national = str(parsed.national_number)
    if parsed.country_code == 52 and len(national) == 11 and national.startswith("1"):
        parsed.national_number = int(national[1:])


def _bogus(national: str) -> bool:
    """One digit all along, or digits counted up: typed to get past a form."""
    return len(set(national)) == 1 or (len(national) >= 9 and national in COUNTED)


def country(e164: str) -> str | None:
    """Two letters of the country a number belongs to; None where several share it."""
    import phonenumbers

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None
