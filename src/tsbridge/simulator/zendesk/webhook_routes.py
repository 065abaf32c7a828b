"""Routes of webhooks and their signing secrets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk.acts import check_subscriptions
from tsbridge.simulator.zendesk.answers import Rejected, bad_request, forbidden, page
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route

WRITABLE: Final = ("name", "description", "endpoint", "http_method", "request_format", "status", "authentication", "custom_headers")

CHOICES: Final = {
    "http_method": ("GET", "POST", "PUT", "PATCH", "DELETE"),
    "request_format": ("json", "xml", "form_encoded"),
    "status": ("active", "inactive"),
}


class WebhookRoutes(RouteGroup):
    """Webhooks, subscribed to events or called by triggers."""

    @route("GET", "/api/v2/webhooks")
    def list_webhooks(self, asked: Asked) -> Any:
        found = [self._shown(w) for w in self.s.webhooks.values()]
        named = asked.query.get("filter[name_contains]")
        found = [w for w in found if named is None or named.lower() in w["name"].lower()]
        return page(found, "webhooks", {"page[size]": "100", **asked.query}, asked.url)

    @route("POST", "/api/v2/webhooks")
    def add_webhook(self, asked: Asked) -> Any:
        props = self._cloned(asked) if "clone_webhook_id" in asked.query else asked.inside("webhook")
        if asked.user["role"] == "end-user":
            raise forbidden()
        missing = [k for k in ("name", "endpoint", "http_method", "request_format", "status") if not props.get(k)]
        if missing:
            raise bad_request("InvalidWebhook", f"{missing[0]} is missing")
        _check(props)
        check_subscriptions(props.get("subscriptions") or ["conditional_ticket_events"])
        rng = self.world.random
        id_ = "01" + "".join(rng.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(24))
        stamp = self.world.text_of(self.world.now())
        secret = (
            str(props.get("signing_secret", {}).get("secret") if isinstance(props.get("signing_secret"), Mapping) else "") or self._secret()
        )
        self.s.webhooks[id_] = {
            **_written(props),
            "subscriptions": list(props.get("subscriptions") or ["conditional_ticket_events"]),
            "id": id_,
            "secret": secret,
            "created_at": stamp,
            "updated_at": stamp,
            "created_by": str(asked.user["id"]),
            "updated_by": str(asked.user["id"]),
        }
        return Found(201, {"webhook": self._shown(self.s.webhooks[id_])})

    def _cloned(self, asked: Asked) -> Mapping[str, Any]:
        given = self._webhook(asked.query["clone_webhook_id"])
        return {k: v for k, v in given.items() if k not in ("secret", "id", "authentication")}

    def _secret(self) -> str:
        return base64.b64encode(self.world.random.randbytes(24)).decode()

    def _shown(self, webhook: Mapping[str, Any]) -> dict[str, Any]:
        """A webhook as it is read: how it authenticates is told, with what is not."""
        shown = {k: v for k, v in webhook.items() if k != "secret"}
        given = shown.get("authentication")
        if isinstance(given, Mapping):
            shown["authentication"] = {k: v for k, v in given.items() if k != "data"}
        return shown

    def _webhook(self, id_: Any) -> dict[str, Any]:
        found = self.s.webhooks.get(str(id_))
        if found is None:
            raise Rejected(404, {"errors": [{"code": "WebhookNotFound", "title": "Webhook not found", "detail": "Webhook not found"}]})
        return found

    @route("GET", "/api/v2/webhooks/<word>")
    def show_webhook(self, asked: Asked, id_: Any) -> Any:
        return {"webhook": self._shown(self._webhook(id_))}

    @route("PUT", "/api/v2/webhooks/<word>")
    def update_webhook(self, asked: Asked, id_: Any) -> Any:
        _check(asked.inside("webhook"))
        self._webhook(id_).update(_written(asked.inside("webhook")), updated_at=self.world.text_of(self.world.now()))
        return Found(204, None)

    @route("PATCH", "/api/v2/webhooks/<word>")
    def patch_webhook(self, asked: Asked, id_: Any) -> Any:
        return self.update_webhook(asked, id_)

    @route("DELETE", "/api/v2/webhooks/<word>")
    def delete_webhook(self, asked: Asked, id_: Any) -> Any:
        self._webhook(id_)
        del self.s.webhooks[str(id_)]
        return Found(204, None)

    @route("GET", "/api/v2/webhooks/<word>/signing_secret")
    def signing_secret(self, asked: Asked, id_: Any) -> Any:
        return {"signing_secret": {"algorithm": "SHA256", "secret": self._webhook(id_)["secret"]}}

    @route("POST", "/api/v2/webhooks/<word>/signing_secret")
    def reset_secret(self, asked: Asked, id_: Any) -> Any:
        self._webhook(id_)["secret"] = self._secret()
        return Found(201, {"signing_secret": {"algorithm": "SHA256", "secret": self._webhook(id_)["secret"]}})


def _written(props: Mapping[str, Any]) -> dict[str, Any]:
    """What a request may set; anything else, like a secret, is not kept and so never read back."""
    return {k: props[k] for k in WRITABLE if k in props}


def _check(props: Mapping[str, Any]) -> None:
    """Refuse what no request could be sent with."""
    for name in ("name", "endpoint"):
        if name in props and not isinstance(props[name], str):
            raise bad_request("InvalidWebhook", f"{name} must be a text")
    for name, known in CHOICES.items():
        if name in props and props[name] not in known:
            raise bad_request("InvalidWebhook", f"{name} must be one of {', '.join(known)}")
    for name in ("authentication", "custom_headers"):
        if props.get(name) is not None and not isinstance(props[name], Mapping):
            raise bad_request("InvalidWebhook", f"{name} must be an object")
