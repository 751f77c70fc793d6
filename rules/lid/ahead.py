"""What will be remembered of lid sensors before each of their next readings, if nothing befalls them.

A guess, made with few calls for many readings of few sensors: whatever the day usually brings is computed
as the kernels would, the rest is left out. It is never believed: the kernels then judge all these readings
at once, from the guessed states, and a guess counts only as far as each reading leaves behind, bit by bit,
the state that was guessed for the next one. A guess that lags behind a change of the rules costs time only.

Arrays are [r, k]: the r-th next reading of each of k sensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.lid.angle import FOLLOW_DAYS, GREATEST_PULL_DEG, between, normal
from rules.lid.channels import COARSEST_DEG, OFTEN_PASSED, PASSES_SHARE, PASSING_DEG
from rules.lid.limits import Limits
from rules.lid.rocking import GREATEST_STEP_DEG, VIBRATION_FLOOR_G, close_windows
from rules.lid.schedule import LEAST_S, RELATIVE, WOBBLES, Pace, on_schedule
from rules.lid.settlement import GREATEST_STEP_MM, SLOW_S, SWING_S, median_of_three, turn_day
from rules.lid.state import LidState, Shock, Sink, Tilt, Water

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

ONE: Final = np.float32(1)


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
    gap = _schedule(own, start, time, heartbeat_s)
    rocking = _tilt(own, start, columns, hours, gap, limits)
    if "displacement_mm" in columns:
        _sink(own, start, columns["displacement_mm"], hours, gap, limits)
    _shock(own, start, columns.get("vibration_g"), rocking, hours, limits)
    if "water_mm" in columns or "distance_mm" in columns:
        _water(own, start, columns.get("water_mm"), columns.get("distance_mm"), hours, limits)
    return own


def _after(first: npt.NDArray[Any], following: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[r, k]  What is before each reading, of what is before the first one and after each."""
    return np.concatenate([first[None], following[:-1]])


def _set(own: npt.NDArray[Any], before: npt.NDArray[Any], of: Any) -> None:
    """Write a column of `own` for the sensors `of`."""
    own.reshape(before.shape[0], -1)[:, of] = before


def _schedule(own: LidState, start: LidState, time: Int64, heartbeat_s: Float32) -> Float32:
    """Pace, beat and events; returns the gaps [s]."""
    last = _after(start.last, time)
    gap: Float32 = ((time - last) * np.float32(1e-6)).astype(np.float32)
    gap[last <= 0] = 0
    before = _after(start.gap, gap)
    own.last[:], own.gap[:] = last.ravel(), before.ravel()
    pace, wobble, events = start.pace.copy(), start.wobble.copy(), start.events.copy()
    tenth = np.float32(0.1) * pace
    reach = np.minimum(np.maximum(np.maximum(LEAST_S, RELATIVE * pace), WOBBLES * wobble), tenth)
    steady = (np.abs(gap - pace) < np.float32(0.8) * reach).all(axis=0) & (pace > 0) & (start.gap > 0)
    paces, wobbles, beats, all_events = (
        column.reshape(time.shape) for column in (own.pace, own.wobble, own.beat, own.events)
    )
    # Of those that keep their time the beat is each reading, of the others what the schedule says.
    beats[1:] = time[:-1]
    eighth, sixteenth = np.float32(1 / 8), np.float32(-1 / 16)
    off, size = np.empty_like(pace), np.empty_like(pace)
    for r in range(len(time)):
        paces[r], wobbles[r], all_events[r] = pace, wobble, events
        np.subtract(gap[r], pace, out=off)
        np.abs(off, out=size)
        size -= wobble
        size *= eighth
        wobble += size
        off *= eighth
        pace += off
        np.multiply(events, sixteenth, out=size)
        events += size
    others = np.flatnonzero(~steady)
    if len(others):
        known = Pace(start.pace[others], start.wobble[others], start.beat[others])
        some, calm = start.events[others], np.ones(len(others), bool)
        gaps, befores, times, beating = (
            gap[:, others],
            before[:, others],
            time[:, others],
            heartbeat_s[others],
        )
        for r in range(len(time)):
            paces[r, others], wobbles[r, others] = known.pace_s, known.wobble_s
            beats[r, others], all_events[r, others] = known.beat, some
            on_time, known = on_schedule(times[r], gaps[r], befores[r], beating, known, calm)
            some = np.where(befores[r] == 0, some, some + (~on_time - some) * np.float32(1 / 16))
    return gap


