"""The parts of the bridge's detector: built for a registry, kept in snapshots, moved when it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.bridge_rules import BridgeRules
from devices.registry import Registry
from rules.alarm import Hazard
from rules.bridge.cells import Pending
from rules.bridge.channels import NO_CHANNEL, Channels, channels
from rules.bridge.clock import Clocks
from rules.bridge.closing import Closing
from rules.bridge.compensation import TERMS, Compensation
from rules.bridge.fast import FastDrift
from rules.bridge.gate import FaultGate
from rules.bridge.hours import HourMedians, Temperatures
from rules.bridge.joint import Joint
from rules.bridge.levels import Levels
from rules.bridge.limits import Limits
from rules.bridge.neighbours import Neighbours
from rules.bridge.slow import SlowDrift
from rules.bridge.spoken import Spoken
from rules.bridge.stiffness import Stiffness
from rules.bridge.warmth import Warmth
from rules.bridge.weighing import Weighing
from rules.bridge.works import NEVER, Works

HAZARDS: Final = (Hazard.STRAIN_LIMIT, Hazard.OVERLOAD, Hazard.DRIFT, Hazard.SENSOR_FAULT)
STRAIN, OVERLOAD, DRIFT, FAULT = range(4)
_HOMES: Final = {
    "said": ("spoken", "said"),
    "value": ("spoken", "value"),
    "limit": ("spoken", "limit"),
    "reason": ("spoken", "reason"),
    "closed_from": ("works", "closed_from"),
    "closed_to": ("works", "closed_to"),
    "temperature_now": ("warmth", "now"),
    "temperature_at": ("warmth", "at"),
    "seen_at": ("", "seen_at"),
    "row": ("", "row"),
    "crossed": ("", "crossed"),
}
"""Where what snapshots call own.NAME lies: (part, "" = the detector itself; attribute)."""


class Parts:
    """All tests of gauges and thermometers, and what was said of them.

    seen_at : int64[c]  Event time of the newest block [µs].
    row : float64[c, TERMS]  What the latest hour was regressed on.
    crossed : bool[c]  It was with the asset's other thermometers.
    """

    def __init__(self, registry: Registry, rules: BridgeRules) -> None:
        self._sets: Sequence[BridgeRules] = (rules,)
        self._class_of = np.zeros(len(registry.sensors), np.uint16)
        self._build(registry)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a registry that has grown: rows of known sensors stay."""
        old, state = self.channels, self.snapshot()
        grown = len(registry.sensors) - len(self._class_of)
        self._class_of = np.concatenate([self._class_of, np.zeros(max(grown, 0), np.uint16)])
        self._build(registry)
        self._restore(old.sensor, state)

    def thresholds_changed(self, sets: Sequence[Any], class_of: npt.NDArray[np.uint16]) -> None:
        """Other limits from now on."""
        self._sets, self._class_of = sets, class_of
        self._set_limits()

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        state: dict[str, npt.NDArray[Any]] = {"sensor": self.channels.sensor}
        for part in self._parts():
            state |= {f"{part}.{k}": v for k, v in getattr(self, part).snapshot().items()}
        state |= {f"pending.{k}": v for k, v in self._pending.state().items()}
        state |= {f"own.{name}": getattr(self._home(name), _HOMES[name][1]) for name in _HOMES}
        state["interventions"] = self.works.state(self.channels.sensor)
        return {name: np.array(array) for name, array in state.items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it is of other sensors."""
        sensor = state.get("sensor")
        if sensor is None or not np.isin(sensor, self.channels.sensor).all():
            raise ValueError("not a state of this registry's bridge sensors")
        self._restore(sensor, state)

    def rules_of(self, channel: int) -> BridgeRules:
        """The rule set that holds for a channel."""
        return self._sets[int(self._class_of[self.channels.sensor[channel]])]

    # --- building --------------------------------------------------------------------------------

    def _home(self, name: str) -> object:
        part = _HOMES[name][0]
        return getattr(self, part) if part else self

    @staticmethod
    def _parts() -> tuple[str, ...]:
        return (
            "gate",
            "clocks",
            "levels",
            "weighing",
            "fast",
            "tens",
            "temperatures",
            "model",
            "slow",
            "stiffness",
        )

    def _build(self, registry: Registry) -> None:
        self.registry = registry
        self.channels: Channels = channels(registry)
        n = len(self.channels)
        self.limits = Limits(self.channels, self._sets, self._class_of)
        self._pending = Pending(float(self._sets[0].fault.spike_ue))
        self.gate = FaultGate(n, self.limits.gate, self.channels.thermometer)
        self.clocks = Clocks(n)
        self.levels = Levels(n, self.limits.strain)
        self.weighing = Weighing(n)
        self.fast = FastDrift(n, self.limits.fast, self.channels.beta_prior, self.channels.asset)
        self.tens = HourMedians(n)
        self.temperatures = Temperatures(n, self.channels.sources, self.channels.others)
        self.model = Compensation(n, self.channels.beta_prior)
        joint = Joint(self.channels.near, ~self.channels.thermometer)
        self.slow = SlowDrift(n, self.limits.slow, self.model, joint)
        self.stiffness = Stiffness(
            self.channels.near, ~self.channels.thermometer, self.limits.slow.stiffness_share
        )
        self.neighbours = Neighbours(
            self.channels, self.gate, self.fast, self.slow, self.stiffness, self.limits
        )
        self._closing = Closing(self.tens, self.slow)
        self.spoken = Spoken(self.channels.sensor, HAZARDS)
        self.works = Works(n)
        self.warmth = Warmth(self.channels)
        self.seen_at = np.full(n, NEVER, np.int64)
        self.row = np.full((n, TERMS), np.nan)
        self.crossed = np.zeros(n, bool)

    def _set_limits(self) -> None:
        self.limits = Limits(self.channels, self._sets, self._class_of)
        self.gate.limits, self.levels.limits = self.limits.gate, self.limits.strain
        self.fast.limits, self.slow.limits = self.limits.fast, self.limits.slow
        self.neighbours.limits, self.stiffness.share = self.limits, self.limits.slow.stiffness_share
        self._pending.spike_ue = float(self._sets[0].fault.spike_ue)

    def _restore(self, sensor: npt.NDArray[np.int32], state: Mapping[str, npt.NDArray[Any]]) -> None:
        """State of channels by their sensors: rows may lie elsewhere now."""
        place = self.channels.of_sensor[sensor].astype(np.int64)
        kept = place != NO_CHANNEL

        def moved(name: str, fresh: npt.NDArray[Any]) -> npt.NDArray[Any]:
            fresh = np.array(fresh)
            if name in state and state[name].shape[1:] == fresh.shape[1:]:
                fresh[place[kept]] = state[name][kept]
            return fresh

        for part in self._parts():
            mine = getattr(self, part)
            mine.restore({k: moved(f"{part}.{k}", v) for k, v in mine.snapshot().items()})
        for name, (_, attribute) in _HOMES.items():
            home = self._home(name)
            setattr(home, attribute, moved(f"own.{name}", getattr(home, attribute)))
        rows = {k.removeprefix("pending."): v for k, v in state.items() if k.startswith("pending.")}
        self.works.restore(state.get("interventions"), self.channels.of_sensor)
        here = place[rows["channel"].astype(np.int64)]
        rows = {**rows, "channel": here}
        self._pending.restore({k: v[here != NO_CHANNEL] for k, v in rows.items()})
        self._closing.look()
