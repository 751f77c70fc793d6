"""What will be remembered of lid sensors before each of their next readings, if nothing befalls them.

A guess, made with few calls for many readings of few sensors: whatever the day usually brings is computed
as the kernels would, the rest is left out. It is never believed: the kernels then judge all these readings
at once, from the guessed states, and a guess counts only as far as each reading leaves behind, bit by bit,
the state that was guessed for the next one. A guess that lags behind a change of the rules costs time only.

Arrays are [r, k]: the r-th next reading of each of k sensors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rules.lid.ahead.beats import beats_of
from rules.lid.ahead.means import after, learning, mean_of_count, put
from rules.lid.ahead.tilt import follow_turns, turns
from rules.lid.ahead.wander import Seen, wander
from rules.lid.ahead.windows import days, shocks
from rules.lid.doubt import ALIKE_COUNTS, SEEN_PASSES
from rules.lid.judge import offset_deg
from rules.lid.limits import Limits
from rules.lid.settlement import FINEST_MM, GREATEST_STEP_MM, heard, median_of_three
from rules.lid.state import LidState, Shock, Sink, Tilt, Water

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def guess(
    start: LidState,
    time: Int64,
    hours: Float32,
    columns: Mapping[str, Float32],
    heartbeat_s: Float32,
    limits: Limits,
) -> LidState:
    """States before each of the next readings, r · k rows, those of one round side by side.

    start : LidState  k rows: the states before the first of them.
    time, hours, columns : [r, k]  Event time [µs], [h]; name → float32, NaN = not measured.
    heartbeat_s : float32[k]  By the registry [s].
    """
    own = start.repeat(len(time))
    last = after(start.last, time)
    gap: Float32 = ((time - last) * np.float32(1e-6)).astype(np.float32)
    gap[last <= 0] = 0
    own.last[:], own.gap[:] = last.ravel(), after(start.gap, gap).ravel()
    nothing = np.full(gap.shape, np.nan, np.float32)
    angle, moved, inverse = nothing.copy(), np.zeros(gap.shape, np.float32), nothing.copy()
    turned = turns(own, start, columns, hours, limits)
    if turned is not None:
        angle[:, turned.of] = turned.angle
        moved[:, turned.of] = np.where(turned.moved, np.float32(0.05), np.float32(0))
        inverse[:, turned.of] = 1 / (turned.still + np.float32(1))
    sunk = columns.get("displacement_mm")
    change, level, step = (
        (nothing, nothing, nothing) if sunk is None else _settled(own, start, sunk, hours, limits)
    )
    beats = beats_of(start, time, gap, heartbeat_s)
    wandered = wander(start, Seen(gap, beats, angle, moved, inverse, change, level, step), limits)
    for own_column, known in (
        (own.pace, wandered.pace[:-1]),
        (own.wobble, wandered.wobble[:-1]),
        (own.events, wandered.events[:-1]),
        (own.beat, beats.beat),
    ):
        own_column[:] = known.ravel()
    rocking = None if turned is None else follow_turns(own, start, columns, turned, wandered)
    if sunk is not None:
        whole = ~np.isnan(sunk).any(axis=0)
        for column, values in (
            (Sink.JITTER, wandered.jitter),
            (Sink.SLOW, wandered.slow),
            (Sink.SWING, wandered.swing),
        ):
            put(own.sink[:, column], values[:-1, whole], whole)
        means = heard(change[:, whole], level[:, whole])
        days(own, start.sink[whole], means, hours[:, whole], whole)
    shocks(own, start, columns.get("vibration_g"), rocking, hours, limits)
    _runs(own, start, len(time))
    _hits(own, start, angle, change, wandered.slow[1:], limits)
    if "water_mm" in columns or "distance_mm" in columns:
        _water(own, start, columns.get("water_mm"), columns.get("distance_mm"), hours, limits)
    return own


def _runs(own: LidState, start: LidState, n: int) -> None:
    """What is over a limit stays so: readings running go on being counted."""
    steps = np.arange(n, dtype=np.float32)[:, None]
    counts = np.where(start.tilt[:, Tilt.PASSES] >= SEEN_PASSES, ALIKE_COUNTS, np.float32(1))
    for part, first, column, each in (
        (own.tilt, start.tilt, Tilt.RUN, counts),
        (own.sink, start.sink, Sink.RUN, np.float32(1)),
        (own.water, start.water, Water.RUN, np.float32(1)),
    ):
        begun = np.flatnonzero(first[:, column] > 0)
        if len(begun):
            each_of = each[begun] if isinstance(each, np.ndarray) else each
            put(part[:, column], first[begun, column] + steps * each_of, begun)


def _hits(
    own: LidState, start: LidState, angle: Float32, change: Float32, slow: Float32, limits: Limits
) -> None:
    """Readings running that have not come back from a violent shock."""
    hit = np.flatnonzero(start.shock[:, Shock.HIT] > 0)
    if len(hit) == 0:
        return
    base, some = start.shock[hit], limits.take(hit)
    far = offset_deg(angle[:, hit], base[:, Shock.HIT_TILT], base[:, Shock.STEP_MEAN], some)[1]
    sits = np.abs(slow[:, hit] - base[:, Shock.HIT_MM]) >= some["damage_mm"]
    offset = far | (sits & ~np.isnan(change[:, hit]))
    at = np.arange(len(offset))[:, None]
    back = np.maximum.accumulate(np.where(offset, -1, at), axis=0)
    run = np.where(back >= 0, at - back, base[:, Shock.HIT_RUN] + at + 1).astype(np.float32)
    put(own.shock[:, Shock.HIT_RUN], after(base[:, Shock.HIT_RUN], run), hit)


def _settled(
    own: LidState, start: LidState, measured: Float32, hours: Float32, limits: Limits
) -> tuple[Float32, Float32, Float32]:
    """Change, median and step of the displacement with each reading [mm]; the baseline goes to `own`."""
    whole = ~np.isnan(measured).any(axis=0)
    base = start.sink
    counts, share = learning(base[:, Sink.COUNT], base[:, Sink.SINCE], hours, limits)
    bases = mean_of_count(base[:, Sink.BASE], measured, counts, share)
    change = measured - bases[1:]
    b = after(base[:, Sink.B], change)
    a = after(base[:, Sink.A], b)
    level = median_of_three(a, b, change)
    for column, values in (
        (Sink.COUNT, counts),
        (Sink.BASE, bases[:-1]),
        (Sink.A, a),
        (Sink.B, b),
        (Sink.LEVEL, after(base[:, Sink.LEVEL], level)),
    ):
        put(own.sink[:, column], values[:, whole], whole)
    step = np.minimum(np.abs(change - b), GREATEST_STEP_MM)
    seen = np.where((share == 0) & (step >= FINEST_MM), step, np.float32(np.inf))
    known = np.where(base[:, Sink.GRAIN] > 0, base[:, Sink.GRAIN], np.float32(np.inf))
    grain = np.minimum(np.minimum.accumulate(seen, axis=0), known)
    grain = after(base[:, Sink.GRAIN], np.where(np.isinf(grain), np.float32(0), grain))
    put(own.sink[:, Sink.GRAIN], grain[:, whole], whole)
    return change, level, step


def _water(
    own: LidState,
    start: LidState,
    level: Float32 | None,
    distance: Float32 | None,
    hours: Float32,
    limits: Limits,
) -> None:
    """The water that was measured, or is nearer than the bottom of the dry well."""
    base = start.water
    if distance is not None:
        counts, share = learning(base[:, Water.DRY_COUNT], base[:, Water.DRY_SINCE], hours, limits)
        dry = mean_of_count(base[:, Water.DRY], distance, counts, share)
        looks = ~np.isnan(distance).any(axis=0)
        for column, values in ((Water.DRY, dry[:-1]), (Water.DRY_COUNT, counts)):
            put(own.water[:, column], values[:, looks], looks)
        risen = dry[1:] - distance
        level = risen if level is None else np.where(np.isnan(level), risen, level)
    assert level is not None
    whole = ~np.isnan(level).any(axis=0)
    levels = after(base[:, Water.LEVEL], level)
    count = base[:, Water.COUNT] + np.arange(len(level), dtype=np.float32)[:, None]
    for column, values in (
        (Water.LEVEL, levels),
        (Water.BEFORE, after(base[:, Water.BEFORE], levels)),
        (Water.COUNT, count),
    ):
        put(own.water[:, column], values[:, whole], whole)
