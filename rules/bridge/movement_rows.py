"""Readings of movements wait here until their block of 20 s is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Role
from rules.bridge.cells import BLOCK_US

_DTYPES: Final = {"channel": np.int64, "time": np.int64, "x": np.float64, "y": np.float64, "warm": np.float64}
_OF_ROLE: Final[Mapping[Role, tuple[str, str | None]]] = {
    Role.DEFLECTION: ("displacement_mm", None),
    Role.DISPLACEMENT: ("displacement_mm", None),
    Role.TILT: ("tilt_x_deg", "tilt_y_deg"),
    Role.ACCELERATION: ("vibration_g", "acceleration_rms_g"),
    Role.TEMPERATURE: ("temperature_c", None),
}


class Rows:
    """Rows by the time of their block: x, y and the sensor's own temperature.

    x, y : float64  What `_OF_ROLE` names for the sensor's role; a tilt that has no x is its inclination.
    """

    def __init__(self) -> None:
        self.earliest = np.iinfo(np.int64).max
        self._parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _DTYPES}
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(
        self,
        channel: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        role: npt.NDArray[np.int8],
        columns: Mapping[str, npt.NDArray[np.float32]],
    ) -> None:
        """Take readings; those that have nothing of their role's are passed over."""
        x, y = np.full(len(channel), np.nan), np.full(len(channel), np.nan)
        for kind, names in _OF_ROLE.items():
            own = role == kind
            if not own.any():
                continue
            for values, name in zip((x, y), names, strict=True):
                if name is not None and name in columns:
                    values[own] = columns[name][own]
        if "tilt_deg" in columns:
            plain = (role == Role.TILT) & np.isnan(x)
            x[plain] = columns["tilt_deg"][plain]
        some = np.isfinite(x) | ((role == Role.ACCELERATION) & np.isfinite(y))
        if not some.any():
            return
        warm = columns.get("temperature_c", np.full(len(channel), np.nan, np.float32))
        for name, values in (("channel", channel), ("time", time), ("x", x), ("y", y), ("warm", warm)):
            self._parts[name].append(values[some].astype(_DTYPES[name]))
        self._n += int(some.sum())
        self.earliest = min(self.earliest, int(time[some].min()))

    def take(self, until: int) -> Iterator[tuple[int, dict[str, npt.NDArray[Any]]]]:
        """(block, its rows by channel and time) of all blocks that end at or before `until` [µs]."""
        if self.earliest // BLOCK_US * BLOCK_US + BLOCK_US > until:
            return
        table = self.state()
        ready = table["time"] // BLOCK_US * BLOCK_US + BLOCK_US <= until
        self.restore({name: column[~ready] for name, column in table.items()})
        block = table["time"][ready] // BLOCK_US
        order = np.lexsort((table["time"][ready], table["channel"][ready], block))
        borders = np.flatnonzero(np.diff(block[order])) + 1
        for rows in np.split(order, borders):
            yield int(block[rows[0]]), {name: column[ready][rows] for name, column in table.items()}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All rows as named arrays."""
        return {
            name: np.concatenate(self._parts[name]) if self._parts[name] else np.empty(0, dtype)
            for name, dtype in _DTYPES.items()
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The rows that `state` gave."""
        self._n = len(state["time"])
        self._parts = {name: [np.asarray(state[name])] if self._n else [] for name in _DTYPES}
        self.earliest = int(state["time"].min()) if self._n else int(np.iinfo(np.int64).max)
