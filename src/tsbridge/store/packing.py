"""JSON texts that are kept with every delivery, deflated: what nearly all of them say stands once, in a dictionary here.

A packed text is `~1` and Base64: a text on both databases, and no JSON, so that it is told from one that is kept as it is (short
ones, and all those of before there was packing). Packing loses nothing: hashes and commitments are made of the text.
"""

from __future__ import annotations

import zlib
from binascii import Error, a2b_base64, b2a_base64
from typing import Final

SHORT: Final = 200
"""Characters; a shorter text is kept as it is."""
BROKEN: Final = "expected a packed text, came one that does not unpack"
MARK: Final = "~1"
"""How what is packed with `WORDS` begins. Another dictionary needs another mark, and this one has to stay."""
_WINDOW: Final = -13  # 8 KiB, raw: no header, no checksum, everything packed is proven by a hash of its text
_MEMORY: Final = 6
_LEVEL: Final = 1  # more takes a fifth longer for a tenth less

# What is said most stands last. Never changed: what was packed with it could not be read any more.
_FIELDS: Final = (
    '"call.agent_email":"call.direction":"inbound","outbound","call.disposition":"call.outcome":"answered","missed","abandoned",'
    '"voicemail","call.ring_group":["call.ring_groups":["call.short_abandon":false,"call.talk_seconds":"call.talkdesk_number":"+1'
    '"call.transferred":false,"call.voicemail":false,"call.wait_seconds":"channel":"voice","source":"talkdesk","event":"call.started'
    '"call.ended"call.note"call.transcription"disposition","requester.phone":"+1"requester.country":"US","requester.domain":"'
    '"requester.email":"requester.name":"requester.tags":["ticket.custom.360000"ticket.custom_status_id":"ticket.follows":null,'
    '"ticket.last_public_by":"agent","ticket.organization_id":null,"ticket.satisfaction":"offered","update.channel":"web","comment.by":'
    '"agent","comment.public":true,"changed":["ticket.status","ticket.priority","ticket.assignee_id"],"problem","question","task"'
    '"urgent"high"low"pending"open"hold"solved"closed"case.assignee":"case.resolved":false,"case.worst_severity":'
)
_RECORD: Final = (
    '{"actor":"","action":"case.acknowledge","after":"","before":"","subject":"","type":"change"}{"at":"2026-11-","case_id":"case_",'
    '"channel":"email","event":"ticket.updated","event_id":"evt_","id":"dec_","interaction":{"id":"","source":"zendesk"},"mode":"live",'
    '"moment":"","number":1,"outcome":{"assignee":null,"category":"general","changes_nothing":true,"custom_fields":{},"cut":["text"],'
    '"escalations":[],"notes":[],"notified":[],"overruled":[],"priority":null,"queue":"intake","severity":4,"steps":[],"tags_added":[],'
    '"tags_removed":[]},"recorded_at":"2026-11-","revises":null,"rulebook":{"hash":"sha256:","version":1},"rules":[["everything-else",'
    '"escalation"],["default","routing"]],"seen":"","type":"decision"}'
)
_MOMENT: Final = (
    '{"actor":["agent","","system","","requester","",null],"at":"2026-11-","at_known":true,"changes":[["ticket.status","new","open"]],'
    '"event":"ticket.commented","facts":{"channel":"email","requester.id":""},"interaction":"","names":[],"people":[["zendesk_user","'
    '"]],"source":"zendesk","texts":[["subject",""],["description",""],["comment","","agent",true],["comment","","requester",true]]}'
)
_SEEN: Final = (
    '{"given":{"case.acknowledged":false,"case.category":"general","case.channels":["email"],"case.escalation_level":0,"case.id":"case_'
    '","case.interactions":1,"case.queue":"intake","case.reopened":false,"case.severity":4,"case.worst_severity":4,"changed":[],'
    '"channel":"email","comment.by":"requester","comment.public":true,"event":"ticket.commented","event":"ticket.updated",'
    '"event":"ticket.created","requester.cases_90d":1,"requester.contacts_24h":1,"requester.contacts_30d":1,"requester.id":"",'
    '"source":"zendesk","tags":[],"ticket.assignee_id":null,"ticket.brand_id":"","ticket.external_id":null,"ticket.form_id":"",'
    '"ticket.group_id":"","ticket.is_public":true,"ticket.priority":"normal","ticket.status":"new","ticket.type":"incident",'
    '"update.author_id":"","update.by":"requester"},"previous":{"case.acknowledged":true,"standing":{"armed":[],"firing":["default"],'
    '"opened_at":"2026-11-"},"texts":{"count":1,"digest":"","new":true,"upto":1}}'
)
WORDS: Final = f"{_FIELDS}{_RECORD}{_MOMENT}{_SEEN}".encode()

_PACKER: Final = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, WORDS)
_OPENER: Final = zlib.decompressobj(_WINDOW, WORDS)


def packed(text: str) -> str:
    """A text as it is kept."""
    if len(text) < SHORT:
        return text
    return MARK + b2a_base64(deflated(text), newline=False).decode("ascii")


def unpacked(kept: str) -> str:
    """The text of what is kept. ValueError when it is neither plain nor what `packed` gave."""
    if not kept.startswith(MARK):
        return kept
    try:
        return inflated(a2b_base64(kept[len(MARK) :]))
    except Error as broken:
        raise ValueError(BROKEN) from broken


def deflated(text: str) -> bytes:
    packer = _PACKER.copy()
    return packer.compress(text.encode()) + packer.flush()


def inflated(kept: bytes) -> str:
    """ValueError for what `deflated` did not give."""
    opener = _OPENER.copy()
    try:
        text = opener.decompress(kept)
    except zlib.error as broken:
        raise ValueError(BROKEN) from broken
    if not opener.eof:
        raise ValueError("expected a packed text, came the beginning of one")
    return text.decode()
