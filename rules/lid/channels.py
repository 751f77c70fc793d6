"""What each channel of a lid sensor says against what is remembered, all rows of a round at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.angle import (
    CREPT_FAR_DEG,
    PART,
    axes_of,
    between,
    creep,
    normal,
    note_never,
    torn,
    turn,
)
from rules.lid.doubt import FLAT_DEG, FLAT_MM
from rules.lid.judge import STILL_READINGS
from rules.lid.limits import Limits
from rules.lid.settlement import settle
from rules.lid.state import CAUGHT, OPEN_RUN, SENT, WATCH, LidState, Tilt
from rules.lid.water import SHOW_WATER, stand

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PASSING_DEG: Final = np.float32(4)
PASSING_S: Final = np.float32(60)
ASIDE_DEG: Final = np.float32(10)
"""A lid that leaned this much and lay flat again within this time was only driven over."""
PASSES_SHARE: Final = np.float32(1 / 256)
OFTEN_PASSED: Final = np.float32(0.01)
"""Where wheels are caught this often, steps are those between the readings that none was caught by."""
WEEK_H: Final = np.float32(168)
COARSEST_DEG: Final = np.float32(1.0)
"""No scale is coarser."""
_WAY: Final = (Tilt.STEP_X, Tilt.STEP_Y)


class Turned(NamedTuple):
    """What the inclination says.

    angle_deg, step_deg : float32[k]  Turn since the baseline, movement since the last reading [°].
    rocking_deg : float32[k]  What of that is to and fro, without wheels that are caught standing on the lid.
    still : bool[k]  It stands suspiciously still.
    """

    angle_deg: Float32
    step_deg: Float32
    rocking_deg: Float32
    still: Bool


def gap_since(last: Int64, time: Int64) -> Float32:
    """Seconds since the message before; 0 = there was none. last, time : int64[k]  [µs]."""
    gap = ((time - last) * np.float32(1e-6)).astype(np.float32)
    heard = last > 0
    if np.count_nonzero(heard) < len(heard):
        gap[~heard] = 0
    return gap


def note_switches(own: LidState, columns: Mapping[str, Float32], look: Bool) -> None:
    """Note switches that were sent, for `sees` and `explain`; those that are on ask for a look."""
    for name, bit in SENT.items():
        if name in columns:
            look |= columns[name] > 0.5
            own.said[~np.isnan(columns[name]), WATCH] |= bit


def chatter(
    own: LidState,
    columns: Mapping[str, Float32],
    angle_deg: Float32 | None,
    change_mm: Float32 | None,
    hours: Float32,
) -> None:
    """Count openings of the contact for a moment while the lid lies flat.

    Counted when it has closed again: until then it may be a theft.
    """
    contact = columns.get("open")
    if contact is None:
        return
    is_open, closed, byte = contact > 0.5, contact < 0.5, own.said[:, WATCH]
    run, caught = byte >> OPEN_RUN & 3, byte >> CAUGHT
    if not (np.count_nonzero(is_open) or np.count_nonzero(run) or np.count_nonzero(caught)):
        return
    flat = np.zeros(len(run), bool)
    if angle_deg is not None:
        flat |= angle_deg < FLAT_DEG
    if change_mm is not None:
        flat |= np.abs(change_mm) < FLAT_MM
    measured = is_open | closed
    week = np.floor(hours / WEEK_H) != np.floor((hours - own.gap * np.float32(1 / 3600)) / WEEK_H)
    caught = caught - (measured & week & (caught > 0))
    caught = caught + (closed & flat & (run > 0) & (caught < 3))
    run = np.where(is_open, np.minimum(run + 1, 3), np.where(closed, 0, run))
    own.said[:, WATCH] = (byte & np.uint8(15)) | (run << OPEN_RUN) | (caught << CAUGHT)


def turning(
    rows: Float32, columns: Mapping[str, Float32], hours: Float32, gap: Float32, limits: Limits
) -> Turned | None:
    """What the inclination says; None = nothing that measures it was sent."""
    tilt = columns.get("tilt_deg")
    axes = axes_of(rows, columns)
    x, y = axes.x_deg, axes.y_deg
    if tilt is None and x is None:
        return None
    angle = turn(rows, tilt, x, y, hours, limits)
    missing = np.isnan(angle)
    some_missing = np.count_nonzero(missing) > 0
    step, rocks = _step(rows, angle, tilt, x, y)
    note_never(rows, axes)
    if some_missing:
        step = np.where(missing, np.float32(np.nan), step)
        rocks = np.where(missing, np.float32(np.nan), rocks)
    passed = (step >= PASSING_DEG) & (gap <= PASSING_S) & (angle < PASSING_DEG)
    if np.count_nonzero(passed):
        rows[passed, Tilt.PASSING] = hours[passed]
    from_rest = np.abs(rows[:, Tilt.CHANGE] - rows[:, Tilt.CREEP] - rows[:, Tilt.OFF])
    was = from_rest >= PASSING_DEG
    moved_far = from_rest >= ASIDE_DEG
    creep(rows, angle, gap, limits)
    moved_far |= np.abs(angle - rows[:, Tilt.CREEP] - rows[:, Tilt.OFF]) >= ASIDE_DEG
    lies = np.abs(angle - rows[:, Tilt.CREEP] - rows[:, Tilt.OFF]) < PASSING_DEG
    rows[:, Tilt.PASSES] += np.where(lies, (was - rows[:, Tilt.PASSES]) * PASSES_SHARE, np.float32(0))
    raw = angle
    if tilt is not None:
        no_tilt = np.isnan(tilt)
        raw = np.where(no_tilt, angle, tilt) if np.count_nonzero(no_tilt) else tilt
    moved = raw != rows[:, Tilt.LAST]
    again = rows[:, Tilt.STILL] + np.float32(1)
    moves = rows[:, Tilt.MOVES]
    learned = moves + (1 / again - moves) * np.float32(0.05)
    change = angle
    if some_missing:
        moved &= ~missing
        again = np.where(missing, rows[:, Tilt.STILL], again)
        raw = np.where(missing, rows[:, Tilt.LAST], raw)
        change = np.where(missing, rows[:, Tilt.CHANGE], angle)
    rows[:, Tilt.CHANGE] = change
    rows[:, Tilt.MOVES] = np.where(moved, learned, moves)
    rows[:, Tilt.STILL] = np.where(moved, np.float32(0), again)
    rows[:, Tilt.LAST] = raw
    # What leans like a lid ajar does not rock: a wheel, a wild sample, a hazard; nor does what comes back.
    aside = moved_far | (rows[:, Tilt.PASSES] >= OFTEN_PASSED) & (was | ~lies)
    if np.count_nonzero(aside):
        rocks = np.where(aside, np.float32(np.nan), rocks)
    return Turned(angle, step, rocks, rows[:, Tilt.STILL] >= STILL_READINGS)


def felt(vibration_g: Float32, turned: Turned | None) -> Float32:
    """Shocks that teach what is usual; NaN where a sensor feels exactly nothing and has not moved at all.

    Such a one may be dead: a reference of zeros would call the first wheels after its repair a loose lid.
    """
    nothing = vibration_g == 0
    if turned is None or np.count_nonzero(nothing) == 0:
        return vibration_g
    return np.asarray(np.where(nothing & (turned.step_deg == 0), np.float32(np.nan), vibration_g), np.float32)


def _step(
    rows: Float32, angle: Float32, tilt: Float32 | None, x: Float32 | None, y: Float32 | None
) -> tuple[Float32, Float32]:
    """How far the lid has moved since the last reading, and how much of it did not go on as before [°].

    What is measured says more than the turn since the baseline: that of a lid which rocks to both sides of
    it is the same on either.
    """
    step = np.abs(angle - rows[:, Tilt.CHANGE])
    first = rows[:, Tilt.COUNT] <= 1
    some_first = np.count_nonzero(first) > 0
    along, across = np.zeros_like(step), None
    if tilt is not None:
        along = tilt - rows[:, Tilt.LAST]
        if some_first:
            along[first] = 0
        step = np.fmax(step, np.abs(along))
    if x is not None and y is not None:
        dx, dy = x - rows[:, Tilt.LAST_X], y - rows[:, Tilt.LAST_Y]
        unknown = np.isnan(dx) | np.isnan(dy)
        rows[:, Tilt.LAST_X] = np.where(unknown, rows[:, Tilt.LAST_X], x)
        rows[:, Tilt.LAST_Y] = np.where(unknown, rows[:, Tilt.LAST_Y], y)
        if some_first:
            dx[first] = dy[first] = 0
        step = np.fmax(step, np.hypot(dx, dy))
        along, across = np.where(unknown, along, dx), np.where(unknown, np.float32(0), dy)
    return np.asarray(step, np.float32), _to_and_fro(rows, along, across)


def _to_and_fro(rows: Float32, along: Float32, across: Float32 | None) -> Float32:
    """What of a movement is above the scale's grain and does not go on as the movement before [°].

    A coarse scale flickers between two neighbours; the sun and a creeping sensor move on the way they went;
    a lid that rocks comes to rest anywhere within its play.

    along, across : float32[k]  By the two axes, or by the inclination alone; NaN = not measured [°].
    """
    grain = rows[:, Tilt.GRAIN]
    parts = [along] if across is None else [along, across]
    for part in parts:
        size = np.minimum(np.abs(part), COARSEST_DEG)
        finer = (size > 0) & ((size < grain) | (grain == 0))
        if np.count_nonzero(finer):
            grain = np.where(finer, size, grain)
            rows[:, Tilt.GRAIN] = grain
    above = [part - np.clip(part, -grain, grain) for part in parts]
    far = np.abs(above[0]) if across is None else np.hypot(*above)
    way = sum(rows[:, column] * part for column, part in zip(_WAY, above, strict=False))
    moves = far > 0
    onward = np.minimum(np.maximum(way, 0) / np.where(moves, far, np.float32(1)), far)
    for column, part in zip(_WAY, above, strict=False):
        rows[:, column] = np.where(moves, part, rows[:, column])
    if across is None and np.count_nonzero(rows[:, Tilt.STEP_Y]):
        rows[moves, Tilt.STEP_Y] = 0
    return np.asarray(far - onward, np.float32)


def stirs(rows: Float32, angle_deg: Float32, attention_deg: np.float32) -> Bool:
    """Rows whose angle asks for a look; of a turn a single inclination may show only a part."""
    near = angle_deg >= attention_deg * np.float32(0.8)
    crept = rows[:, Tilt.CREEP]
    return np.asarray(near | (crept >= CREPT_FAR_DEG) | (angle_deg - crept >= attention_deg * PART), bool)


def torn_at(rows: Float32, columns: Mapping[str, Float32], at: npt.NDArray[np.intp]) -> Bool:
    """Whether inclination and axes of the rows `at` contradict one another."""
    if not {"tilt_deg", "tilt_x_deg", "tilt_y_deg"} <= columns.keys():
        return np.zeros(len(at), bool)
    tilt, x, y = (columns[name][at] for name in ("tilt_deg", "tilt_x_deg", "tilt_y_deg"))
    turned = between(normal(x, y), (rows[:, Tilt.X], rows[:, Tilt.Y], rows[:, Tilt.Z]))
    return torn(rows[:, Tilt.BASE], turned, tilt, x, y)


def displacement(
    rows: Float32, columns: Mapping[str, Float32], hours: Float32, gap: Float32, limits: Limits
) -> Float32 | None:
    """Change since the baseline [mm]; NaN = not measured."""
    sunk = columns.get("displacement_mm")
    if sunk is None:
        return None
    measured = ~np.isnan(sunk)
    if measured.all():
        return settle(rows, sunk, hours, gap, limits)
    i = np.flatnonzero(measured)
    some = rows[i]
    change = np.full(len(rows), np.nan, np.float32)
    change[i] = settle(some, sunk[i], hours[i], gap[i], limits.take(i))
    rows[i] = some
    return change


def water_of(
    rows: Float32, columns: Mapping[str, Float32], angle: Float32 | None, hours: Float32, limits: Limits
) -> Float32 | None:
    """How high the water stands [mm]; None = nothing that shows it was sent."""
    if columns.keys().isdisjoint(SHOW_WATER):
        return None
    leans = np.zeros(len(rows), bool) if angle is None else angle >= limits["tilt_attention_deg"]
    return stand(rows, columns, leans, hours, limits)
