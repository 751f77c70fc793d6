"""What readings say against what is remembered, before anybody asks whether that is a hazard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.channels import (
    chatter,
    displacement,
    felt,
    gap_since,
    note_switches,
    stirs,
    torn_at,
    turning,
    water_of,
)
from rules.lid.features import Features
from rules.lid.judge import SHY
from rules.lid.limits import Limits
from rules.lid.rocking import rock
from rules.lid.schedule import Pace, on_schedule
from rules.lid.settlement import set_up_low
from rules.lid.state import EPOCH_US, HOUR_US, LidState, Shock

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


class Read(NamedTuple):
    """What readings say against the states before them: see `Features`.

    look : bool[k]  Rows that stand out or are under watch: the others say nothing.
    """

    limits: Limits
    hours: Float32
    gap: Float32
    before: Float32
    heartbeat: Float32
    scheduled: Bool
    events: Float32
    angle: Float32 | None
    step: Float32 | None
    change: Float32 | None
    vibration: Float32 | None
    water: Float32 | None
    look: Bool

    def features(
        self,
        own: LidState,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        columns: Mapping[str, Float32],
        at: npt.NDArray[np.intp],
    ) -> Features:
        """What the rows `at` show, to be judged."""
        absent = np.full(len(at), np.nan, np.float32)

        def some(column: Float32 | None) -> Float32:
            return absent if column is None else column[at]

        return Features(
            sensor=sensor[at],
            time=time[at],
            hours=self.hours[at],
            gap_s=self.gap[at],
            gap_before_s=self.before[at],
            pace_s=usual_pace(own.events[at], own.pace[at], self.heartbeat[at], self.limits),
            scheduled=self.scheduled[at],
            events=self.events[at],
            angle_deg=some(self.angle),
            torn=torn_at(own.tilt[at], columns, at),
            step_deg=some(self.step),
            change_mm=some(self.change),
            displacement_mm=some(columns.get("displacement_mm")),
            vibration_g=some(self.vibration),
            water_mm=some(self.water),
            open=some(columns.get("open")),
            tilt_alarm=some(columns.get("tilt_alarm")),
            water_alarm=some(columns.get("water_alarm")),
            said=own.said[at],
        )


def read(
    own: LidState,
    time: npt.NDArray[np.int64],
    columns: Mapping[str, Float32],
    heartbeat: Float32,
    limits: Limits,
) -> Read:
    """Let readings into the states before them, which become those after them.

    own : LidState  A row for each reading.  time : int64[k]  Event time [µs].
    heartbeat : float32[k]  By the registry [s].
    """
    hours = ((time - EPOCH_US) / HOUR_US).astype(np.float32)
    last = own.last
    gap = gap_since(last, time)
    before = own.gap.copy()
    own.last[:] = time
    own.gap[:] = gap
    look = own.watched()
    known = Pace(own.pace, own.wobble, own.beat)
    scheduled, known = on_schedule(time, gap, before, heartbeat, known, ~look)
    own.pace[:], own.wobble[:], own.beat[:] = known.pace_s, known.wobble_s, known.beat
    events = own.events.copy()
    own.events[:] = np.where(
        look | (before == 0), events, events + (~scheduled - events) * np.float32(1 / 16)
    )

    turned = turning(own.tilt, columns, hours, gap, limits)
    angle, step = (None, None) if turned is None else (turned.angle_deg, turned.step_deg)
    change = displacement(own.sink, columns, hours, gap, limits)
    vibration = columns.get("vibration_g")
    if vibration is not None or angle is not None:
        rows = own.shock
        shocks = None if vibration is None else felt(vibration, turned)
        rock(rows, shocks, None if turned is None else turned.rocking_deg, hours, limits)
        score = np.maximum(rows[:, Shock.SCORE], rows[:, Shock.STEP_SCORE])
        look |= score >= limits.least("loose_limit")
        if vibration is not None:
            look |= vibration >= limits.least("shock_g")
    if turned is not None:
        look |= turned.still
        look |= stirs(own.tilt, turned.angle_deg, limits.least("tilt_attention_deg"))
    if change is not None:
        look |= np.abs(change) >= limits.least("forecast_least_mm")
        look |= set_up_low(own.sink, hours, gap, limits)
    note_switches(own, columns, look)
    chatter(own, columns, angle, change, hours)
    water = water_of(own.water, columns, angle, hours, limits)
    if water is not None:
        look |= water >= limits["flood_mm"] - SHY * limits["flood_hysteresis_mm"]
    return Read(
        limits,
        hours,
        gap,
        before,
        heartbeat,
        scheduled,
        events,
        angle,
        step,
        change,
        vibration,
        water,
        look,
    )


def usual_pace(events: Float32, pace_s: Float32, heartbeat_s: Float32, limits: Limits) -> Float32:
    """Usual time between messages [s]: learned, else the heartbeat; NaN = neither can be relied on."""
    chatty = events > limits.least("chatty_share")
    # Who wakes often has its equal gaps by chance.
    learned = np.where(chatty, np.maximum(pace_s, heartbeat_s), pace_s)
    return np.asarray(np.where(pace_s > 0, learned, heartbeat_s), np.float32)
