"""What the engine knows of every device now, as columns that pages can sort and count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.engine import Engine
from rules.health.battery import BatteryLow
from rules.health.silent import ALIVE, EXPLAINED, LONG_SILENT, NEVER, SILENT, Silent

SILENT_STATES: Final = (SILENT, LONG_SILENT, EXPLAINED)
"""`status` of those that are not heard, alone or with their gateway."""


@dataclass(frozen=True)
class FleetState:
    """One row a sensor, in the registry's order.

    heard : int64[n]  Last word [µs since 1970 UTC]; 0 = never.
    status : uint8[n]  As in `rules.health.silent`.
    gateway : int32[n]  Key of the gateway of the last word.
    charge_pct : float32[n]  Battery left [%]; NaN = not told.
    weak : int8[n]  0 = good; 1, 2 = low, nearly empty.
    gateway_ids : key → what the gateway is called.
    """

    heard: npt.NDArray[np.int64]
    status: npt.NDArray[np.uint8]
    gateway: npt.NDArray[np.int32]
    charge_pct: npt.NDArray[np.float32]
    weak: npt.NDArray[np.int8]
    gateway_ids: Mapping[int, str]

    @cached_property
    def silent(self) -> npt.NDArray[np.int64]:
        """int64[k]  Rows that are not heard, the longest silence first."""
        rows = np.flatnonzero(np.isin(self.status, SILENT_STATES))
        return rows[np.argsort(self.heard[rows], kind="stable")]

    @cached_property
    def weakest(self) -> npt.NDArray[np.int64]:
        """int64[k]  Rows with a weak battery, the weakest first; those that only ring an alarm last."""
        rows = np.flatnonzero(self.weak > 0)
        return rows[np.argsort(self.charge_pct[rows], kind="stable")]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many sensors there are of each kind."""
        return {
            "sensors": len(self.status),
            "heard": int(((self.status == ALIVE) & (self.heard > 0)).sum()),
            "silent": int((self.status == SILENT).sum()),
            "long_silent": int((self.status == LONG_SILENT).sum()),
            "with_gateway": int((self.status == EXPLAINED).sum()),
            "battery_low": int((self.weak == 1).sum()),
            "battery_empty": int((self.weak >= 2).sum()),
        }


def fleet_of(engine: Engine) -> FleetState:
    """A copy of the engine's knowledge; between two records, for it goes on changing."""
    n = len(engine.registry.sensors)
    heard, gateway = np.zeros(n, np.int64), np.full(n, -1, np.int32)
    status, weak = np.zeros(n, np.uint8), np.zeros(n, np.int8)
    charge, names = np.full(n, np.nan, np.float32), dict[int, str]()
    for detector in engine.detectors:
        if isinstance(detector, Silent):
            state = detector.snapshot()
            heard, gateway = state["heard"].copy(), state["gateway"].copy()
            heard[heard == NEVER] = 0
            status = state["status"].copy()
            ids = json.loads(np.asarray(state["gateway_ids"]).tobytes() or b"[]")
            names = dict(zip(state["gateway_keys"].tolist(), ids, strict=True))
        elif isinstance(detector, BatteryLow):
            state = detector.snapshot()
            charge, weak = state["charge"].copy(), state["level"].copy()
    return FleetState(heard, status, gateway, charge, weak, names)
