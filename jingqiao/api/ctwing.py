"""CTWing pushes its devices' messages here: `POST /api/v1/ctwing`."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, HTTPException, Request

from ingest.envelopes import ctwing
from ingest.log import LogUnavailableError
from jingqiao.intake import IntakeFullError

if TYPE_CHECKING:
    from jingqiao.service import Service

MAX_BODY_BYTES: Final = 256 * 1024


def ctwing_routes(service: Service) -> APIRouter:
    """The endpoint around one running service."""
    router = APIRouter()

    @router.post("/api/v1/ctwing")
    async def push(request: Request) -> dict[str, int]:
        """200 when the messages are durable; anything else and CTWing pushes them again.

        What cannot be read is durable as a dead letter and has its 200: to push it again would not mend it.
        """
        _admit(service, request)
        messages = ctwing.decode_push(await _body(request), service.clock.now())
        try:
            await service.intake.take(messages)
        except (LogUnavailableError, IntakeFullError):
            raise HTTPException(503, "cannot store now; push again", {"Retry-After": "5"}) from None
        return {"code": 0, "taken": len(messages)}

    return router


def _admit(service: Service, request: Request) -> None:
    token = service.settings.http.ctwing_token
    if token is None:
        return
    shown = request.headers.get("x-token") or request.query_params.get("token") or ""
    if not hmac.compare_digest(shown.encode(), token.get_secret_value().encode()):
        raise HTTPException(401, "the token is missing or wrong")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"at most {MAX_BODY_BYTES} bytes a push")
    return bytes(body)
