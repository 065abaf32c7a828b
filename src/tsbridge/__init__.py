"""tsbridge: the incident desk behind Zendesk and Talkdesk."""

__version__ = "0.1.0"
