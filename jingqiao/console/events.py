"""`GET /events`: server-sent events, so that an open console shows what is, without asking."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from jingqiao.accounts.role import Role
from jingqiao.api.caller import Reader, caller_with
from jingqiao.console.parts import Parts, PartsOf
from jingqiao.console.visitor import ForbiddenError, NotLoggedInError, forget
from jingqiao.tokens.store import Scope

LOOK_AGAIN: Final = 12
"""After so many events it is looked at again whether the listener may still hear: a minute or so. That also
keeps the session of a screen alive that stands open all night."""

router = APIRouter()
_reader: Final = caller_with(Scope.INCIDENTS_READ, Role.VIEWER)


@router.get("/events", response_class=StreamingResponse)
def events(request: Request, parts: PartsOf, caller: Reader) -> StreamingResponse:  # noqa: ARG001 - admits
    """A `state` event at once, after every change and every five seconds: `{version, now, as_of, driven}`.

    version : rises when incidents or messages changed; now, as_of : ms since 1970 UTC by the service's
    clock; as_of is when the rules last judged anything; driven : the clock leaps, as in the demo.
    """
    return StreamingResponse(
        _stream(request, parts),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(request: Request, parts: Parts) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    count = 0
    async for version in parts.changes.stream():
        count += 1
        if count % LOOK_AGAIN == 0 and not await _may_hear(request):
            return
        state = {
            "version": version,
            "now": parts.clock.now() // 1000,
            "as_of": parts.applied_at() // 1000,
            "driven": parts.driven,
        }
        yield f"event: state\ndata: {json.dumps(state)}\n\n"


async def _may_hear(request: Request) -> bool:
    forget(request)
    try:
        await _reader(request)
    except (NotLoggedInError, ForbiddenError, HTTPException):
        return False
    return True
