"""Wait until something holds, with a deadline: tests never sleep for a guessed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    holds: Callable[[], T | Awaitable[T]], within_s: float = 10.0, every_s: float = 0.01
) -> T:
    """The first truthy value of `holds()`; AssertionError with the last value after `within_s`.

    `holds` may be async. An AssertionError that it raises counts as "not yet" and is shown at the end.
    """
    deadline = time.monotonic() + within_s
    last: object = None
    while True:
        try:
            value = holds()
            if isinstance(value, Awaitable):
                value = await value
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"did not hold within {within_s:g} s; the last answer was {last!r}")
        await asyncio.sleep(every_s)


def eventually_now(holds: Callable[[], T], within_s: float = 10.0, every_s: float = 0.01) -> T:
    """The same for tests without an event loop."""
    deadline = time.monotonic() + within_s
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not hold within {within_s:g} s; the last answer was {value!r}")
        time.sleep(every_s)
