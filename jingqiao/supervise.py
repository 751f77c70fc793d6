"""Keeps the service's loops going: one that fails is begun anew, loudly, and never takes the others along."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

_log = structlog.get_logger()

AGAIN_S: Final = 1.0
"""Pause before a failed loop is begun anew [s]."""


async def kept_going(part: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop; when it raises, say so with its traceback and run it again. Ends when the loop ends."""
    while True:
        try:
            return await loop()
        except Exception:
            _log.exception("a part of the service failed and is started again", part=part)
            await asyncio.sleep(AGAIN_S)