def _tilt(
    own: LidState,
    start: LidState,
    columns: Mapping[str, Float32],
    hours: Float32,
    gap: Float32,
    limits: Limits,
) -> Float32 | None:
    """The inclination; returns what of its movements is to and fro [°], or None."""
    tilt, x, y = (columns.get(name) for name in ("tilt_deg", "tilt_x_deg", "tilt_y_deg"))
    has_axes = x is not None and y is not None
    if tilt is None and not has_axes:
        return None
    n = len(hours)
    base = start.tilt
    count, share = _learning(base[:, Tilt.COUNT], base[:, Tilt.SINCE], hours, limits)
    _set(own.tilt[:, Tilt.COUNT], count, slice(None))
    scalar = vector = None
    if tilt is not None:
        bases = _mean(base[:, Tilt.BASE], tilt, share)
        _set(own.tilt[:, Tilt.BASE], bases, slice(None))
        scalar = np.abs(tilt - bases)
    if x is not None and y is not None:
        now = normal(x, y)
        means = [
            _mean(base[:, c], part, share) for c, part in zip((Tilt.X, Tilt.Y, Tilt.Z), now, strict=True)
        ]
        for column, mean in zip((Tilt.X, Tilt.Y, Tilt.Z), means, strict=True):
            _set(own.tilt[:, column], mean, slice(None))
        vector = between(now, (means[0], means[1], means[2]))
    if scalar is None or vector is None:
        angle = scalar if vector is None else vector
    else:
        angle = np.fmax(scalar, vector)
    assert angle is not None
    measured = ~np.isnan(angle).any(axis=0)
    of: Any = slice(None) if measured.all() else np.flatnonzero(measured)
    for column in (Tilt.COUNT, Tilt.BASE, Tilt.X, Tilt.Y, Tilt.Z):
        if isinstance(of, np.ndarray):
            _set(own.tilt[:, column], np.repeat(base[None, ~measured, column], n, axis=0), ~measured)
    base, angle, gap = base[of], angle[:, of], gap[:, of]
    raw = angle if tilt is None else np.where(np.isnan(tilt[:, of]), angle, tilt[:, of])
    change, last = _after(base[:, Tilt.CHANGE], angle), _after(base[:, Tilt.LAST], raw)
    _set(own.tilt[:, Tilt.CHANGE], change, of)
    _set(own.tilt[:, Tilt.LAST], last, of)
    _still(own, base, raw != last, of)
    was, lies = _creep(own, base, angle, change, gap, limits, of)
    passes = _passes(own, base, was, lies, of)
    parts = _parts(own, base, tilt, x, y, last, of)
    to_and_fro = _to_and_fro(own, base, parts, of)
    if passes is not None:
        often = passes >= OFTEN_PASSED
        to_and_fro = np.where(often & (was | ~lies), np.float32(np.nan), to_and_fro)
    rocking = np.full(hours.shape, np.nan, np.float32)
    rocking[:, of] = to_and_fro
    return rocking


def _learning(count: Float32, since: Float32, hours: Float32, limits: Limits) -> tuple[Float32, Float32]:
    """Readings in a baseline before each reading, and the share that each has in it; 0 = it is complete."""
    steps = np.arange(len(hours), dtype=np.float32)[:, None]
    young = (count + steps < limits["commission_readings"]) | (hours - since < limits["commission_hours"])
    counts = np.asarray(count + _after(np.zeros_like(count), np.cumsum(young, axis=0)), np.float32)
    return counts, np.where(young, ONE / (counts + ONE), np.float32(0))


