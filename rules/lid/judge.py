"""From features to verdicts, for the few rows of a round that stand out or are under watch.

Two ways of arriving are told apart. A sensor that wakes sends an *event*, off its schedule: one such message
is enough, for there may be no second one. A reading that comes when the schedule says is only a sample:
alone, on one channel, it is as likely to be wild, and it is told as unconfirmed until the next one agrees or
fails to come.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard
from rules.detector import Verdicts
from rules.lid.angle import CREPT_DEG, CREPT_FAR_DEG, PART, allowance, possible_turn
from rules.lid.doubt import ALIKE_COUNTS, SEEN_PASSES, STEADY_DEG, Doubt, doubts, is_quick
from rules.lid.features import Features
from rules.lid.forecast import forecast
from rules.lid.limits import Limits
from rules.lid.opinion import Fuses, Opinion
from rules.lid.settlement import set_up_low, unrest, warmth
from rules.lid.state import SEATED, WATCH, WATCHED, LidState, Shock, Sink, Tilt, Water

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

OFTEN_S: Final = np.float32(3600)
WHEEL_GAPS: Final = np.float32(2)
"""So many more messages must fail to come of a sensor that speaks at least as often: a radio that loses 15 %
loses two running once in 44 times, four once in 2,000."""
DEFLECTION_MM: Final = np.float32(4.5)
"""A step no greater than this, of a sensor that reads at least this often, waits for its slow mean."""

STILL_READINGS: Final = np.float32(40)
STILL_MOVES: Final = np.float32(0.8)
"""As many equal readings of a sensor that moves this often by itself come by chance once in 10¹⁶."""

SHY: Final = np.float32(1 / 3)
"""Of the hysteresis: what a level that woke its sensor may be short of the limit, by its noise and waves."""

TELLS_S: Final = np.float32(3600)
"""A sensor that says more within this time need not be quoted while it is in doubt."""

FELT_FULLY: Final = np.float32(0.75)
"""Of the limit, that shocks must score before what they go with pages: three windows of hard shocks. A storm
shakes a lid for one, or the ends of two, and a sensor that trembles by itself seems to rock in it."""

SETTLED: Final = np.float32(0.75)
"""Of a movement, that the day's mean must have followed to be believed against a closed contact."""
SELDOM_S: Final = np.float32(5 * 3600)
"""Who reads less often than this, and feels no shocks, cannot tell rocking from the sun, but for its size."""

NEAR_DEG: Final = np.float32(8)
"""From where a sensor has crept to, a lid that leans by less than this is no defect; wheels press as much."""
FOUR_SIGMA: Final = np.float32(5)
"""Of noise, in mean deviations: what an angle has by itself about the mean that it has crept to."""

LID_DIAMETER_MM: Final = np.float32(800)
"""A tilted lid's surface rises by no more than this times the sine of its angle."""


class Judged(NamedTuple):
    """What was found of some rows.

    opinions : list[Opinion]  By hazard.  told : bool[hazards, k]  Where there is a word to be said of it: an
    opinion, or none any more where the one before still holds.
    """

    opinions: list[Opinion]
    told: Bool
    fuses: Fuses

    def levels(self) -> npt.NDArray[np.int8]:
        """int8[hazards, k]"""
        return np.stack([opinion.level for opinion in self.opinions])

    def verdicts(self, f: Features, of: Bool | None = None) -> list[Verdicts]:
        """All that is said of the rows `of`; None = of all."""
        verdicts = []
        for hazard, opinion, told in zip(HAZARDS, self.opinions, self.told, strict=True):
            at = np.flatnonzero(told if of is None else told & of)
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
        return verdicts


def judge(own: LidState, rows: npt.NDArray[Any], f: Features, limits: Limits) -> Judged:
    """Opinions on all hazards of some rows of a state, which remembers them, and what silence will say."""
    tilt, sink, shock, water = own.tilt[rows], own.sink[rows], own.shock[rows], own.water[rows]
    with np.errstate(invalid="ignore"):
        opinions, fuses, watch = _judge(f, limits, tilt, sink, shock, water)
    own.tilt[rows], own.sink[rows], own.shock[rows], own.water[rows] = tilt, sink, shock, water
    said = f.said.copy()
    all_told = np.empty((len(HAZARDS), len(said)), bool)
    for row, opinion in enumerate(opinions):
        before = said[:, row] > 0
        told = (opinion.level > 0) | ((opinion.level == 0) & before)
        # Where there is no opinion any more, what was said before still holds, as of now.
        all_told[row] = told | ((opinion.level < 0) & before)
        said[:, row] = np.where(told, opinion.level, said[:, row])
    said[:, WATCH] = (said[:, WATCH] & ~WATCHED) | watch
    own.said[rows] = said
    return Judged(opinions, all_told, fuses)


