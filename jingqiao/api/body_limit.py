"""No request may fill the memory: bodies are refused above a size, before anybody asks who sent them."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 2 * 1024 * 1024
"""The longest text that a page sends is a file of rules: 200,000 characters, up to 9 bytes each in a form."""
_SAID: Final = f"at most {MOST_BYTES} bytes a request"


class BodyLimit:
    """Answers 413. What is declared too long is not read at all; the rest is counted while it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = JSONResponse({"detail": _SAID}, 413, {"Connection": "close"})
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > MOST_BYTES:
            await refused(scope, receive, send)
            return
        seen, begun = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MOST_BYTES:
                raise _TooLongError
            return message

        async def answering(message: Message) -> None:
            nonlocal begun
            if begun or seen <= MOST_BYTES:  # whatever the application makes of the error is not said
                begun = True
                await send(message)

        try:
            await self._app(scope, counted, answering)
        except _TooLongError:
            pass
        finally:
            if seen > MOST_BYTES and not begun:
                await refused(scope, receive, send)


class _TooLongError(Exception):
    """More has come than may."""
