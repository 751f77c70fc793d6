"""What back-fill says last: newer than anything timely, it confirms or refutes the next timely reading.

A gateway that was away for longer than `lateness_s` brings readings that page nobody. But the sensor that
then speaks in time is no single reading any more: what it says was said before, or was not. Until it speaks,
the last word of a back-fill is the newest that is known of its lid, and a bad one is told in yellow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard, Severity
from rules.detector import Verdicts
from rules.lid.fuse_box import Fuse
from rules.lid.history import shown
from rules.lid.limits import Limits
from rules.lid.reasons import ROW
from rules.lid.state import OPEN_RUN, WATCH, LidState, Sink, Tilt, Water

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

LAST_WORD: Final = int(ROW["last_word"])
LOOKS: Final = int(Severity.YELLOW)
"""How grave the last word of a back-fill is told."""
SETTLES_US: Final = 120_000_000
"""After a back-fill the sensor's word of now often follows at once: so long it is waited for."""
_MOST_RUN: Final = 3


def follow(
    state: LidState,
    sensor: npt.NDArray[np.int32],
    columns: Mapping[str, Float32],
    limits: Limits,
) -> None:
    """Count late readings, each the newest of its sensor, among those that run: at most one of a sensor.

    The baseline, and what a sensor does by itself, stay as they are.
    """
    own = state.take(sensor)
    angle, mm, water = shown(own, columns, limits)
    absent = np.full(len(sensor), np.nan, np.float32)
    tilt, sink, well = own.tilt, own.sink, own.water
    known = ~np.isnan(angle)
    with np.errstate(invalid="ignore"):
        raw = columns.get("tilt_deg", absent)
        raw = np.where(np.isnan(raw), tilt[:, Tilt.LAST], raw)
        still = known & (raw == tilt[:, Tilt.LAST]) & (angle == tilt[:, Tilt.CHANGE])
        for rows, column, measured, over in (
            (tilt, Tilt.RUN, angle, angle >= limits["tilt_attention_deg"]),
            (sink, Sink.RUN, mm, np.abs(mm - sink[:, Sink.SLOW]) >= limits["sunk_defect_mm"]),
            (well, Water.RUN, water, water >= limits["flood_mm"]),
        ):
            run = np.where(over, rows[:, column] + 1, np.float32(0))
            rows[:, column] = np.where(np.isnan(measured), rows[:, column], run)
    tilt[:, Tilt.STILL] = np.where(still, tilt[:, Tilt.STILL] + 1, np.where(known, 0, tilt[:, Tilt.STILL]))
    tilt[:, Tilt.LAST] = np.where(known, raw, tilt[:, Tilt.LAST])
    tilt[:, Tilt.CHANGE] = np.where(known, angle, tilt[:, Tilt.CHANGE])
    for name, column in (("tilt_x_deg", Tilt.LAST_X), ("tilt_y_deg", Tilt.LAST_Y)):
        axis = columns.get(name, absent)
        tilt[:, column] = np.where(known & ~np.isnan(axis), axis, tilt[:, column])
    high = ~np.isnan(mm)
    sink[:, Sink.A] = np.where(high, sink[:, Sink.B], sink[:, Sink.A])
    sink[:, Sink.B] = np.where(high, mm, sink[:, Sink.B])
    wet = ~np.isnan(water)
    well[:, Water.BEFORE] = np.where(wet, well[:, Water.LEVEL], well[:, Water.BEFORE])
    well[:, Water.LEVEL] = np.where(wet, water, well[:, Water.LEVEL])
    contact = columns.get("open", absent)
    byte = own.said[:, WATCH]
    ran = byte >> OPEN_RUN & 3
    run = np.where(contact > 0.5, np.minimum(ran + 1, _MOST_RUN), np.where(contact < 0.5, 0, ran))
    own.said[:, WATCH] = (byte & np.uint8(0xFF ^ (3 << OPEN_RUN))) | (run << OPEN_RUN).astype(np.uint8)
    own.tilt[:], own.sink[:], own.water[:] = tilt, sink, well
    state.put(sensor, own)


def last_words(
    hazards: tuple[Hazard, ...],
    verdicts: Sequence[Verdicts],
    sensor: npt.NDArray[np.int32],
    received: Int64,
    said: npt.NDArray[np.uint8],
) -> list[Fuse]:
    """What will be told of sensors whose newest word came late, if nothing timely follows.

    verdicts : what those words say.  sensor : int32[k].  received : int64[k]  When they came [µs].
    said : uint8[k, …]  What is told of each already.
    """
    found: dict[int, tuple[int, int, Fuse]] = {}
    place = {s: i for i, s in enumerate(sensor.tolist())}
    for verdict in verdicts:
        hazard = hazards.index(verdict.hazard)
        for j, s in enumerate(verdict.sensor.tolist()):
            i = place.get(s)
            if i is None or said[i, hazard] or said[i, 0]:
                # It rings already, or is contained in a lid that is missing.
                continue
            value, limit, level = float(verdict.value[j]), float(verdict.limit[j]), int(verdict.level[j])
            due = int(received[i]) + SETTLES_US
            fuse = Fuse(s, due, hazard, LOOKS, value, limit, LAST_WORD)
            found[s] = max(found.get(s, (0, 0, fuse)), (level, -hazard, fuse), key=lambda one: one[:2])
    return [fuse for _, _, fuse in found.values()]
