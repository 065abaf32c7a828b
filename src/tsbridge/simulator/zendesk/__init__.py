"""A Zendesk to run against: one account with memory, real HTTP, real signatures, limits and faults."""

from tsbridge.simulator.zendesk.account import Zendesk
from tsbridge.simulator.zendesk.app import make_app, run
from tsbridge.simulator.zendesk.deliveries import Faults
from tsbridge.simulator.zendesk.display import Display
from tsbridge.simulator.zendesk.gate import Limits

__all__ = ["Display", "Faults", "Limits", "Zendesk", "make_app", "run"]
