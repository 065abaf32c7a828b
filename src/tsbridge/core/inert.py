"""Words of strangers within texts of ours: they stay words wherever that text is shown.

A value that could be more than words somewhere (Markdown, a mention, a link, a placeholder of Zendesk's, a turn of the direction of
writing) stands between two marks of Unicode that isolate it and are not seen. Where the text leaves, what stands between them is made
inert and the marks go; until then the value is as it came, so that what is redacted later is found.
"""

from __future__ import annotations

import re
from typing import Final

OPEN, CLOSE = "\u2068", "\u2069"
GAP: Final = "\u200b"
"""A space without width: what stands on both sides of it is no sign together any more."""
_TURNS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
HAIR: Final = "\u200a"
"""The thinnest blank: signs that stress what follows at once do so no more."""
_SIGNS: Final = re.compile(r"[@#\[\]|<>{]")
_STRESS: Final = re.compile(r"[*~]+|(?<!\w)_+|_+(?!\w)")
_LINKS: Final = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_FILLED: Final = re.compile(r"(?<=\{)(?=[{%])|(?<=<)(?=[A-Za-z/!?])")
"""Where a placeholder of Zendesk's begins, or what it takes for HTML and leaves out of a comment."""
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,5}")
_STRANGE: Final = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")


def strange(value: str) -> str:
    """A value as it is put into a text of ours: as it is where it is nothing but words, or an e-mail address; else between the marks."""
    plain = value.replace(OPEN, "").replace(CLOSE, "")
    return plain if quiet(plain) == plain or _ADDRESS.fullmatch(plain) else f"{OPEN}{plain}{CLOSE}"


def quiet(text: str) -> str:
    """Text that calls nobody, marks nothing up, leads nowhere, fills nothing in and turns nothing around."""
    found = _SIGNS.sub(lambda sign: f"{GAP}{sign[0]}{GAP}", _TURNS.sub(" ", text).replace("`", "'"))
    return unlinked(_STRESS.sub(lambda sign: f"{HAIR}{sign[0]}{HAIR}", found))


def unlinked(text: str) -> str:
    """Text without addresses that programs make links of."""
    return _LINKS.sub(GAP, text)


def leaving(text: str) -> str:
    """A text as it leaves: what is strange in it made inert, and no placeholder and no HTML in any of it."""
    return _FILLED.sub(GAP, _STRANGE.sub(lambda found: quiet(found[1]), text).replace(OPEN, "").replace(CLOSE, ""))
