"""`GET /events`: server-sent events, so that an open console shows what is, without asking."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from jingqiao.api.caller import Reader
from jingqiao.console.parts import Parts, PartsOf

router = APIRouter()


@router.get("/events", response_class=StreamingResponse)
def events(parts: PartsOf, caller: Reader) -> StreamingResponse:  # noqa: ARG001 - admits
    """A `state` event at once, after every change and every five seconds: `{version, now, as_of,
    driven}`.

    version : rises when incidents or messages changed; now, as_of : ms since 1970 UTC by the service's
    clock; as_of is when the rules last judged anything; driven : the clock leaps, as in the demo.
    """
    return StreamingResponse(
        _stream(parts),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(parts: Parts) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    async for version in parts.changes.stream():
        state = {
            "version": version,
            "now": parts.clock.now() // 1000,
            "as_of": parts.applied_at() // 1000,
            "driven": parts.driven,
        }
        yield f"event: state\ndata: {json.dumps(state)}\n\n"