def _mean(first: Float32, values: Float32, share: Float32) -> Float32:
    """A running mean before each value."""
    means = np.empty_like(values)
    means[0], young = first, int(share.any(axis=1).sum())
    for r in range(min(young, len(values) - 1)):
        means[r + 1] = means[r] + (values[r] - means[r]) * share[r]
    means[young + 1 :] = means[min(young, len(values) - 1)]
    return means


def _mean_of_count(first: Float32, values: Float32, counts: Float32, share: Float32) -> Float32:
    """[r + 1, k]  The same, rounded in another way, and what it is after the last value."""
    means = np.empty((len(values) + 1, len(first)), np.float32)
    means[0], young = first, int(share.any(axis=1).sum())
    for r in range(young):
        off = (values[r] - means[r]) / (counts[r] + ONE)
        means[r + 1] = means[r] + np.where(share[r] > 0, off, np.float32(0))
    means[young + 1 :] = means[young]
    return means


def _still(own: LidState, base: Float32, moved: Bool, of: Any) -> None:
    """Readings without a movement, and the share of readings that moved."""
    n = len(moved)
    at = np.arange(n)[:, None]
    latest = np.maximum.accumulate(np.where(moved, at, -1), axis=0)
    running = np.where(latest >= 0, at - latest, base[:, Tilt.STILL] + at + 1).astype(np.float32)
    still = _after(base[:, Tilt.STILL], running)
    _set(own.tilt[:, Tilt.STILL], still, of)
    inverse = 1 / (still + ONE)
    moves, learned = np.empty(moved.shape, np.float32), base[:, Tilt.MOVES].copy()
    step, share = np.empty_like(learned), np.float32(0.05)
    for r in range(n):
        moves[r] = learned
        np.subtract(inverse[r], learned, out=step)
        step *= share
        step *= moved[r]
        learned += step
    _set(own.tilt[:, Tilt.MOVES], moves, of)


def _creep(
    own: LidState, base: Float32, angle: Float32, change: Float32, gap: Float32, limits: Limits, of: Any
) -> tuple[Bool, Bool]:
    """What comes slowly; returns whether the lid had leaned before each reading, and lies flat with it."""
    share = gap / (gap + np.float32(86400))
    days = gap * np.float32(1 / 86400)
    per_day = limits["creep_deg_per_day"]
    reach = (per_day if len(per_day) == 1 else per_day[of]) * days
    back, follows = -reach, np.minimum(days / FOLLOW_DAYS, 1)
    k = len(base)
    offs, roughs, creeps = (np.empty((len(angle) + 1, k), np.float32) for _ in range(3))
    offs[0], roughs[0], creeps[0] = base[:, Tilt.OFF], base[:, Tilt.ROUGH], base[:, Tilt.CREEP]
    rest, part, most = (np.empty(k, np.float32) for _ in range(3))
    half, more, pull = np.float32(0.5), np.float32(1.5), GREATEST_PULL_DEG
    rows = zip(
        angle,
        share,
        reach,
        back,
        follows,
        offs,
        offs[1:],
        roughs,
        roughs[1:],
        creeps,
        creeps[1:],
        strict=False,
    )
    for deg, much, up, down, follow, off, off_now, rough, rough_now, creep, creep_now in rows:
        np.subtract(deg, creep, out=rest)
        np.subtract(rest, off, out=part)
        np.maximum(part, -pull, out=part)
        np.minimum(part, pull, out=part)
        part *= much
        np.add(off, part, out=off_now)
        rest -= off_now
        np.abs(rest, out=rest)
        np.multiply(rough, more, out=most)
        most += half
        np.minimum(rest, most, out=rest)
        rest -= rough
        rest *= much
        np.add(rough, rest, out=rough_now)
        np.multiply(off_now, follow, out=part)
        np.maximum(part, down, out=part)
        np.minimum(part, up, out=part)
        np.add(creep, part, out=creep_now)
    for column, values in ((Tilt.OFF, offs), (Tilt.ROUGH, roughs), (Tilt.CREEP, creeps)):
        _set(own.tilt[:, column], values[:-1], of)
    was = np.abs(change - creeps[:-1] - offs[:-1]) >= PASSING_DEG
    return was, np.abs(angle - creeps[1:] - offs[1:]) < PASSING_DEG


