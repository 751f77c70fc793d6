"""After a start: what waited at the brokers is taken in before time goes on for the rules.

The first tick after hours of our own absence would otherwise find every sensor silent, although their
messages are on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LONGEST_S: Final = 30.0
"""Holds and silence wait at most so long, whatever the brokers do [s]."""
QUIET_S: Final = 1.0
"""No more than a trickle for so long: nothing waits any more [s]."""
TRICKLE: Final = 50
"""So many messages between two looks are a living city's; a backlog drains by the thousand."""
LIVE_US: Final = 5_000_000
"""A reading so young is live; brokers deliver in order, so what had waited came before it [µs]."""
_LOOK_EVERY_S: Final = 0.1


async def backlog_taken_in(
    connected: Callable[[], bool],
    messages: Callable[[], int],
    newest_reading: Callable[[], int],
    now: Callable[[], int],
) -> bool:
    """Wait for it; False when `LONGEST_S` was over first.

    connected : all brokers are heard. messages : taken in so far. newest_reading : its event time [µs].
    """
    seen, quiet_s, waited_s = 0, 0.0, 0.0
    while waited_s < LONGEST_S:
        if connected():
            if now() - newest_reading() < LIVE_US:
                return True
            count = messages()
            quiet_s = quiet_s + _LOOK_EVERY_S if count - seen <= TRICKLE else 0.0
            seen = count
            if quiet_s >= QUIET_S:
                return True
        await asyncio.sleep(_LOOK_EVERY_S)
        waited_s += _LOOK_EVERY_S
    return False
