"""What the rows of a round show that stand out or are under watch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Features:
    """What the rows to be judged show; NaN = not measured.

    sensor : int32[k]  Registry index.  time : int64[k]  [µs].  hours : float32[k]  [h].
    gap_s, gap_before_s : float32[k]  Since the message before, and that one's own gap [s].
    pace_s : float32[k]  Usual time between messages on schedule; NaN = unknown [s].
    scheduled : bool[k]  Came when the schedule says.  events : float32[k]  Share that did not.
    angle_deg, step_deg : float32[k]  Turn since the baseline and since the last reading [°].
    torn : bool[k]  Inclination and axes contradict one another: one of them is wild.
    change_mm, displacement_mm : float32[k]  Against the baseline and as measured [mm].
    vibration_g, water_mm, open, tilt_alarm, water_alarm : float32[k]
    said : uint8[k, 8]  What was said before.
    """

    sensor: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    hours: Float32
    gap_s: Float32
    gap_before_s: Float32
    pace_s: Float32
    scheduled: Bool
    events: Float32
    angle_deg: Float32
    step_deg: Float32
    torn: Bool
    change_mm: Float32
    displacement_mm: Float32
    vibration_g: Float32
    water_mm: Float32
    open: Float32
    tilt_alarm: Float32
    water_alarm: Float32
    said: npt.NDArray[np.uint8]
