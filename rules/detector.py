"""The seam between the engine and its detectors: rounds of readings in, verdicts out.

A detector never keeps alarm states: it says what it sees now. `for`, hysteresis in time, late data,
and the join of several sensors to one asset are the alarm machine's, once for all detectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from devices.registry import Registry
from rules.alarm import AlarmChange, Hazard, Reason

NO_OPINION: Final = -1
"""`level` of a verdict that neither raises nor clears."""

BUSY: Final = 0x7F
"""Level held of a sensor for which something is on its way: no verdict equals it."""

ON_ITS_WAY: Final = 0x40
"""Added to the level that is on its way there: when it is said again, only its value is new."""

FAR: Final = np.iinfo(np.int64).max
"""`due` of a detector that waits for nothing."""


@dataclass(frozen=True, slots=True)
class Round:
    """Readings to be judged together: in time for judgement, each sensor at most once.

    sensor : int32[k]  Registry index, no repeats.
    time : int64[k]  Event time [µs]; later than anything judged before for that sensor.
    received : int64[k]  [µs]
    flag : uint8[k]  `devices.frame.Flag`.
    columns : name → float32[k]  NaN = not measured.
    """

    sensor: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    received: npt.NDArray[np.int64]
    flag: npt.NDArray[np.uint8]
    columns: Mapping[str, npt.NDArray[np.float32]]

    def take(self, rows: slice | npt.NDArray[Any]) -> Round:
        """Some of its rows, by their places or a mask."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Round(self.sensor[rows], self.time[rows], self.received[rows], self.flag[rows], columns)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one detector says of one hazard for some sensors.

    sensor : int32[k]  Registry index, no repeats.
    time : int64[k]  Event time of the judgement [µs].
    level : int8[k]  0 = not so, 1–4 = `Severity`, NO_OPINION.
    value, limit : float32[k]  In the hazard's unit.
    reason : uint8[k]  Row of the detector's `reasons`.
    """

    hazard: Hazard
    sensor: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    level: npt.NDArray[np.int8]
    value: npt.NDArray[np.float32]
    limit: npt.NDArray[np.float32]
    reason: npt.NDArray[np.uint8]


class Detector(Protocol):
    """Judges some hazards over the sensors that it knows how to read. State is arrays, event time only."""

    name: str
    hazards: tuple[Hazard, ...]
    reasons: tuple[str, ...]
    """Full catalogue keys (`<file>.<sentence>`) that `Verdicts.reason` points into."""

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        """Judge a round. Rows of sensors that are not its own are passed over."""
        ...

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Judge what the passing of time alone decides. `now` is event time [µs] and never falls."""
        ...

    def due(self) -> int:
        """Earliest event time [µs] at which `tick` may have something to say; FAR = it waits for nothing."""
        ...

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """Reason values and JSON-ready evidence behind the latest verdict of one sensor (slow path).

        Evidence keys with a meaning to all: `provisional` (bool, before the reference period is complete),
        `asset_id` and `sensor_ids` (a verdict that speaks for more than its own sensor), and `conditions`:
        rows of {name, value, limit, unit, hold_s, holds} that `rules explain` prints.
        """
        ...

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown or changed registry; state of known sensors stays."""
        ...

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """A control change of the log (permit, re-baseline, …); names that it does not know pass."""
        ...

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        ...

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it does not fit."""
        ...


@runtime_checkable
class Hears(Protocol):
    """A detector that wants to know of every row that came, in time or late, believed or not."""

    def hear(
        self,
        sensor: npt.NDArray[np.int32],
        received: npt.NDArray[np.int64],
        gateway: npt.NDArray[np.int32],
    ) -> Sequence[Verdicts]:
        """Rows in the order in which they came; a sensor may be in them more than once."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A detector that gains by knowing which sensors several rounds in a row will be of."""

    def prepare(self, sensor: npt.NDArray[np.int32]) -> None:
        """The rounds until `release` are of these sensors, and most of them of all, in this order."""
        ...

    def release(self) -> None:
        """Those rounds are over."""
        ...


