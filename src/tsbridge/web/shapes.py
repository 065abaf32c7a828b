"""Stored rows as the contract shows them (sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.core.times import time_text
from tsbridge.store.keys import Key
from tsbridge.store.rulebooks import Draft
from tsbridge.store.versions import Version

Row = Mapping[Any, Any]


def key_item(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "created_at": time_text(key.created_at),
        "expires_at": time_text(key.expires_at),
        "revoked_at": time_text(key.revoked_at),
        "last_used_at": time_text(key.last_used_at),
    }


def version_item(version: Version) -> dict[str, Any]:
    """A published version without its document. `id` is its number as text, as lists have ids."""
    return {
        "id": str(version.version),
        "version": version.version,
        "hash": version.hash,
        "published_at": time_text(version.published_at),
        "published_by": version.published_by,
        "note": version.note,
    }


def version_whole(version: Version) -> dict[str, Any]:
    """A published version with its document."""
    return {**version_item(version), "document": version.document}


def draft_item(draft: Draft, live_version: int) -> dict[str, Any]:
    return {
        "document": draft.document,
        "based_on": draft.based_on,
        "revision": draft.revision,
        "updated_at": time_text(draft.updated_at),
        "updated_by": draft.updated_by,
        "live_version": live_version,
    }