def _judge(
    f: Features, limits: Limits, tilt: Float32, sink: Float32, shock: Float32, water: Float32
) -> tuple[list[Opinion], Fuses, Bool]:
    angle, mm = f.angle_deg, f.change_mm
    crept = (tilt[:, Tilt.CREEP] >= CREPT_FAR_DEG) & (np.abs(tilt[:, Tilt.OFF]) < CREPT_DEG) & ~(f.open > 0.5)
    crept &= angle - tilt[:, Tilt.CREEP] < np.maximum(NEAR_DEG, FOUR_SIGMA * tilt[:, Tilt.ROUGH])
    turned = (angle >= limits["tilt_attention_deg"]) & ~crept
    shifted = np.abs(mm - sink[:, Sink.SLOW]) >= limits["sunk_defect_mm"] + unrest(sink)
    wet = f.water_mm >= limits["flood_mm"]
    alike = (tilt[:, Tilt.RUN] >= 2) & (f.step_deg < STEADY_DEG) & (tilt[:, Tilt.PASSES] >= SEEN_PASSES)
    for rows, column, measured, over, counts in (
        (tilt, Tilt.RUN, angle, turned, np.where(alike, ALIKE_COUNTS, 1)),
        (sink, Sink.RUN, mm, shifted, 1),
        (water, Water.RUN, f.water_mm, wet, 1),
    ):
        run = np.where(over, rows[:, column] + counts, np.float32(0))
        rows[:, column] = np.where(np.isnan(measured), rows[:, column], run)
    doubt = doubts(f, limits, turned, shifted, tilt, sink, shock, water)
    missing = _missing(f, limits, tilt, crept, doubt)
    tilted = _tilted(f, limits, tilt, sink, missing, crept, doubt)
    sunken = _sunken(f, limits, sink, missing, doubt)
    opinions = [
        missing,
        tilted,
        sunken,
        _loose(f, limits, shock, missing),
        _damaged(f, limits, tilt, sink, shock, missing),
        _flooded(f, limits, water, doubt),
        _fault(f, limits, tilt, shock, crept),
    ]
    fuses = _fuses(f, limits, doubt, missing, tilted, sunken, sink, crept, tilt[:, Tilt.RUN] == 1)
    watch = doubt.flickers | turned | shifted | wet | (shock[:, Shock.HIT] > 0)
    return opinions, fuses, watch


def _missing(f: Features, limits: Limits, tilt: Float32, crept: Bool, doubt: Doubt) -> Opinion:
    said = Opinion.none(len(f.sensor))
    angle, mm = f.angle_deg, f.change_mm
    open_ = (angle >= limits["open_deg"]) & ~crept
    # A lid that stands on edge lifts its surface too: then it is tilted, not gone.
    leaning = (angle >= limits["tilt_attention_deg"]) & (
        -mm <= LID_DIAMETER_MM * np.sin(np.radians(np.minimum(angle, 90))) + 20
    )
    gone = (np.abs(mm) >= limits["gone_mm"]) & ~leaning
    carried = (
        (angle >= limits["carried_deg"])
        & (tilt[:, Tilt.RUN] >= 2)
        & ~doubt.few
        & (f.step_deg >= 8)
        & (f.gap_s < 900)
    )
    quick = is_quick(f, limits)
    nothing = np.full_like(f.open, np.nan)
    said.say((f.open > 0.5) & ~doubt.contact, 4, nothing, np.nan, "missing.contact")
    alone = doubt.contact & ~doubt.flickers
    leans = angle >= limits["tilt_attention_deg"]
    said.say(alone & ~leans, 2, nothing, np.nan, "missing.contact_unconfirmed")
    said.say(alone & leans, 2, angle, limits["open_deg"], "missing.unconfirmed")
    said.say(open_ & ~doubt.open, 4, angle, limits["open_deg"], "missing.angle")
    said.say(gone & ~doubt.gone, 4, mm, limits["gone_mm"], "missing.gone_mm")
    said.say(carried & ~crept, 4, angle, limits["carried_deg"], "missing.carried")
    said.say(open_ & doubt.open & ~quick, 2, angle, limits["open_deg"], "missing.unconfirmed")
    said.say(gone & doubt.gone & ~quick, 2, mm, limits["gone_mm"], "missing.unconfirmed")
    known = ~np.isnan(angle) | ~np.isnan(mm) | ~np.isnan(f.open)
    # What was carried or fell silent stays missing until it lies flat again.
    rests = ~(angle >= limits["carried_deg"] - limits["tilt_hysteresis_deg"])
    said.fine(known & (rests | (f.said[:, 0] == 0)))
    return said


