"""What a detector of bridges said last of each channel, so that it speaks again only when that changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard
from rules.detector import Verdicts

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


class Spoken:
    """The latest word on each channel and hazard.

    said : int8[c, h]  Level; 0 = nothing holds. value, limit : float64[c, h]  Of the latest that held.
    reason : uint8[c, h]  Row of the detector's reasons; stays when the level falls to 0.
    """

    def __init__(self, sensor: npt.NDArray[np.int32], hazards: tuple[Hazard, ...]) -> None:
        self._sensor, self._hazards = sensor, hazards
        shape = len(sensor), len(hazards)
        self.said, self.reason = np.zeros(shape, np.int8), np.zeros(shape, np.uint8)
        self.value, self.limit = np.full(shape, np.nan), np.full(shape, np.nan)

    def say(
        self,
        hazard: int,
        c: Int,
        time: Int,
        level: npt.NDArray[Any],
        value: Float,
        limit: Float,
        reason: npt.NDArray[Any],
    ) -> list[Verdicts]:
        """Verdicts of the channels whose level or reason changed since they were last spoken of."""
        reason = np.where(level > 0, reason, self.reason[c, hazard]).astype(np.uint8)
        new = (level != self.said[c, hazard]) | (reason != self.reason[c, hazard])
        held = new | (level > 0)
        # What is over need not know a limit: it is that which was exceeded.
        limit = np.where(np.isfinite(limit), limit, self.limit[c, hazard])
        self.value[c[held], hazard], self.limit[c[held], hazard] = value[held], limit[held]
        if not new.any():
            return []
        c, time = c[new], time[new]
        self.said[c, hazard], self.reason[c, hazard] = level[new], reason[new]
        return [
            Verdicts(
                self._hazards[hazard],
                self._sensor[c],
                time,
                level[new].astype(np.int8),
                value[new].astype(np.float32),
                limit[new].astype(np.float32),
                reason[new],
            )
        ]
