"""The description at `/openapi.json`: roles, every error as a problem, the door's routes and the feeds, which FastAPI does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from tsbridge.web.problems import MEDIA_TYPE
from tsbridge.web.route import ApiRoute

ABOUT: Final = (
    "Cases, decisions and their reasons, the rulebook, and the way back to the helpdesk. Errors are RFC 9457 problems and never repeat "
    "what was sent. Lists are keyset pages: follow `next_cursor` until it is null. Times are RFC 3339 in UTC."
)
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Stable name of the kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string", "description": "Also the header X-Request-Id; look for it in the log."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "code", "detail"],
                "properties": {
                    "in": {"type": "string", "enum": ["body", "query", "path", "header"]},
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "findings": {"type": "array", "items": {"type": "object"}},
        "failed_tests": {"type": "array", "items": {"type": "object"}},
        "based_on": {"type": "integer"},
        "live_version": {"type": "integer"},
        "difference": {"type": "object", "description": "As of `/v1/rulebook/versions/diff`: what became live since `based_on`."},
        "clashes": {"type": "array", "items": {"type": "string"}, "description": "Rules that both changed."},
    },
}
_AS_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS: Final = {
    "401": "No good key.",
    "403": "The key's role is too low.",
    "404": "No such thing.",
    "406": "None of our forms will do.",
    "409": "It makes no sense as things stand.",
    "412": "It was changed meanwhile.",
    "413": "The body is too large.",
    "415": "The body is of another type, or compressed.",
    "422": "The request is not valid.",
    "428": "If-Match is missing.",
    "429": "Too many wrong keys, or too much is asked for at once; see Retry-After.",
    "500": "Something went wrong on our side.",
    "503": "Not now; see Retry-After.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Give every operation a stable id (its function's name); returns the finished description."""
    for route in app_routes(app):
        route.operation_id = route.name
    described = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    described["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, `tsb_…`."},
        "door_key": {"type": "apiKey", "in": "header", "name": "X-Tsbridge-Key"},
        "door_signature": {"type": "apiKey", "in": "header", "name": "X-Zendesk-Webhook-Signature"},
    }
    for route in app_routes(app):
        if route.include_in_schema:
            for method in route.methods or ():
                _complete(described["paths"][route.path_format][method.lower()], route)
    described["paths"]["/webhooks/zendesk"] = {
        "post": _door("zendesk", "An event subscription's body, or the trigger body.", [{"door_signature": []}])
    }
    described["paths"]["/webhooks/talkdesk"] = {
        "post": _door("talkdesk", "A stock body, the classic envelope, or any body through a mapping.", [{"door_key": []}, {"key": []}])
    }
    described["paths"]["/f/{token}"] = {"get": _feed()}
    return described


def app_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every API route, those of included routers too."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            yield route


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    statuses = ["500", "503"]
    responses = operation["responses"]
    responses.pop("422", None)
    if isinstance(route, ApiRoute) and route.role is not None:
        operation["security"] = [{"key": []}]
        operation["x-role"] = route.role
        operation["description"] = f"{operation.get('description', '')}\n\nRole: {route.role} or higher.".strip()
        statuses += ["401", "403", "422", "429"]
        if "{" in route.path:
            statuses.append("404")
        if route.body_field is not None:
            statuses += ["413", "415"]
        if len(responses.get("200", {}).get("content", {})) > 1:  # in several forms
            statuses.append("406")
    for status in sorted({*statuses, *(responses.keys() & _WORDS.keys())}):
        if "content" not in responses.get(status, {}):
            responses[status] = {"description": _WORDS[status], "content": _AS_PROBLEM}


def _door(source: str, body: str, security: list[dict[str, list[str]]]) -> dict[str, Any]:
    """The door answers these and nothing else: it keeps the bytes first and reads them later."""
    kept = {
        "type": "object",
        "required": ["event_id", "status"],
        "properties": {
            "event_id": {"type": "string"},
            "status": {"type": "string", "enum": ["accepted", "duplicate", "quarantined"]},
            "reason": {"type": "string"},
        },
    }
    refused = {"401": "Not proven.", "413": "Over 1 MiB.", "415": "Compressed.", "503": "Cannot be kept now; see Retry-After."}
    return {
        "operationId": f"receive_{source}",
        "tags": ["webhooks"],
        "summary": f"A delivery from {source.capitalize()}",
        "description": "Kept on disk before the answer, worked on later.",
        "security": security,
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"description": body}}}},
        "responses": {
            "202": {"description": "Kept.", "content": {"application/json": {"schema": kept}}},
            **{status: {"description": words, "content": _AS_PROBLEM} for status, words in refused.items()},
        },
    }


def _feed() -> dict[str, Any]:
    return {
        "operationId": "show_feed",
        "tags": ["roster"],
        "summary": "A feed of duties",
        "description": "iCalendar, for calendar programs: single events in UTC, of the 35 days behind and the 400 ahead. The address is "
        "the proof; `POST /v1/agents/{key}/feed` and `POST /v1/queues/{key}/feed` make one. Also by HEAD.",
        "security": [],
        "parameters": [
            {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Ends with `.ics`."},
            {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}, "description": "The ETag of what is known."},
        ],
        "responses": {
            "200": {"description": "The feed.", "content": {"text/calendar": {"schema": {"type": "string"}}}},
            "304": {"description": "Nothing has changed."},
            "404": {"description": "A link that is not ours, is void, or of somebody who is gone.", "content": _AS_PROBLEM},
            "500": {"description": _WORDS["500"], "content": _AS_PROBLEM},
            "503": {"description": _WORDS["503"], "content": _AS_PROBLEM},
        },
    }