def _tilted(
    f: Features, limits: Limits, tilt: Float32, sink: Float32, missing: Opinion, crept: Bool, doubt: Doubt
) -> Opinion:
    said = Opinion.none(len(f.sensor))
    angle, mm = f.angle_deg, f.change_mm
    before = f.said[:, 1]
    by_itself = allowance(tilt)
    for level, name in ((4, "tilt_urgent_deg"), (3, "tilt_defect_deg"), (2, "tilt_attention_deg")):
        limit = limits[name]
        kept = limit + np.where(before >= level, -limits["tilt_hysteresis_deg"], by_itself)
        over = (angle >= kept) & ~crept
        said.say(over & ~doubt.lean, level, angle, limit, "tilted.angle")
        unsure = over & doubt.lean & (~(f.pace_s <= TELLS_S) | (doubt.woken & doubt.belied))
        said.say(unsure & doubt.woken & (tilt[:, Tilt.PASSING] == 0), 2, angle, limit, "tilted.unconfirmed")
        said.say(unsure, 1, angle, limit, "tilted.unconfirmed")
    attention = limits["tilt_attention_deg"]
    said.say(_askew(f, limits, tilt) & ~crept, 2, angle, attention, "tilted.askew")
    # The median lags when a lid has come back to its seat, the latest reading may be wild: both must say so.
    raised = np.minimum(-sink[:, Sink.LEVEL], -mm)
    limit = limits["raised_mm"]
    kept = limit - np.where(before >= 2, limits["sunk_hysteresis_mm"], 0)
    # What leaves its seat does so at once, and its contact with it; what rises for months is the road, or
    # the sensor.
    sprang = ((sink[:, Sink.SLOW] - mm >= limit / 2) | (before >= 3)) & ~(f.open < 0.5)
    sure = (raised >= kept + unrest(sink)) & ~doubt.jumped
    step = (-mm >= limit + 2 * unrest(sink)) & ~doubt.drop
    said.say(sure & sprang, 3, raised, limit, "tilted.raised_mm")
    said.say(step & sprang, 3, -mm, limit, "tilted.raised_mm")
    said.say(sure, 2, raised, limit, "tilted.raised_mm")
    said.say(step | ((-mm >= limit) & doubt.woken), 2, -mm, limit, "tilted.raised_mm")
    said.say(-mm >= limit, 1, -mm, limit, "tilted.raised_mm")
    said.fine(~np.isnan(angle) | ~np.isnan(mm))
    # Open is more than tilted: one alarm says it all.
    said.level[missing.level >= 2] = -1
    return said


def _askew(f: Features, limits: Limits, tilt: Float32) -> Bool:
    """Whether a lid may well lean, of which a single inclination shows only a part, two readings running."""
    moved = f.angle_deg - tilt[:, Tilt.CREEP]
    attention, rough = limits["tilt_attention_deg"], 3 * tilt[:, Tilt.ROUGH]
    kept = attention - np.where(f.said[:, 1] >= 2, limits["tilt_hysteresis_deg"], 0)
    least = np.where(f.said[:, 1] >= 2, PART * kept, np.maximum(PART * kept, rough))
    steady = (f.step_deg < STEADY_DEG) & (moved >= least) & (tilt[:, Tilt.PASSES] < SEEN_PASSES)
    # A contact on one side of the frame stays closed where the other side rises: the day's mean must say it.
    steady &= ~(f.open < 0.5) | (tilt[:, Tilt.OFF] >= SETTLED * least)
    return np.asarray(steady & (possible_turn(tilt) >= kept), bool)


