"""Works on a bridge, as controls tell of them: whose they are, how long they last, who says so and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Registry
from rules.bridge.channels import NO_CHANNEL

Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

NEVER: Final = -(1 << 60)
ANEW: Final = ("rebaseline", "intervention")
"""Controls after which what was learned of a channel holds no more."""


def named(
    registry: Registry,
    of_sensor: npt.NDArray[np.int32],
    asset: npt.NDArray[np.int32],
    payload: Mapping[str, Any],
) -> Int:
    """Channels of the sensors (`sensor_id`, `sensor_ids`), else of the `asset_id`, that a control names.

    of_sensor : int32[n_sensors]  Channel, or NO_CHANNEL. asset : int32[c]  Row of the channel's asset.
    """
    names = payload.get("sensor_ids") or [payload.get("sensor_id")]
    sensors = registry.sensor_indices([str(name) for name in names if name])
    if len(sensors):
        found = of_sensor[sensors[sensors >= 0]]
        chosen: Int = found[found != NO_CHANNEL].astype(np.int64)
        return chosen
    row = registry.asset_index(str(payload.get("asset_id") or ""))
    return np.flatnonzero((asset == row) & (row >= 0))


class Works:
    """The newest works of each channel.

    closed_from, closed_to : int64[c]  Event times of works that are not over [µs]; NEVER = there are none.
    told : channel → {kind, from_us, to_us, who, why}, for the evidence; stays when the works are over.
    """

    def __init__(self, n: int) -> None:
        self.closed_from, self.closed_to = np.full(n, NEVER, np.int64), np.full(n, NEVER, np.int64)
        self.told: dict[int, dict[str, Any]] = {}

    def begin(self, name: str, payload: Mapping[str, Any], chosen: Int) -> None:
        """Take a control of `ANEW`: works from `from` to `to`, or at the one moment `at` [µs]."""
        at = int(payload.get("at") or 0)
        start, end = int(payload.get("from") or at), int(payload.get("to") or at)
        self.closed_from[chosen], self.closed_to[chosen] = start, end
        for channel in chosen.tolist():
            self.told[channel] = {
                "kind": name,
                "from_us": start,
                "to_us": end,
                "who": str(payload.get("who") or payload.get("by") or ""),
                "why": str(payload.get("why") or payload.get("note") or ""),
            }

    def busy(self, c: Int, time: Int) -> Bool:
        """bool[k]  Where works go on: nothing is learned, and what moves is their doing."""
        going: Bool = (time >= self.closed_from[c]) & (time < self.closed_to[c])
        return going

    def over(self, c: Int, time: Int) -> Int:
        """Those of `c` whose works are over since they were last asked for: they must learn anew."""
        anew: Int = c[(time >= self.closed_to[c]) & (self.closed_to[c] != NEVER)]
        self.closed_from[anew] = self.closed_to[anew] = NEVER
        return anew

    def evidence(self, channel: int) -> dict[str, Any]:
        """{"intervention": who and why}, or nothing where there were no works."""
        return {"intervention": dict(self.told[channel])} if channel in self.told else {}

    def state(self, sensor: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """What was told, by registry index of the sensors, as bytes."""
        by_sensor = {str(sensor[channel]): told for channel, told in self.told.items()}
        return np.frombuffer(json.dumps(by_sensor).encode(), np.uint8)

    def restore(self, state: npt.NDArray[np.uint8] | None, of_sensor: npt.NDArray[np.int32]) -> None:
        """What `state` gave; None of a snapshot that was made before it was kept."""
        by_sensor = {} if state is None else json.loads(state.tobytes())
        places = {int(of_sensor[int(sensor)]): told for sensor, told in by_sensor.items()}
        self.told = {channel: told for channel, told in places.items() if channel != NO_CHANNEL}
