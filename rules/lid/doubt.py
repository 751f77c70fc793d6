"""Where one message is not yet enough, by how it came and by what else it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.lid.features import Features
from rules.lid.limits import Limits
from rules.lid.state import CAUGHT, OPEN_RUN, WATCH, Shock, Sink, Tilt, Water

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

PASSING_HOURS: Final = np.float32(30 * 24)
"""A lid that was driven over is believed to lie in traffic for this long."""

THOUSAND_YEARS_S: Final = np.float32(3.15576e10)
"""In the readings of 1,000 lid-years so many running may catch another wheel each once, by chance."""
USUAL_PACE_S: Final = np.float32(600)
"""Of a sensor whose pace is unknown, that reads often enough to catch wheels."""
STEADY_DEG: Final = np.float32(2)
"""Two readings running within so much of one another say the same."""
ALIKE_COUNTS: Final = np.float32(1.5)
"""A third reading and any after it that says the same as the one before counts for so many: two wheels seldom
make a lid lean alike."""
SEEN_PASSES: Final = np.float32(0.006)
"""Share of readings with a wheel on the lid below which there is nothing to reckon with."""

CROWDED_S: Final = np.float32(120)
BUSY_S: Final = np.float32(900)
MANY_READINGS: Final = np.float32(512)
"""At 172 crossings an hour a sensor that reads as often as this catches many wheels on its first day."""

TELLS_S: Final = np.float32(3600)
"""A sensor that says more within this time need not be quoted while it is in doubt."""

LONE_S: Final = np.float32(1500)
"""A slow sampler, of half an hour by whatever clock: one sample on schedule may be wild in all channels."""

RISING_SHARE: Final = np.float32(0.375)
"""Water that stood this far up to the limit was rising: the next level is no wild one."""

FLAT_DEG: Final = np.float32(3)
FLAT_MM: Final = np.float32(5)
"""A surface within so much of its place is not that of a lid which leans by a defect."""

LIKE_DEG: Final = np.float32(10)
"""Two samples of one lid, hours apart, are within so much of one another wherever it lies."""

FELT_G: Final = np.float32(0.2)
"""Usual peaks from which on a sensor feels traffic, whatever its scale."""

WOKEN_G: Final = np.float32(1)
WOKEN_TIMES: Final = np.float32(1.25)
"""A shock so much above the lid's usual peak may be what woke the sensor."""

QUIET_TIMES: Final = np.float32(0.7)
"""Wheels that wake a sensor are felt as those before were: a message off schedule that felt less than this
share of the usual peak was woken by something else."""

LIFTED_MM: Final = np.float32(-25)
FAR_OFF_MM: Final = np.float32(600)
"""A lid that is being lifted is at least and at most this far above its frame."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Where one message is not yet enough for the gravest word, bool[k] each.

    belied : contact or surface say that it lies where it lay.
    flickers : a contact that is known to chatter has not been open for long enough.
    few : too few readings running lean, for each may have caught another wheel.
    frozen : it stands quite still where it jumped to some readings ago, as a sensor that is stuck does.
    jumped : the height of a slow sampler that was elsewhere a sample ago: a median of three means nothing.
    shaken : a wheel explains the waking.
    woken : something woke the sensor, of those that seldom wake.
    """

    contact: Bool
    flickers: Bool
    open: Bool
    lean: Bool
    gone: Bool
    drop: Bool
    flood: Bool
    belied: Bool
    few: Bool
    frozen: Bool
    jumped: Bool
    shaken: Bool
    woken: Bool


