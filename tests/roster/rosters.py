"""A roster as a desk has one, for tests to begin from."""

from __future__ import annotations

from tsbridge.document_files import load_text

TEXT = """
schema: 1
timezone: America/Los_Angeles
agents:
  ana:  {name: Ana Silva, zendesk_user_id: 41000000007, email: ana@example.com, timezone: America/Los_Angeles, skills: {safety: 3},
         queues: [safety, claims], capacity: {email: 8, chat: 3, voice: 1}, from: 2026-05-01, until: 2026-10-31, reach: [mail, chat]}
  ben:  {name: Ben Okoye, zendesk_user_id: 41000000008, email: ben@example.com, queues: [safety], quiet: "22:00-07:00"}
ways:
  mail: {kind: smtp}
  chat: {kind: slack, url_file: /run/secrets/chat}
  page: {kind: webhook, url: "https://pager.example/hook", secret_file: /run/secrets/page}
shifts:
  day:   {days: mon-fri, hours: "09:00-17:00", agents: [ana, ben]}
  night: {days: mon-sun, hours: "22:00-06:00", agents: [ben]}
rotations:
  lead: {members: [ana, ben], every: 1w, starts: "2026-11-02T09:00", timezone: America/Los_Angeles}
cover:
  - {queue: safety, severity: [1, 2], oncall: lead, then: [ben, page]}
  - {oncall: lead}
calendars: [{agent: ana, url_file: /run/secrets/ana-calendar, means: off}]
limits: {distressing: {categories: [safety_incident, personal_safety], per_shift: 3}}
lists: {leads: [ana, lead, mail]}
"""


def document() -> dict[str, object]:
    """The roster of `TEXT`, anew for each caller."""
    found = load_text(TEXT.encode(), dates=True)
    assert isinstance(found, dict)
    return found
