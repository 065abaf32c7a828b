"""Reading what vendors write: blanks, times, numbers, flags, phone numbers. Total: a value that makes no sense is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from tsbridge.core.moments import Handle, Moment, Value
from tsbridge.vendors.phones import country, e164

SUBJECT_LENGTH: Final = 1_024
TEXT_LENGTH: Final = 65_536
LIST_LENGTH: Final = 1_000
TAGS: Final = 500
TAG_LENGTH: Final = 100
ID_LENGTH: Final = 200
TOKEN: Final = re.compile(r"[!-~]+")
WHOLE: Final = re.compile(r"[0-9]{1,19}")
BLANKS: Final = frozenset({"", "null", "none", "undefined", "nil", "n/a"})
LONGEST_BLANK: Final = 10
UNFILLED: Final = re.compile(r"\{\{[^{}]*\}\}")
PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}")
SINCE_1970: Final = re.compile(r"[0-9]{9,13}(\.[0-9]+)?")
FRACTION: Final = re.compile(r"(\.\d{6})\d+")
CLOCKED: Final = re.compile(r"()([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
COUNTED_OUT: Final = re.compile(r"([0-9]{1,2})d ([0-9]{1,2})h ([0-9]{1,2})m ([0-9]{1,2})s")
UNITS: Final = (86_400, 3_600, 60, 1)
CUT: Final = " […]"
AHEAD: Final = timedelta(minutes=5)
"""How far a vendor's clock may run before ours."""
BEGINNING: Final = datetime(2005, 1, 1, tzinfo=UTC)
"""No account of either vendor is older."""


class Normalized(NamedTuple):
    """What a delivery says. `ignored`: why it says nothing to us; `warnings`: codes for the operator, without data; `account`: whose
    account says so, with the kind of name before it, where the signed body tells; `merged`: a Zendesk user and whom it is now; `deleted`: a
    Zendesk user who is deleted, for good or not."""

    event_type: str
    moments: tuple[Moment, ...] = ()
    ignored: str | None = None
    warnings: tuple[str, ...] = ()
    account: str | None = None
    merged: tuple[str, str] | None = None
    deleted: str | None = None


def unfilled(value: Any) -> bool:
    """Whether a value is one placeholder that nobody filled in, and nothing else."""
    return isinstance(value, str) and "{{" in value and UNFILLED.fullmatch(value.strip()) is not None


def blank(value: Any) -> bool:
    """Whether an id, a word or a number stands for nothing: empty, a word for nothing, or placeholders nobody filled in."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    text = value.strip()
    return (len(text) < LONGEST_BLANK and text.lower() in BLANKS) or (text.startswith("{{") and text.endswith("}}"))


def text(value: Any, limit: int = TEXT_LENGTH) -> str | None:
    """What people wrote, cut at `limit` with a mark; None for nothing. "N/A" is text, and a person may be called Null."""
    if type(value) is str:  # so it mostly is
        if unfilled(value):
            return None
    elif value is None or isinstance(value, dict | list):
        return None
    else:
        value = ("true" if value else "false") if isinstance(value, bool) else str(value)
    found = value.strip().replace("\x00", "\ufffd")
    if len(found) > limit:
        found = found[: limit - len(CUT)] + CUT
    return found or None


def label(value: Any, limit: int = TEXT_LENGTH) -> str | None:
    """A value out of a choice, as text; unlike with `text`, words for nothing are None."""
    return None if blank(value) else text(value, limit)


def id_text(value: Any) -> str | None:
    """A vendor's id as it is; "", "0" and null are no id (reference/zendesk.md section 1.4), nor is an endless one."""
    if type(value) is str and value.isdigit() and value.isascii():  # so it mostly is
        return value if value != "0" and len(value) <= ID_LENGTH else None
    if isinstance(value, bool | float | dict | list) or blank(value):
        return None
    found = str(value).strip()
    return found if found != "0" and len(found) <= ID_LENGTH else None


def whole_id(value: Any) -> str | None:
    """The id of something in Zendesk: plain digits, a positive number, always written the same way."""
    found = id_text(value)
    return None if found is None or not WHOLE.fullmatch(found) else found.lstrip("0") or None


def token(value: Any) -> str | None:
    """The id of a call or a contact: of whatever format, but one word. What people write where an id belongs is none."""
    found = id_text(value)
    return found if found is not None and TOKEN.fullmatch(found) else None


def word(value: Any) -> str | None:
    """One of a vendor's words, in lower case."""
    found = label(value, 200)
    return None if found is None else found.lower()


def flag(value: Any) -> bool | None:
    """true, "True", "Yes", 1 …; None for anything that is neither."""
    if isinstance(value, bool):
        return value
    found = word(value)
    if found in ("true", "yes", "y", "1", "t", "on"):
        return True
    if found in ("false", "no", "n", "0", "f", "off"):
        return False
    return None


