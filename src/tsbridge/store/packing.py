"""JSON texts that are kept with every delivery, compressed by Zstandard: what nearly all of them say stands once, in a dictionary here.

A packed text is `~4` and Base64: a text on both databases, and no JSON, so that it is told from one that is kept as it is (short
ones, and all those of before there was packing). Behind `~1` stands one of before 0058, deflated. Packing loses nothing: hashes and
commitments are made of the text.
"""

from __future__ import annotations

import zlib
from binascii import Error, a2b_base64, b2a_base64
from threading import local
from typing import Final

from zstandard import (
    FORMAT_ZSTD1_MAGICLESS,
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

SHORT: Final = 200
"""Characters; a shorter text is kept as it is."""
BROKEN: Final = "expected a packed text, came one that does not unpack"
MARK: Final = "~4"
"""How what is packed with `WORDS` begins. Another dictionary needs another mark, and this one has to stay."""
DEFLATED: Final = "~1"
_WINDOW: Final = -13  # 8 KiB, raw: no header, no checksum, everything packed is proven by a hash of its text
_LEVEL: Final = 1  # 3 takes a fifth longer for a twentieth less

# What is said most stands last. Never changed, nor the tables: what was packed with them could not be read any more.
_WISH: Final = (
    '{"absent":[],"assignee_id":null,"custom_fields":[],"group_id":["","2026-11-"],"notes":[],"priority":null,"tags":[["","2026-11-"]]}'
    '{"add":[],"notes":[],"ours":{"absent":{},"notes":[],"owed":{"add":[],"notes":[],"remove":[],"values":{}},"put":[],"tags":{},'
    '"values":{"group_id":["","2026-11-"]}},"read":{"tags":[],"values":{"group_id":null}},"remove":[],"texts":[],"values":{"group_id":""}}'
)
_STATE: Final = (
    '{"acknowledged":null,"agent":null,"assignee":null,"ended":[],"joined":{},"judged_to":"2026-11-","last_at":"2026-11-","latest":"zendesk:",'
    '"notes":[],"opened_at":"2026-11-","reopened":false,"rests_at":null,"steps":1,"threads":{"zendesk:":{"absent":{},"armed":[],'
    '"assign":null,"latest":"zendesk:","level":0,"own":{"zendesk:":{"category":["general","2026-11-"],"custom_fields":{},'
    '"firing":["default","everything-else"],"priority":null,"queue":["intake","2026-11-"],"severity":4,"turns_at":null}},"resolved":false,'
    '"step_due":null,"stirred":"2026-11-","tags":{},"taken":null}},"tracks":{"zendesk:":{"declined":{},"facts":{"channel":"email",'
    '"requester.id":""},"opened_at":"2026-11-"}},"whole":{"absent":{},"armed":[],"assign":null,"latest":"","level":0,"own":{},'
    '"resolved":false,"step_due":null,"tags":{},"taken":null}}'
)
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
_DEFLATED_WITH: Final = f"{_FIELDS}{_RECORD}{_MOMENT}{_SEEN}".encode()
_TABLES: Final = a2b_base64(
    "N6Qw7Oj0/nMvEMiSpA3///////+XDSDUfrONkIYaIY00RNpkd0+2DXnqa7Eksntzy3QbKKS7YwizABgMDI9KZtN6xQoABOAAliAcFI8Sy2NhYB"
    "AOhMRRGIcxGABgCMAAFMdhyhlnFGMGAAAAZLSTmSAHwyCEURTKEASNgYYAFAAAAAEAAAAEAAAACAAAAA=="
)
"""How often which letters, lengths and distances come, as Zstandard has it before the words of a dictionary: made by its `finalize_dict`
out of 4,600 texts of the demo and of `benchmarks walk`."""
WORDS: Final = _TABLES + f"{_WISH}{_STATE}".encode() + _DEFLATED_WITH

_DICTIONARY: Final = ZstdCompressionDict(WORDS)
_HOW: Final = ZstdCompressionParameters.from_level(
    _LEVEL, source_size=1_000, dict_size=len(WORDS), format=FORMAT_ZSTD1_MAGICLESS, write_content_size=True, write_dict_id=False
)
_DICTIONARY.precompute_compress(compression_params=_HOW)
_OPENER: Final = zlib.decompressobj(_WINDOW, _DEFLATED_WITH)


class _Tools(local):
    """Each thread has its own: two that use one at once break it."""

    def __init__(self) -> None:
        self.packer = ZstdCompressor(dict_data=_DICTIONARY, compression_params=_HOW)
        self.opener = ZstdDecompressor(dict_data=_DICTIONARY, format=FORMAT_ZSTD1_MAGICLESS)


_TOOLS: Final = _Tools()


def packed(text: str) -> str:
    """A text as it is kept."""
    if len(text) < SHORT:
        return text
    return MARK + b2a_base64(compressed(text), newline=False).decode("ascii")


def unpacked(kept: str) -> str:
    """The text of what is kept. ValueError when it is neither plain nor what `packed` gave, now or before."""
    read = _READERS.get(kept[: len(MARK)])
    if read is None:
        return kept
    try:
        return read(a2b_base64(kept[len(MARK) :]))
    except Error as broken:
        raise ValueError(BROKEN) from broken


def compressed(text: str) -> bytes:
    return _TOOLS.packer.compress(text.encode())


def decompressed(kept: bytes) -> str:
    """ValueError for what `compressed` did not give."""
    try:
        return _TOOLS.opener.decompress(kept, allow_extra_data=False).decode()
    except (ZstdError, MemoryError) as broken:  # a length that nobody can have
        raise ValueError(BROKEN) from broken


def inflated(kept: bytes) -> str:
    """Of what was deflated before. ValueError for anything else."""
    opener = _OPENER.copy()
    try:
        text = opener.decompress(kept)
    except zlib.error as broken:
        raise ValueError(BROKEN) from broken
    if not opener.eof:
        raise ValueError("expected a packed text, came the beginning of one")
    return text.decode()


_READERS: Final = {MARK: decompressed, DEFLATED: inflated}