def _sunken(f: Features, limits: Limits, sink: Float32, missing: Opinion, doubt: Doubt) -> Opinion:
    said = Opinion.none(len(f.sensor))
    mm, level, slow = f.change_mm, sink[:, Sink.LEVEL], sink[:, Sink.SLOW]
    # Wheels press a lid down by a few millimetres, sometimes twice running: a sensor that reads often can
    # tell so small a step from traffic by its half-day mean.
    pressed = (f.gap_s > 0) & (f.gap_s <= OFTEN_S) & (np.abs(level - slow) <= DEFLECTION_MM)
    level = np.where(pressed, slow, level)
    before = f.said[:, 2]
    measured = ~np.isnan(mm)
    noise = unrest(sink)
    for grade, name in ((4, "sunk_urgent_mm"), (3, "sunk_defect_mm")):
        limit = limits[name]
        kept = limit - np.where(before >= grade, limits["sunk_hysteresis_mm"], 0)
        deep = measured & (level >= kept + noise) & ~doubt.jumped
        said.say(deep, grade, level, limit, "sunken.level_mm")
        said.say((mm >= limit + 2 * noise) & ~doubt.drop, grade, mm, limit, "sunken.step_mm")
    unsure = mm >= limits["sunk_defect_mm"]
    said.say(unsure & doubt.woken, 2, mm, limits["sunk_defect_mm"], "sunken.unconfirmed_mm")
    said.say(unsure, 1, mm, limits["sunk_defect_mm"], "sunken.unconfirmed_mm")
    attention = limits["sunk_attention_mm"]
    warm = warmth(sink)
    kept = attention + np.where(before >= 2, 0, warm) - np.where(before >= 2, limits["sunk_hysteresis_mm"], 0)
    said.say(measured & (slow >= kept + noise / 2) & (level >= kept), 2, slow, attention, "sunken.level_mm")
    coming = measured & (slow >= limits["forecast_least_mm"] + warm)
    if np.count_nonzero(coming):
        coming &= forecast(sink, limits["sunk_defect_mm"]).latest <= limits["forecast_days"]
    said.say(coming, 2, slow, limits["sunk_defect_mm"], "sunken.forecast_mm")
    # Where a sensor was set up counts for nothing but this: the code's limit is of the lid against the road.
    low = measured & (f.said[:, WATCH] & SEATED == 0) & set_up_low(sink, f.hours, f.gap_s, limits)
    said.say(low, 2, sink[:, Sink.BASE], limits["sunk_defect_mm"], "sunken.set_up_mm")
    said.fine(measured)
    said.level[missing.level >= 2] = -1
    return said


def _loose(f: Features, limits: Limits, shock: Float32, missing: Opinion) -> Opinion:
    said = Opinion.none(len(f.sensor))
    limit = limits["loose_limit"]
    before = f.said[:, 3]
    shocks, steps = shock[:, Shock.SCORE], shock[:, Shock.STEP_SCORE]
    # A rocking lid knocks: steps without knocks are the sensor's own noise, where it could have felt them,
    # and one knock makes no lid loose of a sensor that is known to tremble by itself.
    deaf = shock[:, Shock.COUNT] == 0
    felt = deaf | (shocks >= np.where(f.said[:, 6] > 0, limit, limit / 4))
    # Noon and midnight go to and fro, too: a few readings a day, of angles alone, page nobody.
    pace_s = np.where(np.isnan(f.pace_s), f.gap_s, f.pace_s)
    sure = np.where(deaf, pace_s < SELDOM_S, shocks >= FELT_FULLY * limit)
    for score, enough, reason in (
        (shocks, shocks >= 0, "loose.shocks"),
        (np.where(felt, steps, 0), sure, "loose.steps"),
    ):
        said.say((score >= np.float32(1.75) * limit) & enough, 3, score, limit, reason)
        said.say(score >= np.where(before >= 2, limit / 2, limit), 2, score, limit, reason)
    said.fine(np.ones(len(said.level), bool))
    # What is off its seat does not rock on it.
    said.level[missing.level >= 2] = -1
    return said


