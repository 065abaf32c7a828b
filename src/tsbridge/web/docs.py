"""`/docs`: the API to read and try, without any network. The assets come from an installed package, the page is ours."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from tsbridge.web.admission import aside
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, include_in_schema=False)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tsbridge API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs-assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs its script. The same description is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs-assets/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</body>
</html>
"""
_INIT: Final = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true, defaultModelsExpandDepth: 0,
  persistAuthorization: false
});
"""


@routes.get("/docs")
async def page(request: Request, services: Made) -> Response:
    if services.docs_role is not None:
        await services.gate.admit(request, services.docs_role)
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@routes.get("/docs/init.js")
async def script() -> Response:
    return Response(_INIT, media_type="text/javascript")


@routes.get("/openapi.json")
async def openapi(request: Request, services: Made) -> dict[str, object]:
    if services.docs_role is not None:
        await services.gate.admit(request, services.docs_role)
    described: dict[str, object] = await aside(request.app.state.described)
    return described