@runtime_checkable
class Chooses(Protocol):
    """A detector that knows at a glance whether it has anything to do with some sensors."""

    def concerned(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Whether `observe` may look at readings of these sensors. Repeats are welcome."""
        ...


@runtime_checkable
class RunsAhead(Protocol):
    """A detector that judges each sensor by itself, and can take in many readings of it at once.

    It then sees a frame's sensors each as far as it goes, not all as of one moment. What it says of a sensor
    because nothing came (`waits`) is asked for by `tick` when all others have come as far as to that moment.
    """

    ahead_sensors: int
    """Of more sensors it is no gain."""
    ahead_readings: int
    """That it likes to take in at once."""
    ahead_columns: frozenset[str] | None
    """What it reads; None = whatever there is."""

    def begin(self, sensor: npt.NDArray[np.int32]) -> None:
        """A frame of these sensors begins: until `end` a round's `received` is the engine's own time."""
        ...

    def end(self) -> None:
        """That frame is over."""
        ...

    def waits(self, sensor: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """int64[k]  When `tick` will say something of each if nothing comes before [µs]; FAR = nothing."""
        ...

    def waits_first(self) -> int:
        """The sensor of which `tick` has something to say first; asked only when there is one."""
        ...

    def apart(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Whether `tick` may say what is due first though these sensors have not come as far."""
        ...

    def run(
        self,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        columns: Mapping[str, npt.NDArray[np.float32]],
        valid: npt.NDArray[np.bool_],
        held: npt.NDArray[np.int8],
    ) -> tuple[npt.NDArray[np.int64], Sequence[Verdicts]]:
        """Take in the next readings of some sensors, each up to the first that says what is not held already.

        sensor : int32[k]  Prepared, no repeats. time, now, columns : [r, k]  Their next readings, in order.
        valid : bool[r, k]  False after the last reading of a sensor: there it is repeated.
        held : int8[hazards, k]  Level that is announced; ON_ITS_WAY + the level that is, of which the last
            word that was taken in is said; or BUSY.
        Returns int64[k], how many were taken in (with those, all is as `observe` would have left it; 0 = the
        next is one for `observe`), and what the last of them say. What it raises, it has taken in nothing.
        """
        ...


@runtime_checkable
class Foresees(Protocol):
    """A detector of silence that can be told what will come, when a file is replayed."""

    def foresee(
        self,
        sensor: npt.NDArray[np.int32],
        received: npt.NDArray[np.int64],
        gateway: npt.NDArray[np.int32],
    ) -> int:
        """Look at the rows that come next: puts off `due` over time in which nothing can fall silent.

        Returns how far a frame of these rows may reach [µs] so that all deadlines its rows bring lie later.
        """
        ...


@runtime_checkable
class JudgesHistory(Protocol):
    """A detector that looks at late rows too: what it finds is recorded as historical, never paged."""

    def late(self, batch: Round) -> Sequence[Verdicts]:
        """Judge late readings without touching what is known of now, except how a sensor was fitted that has
        not spoken in time since. `batch.time` may be any past time."""
        ...


@runtime_checkable
class HasThresholds(Protocol):
    """A detector whose limits differ by class, road or asset, and may change while it runs."""

    def thresholds_changed(self, sets: Sequence[Any], class_of: npt.NDArray[np.uint16]) -> None:
        """New limits. Called once after construction and again on every change of rules or registry.

        sets : The distinct rule sets: LidRules for lid detectors, BridgeRules for bridge detectors.
        class_of : uint16[n_sensors]  Row of `sets` that holds for each sensor.
        """
        ...


@runtime_checkable
class HasBeats(Protocol):
    """A detector that knows how often a sensor speaks: what was said under work is doubted by it."""

    def beat_us(self, sensor: int) -> tuple[int, bool]:
        """Usual time between messages on schedule [µs], 0 = not known; whether the latest was one."""
        ...


@runtime_checkable
class SeesHazards(Protocol):
    """A detector that knows which hazards a sensor can show, for `rules explain`."""

    def sees(self, sensor: int) -> Mapping[Hazard, str]:
        """Hazard → catalogue key of what shows it, or of what is missing (`<file>.blind.<sentence>`)."""
        ...


@runtime_checkable
class SpeaksForGroups(Protocol):
    """A detector that finds one cause behind many sensors and speaks once for all of them."""

    def announcements(self) -> Sequence[AlarmChange]:
        """Ready-made changes since the last call, in order; asked for after every round, tick and control.

        `sensor_ids` of a firing and of its clearing are the same, so that they can be matched.
        """
        ...