def doubts(
    f: Features,
    limits: Limits,
    turned: Bool,
    shifted: Bool,
    tilt: Float32,
    sink: Float32,
    shock: Float32,
    water: Float32,
) -> Doubt:
    """What is doubted of each row; asked when the runs of `tilt`, `sink` and `water` have been counted.

    turned, shifted : bool[k]  It leans more than a seated lid; its height has left the half-day mean.
    """
    angle, mm = f.angle_deg, f.change_mm
    contact, closed = f.open > 0.5, f.open < 0.5
    chatty = f.events > limits["chatty_share"]
    alone = f.scheduled | chatty
    # A frame may be wild in every channel: on schedule two channels agree only where they describe a lid
    # that is lifted, and of a sensor that soon says more only the next reading counts.
    lifted = turned & (mm <= np.where(alone, LIFTED_MM, -10)) & (mm >= -FAR_OFF_MM)
    lifted |= turned & shifted & ~alone
    # Of a slow sampler an open contact needs a lid that is turned and lifted; without a contact the height
    # must say by itself that it is gone. Else the next sample, or silence, decides.
    lone = f.scheduled & ~chatty & (f.pace_s >= LONE_S)
    whole = lifted & ~(alone & (f.torn | is_quick(f, limits)))
    agree = (
        (contact & ~lone & ~(alone & f.torn))
        | (f.tilt_alarm > 0.5)
        | (whole & (contact | ~lone | (mm <= -limits["gone_mm"])))
    )
    # Whatever woke the sensor, a lid that leans has left its contact, and its surface its place.
    belied = closed | ((np.abs(mm) < FLAT_MM) & (angle >= limits["tilt_defect_deg"]))
    # Two wild samples of a slow sampler may follow one another: they are not alike, as those of a lid are.
    slow = alone & (f.pace_s >= LONE_S)
    unlike = (slow | belied) & (tilt[:, Tilt.RUN] == 2) & (f.step_deg >= LIKE_DEG)
    first_tilt = ((tilt[:, Tilt.RUN] <= 1) | unlike) & ~agree
    elsewhere = np.abs(mm - sink[:, Sink.A]) >= limits["sunk_defect_mm"]
    again = slow & (sink[:, Sink.RUN] == 2) & elsewhere
    first_mm = ((sink[:, Sink.RUN] <= 1) | again) & ~agree
    level = angle < 1
    # What stands quite still where it jumped to is the sensor, where contact or surface say that the lid
    # lies where it lay, or where it feels exactly nothing of the wheels that it used to feel.
    usual = np.where(shock[:, Shock.COUNT] > 0, np.exp(shock[:, Shock.MEAN]), 0)
    numb = (f.vibration_g == 0) & (usual >= FELT_G)
    # What wakes it after hours and moves nothing is no new word of the lid, nor what follows at once.
    run, unsure = tilt[:, Tilt.RUN], f.said[:, 1] < 3
    woken_still = ((run >= 2) & (f.gap_s >= LONE_S)) | ((run >= 3) & unsure)
    # Of one that wheels often wake only both together: they would show in it.
    woken_still &= (~chatty | (belied & numb)) & (f.pace_s >= LONE_S)
    frozen = (lone | woken_still) & (belied | numb) & (tilt[:, Tilt.STILL] == tilt[:, Tilt.RUN] - 1)
    frozen |= _dead(f, tilt, sink, belied & numb)
    frozen &= angle < limits["open_deg"]
    passing = (tilt[:, Tilt.PASSING] > 0) & (f.hours - tilt[:, Tilt.PASSING] < PASSING_HOURS)
    # Of a second message nobody can say whether it woke or came when it was due.
    second = f.gap_before_s == 0
    pace = np.where(second & np.isnan(f.pace_s), f.gap_s, f.pace_s)
    at_first = np.where(pace <= CROWDED_S, 6, np.where(pace <= BUSY_S, 4, 3))
    # How often wheels are caught on a lid is not known on its first day, nor from a few hundred readings.
    seen_h = np.where(pace <= BUSY_S, MANY_READINGS * pace / 3600, np.float32(0))
    young = f.hours - tilt[:, Tilt.SINCE] < np.maximum(limits["commission_hours"], seen_h)
    few = young & (alone | second) & (pace <= TELLS_S) & (tilt[:, Tilt.RUN] < at_first)
    few |= _wheels(tilt, f.pace_s)
    lies_flat = (angle < FLAT_DEG) | (np.abs(mm) < FLAT_MM)
    flickers = contact & lies_flat & ~(f.tilt_alarm > 0.5) & (f.said[:, 0] < 4)
    open_run = f.said[:, WATCH] >> OPEN_RUN & 3
    flickers &= (f.said[:, WATCH] >> CAUGHT >= 2) & (open_run < 3)
    wild = (lone | (alone & f.torn)) & first_tilt & (angle >= FLAT_DEG)
    shaken = _shaken(f, limits, shock)
    return Doubt(
        contact=(contact & alone & (f.said[:, 0] == 0) & (open_run <= 1) & (lies_flat | wild)) | flickers,
        flickers=flickers,
        # A height may stay at the last echo of a lid that is gone; who falls in cannot wait for a beat.
        open=((alone & ~_quietly(f, limits, shock)) | closed) & first_tilt,
        lean=((alone | passing | belied | shaken) & first_tilt) | ((few | frozen) & ~agree),
        gone=(alone | closed | level) & first_mm,
        # A lid that sinks evenly does not turn.
        drop=(alone | shaken | ((level | closed) & (mm < 0))) & first_mm,
        # Water that was rising before is no wild sample, unless it leaps from one sample to the next.
        flood=alone
        & (water[:, Water.RUN] <= 1)
        & ~(f.water_alarm > 0.5)
        & (
            (water[:, Water.BEFORE] < limits["flood_mm"] * RISING_SHARE)
            | ((f.pace_s <= TELLS_S) & (f.water_mm - water[:, Water.BEFORE] >= limits["flood_urgent_mm"]))
        ),
        belied=belied,
        few=few,
        frozen=frozen & ~agree & (tilt[:, Tilt.RUN] >= 2),
        jumped=lone & ((sink[:, Sink.RUN] == 1) | again) & ~agree,
        shaken=shaken,
        woken=~alone,
    )


