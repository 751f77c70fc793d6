"""From features to verdicts, for the few rows of a round that stand out or are under watch.

Two ways of arriving are told apart. A sensor that wakes sends an *event*, off its schedule: one such message
is enough, for there may be no second one. A reading that comes when the schedule says is only a sample:
alone, on one channel, it is as likely to be wild, and it is told as unconfirmed until the next one agrees or
fails to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard
from rules.detector import FAR, Verdicts
from rules.lid.limits import Limits
from rules.lid.reasons import ROW
from rules.lid.settlement import days_to
from rules.lid.state import WATCH, LidState, Shock, Sink, Tilt, Water

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

HAZARDS: Final = (
    Hazard.MISSING,
    Hazard.TILTED,
    Hazard.SUNKEN,
    Hazard.LOOSE,
    Hazard.DAMAGED,
    Hazard.FLOODED,
    Hazard.SENSOR_FAULT,
)
"""Order of the columns of `LidState.said`."""

LID_DIAMETER_MM: Final = np.float32(800)
"""A tilted lid's surface rises by no more than this times the sine of its angle."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the rows to be judged show; NaN = not measured.

    sensor : int32[k]  Registry index.  time : int64[k]  [µs].  hours : float32[k]  [h].
    gap_s, gap_before_s, heartbeat_s : float32[k]  Since the message before, its own gap, the set-up one [s].
    scheduled : bool[k]  Came when the schedule says.
    angle_deg, step_deg : float32[k]  Turn since the baseline and since the last reading [°].
    change_mm, displacement_mm : float32[k]  Against the baseline and as measured [mm].
    water_mm, open, tilt_alarm, water_alarm : float32[k]
    said : uint8[k, 8]  What was said before.
    """

    sensor: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    hours: Float32
    gap_s: Float32
    gap_before_s: Float32
    heartbeat_s: Float32
    scheduled: Bool
    angle_deg: Float32
    step_deg: Float32
    change_mm: Float32
    displacement_mm: Float32
    water_mm: Float32
    open: Float32
    tilt_alarm: Float32
    water_alarm: Float32
    said: npt.NDArray[np.uint8]


@dataclass(slots=True)
class Opinion:
    """Levels of one hazard; -1 = none. Later, graver words replace earlier ones."""

    level: npt.NDArray[np.int8]
    value: Float32
    limit: Float32
    reason: npt.NDArray[np.uint8]

    @classmethod
    def none(cls, n: int) -> Opinion:
        """Nothing said of n rows."""
        nan = np.full(n, np.nan, np.float32)
        return cls(np.full(n, -1, np.int8), nan, nan.copy(), np.zeros(n, np.uint8))

    def say(self, where: Bool, level: int, value: Float32, limit: Float32 | float, reason: str) -> None:
        """Say it where it is graver than what was said."""
        where = where & (self.level < level)
        if not where.any():
            return
        self.level[where] = level
        self.value[where] = value[where]
        self.limit[where] = limit[where] if isinstance(limit, np.ndarray) and len(limit) > 1 else limit
        self.reason[where] = ROW[reason]

    def fine(self, where: Bool) -> None:
        """Say that it is not so."""
        self.level[where & (self.level < 0)] = 0


def judge(state: LidState, f: Features, limits: Limits) -> tuple[Sequence[Verdicts], npt.NDArray[np.int64]]:
    """Verdicts of all hazards, and for each row when silence becomes suspicious [µs]; FAR = never."""
    tilt = state.tilt[f.sensor]
    sink = state.sink[f.sensor]
    shock = state.shock[f.sensor]
    water = state.water[f.sensor]
    with np.errstate(invalid="ignore"):
        opinions, fuses, watch = _judge(f, limits, tilt, sink, shock, water)
    state.tilt[f.sensor] = tilt
    state.sink[f.sensor] = sink
    state.shock[f.sensor] = shock
    state.water[f.sensor] = water
    said = f.said.copy()
    verdicts = []
    for row, (hazard, opinion) in enumerate(zip(HAZARDS, opinions, strict=True)):
        told = (opinion.level > 0) | ((opinion.level == 0) & (said[:, row] > 0))
        said[:, row] = np.where(told, opinion.level, said[:, row])
        at = np.flatnonzero(told)
        if len(at):
            verdicts.append(
                Verdicts(
                    hazard,
                    f.sensor[at],
                    f.time[at],
                    opinion.level[at],
                    opinion.value[at],
                    opinion.limit[at],
                    opinion.reason[at],
                )
            )
    said[:, WATCH] = watch
    state.said[f.sensor] = said
    return verdicts, fuses


def _judge(
    f: Features, limits: Limits, tilt: Float32, sink: Float32, shock: Float32, water: Float32
) -> tuple[list[Opinion], npt.NDArray[np.int64], Bool]:
    n = len(f.sensor)
    angle = f.angle_deg
    turned = angle >= limits["tilt_attention_deg"]
    tilt[:, Tilt.RUN] = np.where(
        np.isnan(angle), tilt[:, Tilt.RUN], np.where(turned, tilt[:, Tilt.RUN] + 1, 0)
    )
    shifted = np.abs(f.change_mm) >= limits["sunk_defect_mm"]
    sink[:, Sink.RUN] = np.where(
        np.isnan(f.change_mm), sink[:, Sink.RUN], np.where(shifted, sink[:, Sink.RUN] + 1, 0)
    )
    contact = f.open > 0.5
    agree = contact | (f.tilt_alarm > 0.5) | (turned & (np.abs(f.change_mm) >= 10)) | (f.said[:, 0] >= 3)
    quick = f.gap_s <= limits["burst_s"]
    lone_tilt = (f.scheduled | (f.open < 0.5)) & (tilt[:, Tilt.RUN] <= 1) & ~agree
    lone_mm = (
        (f.scheduled | (f.open < 0.5) & (np.abs(f.change_mm) >= limits["gone_mm"]))
        & (sink[:, Sink.RUN] <= 1)
        & ~agree
    )

    crept = (tilt[:, Tilt.CREEP] >= 5) & (angle - tilt[:, Tilt.CREEP] < 5) & ~contact
    missing = _missing(f, limits, tilt, contact, crept, lone_tilt, lone_mm, quick)
    # Where wheels make a lid seem to lean, one message that it leans is not enough.
    often = (tilt[:, Tilt.PASSING] > 0) & (tilt[:, Tilt.RUN] <= 1) & ~agree
    tilted = _tilted(f, limits, sink, missing, crept, lone_tilt | often, lone_mm)
    sunken = _sunken(f, limits, sink, missing, lone_mm)
    loose = _loose(f, limits, shock)
    damaged = Opinion.none(n)
    flooded = _flooded(f, limits, water)
    fault = Opinion.none(n)
    fault.say(crept & turned, 2, angle, limits["tilt_attention_deg"], "sensor_fault.creep")
    steps = shock[:, Shock.STEP_SCORE]
    noisy = (shock[:, Shock.COUNT] > 0) & (shock[:, Shock.SCORE] < limits["loose_limit"] / 4)
    kept = limits["loose_limit"] * np.where(f.said[:, 6] > 0, np.float32(0.5), np.float32(1.25))
    fault.say(noisy & (steps >= kept), 2, steps, limits["loose_limit"], "sensor_fault.noisy")
    fault.fine(~np.isnan(angle))

    moved = (turned & ~crept) | shifted
    fuses = _fuses(f, limits, moved, (lone_tilt & turned) | (lone_mm & shifted), missing)
    watch = moved | (water[:, Water.RUN] > 0)
    return [missing, tilted, sunken, loose, damaged, flooded, fault], fuses, watch


def _missing(
    f: Features,
    limits: Limits,
    tilt: Float32,
    contact: Bool,
    crept: Bool,
    lone_tilt: Bool,
    lone_mm: Bool,
    quick: Bool,
) -> Opinion:
    said = Opinion.none(len(f.sensor))
    angle, mm = f.angle_deg, f.change_mm
    open_ = (angle >= limits["open_deg"]) & ~crept
    # A lid that stands on edge lifts its surface too: then it is tilted, not gone.
    leaning = (angle >= limits["tilt_attention_deg"]) & (
        -mm <= LID_DIAMETER_MM * np.sin(np.radians(np.minimum(angle, 90))) + 20
    )
    gone = (np.abs(mm) >= limits["gone_mm"]) & ~leaning
    carried = (
        (angle >= limits["carried_deg"]) & (tilt[:, Tilt.RUN] >= 2) & (f.step_deg >= 8) & (f.gap_s < 900)
    )
    said.say(contact, 4, f.open, np.nan, "missing.contact")
    said.say(open_ & ~lone_tilt, 4, angle, limits["open_deg"], "missing.angle")
    said.say(gone & ~lone_mm, 4, mm, limits["gone_mm"], "missing.gone_mm")
    said.say(carried & ~crept, 4, angle, limits["carried_deg"], "missing.carried")
    said.say(open_ & lone_tilt & ~quick, 2, angle, limits["open_deg"], "missing.unconfirmed")
    said.say(gone & lone_mm & ~quick, 2, mm, limits["gone_mm"], "missing.unconfirmed")
    known = ~np.isnan(angle) | ~np.isnan(mm) | ~np.isnan(f.open)
    # What was carried or fell silent stays missing until it lies flat again.
    rests = ~(angle >= limits["carried_deg"] - limits["tilt_hysteresis_deg"])
    said.fine(known & rests)
    said.fine(known & (f.said[:, 0] == 0))
    return said


def _tilted(
    f: Features, limits: Limits, sink: Float32, missing: Opinion, crept: Bool, lone_tilt: Bool, lone_mm: Bool
) -> Opinion:
    said = Opinion.none(len(f.sensor))
    angle, mm = f.angle_deg, f.change_mm
    before = f.said[:, 1]
    for level, name in ((4, "tilt_urgent_deg"), (3, "tilt_defect_deg"), (2, "tilt_attention_deg")):
        limit = limits[name]
        over = (angle >= limit - np.where(before >= level, limits["tilt_hysteresis_deg"], 0)) & ~crept
        said.say(over & ~(lone_tilt & (level > 2)), level, angle, limit, "tilted.angle")
        said.say(over & lone_tilt, 2, angle, limit, "tilted.angle")
    raised = -sink[:, Sink.LEVEL]
    kept = limits["raised_mm"] - np.where(before >= 2, limits["sunk_hysteresis_mm"], 0)
    event = (-mm >= limits["raised_mm"]) & ~lone_mm
    measured = ~np.isnan(mm)
    said.say(
        measured & ((raised >= kept) | event),
        3,
        np.maximum(raised, -mm),
        limits["raised_mm"],
        "tilted.raised_mm",
    )
    said.fine(~np.isnan(angle) | measured)
    # Open is more than tilted: one alarm says it all.
    said.level[(missing.level >= 2) & (before == 0)] = -1
    said.level[(missing.level >= 2) & (before > 0)] = -1
    return said


def _sunken(f: Features, limits: Limits, sink: Float32, missing: Opinion, lone_mm: Bool) -> Opinion:
    said = Opinion.none(len(f.sensor))
    mm, level, slow = f.change_mm, sink[:, Sink.LEVEL], sink[:, Sink.SLOW]
    before = f.said[:, 2]
    measured = ~np.isnan(mm)
    # The code's limit is of the lid against the road, whatever it was when the sensor came.
    whole = level + np.where(sink[:, Sink.BASE] >= limits["sunk_attention_mm"], sink[:, Sink.BASE], 0)
    for grade, name in ((4, "sunk_urgent_mm"), (3, "sunk_defect_mm")):
        limit = limits[name]
        kept = limit - np.where(before >= grade, limits["sunk_hysteresis_mm"], 0)
        said.say(measured & (whole >= kept), grade, whole, limit, "sunken.level_mm")
        said.say((mm >= limit) & ~lone_mm, grade, mm, limit, "sunken.step_mm")
        said.say((mm >= limit) & lone_mm, 2, mm, limit, "sunken.step_mm")
    attention = limits["sunk_attention_mm"]
    kept = attention - np.where(before >= 2, limits["sunk_hysteresis_mm"], 0)
    said.say(measured & (slow >= kept) & (level >= kept), 2, slow, attention, "sunken.level_mm")
    _, _, latest = days_to(sink, limits["sunk_defect_mm"])
    coming = measured & (slow >= limits["forecast_least_mm"]) & (latest <= limits["forecast_days"])
    said.say(coming, 2, slow, limits["sunk_defect_mm"], "sunken.forecast_mm")
    said.fine(measured)
    said.level[missing.level >= 4] = -1
    return said


def _loose(f: Features, limits: Limits, shock: Float32) -> Opinion:
    said = Opinion.none(len(f.sensor))
    limit = limits["loose_limit"]
    before = f.said[:, 3]
    shocks, steps = shock[:, Shock.SCORE], shock[:, Shock.STEP_SCORE]
    # A rocking lid knocks: steps without knocks are the sensor's own noise, where it could have felt them.
    felt = (shock[:, Shock.COUNT] == 0) | (shocks >= limit / 4)
    for score, reason in ((shocks, "loose.shocks"), (np.where(felt, steps, 0), "loose.steps")):
        said.say(score >= np.float32(1.75) * limit, 3, score, limit, reason)
        said.say(score >= np.where(before >= 2, limit / 2, limit), 2, score, limit, reason)
    said.fine(np.ones(len(said.level), bool))
    return said


def _flooded(f: Features, limits: Limits, water: Float32) -> Opinion:
    said = Opinion.none(len(f.sensor))
    level = f.water_mm
    before = f.said[:, 5]
    wet = level >= limits["flood_mm"]
    water[:, Water.RUN] = np.where(
        np.isnan(level), water[:, Water.RUN], np.where(wet, water[:, Water.RUN] + 1, 0)
    )
    lone = f.scheduled & (water[:, Water.RUN] <= 1) & ~(f.water_alarm > 0.5)
    for grade, name in ((4, "flood_urgent_mm"), (3, "flood_mm")):
        limit = limits[name]
        kept = limit - np.where(before >= grade, limits["flood_hysteresis_mm"], 0)
        said.say((level >= kept) & ~lone, grade, level, limit, "flooded.level_mm")
        said.say((level >= kept) & lone, 2, level, limit, "flooded.level_mm")
    said.say(f.water_alarm > 0.5, 3, level, limits["flood_mm"], "flooded.alarm")
    said.fine(~np.isnan(level) | ~np.isnan(f.water_alarm))
    return said


def _fuses(f: Features, limits: Limits, moved: Bool, lone: Bool, missing: Opinion) -> npt.NDArray[np.int64]:
    """When silence after this reading is suspicious: by the sensor's own pace, whichever is known."""
    large = (
        moved
        & (missing.level < 4)
        & ((f.angle_deg >= limits["theft_deg"]) | (np.abs(f.change_mm) >= limits["gone_mm"] / 2))
    )
    pace = np.where(f.gap_before_s > 0, np.maximum(f.gap_s, f.gap_before_s), f.heartbeat_s)
    pace = np.where(np.isnan(pace), np.float32(86_400), pace)
    wait = np.maximum(limits["theft_silence_gaps"] * pace, limits["theft_silence_least_s"])
    soon = np.maximum(np.float32(1.5) * f.gap_s, np.float32(3))
    open_ = (f.angle_deg >= limits["open_deg"]) | (np.abs(f.change_mm) >= limits["gone_mm"])
    wait = np.where(lone & open_, soon, wait).astype(np.float64)
    due = f.time + (wait * 1e6).astype(np.int64)
    return np.where(large | (lone & open_), due, FAR)