def _damaged(
    f: Features, limits: Limits, tilt: Float32, sink: Float32, shock: Float32, missing: Opinion
) -> Opinion:
    """A violent shock from which tilt or height have not come back."""
    said = Opinion.none(len(f.sensor))
    usual = np.where(shock[:, Shock.COUNT] > 0, np.exp(shock[:, Shock.MEAN]), 0)
    hit = (f.vibration_g >= limits["shock_g"]) & (f.vibration_g >= limits["shock_ratio"] * usual)
    hit &= (shock[:, Shock.HIT] == 0) & (shock[:, Shock.COUNT] >= limits["reference_windows"])
    shock[hit, Shock.HIT] = f.hours[hit]
    shock[hit, Shock.HIT_TILT] = tilt[hit, Tilt.CREEP]
    shock[hit, Shock.HIT_MM] = sink[hit, Sink.SLOW]
    shock[hit, Shock.HIT_RUN] = 0
    since = f.hours - shock[:, Shock.HIT]
    after = (shock[:, Shock.HIT] > 0) & ~hit
    leans, far = offset_deg(f.angle_deg, shock[:, Shock.HIT_TILT], shock[:, Shock.STEP_MEAN], limits)
    sits = np.abs(sink[:, Sink.SLOW] - shock[:, Shock.HIT_MM])
    sits = np.where(np.isnan(f.change_mm), np.float32(0), sits)
    offset = far | (sits >= limits["damage_mm"])
    shock[:, Shock.HIT_RUN] = np.where(after & offset, shock[:, Shock.HIT_RUN] + 1, 0)
    # A lid that rocks never comes to rest where it was: it is loose, and told so.
    rocks = np.maximum(shock[:, Shock.SCORE], shock[:, Shock.STEP_SCORE]) >= limits["loose_limit"] / 2
    found = after & (shock[:, Shock.HIT_RUN] >= 3) & (since >= 24) & (~rocks | (f.said[:, 4] > 0))
    value = np.where(far, leans, sits)
    said.say(found, 2, value, limits["damage_deg"], "damaged.offset")
    said.fine(after)
    back = after & ~offset & (since >= 48)
    shock[back, Shock.HIT] = 0
    # What lies elsewhere is missing, whatever hit it.
    said.level[missing.level >= 2] = -1
    return said


def offset_deg(
    angle_deg: Float32, before_deg: Float32, trembles_deg: Float32, limits: Limits
) -> tuple[Float32, Bool]:
    """How far a lid leans from where it lay before a shock [°], and whether that is more than it trembles by
    itself between two readings."""
    leans = np.abs(angle_deg - before_deg)
    far = leans >= np.maximum(limits["damage_deg"], np.float32(1.5) * (2 * trembles_deg))
    return leans, np.asarray(far, bool)


def _flooded(f: Features, limits: Limits, water: Float32, doubt: Doubt) -> Opinion:
    said = Opinion.none(len(f.sensor))
    level = f.water_mm
    before = f.said[:, 5]
    for grade, name in ((4, "flood_urgent_mm"), (3, "flood_mm")):
        limit = limits[name]
        kept = limit - np.where(before >= grade, limits["flood_hysteresis_mm"], 0)
        said.say((level >= kept) & ~doubt.flood, grade, level, limit, "flooded.level_mm")
    said.say(level >= limits["flood_mm"], 1, level, limits["flood_mm"], "flooded.unconfirmed_mm")
    # What rising water woke at its own limit says a little less now and then, and sleeps for hours.
    rising = (level - water[:, Water.BEFORE] >= limits["flood_hysteresis_mm"]) & (water[:, Water.COUNT] >= 2)
    at_limit = level >= limits["flood_mm"] - limits["flood_hysteresis_mm"] * SHY
    said.say(at_limit & rising & doubt.woken, 3, level, limits["flood_mm"], "flooded.level_mm")
    said.say(f.water_alarm > 0.5, 3, level, limits["flood_mm"], "flooded.alarm")
    said.fine(~np.isnan(level) | ~np.isnan(f.water_alarm))
    return said


