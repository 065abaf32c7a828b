"""How an account writes what triggers send: its name, the exactness of its times, the language of its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Words = Mapping[str, str]
NOTHING: Final = "-"
# Display values per locale: a ticket's status, priority, type and channel as agents read them (reference/zendesk.md section 1.7).
WORDS: Final[Mapping[str, Words]] = {
    "en-US": {
        **{word: word.capitalize() for word in ("new", "open", "pending", "solved", "closed", "low", "normal", "high", "urgent")},
        **{word: word.capitalize() for word in ("question", "incident", "problem", "task", "mail", "chat", "sms")},
        "hold": "On-hold",
        "api": "Web Service",
        "web_service": "Web Service",
        "web": "Web Form",
        "web_form": "Web Form",
        "native_messaging": "Messaging",
    },
    "de": {
        "new": "Neu",
        "open": "Offen",
        "pending": "Wartend",
        "hold": "Pausiert",
        "solved": "Gelöst",
        "closed": "Geschlossen",
        "low": "Niedrig",
        "normal": "Normal",
        "high": "Hoch",
        "urgent": "Dringend",
        "question": "Frage",
        "incident": "Vorfall",
        "problem": "Problem",
        "task": "Aufgabe",
        "api": "Webservice",
        "web_service": "Webservice",
        "web": "Webformular",
        "web_form": "Webformular",
        "mail": "E-Mail",
        "chat": "Chat",
        "sms": "Textnachricht",
        "native_messaging": "Nachrichten",
    },
    "ja": {
        "new": "新規",
        "open": "オープン",
        "pending": "保留中",
        "hold": "待機中",
        "solved": "解決済み",
        "closed": "終了",
        "low": "低",
        "normal": "標準",
        "high": "高",
        "urgent": "緊急",
        "question": "質問",
        "incident": "インシデント",
        "problem": "問題",
        "task": "タスク",
        "api": "Webサービス",
        "web_service": "Webサービス",
        "web": "Webフォーム",
        "web_form": "Webフォーム",
        "mail": "メール",
        "chat": "チャット",
        "sms": "テキスト",
        "native_messaging": "メッセージング",
    },
}
STAMPS: Final = ("seconds", "minutes")


@dataclass(slots=True)
class Display:
    """`account`: what `{{ticket.account}}` says. `stamps`: times end with seconds or with minutes. `locale`: of words.

    `escaped`: whether texts are made fit for JSON. The real one does not promise it; without, a quote in a text breaks the body.
    """

    account: str = "Example"
    stamps: str = field(default="seconds", metadata={"choices": STAMPS})
    locale: str = field(default="en-US", metadata={"choices": tuple(WORDS)})
    escaped: bool = True

    def word(self, value: Any) -> str:
        """A status, priority, type or channel as the account shows it."""
        return NOTHING if value in (None, "") else WORDS[self.locale].get(str(value), str(value).replace("_", " ").capitalize())

    def time(self, stamp: str) -> str:
        """A time of the API, which has seconds, as placeholders write it."""
        return stamp if self.stamps == "seconds" else f"{stamp[:16]}Z"

    def text(self, value: str) -> str:
        if not self.escaped:
            return value
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "").replace("\t", "\\t")
