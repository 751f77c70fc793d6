"""Sensors that are late each time by as much: their heartbeat in the registry is wrong, not they.

What is told of such a one is that, once, instead of a silence and its end every day. Its deadlines stay those
of the registry: a silence that lasts is told in yellow as soon as before.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

TIMES: Final = 4
"""So many silences running that end after as long are a habit."""
ALIKE: Final = 0.1
"""They differ by no more than this share."""
BURST: Final = 0.1
"""Share of a heartbeat within which a further word is of the same message."""


class Slow:
    """Silences running of sensors, each as long as the one before and with no word in between.

    state : int64[m, 3]  Sensor, how many running, length of the latest [µs].
    """

    def __init__(self, state: npt.NDArray[Any] | None = None) -> None:
        rows = [] if state is None else state.tolist()
        self._of: dict[int, tuple[int, int]] = {int(s): (int(n), int(gap)) for s, n, gap in rows}

    def __bool__(self) -> bool:
        return bool(self._of)

    def state(self) -> npt.NDArray[np.int64]:
        """What the constructor takes."""
        rows = [(s, n, gap) for s, (n, gap) in sorted(self._of.items())]
        return np.array(rows, np.int64).reshape(-1, 3)

    def sensors(self) -> list[int]:
        """All of which anything is known."""
        return list(self._of)

    def told(self) -> list[int]:
        """Those of whom it is told."""
        return [s for s, (n, _) in self._of.items() if n >= TIMES]

    def is_slow(self, sensor: int) -> bool:
        """Whether it is told of a sensor."""
        return self._of.get(sensor, (0, 0))[0] >= TIMES

    def pace_us(self, sensor: int) -> int:
        """How often it reports, by its latest silence [µs]; 0 = not known."""
        return self._of.get(sensor, (0, 0))[1]

    def late(self, sensor: int, gap_us: int) -> bool:
        """A silence of a sensor has ended; whether it was told already that this is its habit."""
        n, last = self._of.get(sensor, (0, 0))
        n = n + 1 if abs(gap_us - last) <= ALIKE * last else 1
        self._of[sensor] = (n, gap_us)
        return n > TIMES

    def in_time(self, sensor: int, gap_us: int, beat_us: int) -> bool:
        """A sensor speaks that was not silent; whether what is told of it is over."""
        if gap_us < BURST * beat_us:
            return False
        n, _ = self._of.pop(sensor, (0, 0))
        return n > TIMES