def seconds(value: Any) -> int | float | None:
    """A number of seconds, also fractional, also text; whole ones as int. "00:05:00" and "0d 0h 5m 0s" are 300."""
    found = label(value, 40)
    if found is None or isinstance(value, bool):
        return None
    if (parts := CLOCKED.fullmatch(found) or COUNTED_OUT.fullmatch(found)) is not None:
        return sum(int(part or 0) * unit for part, unit in zip(parts.groups(), UNITS, strict=True))
    try:
        number = Decimal(found)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number < 10_000_000:
        return None
    return int(number) if number == number.to_integral_value() else float(number)


def time(value: Any, zone: tzinfo = UTC, received_at: datetime | None = None) -> datetime | None:
    """A vendor's time: ISO 8601 with any number of fraction digits, or seconds or milliseconds since 1970.

    One that names no zone is in `zone`. Where a clock change doubles a wall time it is the later of the two, unless it was
    `received_at` before that; where one skips it, it lies behind the gap.
    """
    found = _written_time(value)
    if found is None:
        return None
    try:
        utc = _in_zone(found, zone, received_at) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:  # an offset may lead out of the calendar
        return None
    return utc if 1990 <= utc.year <= 2100 else None


def doubt(at: datetime, received_at: datetime) -> str | None:
    """Why a vendor's time is not believed, as a warning; None for one that can be."""
    if at > received_at + AHEAD:
        return "time_ahead"
    return "time_too_old" if at < BEGINNING else None


def when(value: Any, received_at: datetime, zone: tzinfo = UTC) -> tuple[datetime, bool, tuple[str, ...]]:
    """A vendor's time, whether it is known, and the warning where it is not believed: then it is the time of receipt."""
    at = time(value, zone, received_at)
    if at is None:
        return received_at, False, () if blank(value) else ("time_unreadable",)
    why = doubt(at, received_at)
    return (at, True, ()) if why is None else (received_at, False, (why,))


def time_among(data: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """Which of the keys tells the time: the first that can be read, else the first that says anything."""
    said = [key for key in keys if not blank(data.get(key))]
    return next((key for key in said if time(data[key]) is not None), said[0] if said else None)


def zoneless(value: Any) -> bool:
    """Whether it is a vendor's time that names no zone."""
    found = _written_time(value)
    return found is not None and found.tzinfo is None


def _written_time(value: Any) -> datetime | None:
    found = label(value, 60)
    if found is None or isinstance(value, bool):
        return None
    if SINCE_1970.fullmatch(found):
        number = Decimal(found)
        return datetime.fromtimestamp(float(number / 1000 if number > 100_000_000_000 else number), UTC)
    try:
        return datetime.fromisoformat(FRACTION.sub(r"\1", found))
    except ValueError:
        return None


def _in_zone(wall: datetime, zone: tzinfo, received_at: datetime | None) -> datetime:
    """The two readings of a wall time differ only where the clock changes."""
    earlier, later = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return earlier if received_at is not None and later > received_at + AHEAD else later


def phone(value: Any, region: str) -> str | None:
    """E.164 of a caller's number, read in `region` where it names no country."""
    found = text(value, 200)
    return None if found is None else e164(found, region)


def email(value: Any) -> str | None:
    """An address in lower case; None when it is none."""
    found = label(value, 320)
    if found is None or found.count("@") != 1 or any(c.isspace() for c in found):
        return None
    local, domain = found.split("@")
    return found.lower() if local and "." in domain else None


def tags(value: Any) -> tuple[str, ...]:
    """Tags from a list, or from one text with spaces between; null is none. Lower case, sorted, each once."""
    words: Iterable[Any] = value if isinstance(value, list) else str(value).split() if isinstance(value, str) and not blank(value) else ()
    found = {w.strip().lower()[:TAG_LENGTH] for w in words if isinstance(w, str) and w.strip() and not PLACEHOLDER.search(w)}
    return tuple(sorted(found)[:TAGS])


def person_facts(id_: Any, name: Any, address: Any, number: Any, region: str) -> tuple[dict[str, Value], tuple[Handle, ...]]:
    """`requester.*` facts and the handles of a person, from what is known of them."""
    facts: dict[str, Value] = {}
    handles: list[Handle] = []
    if (found := whole_id(id_)) is not None:
        facts["requester.id"] = found
        handles.append(Handle("zendesk_user", found))
    if (named := text(name, 200)) is not None:
        facts["requester.name"] = named
    if (mail := email(address)) is not None:
        facts["requester.email"] = mail
        facts["requester.domain"] = mail.partition("@")[2]
        handles.append(Handle("email", mail))
    if (dialled := phone(number, region)) is not None:
        facts["requester.phone"] = dialled
        handles.append(Handle("phone", dialled))
        if (where := country(dialled)) is not None:
            facts["requester.country"] = where
    return facts, tuple(sorted(handles))
