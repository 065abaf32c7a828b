"""People as somebody names them."""

from __future__ import annotations

import phonenumbers


def handles_of(person: str) -> tuple[tuple[str, str], ...]:
    """What `person`, an e-mail address, a phone number or an id at a vendor, may be as a handle of `core.moments`."""
    if "@" in person:
        return (("email", person.strip().lower()),)
    found = [("zendesk_user", person), ("talkdesk_contact", person)]
    try:
        number = phonenumbers.parse(person if person.startswith("+") else "+" + person.lstrip())
        found.append(("phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)))
    except phonenumbers.NumberParseException:
        pass
    return tuple(found)