def _passes(own: LidState, base: Float32, was: Bool, lies: Bool, of: Any) -> Float32 | None:
    """Share of readings that a wheel was caught by, after each; None = of none."""
    share = base[:, Tilt.PASSES].copy()
    if not was.any() and not share.any():
        return None
    after = np.empty(was.shape, np.float32)
    for r in range(len(was)):
        share = share + np.where(lies[r], (was[r] - share) * PASSES_SHARE, np.float32(0))
        after[r] = share
    _set(own.tilt[:, Tilt.PASSES], _after(base[:, Tilt.PASSES], after), of)
    return after


def _parts(
    own: LidState,
    base: Float32,
    tilt: Float32 | None,
    x: Float32 | None,
    y: Float32 | None,
    last: Float32,
    of: Any,
) -> list[Float32]:
    """Movements since the reading before, by the inclination or by the two axes [°]."""
    along = np.zeros_like(last) if tilt is None else tilt[:, of] - last
    if x is None or y is None:
        return [along]
    x, y = x[:, of], y[:, of]
    unknown = np.isnan(x) | np.isnan(y)
    last_x = _after(base[:, Tilt.LAST_X], np.where(unknown, base[:, Tilt.LAST_X], x))
    last_y = _after(base[:, Tilt.LAST_Y], np.where(unknown, base[:, Tilt.LAST_Y], y))
    _set(own.tilt[:, Tilt.LAST_X], last_x, of)
    _set(own.tilt[:, Tilt.LAST_Y], last_y, of)
    return [np.where(unknown, along, x - last_x), np.where(unknown, np.float32(0), y - last_y)]


def _to_and_fro(own: LidState, base: Float32, parts: list[Float32], of: Any) -> Float32:
    """Grain and latest movement; returns what does not go on as the movement before [°]."""
    sizes = [np.minimum(np.abs(part), COARSEST_DEG) for part in parts]
    sizes = [np.where(size > 0, size, np.float32(np.inf)) for size in sizes]
    known = np.where(base[:, Tilt.GRAIN] > 0, base[:, Tilt.GRAIN], np.float32(np.inf))
    grain = np.minimum(np.minimum.accumulate(np.minimum.reduce(sizes), axis=0), known)
    grain = np.where(np.isinf(grain), np.float32(0), grain)
    _set(own.tilt[:, Tilt.GRAIN], _after(base[:, Tilt.GRAIN], grain), of)
    above = [part - np.clip(part, -grain, grain) for part in parts]
    far = np.abs(above[0]) if len(parts) == 1 else np.hypot(*above)
    moves = far > 0
    at = np.arange(len(far))[:, None]
    latest = np.maximum.accumulate(np.where(moves, at, -1), axis=0)
    way = np.zeros_like(far)
    for column, part in zip((Tilt.STEP_X, Tilt.STEP_Y), above, strict=False):
        first = base[:, column]
        held = np.where(latest >= 0, np.take_along_axis(part, np.maximum(latest, 0), axis=0), first)
        step = _after(first, held)
        _set(own.tilt[:, column], step, of)
        way = way + step * part
    onward = np.minimum(np.maximum(way, 0) / np.where(moves, far, ONE), far)
    return np.asarray(far - onward, np.float32)


