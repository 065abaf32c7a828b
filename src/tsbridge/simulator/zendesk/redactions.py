"""Words taken out of a comment for good: from the comment, from the ticket's description and from every audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.simulator.zendesk.answers import invalid, not_found
from tsbridge.simulator.zendesk.routes import Asked, RouteGroup, route


class Redactions(RouteGroup):
    """Both ways to redact: a text within one comment, or the comment's whole text."""

    @route("PUT", "/api/v2/tickets/<id>/comments/<id>/redact")
    def redact(self, asked: Asked, id_: int, comment_id: int) -> Any:
        """The body's `text` becomes bars, wherever the comment has it."""
        text = asked.content.get("text") if isinstance(asked.content, Mapping) else None
        comment = self._of_ticket(id_, comment_id)
        if not isinstance(text, str) or not text or text not in comment["body"]:
            raise invalid("text", "Text: is not in the comment")
        return {"comment": self.world.redact(id_, comment, text, asked.user)}

    @route("PUT", "/api/v2/comment_redactions/<id>")
    def redact_comment(self, asked: Asked, comment_id: int) -> Any:
        """The body names the ticket as `ticket_id`; `html_body` marks words with <redact>…</redact>, without it all words go."""
        content = asked.content if isinstance(asked.content, Mapping) else {}
        given = str(content.get("ticket_id") or "")
        if not given.isdecimal():
            raise invalid("ticket_id", "Ticket: cannot be blank", "BlankValue")
        comment = self._of_ticket(int(given), comment_id)
        marked = str(content.get("html_body") or "")
        texts = [part.partition("</redact>")[0] for part in marked.split("<redact>")[1:]] or [comment["body"]]
        for text in filter(None, texts):
            self.world.redact(int(given), comment, text, asked.user)
        return {"comment": comment}

    def _of_ticket(self, id_: int, comment_id: int) -> dict[str, Any]:
        self.world.ticket(id_)
        found = next((c for c in self.s.comments[id_] if c["id"] == comment_id), None)
        if found is None:
            raise not_found()
        return found
