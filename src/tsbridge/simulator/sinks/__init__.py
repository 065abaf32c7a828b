"""Where messages arrive: a mail server and a chat that remember what they got and can be disturbed."""

from __future__ import annotations

from tsbridge.simulator.sinks.chat import ChatFaults, ChatSink, Posted
from tsbridge.simulator.sinks.mail import MailFaults, MailSink, Received

__all__ = ["ChatFaults", "ChatSink", "MailFaults", "MailSink", "Posted", "Received"]
