"""Structure or sensor: who moves together with a gauge, and what grade of drift follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.channels import Channels
from rules.bridge.fast import FastDrift
from rules.bridge.gate import FaultGate, GaugeFault
from rules.bridge.limits import Limits
from rules.bridge.slow import SlowDrift
from rules.bridge.stiffness import Stiffness

Int = npt.NDArray[np.int64]

TOGETHER_BLOCKS: Final = 15
"""Neighbours that leave their prediction within 5 minutes of each other move together."""
TOGETHER_DAYS: Final = 8
"""Gauges elsewhere whose CUSUMs left zero within these days drift together."""
TOGETHER_HOURS: Final = 6
"""Gauges that left the latest quiet day within so many hours of each other did so together."""
ELSEWHERE: Final = 2
"""Gauges outside the section that must move with one before it is called structure."""
SETTLEMENT, SETTLEMENT_SINGLE, SLOW, SLOW_SINGLE, STIFFNESS = range(5)
"""Reasons, in the order of `rules.bridge.evidence.REASONS`."""


@dataclass(frozen=True, slots=True)
class Grade:
    """Level as `Severity`, 0 = none; value and limit [µε], of stiffness [%]; reason as above."""

    level: int
    value: float
    limit: float
    reason: int


class Neighbours:
    """Reads the drift tests; keeps nothing but which gauges were once seen to move together.

    structural : bool[c]  A movement in minutes was confirmed while it fires.
    """

    def __init__(
        self,
        channels: Channels,
        gate: FaultGate,
        fast: FastDrift,
        slow: SlowDrift,
        stiffness: Stiffness,
        limits: Limits,
    ) -> None:
        self.channels, self.gate, self.fast, self.slow = channels, gate, fast, slow
        self.stiffness, self.limits = stiffness, limits
        self.structural = np.zeros(len(channels), bool)

    def grade(self, channel: int) -> Grade:
        """The gravest of what the tests say of one gauge."""
        grades = [Grade(0, float(self.slow.residual_ue[channel]), float("nan"), SETTLEMENT)]
        grades += self._minutes(channel) + self._days(channel) + self._hours(channel)
        if self.stiffness.found[channel]:
            percent = 100 * float(np.expm1(self.stiffness.change[channel]))
            grades.append(Grade(2, percent, 100 * float(self.stiffness.share[channel]), STIFFNESS))
        return max(grades, key=lambda grade: grade.level)

    def active(self, gauges: Int) -> npt.NDArray[np.bool_]:
        """bool[k]  Gauges of which a test says anything."""
        slow = self.slow
        found: npt.NDArray[np.bool_] = (
            self.fast.firing[gauges]
            | slow.moved[gauges]
            | (slow.leaning[gauges] != 0)
            | (slow.joint_sign[gauges] != 0)
            | (slow.sudden[gauges] != 0)
            | self.stiffness.found[gauges]
        )
        return found

    def _minutes(self, channel: int) -> list[Grade]:
        fast = self.fast
        if not fast.firing[channel]:
            self.structural[channel] = False
            return []
        self.structural[channel] |= len(self.companions(channel)) > 0
        shift, limit = float(fast.shift_ue[channel]), float(fast.passed[channel])
        if not self.structural[channel]:
            return [Grade(2, shift, limit, SETTLEMENT_SINGLE)]
        grave = abs(shift) >= self.limits.fast_red_ue[channel] or fast.moves[channel] > 0
        return [Grade(4 if grave else 3, shift, limit, SETTLEMENT)]

    def _days(self, channel: int) -> list[Grade]:
        slow = self.slow
        if not (slow.moved[channel] or slow.leaning[channel] or slow.joint_sign[channel]):
            return []
        residual, limit = float(slow.residual_ue[channel]), self._least(channel)
        if slow.joint_sign[channel] or len(self.drifting(channel)):
            return [Grade(self._grave(channel, residual), residual, limit, SLOW)]
        return [Grade(2, residual, limit, SLOW_SINGLE)] if slow.moved[channel] else []

    def _hours(self, channel: int) -> list[Grade]:
        if not self.slow.sudden[channel] or not len(self.sudden(channel)):
            return []
        shift = float(self.slow.sudden_ue[channel])
        return [Grade(self._grave(channel, shift), shift, self._least(channel), SLOW)]

    def _least(self, channel: int) -> float:
        return max(float(self.limits.slow.least_ue[channel]), float(self.slow.sigma[channel]))

    def _grave(self, channel: int, value: float) -> int:
        return 4 if abs(value) >= self.limits.slow_red_ue[channel] else 3

    def companions(self, channel: int) -> Int:
        """Other gauges of the asset that left their prediction within minutes of this one."""
        others = self.others(channel)
        lately = np.abs(self.fast.moving[others] - self.fast.moving[channel]) <= TOGETHER_BLOCKS
        found: Int = others[lately & (self.fast.moving[others] > 0)]
        return found

    def drifting(self, channel: int) -> Int:
        """Gauges of its section that drift with this one; of an only gauge, two and more of the asset."""
        near = self.slow.together(channel)
        slow, own = self.slow, np.array([channel])
        if len(near) or slow.joint.several(own)[0]:
            return near  # who has neighbours is judged by them
        if not (slow.moved[channel] or slow.leaning[channel]):
            return near
        others = self.others(channel)
        apart = np.abs(slow.began(others) - int(slow.began(own)[0]))
        others = others[
            (apart <= TOGETHER_DAYS) & (self.channels.near[others] != self.channels.near[channel])
        ]
        found: Int = others[(slow.leaning[others] != 0) | slow.moved[others]]
        return found if len(found) >= ELSEWHERE else found[:0]

    def sudden(self, channel: int) -> Int:
        """Gauges of the section that left the latest quiet day by much, too, for hours, either way."""
        others = self.others(channel)
        others = others[self.channels.near[others] == self.channels.near[channel]]
        at_once = np.abs(self.slow.run[others] - self.slow.run[channel]) <= TOGETHER_HOURS
        found: Int = others[(self.slow.sudden[others] != 0) & at_once]
        return found

    def others(self, channel: int) -> Int:
        """Sound gauges of the same asset."""
        same = (self.channels.asset == self.channels.asset[channel]) & ~self.channels.thermometer
        same &= self.gate.fault == GaugeFault.NONE
        same[channel] = False
        return np.flatnonzero(same)
