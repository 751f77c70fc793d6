"""Staying connected: again and again, later each time, never all clients at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from config.messages import Language
from ingest.source import SourceStatus, Trouble

_log = structlog.get_logger()

_FIRST_DELAY_S: Final = 0.25
_SHORT_S: Final = 5.0
_SUSPICIOUS: Final = 3
"""So many connections in a row that lived shorter than that are no accident."""


class ConnectionLostError(Exception):
    """A connection ended, or never came about."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        super().__init__(trouble.reason)


async def stay_connected(
    session: Callable[[], Awaitable[None]], status: SourceStatus, language: Language, max_delay_s: float
) -> None:
    """Run `session` for ever; it raises ConnectionLostError when its connection is no more.

    The delay doubles with every attempt in vain, up to `max_delay_s`, and a session that came about sets it
    back. It is shortened at random: a thousand services that lost one broker must not come back as one.
    """
    delay_s, short_lived = _FIRST_DELAY_S, 0
    loop = asyncio.get_running_loop()
    while True:
        before, began = status.connections, loop.time()
        try:
            await session()
        except ConnectionLostError as lost:
            trouble = lost.trouble
            short = status.connections > before and loop.time() - began < _SHORT_S
            short_lived = short_lived + 1 if short else 0
            if trouble.reason == "lost" and short_lived >= _SUSPICIOUS:
                # Not every broker says that a session was taken over (Mosquitto 2.0 does not).
                trouble = Trouble("often_lost", trouble.broker, trouble.detail)
            report(status, trouble, language)
        finally:
            status.connected = False
        if status.connections > before:
            delay_s = _FIRST_DELAY_S
        await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        delay_s = min(delay_s * 2, max_delay_s)


def report(status: SourceStatus, trouble: Trouble, language: Language) -> None:
    """Keep a trouble for whoever asks, and say it once for as long as it stays the same."""
    if status.trouble is None or status.trouble.reason != trouble.reason:
        _log.error("mqtt.trouble", reason=trouble.reason, sentence=trouble.sentence(language))
    status.trouble = trouble
