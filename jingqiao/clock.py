"""The clock that is passed in: wall time in service, simulated time in demo and tests."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> int:
        """Now [µs since 1970 UTC]."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so much of this clock's time."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> int:
        """Now [µs since 1970 UTC]."""
        return time.time_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """Simulated time that runs `speed` times as fast as wall time from a given start.

    start : int  First instant [µs since 1970 UTC].
    speed : float  Simulated seconds per second.
    """

    def __init__(self, start: int, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._origin = time.monotonic()

    def now(self) -> int:
        """Now [µs since 1970 UTC]."""
        return self._start + int((time.monotonic() - self._origin) * self._speed * 1e6)

    async def sleep(self, seconds: float) -> None:
        """Wait for so much simulated time."""
        await asyncio.sleep(seconds / self._speed)


class ManualClock:
    """A clock that moves only when told, for tests.

    now_us : int  First instant [µs since 1970 UTC].
    """

    def __init__(self, now_us: int) -> None:
        self._now = now_us
        self._moved = asyncio.Condition()

    def now(self) -> int:
        """Now [µs since 1970 UTC]."""
        return self._now

    async def advance(self, seconds: float) -> None:
        """Move forward and wake whoever waited for it."""
        async with self._moved:
            self._now += int(seconds * 1e6)
            self._moved.notify_all()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved that far."""
        until = self._now + int(seconds * 1e6)
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= until)
