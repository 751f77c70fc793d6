"""What is said of rows: opinions on one hazard, and what silence will say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.lid.reasons import ROW

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Opinion:
    """Levels of one hazard; -1 = none. Later, graver words replace earlier ones."""

    level: npt.NDArray[np.int8]
    value: Float32
    limit: Float32
    reason: npt.NDArray[np.uint8]

    @classmethod
    def none(cls, n: int) -> Opinion:
        """Nothing said of n rows."""
        nan = np.full(n, np.nan, np.float32)
        return cls(np.full(n, -1, np.int8), nan, nan.copy(), np.zeros(n, np.uint8))

    def say(
        self, where: Bool, level: int, value: Float32, limit: Float32 | np.float32 | float, reason: str
    ) -> None:
        """Say it where it is graver than what was said."""
        where = where & (self.level < level)
        if not where.any():
            return
        self.level[where] = level
        self.value[where] = value[where]
        self.limit[where] = limit[where] if isinstance(limit, np.ndarray) and len(limit) > 1 else limit
        self.reason[where] = ROW[reason]

    def fine(self, where: Bool) -> None:
        """Say that it is not so."""
        self.level[where & (self.level < 0)] = 0


@dataclass(slots=True)
class Fuses:
    """What a tick will say of a row if nothing comes until then; `wait_s` inf = nothing.

    wait_s : float64[k]  After the reading [s].  hazard : int8[k]  Row of `HAZARDS`.
    level : int8[k].  value, limit : float32[k].  reason : uint8[k].
    """

    wait_s: npt.NDArray[np.float64]
    hazard: npt.NDArray[np.int8]
    level: npt.NDArray[np.int8]
    value: Float32
    limit: Float32
    reason: npt.NDArray[np.uint8]

    @classmethod
    def none(cls, n: int) -> Fuses:
        """Nothing for n rows."""
        nan = np.full(n, np.nan, np.float32)
        zero = np.zeros(n, np.int8)
        return cls(np.full(n, np.inf), zero, zero.copy(), nan, nan.copy(), np.zeros(n, np.uint8))

    def light(
        self,
        where: Bool,
        wait_s: Float32,
        hazard: int,
        level: int,
        value: Float32,
        limit: Float32,
        reason: str,
    ) -> None:
        """Set fuses where there is none yet."""
        where = where & np.isinf(self.wait_s)
        if not where.any():
            return
        self.wait_s[where] = wait_s[where]
        self.hazard[where] = hazard
        self.level[where] = level
        self.value[where] = value[where]
        self.limit[where] = limit[where] if len(limit) > 1 else limit
        self.reason[where] = ROW[reason]