def _sink(
    own: LidState, start: LidState, measured: Float32, hours: Float32, gap: Float32, limits: Limits
) -> None:
    """The displacement."""
    whole = ~np.isnan(measured).any(axis=0)
    if not whole.any():
        return
    of: Any = slice(None) if whole.all() else np.flatnonzero(whole)
    base, value, gap, some = start.sink[of], measured[:, of], gap[:, of], hours[:, of]
    if isinstance(of, np.ndarray):
        limits = limits.take(of)
    counts, share = _learning(base[:, Sink.COUNT], base[:, Sink.SINCE], some, limits)
    bases = _mean_of_count(base[:, Sink.BASE], value, counts, share)
    change = value - bases[1:]
    b = _after(base[:, Sink.B], change)
    a = _after(base[:, Sink.A], b)
    level = median_of_three(a, b, change)
    for column, values in (
        (Sink.COUNT, counts),
        (Sink.BASE, bases[:-1]),
        (Sink.A, a),
        (Sink.B, b),
        (Sink.LEVEL, _after(base[:, Sink.LEVEL], level)),
    ):
        _set(own.sink[:, column], values, of)
    _means(own, base, change, b, level, gap, of)
    _days(own, base, level, some, of)


def _means(
    own: LidState, base: Float32, change: Float32, b: Float32, level: Float32, gap: Float32, of: Any
) -> None:
    """Jitter, half-day mean and swing."""
    steps = np.minimum(np.abs(change - b), GREATEST_STEP_MM)
    slow_share, swing_share = gap / (gap + SLOW_S), gap / (gap + SWING_S)
    jitters, slows, swings = (np.empty((len(change) + 1, len(base)), np.float32) for _ in range(3))
    jitters[0], slows[0], swings[0] = base[:, Sink.JITTER], base[:, Sink.SLOW], base[:, Sink.SWING]
    part, most = (np.empty(len(base), np.float32) for _ in range(2))
    eighth, half, more, five = np.float32(1 / 8), np.float32(0.5), np.float32(1.5), np.float32(5)
    rows = zip(
        zip(steps, change, level, slow_share, swing_share, strict=True),
        zip(jitters, jitters[1:], slows, slows[1:], swings, swings[1:], strict=False),
        strict=False,
    )
    for (step, mm, middle, much, little), (jitter, jitter_now, slow, slow_now, swing, swing_now) in rows:
        np.subtract(step, jitter, out=part)
        part *= eighth
        np.add(jitter, part, out=jitter_now)
        np.subtract(mm, slow, out=part)
        np.abs(part, out=part)
        np.multiply(swing, more, out=most)
        most += half
        np.minimum(part, most, out=part)
        part -= swing
        part *= little
        np.add(swing, part, out=swing_now)
        np.subtract(middle, slow, out=part)
        np.maximum(part, -five, out=part)
        np.minimum(part, five, out=part)
        part *= much
        np.add(slow, part, out=slow_now)
    for column, values in ((Sink.JITTER, jitters), (Sink.SLOW, slows), (Sink.SWING, swings)):
        _set(own.sink[:, column], values[:-1], of)


