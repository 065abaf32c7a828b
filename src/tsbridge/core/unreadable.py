"""What was kept and cannot be read."""

from __future__ import annotations

from typing import Final


class Unreadable(ValueError):
    """Something kept that cannot be read: changed since, cut short, or under a key that is not at hand. The text says where it stands (a
    table and its column) and what was expected, nothing of the value."""


NO_SUCH: Final = (ValueError, LookupError, TypeError, AttributeError)
"""What is raised of JSON values that have another shape than was kept."""
