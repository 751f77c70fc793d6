"""Lanes of a snapshot in the order of the engine that reads it: a detector may have learned a hazard since.

So the models that a bridge took a year to learn outlast an upgrade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Lanes:
    """old, new : [detector's name, hazard] of each lane. Raises ValueError when one of the old is gone, or a
    detector is new."""

    def __init__(self, old: Sequence[Sequence[str]], new: Sequence[Sequence[str]], n_sensors: int) -> None:
        places = {tuple(lane): i for i, lane in enumerate(new)}
        same = {lane[0] for lane in old} == {lane[0] for lane in new}
        if not same or not all(tuple(lane) in places for lane in old):
            raise ValueError("the snapshot was made with other detectors")
        self._to = [places[tuple(lane)] for lane in old]
        self._count, self._n_sensors = len(new), n_sensors

    def machine(self, state: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """State of the alarm machine; of a hazard that is new nothing was said."""
        moved = dict(state)
        for lane in range(self._count):
            moved[f"level.{lane}"] = np.zeros(self._n_sensors, np.int8)
        for old, lane in enumerate(self._to):
            moved[f"level.{lane}"] = state[f"level.{old}"]
        for key in ("key", "unmuted_key"):
            if key in state:
                places = np.array(state[key])
                places[:, 0] = np.array(self._to, np.int64)[places[:, 0]]
                moved[key] = places
        return moved

    def alarms(self, state: list[Any]) -> list[Any]:
        """State of the alarms by asset: each voice has a lane."""
        return [
            [asset, hazard, level, at, [[self._to[voice[0]], *voice[1:]] for voice in voices]]
            for asset, hazard, level, at, voices in state
        ]
