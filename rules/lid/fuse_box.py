"""What will be said of sensors if nothing more comes from them, one fuse a sensor."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.detector import FAR, Verdicts
from rules.lid.features import Features
from rules.lid.judge import HAZARDS
from rules.lid.opinion import Fuses

SECOND: Final = 1_000_000
TRUE: Final = np.True_


class Fuse(NamedTuple):
    """What will be said of a sensor at `due` [µs] if nothing comes from it until then."""

    sensor: int
    due: int
    hazard: int
    level: int
    value: float
    limit: float
    reason: int


def fuses_of(f: Features, fuses: Fuses, of: npt.NDArray[np.bool_] | np.bool_ = TRUE) -> list[Fuse]:
    """What silence will say after the readings of some features. of : bool[k]  Of these."""
    return [
        Fuse(
            int(f.sensor[i]),
            int(f.time[i]) + int(fuses.wait_s[i] * SECOND),
            int(fuses.hazard[i]),
            int(fuses.level[i]),
            float(fuses.value[i]),
            float(fuses.limit[i]),
            int(fuses.reason[i]),
        )
        for i in np.flatnonzero(np.isfinite(fuses.wait_s) & of).tolist()
    ]


def burnt(fuse: Fuse) -> Verdicts:
    """What a fuse says when it has burned."""
    return Verdicts(
        HAZARDS[fuse.hazard],
        np.array([fuse.sensor], np.int32),
        np.array([fuse.due], np.int64),
        np.array([fuse.level], np.int8),
        np.array([fuse.value], np.float32),
        np.array([fuse.limit], np.float32),
        np.array([fuse.reason], np.uint8),
    )


class FuseBox:
    """Fuses that are lit."""

    def __init__(self) -> None:
        self._of: dict[int, Fuse] = {}
        self._heap: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self._of)

    def light(self, fuse: Fuse) -> None:
        """Light a fuse; one of the same sensor goes out."""
        self._of[fuse.sensor] = fuse
        heapq.heappush(self._heap, (fuse.due, fuse.sensor))

    def put_out(self, sensor: int) -> Fuse | None:
        """The fuse of a sensor, which burns no longer."""
        return self._of.pop(sensor, None)

    def take_ripe(self, now: int) -> Fuse | None:
        """The earliest fuse that is due by `now` [µs], put out; None = no more."""
        return self.put_out(self._heap[0][1]) if self.due() <= now else None

    def due(self) -> int:
        """When the earliest is due [µs]; FAR = none."""
        while self._heap:
            due, sensor = self._heap[0]
            fuse = self._of.get(sensor)
            if fuse is not None and fuse.due == due:
                return due
            heapq.heappop(self._heap)
        return FAR

    def earliest(self) -> int:
        """The sensor whose fuse is due first; there is one."""
        self.due()
        return self._heap[0][1]

    def dues(self, sensors: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """int64[k]  When the fuse of each is due [µs]; FAR = it has none."""
        due = np.full(len(sensors), FAR, np.int64)
        if self._of:
            for i in np.flatnonzero(np.isin(sensors, self.sensors())).tolist():
                due[i] = self._of[int(sensors[i])].due
        return due

    def of(self, sensor: int) -> Fuse | None:
        """The fuse of a sensor; None = it has none."""
        return self._of.get(sensor)

    def sensors(self) -> npt.NDArray[np.int32]:
        """int32[k]  Sensors with a fuse."""
        return np.fromiter(self._of, np.int32, len(self._of))

    def put_out_all(self, sensors: Iterable[int]) -> None:
        """Put out those of some sensors."""
        for sensor in sensors:
            self._of.pop(sensor, None)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        fuses = [self._of[sensor] for sensor in sorted(self._of)]
        return {
            "fuse.whole": np.array([f[:4] + f[6:] for f in fuses], np.int64).reshape(-1, 5),
            "fuse.broken": np.array([f[4:6] for f in fuses], np.float64).reshape(-1, 2),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave."""
        self._of = {
            whole[0]: Fuse(whole[0], whole[1], whole[2], whole[3], broken[0], broken[1], whole[4])
            for whole, broken in zip(state["fuse.whole"].tolist(), state["fuse.broken"].tolist(), strict=True)
        }
        self._heap = [(fuse.due, fuse.sensor) for fuse in self._of.values()]
        heapq.heapify(self._heap)
