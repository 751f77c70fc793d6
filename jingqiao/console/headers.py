"""Safe headers on every answer: no inline script or style, no foreign host, no frame around us."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{images}; font-src 'self'; "
    "connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_OTHERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_OWN_POLICY: Final = ("/a/",)
"""The answer pages: they carry their own style and no script."""


class SafeHeaders:
    """Adds them. images : hosts from which map tiles may come."""

    def __init__(self, app: ASGIApp, images: tuple[str, ...] = ()) -> None:
        self._app = app
        self._csp = _CSP.format(images="".join(f" {host}" for host in images))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _OTHERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(_OWN_POLICY):
                    headers.setdefault("Content-Security-Policy", self._csp)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        await self._app(scope, receive, with_headers)
