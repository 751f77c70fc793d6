"""What was imposed in steps, by gauge and over a bridge: added up, lifted, told when it is enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE
from rules.bridge.ring import RING, Ring
from rules.bridge.settlements import Settlements
from rules.bridge.stages import Stages
from rules.bridge.steps import Step
from rules.bridge.thermal import FastThermal

Float = npt.NDArray[np.float64]


class Imposed:
    """The way from steps in the ring (`stages.py`) to what is told (`settlements.py`).

    asset : int32[c]  Of each gauge.
    """

    def __init__(
        self,
        ring: Ring,
        stages: Stages,
        told: Settlements,
        thermal: FastThermal,
        asset: npt.NDArray[np.int32],
    ) -> None:
        self._ring, self._stages, self._told, self._thermal = ring, stages, told, thermal
        self._asset = asset
        self._new: list[tuple[int, Step]] = []

    def look(self, block: int, channel: int, hold: float, limit_ue: float, limit: float) -> bool:
        """Add up what came in steps and stays; whether anything did.

        hold : float  How long a load may stand [blocks].
        limit_ue, limit : float  Of a single movement on a quiet gauge, and of this one now [µε].
        """
        steps = self._stages.imposed(channel, self._ring.latest(block, channel), hold)
        if not steps:
            return False
        oldest = block - RING + 1
        if any(self._told.went_home(channel, oldest + step.place) for step in steps):
            # The bridge went back then: what moved with it is where it was.
            self._stages.taken(channel)
            for step in steps:
                self._lift(block, channel, step)
            return False
        self._new += [(channel, step) for step in steps]
        self._add(block, channel, steps, limit_ue, limit)
        return True

    def share(self, block: int, limit_ue: Float, limit: Float) -> None:
        """Look for one gauge's steps in the bridge's others, where they are too small to be seen alone."""
        new, self._new = self._new, []
        for channel, step in new:
            others = np.flatnonzero((self._asset == self._asset[channel]) & (self._ring.last == block))
            for other in others[(others != channel) & (self._told.pending[others] == 0)].tolist():
                height = self._stages.shared(other, self._ring.latest(block, other), step)
                if height:
                    one = [Step(step.place, step.rise, height)]
                    self._add(block, other, one, float(limit_ue[other]), float(limit[other]))

    def _add(self, block: int, channel: int, steps: Sequence[Step], limit_ue: float, limit: float) -> None:
        """Steps that stay: what was before is lifted to the state after them; told when they are enough."""
        oldest = block - RING + 1
        self._stages.add(channel, block, sum(step.height for step in steps), oldest + steps[0].place)
        for step in steps:
            self._lift(block, channel, step)
        total = self._stages.settled(channel, block, limit_ue)
        if total:
            told = self._told
            told.passed[channel] = self._stages.sum_limit(channel, limit_ue)
            took = oldest + steps[-1].place + steps[-1].rise - self._stages.first[channel]
            told.rise_s[channel] = told.rise_s[channel] if told.firing[channel] else took * 60.0 / MINUTE
            told.further(channel, total)
            told.settle(channel, total, limit, limit_ue)

    def _lift(self, block: int, channel: int, step: Step) -> None:
        self._ring.step_up(block, channel, step)
        self._thermal.shift(channel, step.height)
