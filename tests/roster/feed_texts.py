"""Feeds as Google, Outlook and Apple write them, with everything personal taken out."""

from __future__ import annotations

NEW_YORK = """BEGIN:VTIMEZONE
TZID:America/New_York
X-LIC-LOCATION:America/New_York
BEGIN:DAYLIGHT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
DTSTART:19700308T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
DTSTART:19701101T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
END:VTIMEZONE
"""
HOUSE_TIME = NEW_YORK.replace("TZID:America/New_York", "TZID:Customized Time Zone").replace("X-LIC-LOCATION:America/New_York\n", "")
"""As Outlook tells a zone of its own making; the offsets are New York's."""
OLD_VANCOUVER = NEW_YORK.replace("America/New_York", "America/Vancouver").replace("-0500", "-0800").replace("-0400", "-0700")
"""Vancouver as it was before it stopped changing its clocks in 2026."""


def event(*lines: str, uid: str = "one") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", *lines, "END:VEVENT", ""])


def feed(*events: str, zones: str = NEW_YORK, head: str = "") -> bytes:
    text = f"BEGIN:VCALENDAR\nPRODID:-//desk//calendar//EN\nVERSION:2.0\nMETHOD:PUBLISH\n{head}{zones}{''.join(events)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()
