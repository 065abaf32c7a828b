"""What a route says of who may: by taking `Viewer`, `Supervisor`, `Ops` or `Admin` as a parameter, the lowest role that may.

A route that does so nowhere must stand on the app's list of open ones.
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from tsbridge.acts.callers import Caller


class Needs:
    """The role of a route, as a dependency. The route itself has asked the gate before its body was read."""

    def __init__(self, role: str) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Caller:
        return cast(Caller, request.state.caller)


Viewer = Annotated[Caller, Depends(Needs("viewer"))]
Supervisor = Annotated[Caller, Depends(Needs("supervisor"))]
Ops = Annotated[Caller, Depends(Needs("ops"))]
Admin = Annotated[Caller, Depends(Needs("admin"))]