def _fault(f: Features, limits: Limits, tilt: Float32, shock: Float32, crept: Bool) -> Opinion:
    """What no lid does: creep for weeks, stand still where it always trembled, tremble without knocks."""
    said = Opinion.none(len(f.sensor))
    # The day's mean: the sun would cross the limit twice a day.
    mean = tilt[:, Tilt.CREEP] + tilt[:, Tilt.OFF]
    said.say(crept, 2, mean, CREPT_FAR_DEG, "sensor_fault.creep")
    steps = shock[:, Shock.STEP_SCORE]
    calm = (shock[:, Shock.COUNT] > 0) & (shock[:, Shock.SCORE] < limits["loose_limit"] / 4)
    kept = limits["loose_limit"] * np.where(f.said[:, 6] > 0, np.float32(0.5), np.float32(1.9))
    said.say(calm & (steps >= kept), 2, steps, limits["loose_limit"], "sensor_fault.noisy")
    still = (tilt[:, Tilt.STILL] >= STILL_READINGS) & (tilt[:, Tilt.MOVES] >= STILL_MOVES)
    said.say(still, 2, tilt[:, Tilt.STILL], STILL_READINGS, "sensor_fault.stuck")
    said.fine(~np.isnan(f.angle_deg))
    return said


def _fuses(
    f: Features,
    limits: Limits,
    doubt: Doubt,
    missing: Opinion,
    tilted: Opinion,
    sunken: Opinion,
    sink: Float32,
    crept: Bool,
    first: Bool,
) -> Fuses:
    """What becomes of a reading that is in doubt, or a large movement, when nothing follows."""
    n = len(f.sensor)
    angle, mm = f.angle_deg, f.change_mm
    # Of a sensor without a known pace two gaps say little: wait much longer than both.
    pace = np.where(np.isnan(f.pace_s), 5 * np.maximum(f.gap_s, f.gap_before_s), f.pace_s)
    # Where two channels contradict one another, a wild sample and two lost messages are no less likely.
    gaps = limits["theft_silence_gaps"] + doubt.belied
    # A wheel on the rim, whose "flat again" and next messages the radio lost, looks like a lid being lifted.
    wheel = (angle < limits["theft_deg"]) | (doubt.shaken & (angle < limits["open_deg"]))
    wheel &= angle >= limits["tilt_attention_deg"]
    gaps = gaps + np.where(wheel & (pace <= OFTEN_S), WHEEL_GAPS, 0)
    silence = gaps * pace
    quick = is_quick(f, limits)
    silence = np.maximum(silence, np.where(quick, np.float32(3), limits["theft_silence_least_s"]))
    fuses = Fuses.none(n)
    fuses.light(
        doubt.contact & (missing.level < 4), silence, 0, 4, angle * np.nan, angle * np.nan, "missing.contact"
    )
    # An angle that nobody has taken back; the contact that says otherwise may be what is wrong.
    open_ = (angle >= limits["open_deg"]) & ~crept & doubt.open & (missing.level < 4)
    fuses.light(open_, silence, 0, 4, angle, limits["open_deg"], "missing.silent_after_movement")
    gone = (np.abs(mm) >= limits["gone_mm"]) & doubt.gone & (missing.level < 4)
    fuses.light(gone, silence, 0, 4, mm, limits["gone_mm"], "missing.silent_after_movement")
    # Lost messages of a sensor that is stuck say nothing more of its lid.
    large = (angle >= limits["theft_deg"]) & ~crept & (missing.level < 2) & ~doubt.frozen
    fuses.light(large, silence, 0, 4, angle, limits["theft_deg"], "missing.silent_after_movement")
    # A lid that was just being lifted when its sensor spoke for the last time.
    lifting = (angle >= limits["tilt_attention_deg"]) & first & ~f.scheduled & ~crept & (missing.level < 2)
    fuses.light(lifting, silence, 0, 4, angle, limits["tilt_attention_deg"], "missing.silent_after_movement")
    noise = unrest(sink)
    for grade, name in ((4, "sunk_urgent_mm"), (3, "sunk_defect_mm")):
        drop = (mm >= limits[name] + 2 * noise) & doubt.drop & (sunken.level < grade)
        fuses.light(drop, silence, 2, grade, mm, limits[name], "sunken.step_mm")
    for grade, name in ((4, "tilt_urgent_deg"), (3, "tilt_defect_deg")):
        # What is missing is not tilted besides.
        lean = (angle >= limits[name]) & doubt.lean & ~doubt.frozen & (tilted.level < grade)
        lean &= missing.level < 2
        fuses.light(lean & ~large & ~lifting, silence, 1, grade, angle, limits[name], "tilted.angle")
    return fuses