def _shaken(f: Features, limits: Limits, shock: Float32) -> Bool:
    """A wheel explains the waking: what leans less than an open lid may be the shock, or a wild sample."""
    usual = np.where(shock[:, Shock.COUNT] > 0, np.exp(shock[:, Shock.MEAN]), 0)
    known = shock[:, Shock.COUNT] >= limits["reference_windows"]
    hard = (f.vibration_g >= limits["shock_g"]) & (f.vibration_g >= limits["shock_ratio"] * usual)
    woke = known & (f.vibration_g >= WOKEN_G) & (f.vibration_g >= WOKEN_TIMES * usual)
    return np.asarray((hard | woke) & ~(f.angle_deg >= limits["open_deg"]), bool)


def _quietly(f: Features, limits: Limits, shock: Float32) -> Bool:
    """No wheel woke it, though it is one that wheels often wake: its angle did."""
    known = shock[:, Shock.COUNT] >= limits["reference_windows"]
    usual = np.exp(shock[:, Shock.MEAN])
    felt = known & (usual >= FELT_G) & (f.vibration_g < QUIET_TIMES * usual)
    return np.asarray(felt & ~f.scheduled & (f.pace_s > TELLS_S), bool)


def _dead(f: Features, tilt: Float32, sink: Float32, denied: Bool) -> Bool:
    """Nothing has moved by a bit for two messages, in no channel, while a lid that leaned would be shaken.

    It may have died while its lid lay open under work: what leaned before was the lid.

    denied : bool[k]  Contact or surface say that it lies where it lay, and it feels exactly nothing.
    """
    height = np.isnan(f.change_mm) | (f.change_mm == sink[:, Sink.A])
    return np.asarray(denied & height & (tilt[:, Tilt.STILL] >= 2) & (f.pace_s >= LONE_S), bool)


def _wheels(tilt: Float32, pace_s: Float32) -> Bool:
    """bool[k]  So few readings running lean that each may have caught another wheel.

    As many must be that among the readings of 1,000 lid-years chance makes one such run: the share of
    wheels for each of the run.
    """
    passes = np.clip(tilt[:, Tilt.PASSES], np.float32(1e-9), np.float32(0.5))
    chances = np.log(THOUSAND_YEARS_S / np.where(pace_s > 0, pace_s, USUAL_PACE_S))
    unlikely = -tilt[:, Tilt.RUN] * np.log(passes)
    return np.asarray((passes >= SEEN_PASSES) & (unlikely < chances), bool)


def is_quick(f: Features, limits: Limits) -> Bool:
    """Whether the next reading is due within moments."""
    usual = np.where(np.isnan(f.pace_s), f.gap_s, f.pace_s)
    return np.asarray(usual <= limits["burst_s"], bool)
