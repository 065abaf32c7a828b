"""A Talkdesk to run against: an account with memory, its automations, its public API."""

from __future__ import annotations

from tsbridge.simulator.talkdesk.app import Talkdesk, make_app, run

__all__ = ["Talkdesk", "make_app", "run"]