def _days(own: LidState, base: Float32, level: Float32, hours: Float32, of: Any) -> None:
    """The day that is being added up, and the regression of those before."""
    day = np.floor(hours / np.float32(24))
    turns = day != _after(base[:, Sink.DAY], day)
    rows, at = base.copy(), np.arange(len(level))[:, None]
    begin = np.full(len(base), -1)
    tables = own.sink.T.reshape(len(Sink), len(level), -1)
    columns = [*range(Sink.DAY, Sink.RATE_SE + 1)]
    whole = np.repeat(rows.T[columns][:, None], len(level), axis=1)
    while True:
        # From the reading that turned the day on to the next that does.
        later = turns & (at > begin)
        turned = later.any(axis=0)
        end = np.where(turned, later.argmax(axis=0), len(level))
        inside = (at >= begin) & (at < end)
        sums = np.add.accumulate(
            np.concatenate([rows[None, :, Sink.SUM], np.where(inside, level, 0)]), axis=0
        )
        numbers = np.add.accumulate(
            np.concatenate([rows[None, :, Sink.N], inside], dtype=np.float32, casting="unsafe"), axis=0
        )
        before = (at > begin) & (at <= end)
        np.copyto(whole, rows.T[columns][:, None], where=before)
        np.copyto(whole[columns.index(Sink.SUM)], sums[:-1], where=before)
        np.copyto(whole[columns.index(Sink.N)], numbers[:-1], where=before)
        if not turned.any():
            break
        i = np.flatnonzero(turned)
        rows[i, Sink.SUM], rows[i, Sink.N] = sums[end[i], i], numbers[end[i], i]
        some = rows[i]
        turn_day(some, day[end[i], i])
        rows[i] = some
        begin = end
    for column, values in zip(columns, whole, strict=True):
        tables[column][:, of] = values


def _shock(
    own: LidState,
    start: LidState,
    vibration_g: Float32 | None,
    rocking_deg: Float32 | None,
    hours: Float32,
    limits: Limits,
) -> None:
    """Windows of shocks and steps."""
    if vibration_g is None and rocking_deg is None:
        return
    rows, at, n = start.shock.copy(), np.arange(len(hours))[:, None], len(hours)
    seen = steps = counted = None
    if vibration_g is not None:
        seen = np.maximum(vibration_g, VIBRATION_FLOOR_G)
    if rocking_deg is not None:
        counted = ~np.isnan(rocking_deg)
        steps = np.where(counted, np.minimum(rocking_deg, GREATEST_STEP_DEG), np.float32(0))
    tables = own.shock.T.reshape(len(Shock), n, -1)
    begin = np.zeros(len(rows), np.int64)
    while True:
        # From the first reading of a window to the one that closes it.
        over = (hours - rows[:, Shock.START] >= limits["window_hours"]) & (at >= begin)
        closed = over.any(axis=0)
        end = np.where(closed, over.argmax(axis=0), n)
        inside = (at >= begin) & (at <= end)
        np.copyto(tables, rows.T[:, None], where=inside)
        i = np.flatnonzero(closed)
        for column, what, gather in (
            (Shock.PEAK, seen, np.fmax),
            (Shock.STEP_SUM, steps, np.add),
            (Shock.STEP_N, counted, np.add),
        ):
            if what is None:
                continue
            follow = np.where(inside, what, np.float32(0)).astype(np.float32)
            sums = gather.accumulate(np.concatenate([rows[None, :, column], follow]), axis=0)
            np.copyto(tables[column], sums[:-1], where=inside)
            rows[i, column] = sums[end[i] + 1, i]
        if not len(i):
            return
        some = rows[i]
        close_windows(some, hours[end[i], i], limits.take(i))
        rows[i] = some
        begin = end + 1


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
        counts, share = _learning(base[:, Water.DRY_COUNT], base[:, Water.DRY_SINCE], hours, limits)
        dry = _mean_of_count(base[:, Water.DRY], distance, counts, share)
        looks = ~np.isnan(distance).any(axis=0)
        for column, values in ((Water.DRY, dry[:-1]), (Water.DRY_COUNT, counts)):
            _set(own.water[:, column], values[:, looks], looks)
        risen = dry[1:] - distance
        level = risen if level is None else np.where(np.isnan(level), risen, level)
    assert level is not None
    whole = ~np.isnan(level).any(axis=0)
    levels = _after(base[:, Water.LEVEL], level)
    count = base[:, Water.COUNT] + np.arange(len(level), dtype=np.float32)[:, None]
    for column, values in (
        (Water.LEVEL, levels),
        (Water.BEFORE, _after(base[:, Water.BEFORE], levels)),
        (Water.COUNT, count),
    ):
        _set(own.water[:, column], values[:, whole], whole)
