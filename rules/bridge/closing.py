"""When hours and days end by the clock of events, whether or not a gauge goes on speaking.

So a logger that reads once a day is judged that day, and the gauges of a section are judged together.
"""

from __future__ import annotations

from typing import Final

from rules.bridge.cells import BLOCK_US
from rules.bridge.hours import HourMedians
from rules.bridge.slow import SlowDrift
from rules.detector import FAR

HOUR_US: Final = 3_600_000_000
HOUR_GRACE_US: Final = 15 * 60_000_000
"""How long an hour waits for readings that come late."""
DAY_GRACE_US: Final = 75 * 60_000_000
"""… and a day: until the first hour of the next one has been taken."""
HOUR_BLOCKS: Final = HOUR_US // BLOCK_US


class Closing:
    """Looks at what is open.

    at : int  Event time of the next end [µs], or FAR. hour, day : int  What lies before these is over then.
    """

    def __init__(self, tens: HourMedians, slow: SlowDrift) -> None:
        self._tens, self._slow = tens, slow
        self._hour = -1
        self.at = FAR

    def saw(self, block: int) -> None:
        """A block was judged: there may be something new to end."""
        hour = block // HOUR_BLOCKS
        if hour != self._hour or self.at == FAR:
            self._hour = hour
            self.look()

    def look(self) -> None:
        """Find the next end."""
        tens, slow = self._tens, self._slow
        hours = tens.hour[tens.n_blocks + tens.n_tens > 0]
        days = slow.day[slow.hours > 0]
        ends = [int((hours.min() + 1) * HOUR_US + HOUR_GRACE_US)] if len(hours) else []
        ends += [int((days.min() + 1) * 24 * HOUR_US + DAY_GRACE_US)] if len(days) else []
        self.at = min(ends, default=FAR)

    @property
    def hour(self) -> int:
        """Hours before this one are over at `at`."""
        return int((self.at - HOUR_GRACE_US) // HOUR_US)

    @property
    def day(self) -> int:
        """Days before this one are over at `at`."""
        return int((self.at - DAY_GRACE_US) // (24 * HOUR_US))
