"""The inclination before each reading: baseline, creep, grain and latest movements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.ahead.means import ONE, after, learning, mean, put
from rules.lid.ahead.wander import Wandered
from rules.lid.angle import between, normal
from rules.lid.channels import ASIDE_DEG, COARSEST_DEG, OFTEN_PASSED, PASSES_SHARE, PASSING_DEG
from rules.lid.limits import Limits
from rules.lid.state import LidState, Tilt

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


class Turns(NamedTuple):
    """What readings show of the inclination, [r, k] of the sensors `of`, which all their readings measure.

    angle : Turn since the baseline [°]. change, last : that, and what was measured, of the one before [°].
    still : readings without a movement before each. moved : with this one it has.
    """

    of: Any
    angle: Float32
    change: Float32
    last: Float32
    still: Float32
    moved: Bool


def turns(
    own: LidState, start: LidState, columns: Mapping[str, Float32], hours: Float32, limits: Limits
) -> Turns | None:
    """Baselines before each reading, written to `own`; None = nothing measures the inclination."""
    tilt, x, y = (columns.get(name) for name in ("tilt_deg", "tilt_x_deg", "tilt_y_deg"))
    if tilt is None and (x is None or y is None):
        return None
    base = start.tilt
    count, share = learning(base[:, Tilt.COUNT], base[:, Tilt.SINCE], hours, limits)
    found = {Tilt.COUNT: count}
    angle = np.full(hours.shape, np.nan, np.float32)
    if tilt is not None:
        found[Tilt.BASE] = mean(base[:, Tilt.BASE], tilt, share)
        angle = np.abs(tilt - found[Tilt.BASE])
    if x is not None and y is not None:
        now, axes = normal(x, y), (Tilt.X, Tilt.Y, Tilt.Z)
        found |= {c: mean(base[:, c], part, share) for c, part in zip(axes, now, strict=True)}
        angle = np.fmax(angle, between(now, (found[Tilt.X], found[Tilt.Y], found[Tilt.Z])))
    measured = ~np.isnan(angle).any(axis=0)
    of: Any = slice(None) if measured.all() else np.flatnonzero(measured)
    for column, values in found.items():
        put(own.tilt[:, column], values[:, of], of)
    base, angle = base[of], angle[:, of]
    raw = angle if tilt is None else np.where(np.isnan(tilt[:, of]), angle, tilt[:, of])
    last = after(base[:, Tilt.LAST], raw)
    moved = raw != last
    return Turns(of, angle, after(base[:, Tilt.CHANGE], angle), last, _still(base, moved), moved)


def follow_turns(
    own: LidState, start: LidState, columns: Mapping[str, Float32], seen: Turns, wandered: Wandered
) -> Float32:
    """All else of the inclination, written to `own`; returns what of its movements is to and fro [°]."""
    of, base = seen.of, start.tilt[seen.of]
    off, creep = wandered.off[:, of], wandered.creep[:, of]
    for column, values in (
        (Tilt.CHANGE, seen.change),
        (Tilt.LAST, seen.last),
        (Tilt.STILL, seen.still),
        (Tilt.MOVES, wandered.moves[:-1, of]),
        (Tilt.OFF, off[:-1]),
        (Tilt.ROUGH, wandered.rough[:-1, of]),
        (Tilt.CREEP, creep[:-1]),
    ):
        put(own.tilt[:, column], values, of)
    from_rest = np.abs(seen.change - creep[:-1] - off[:-1])
    to_rest = np.abs(seen.angle - creep[1:] - off[1:])
    was, lies = from_rest >= PASSING_DEG, to_rest < PASSING_DEG
    passes = _passes(own, base, was, lies, of)
    parts = _parts(own, base, columns, seen.last, of)
    to_and_fro = _to_and_fro(own, base, parts, of)
    aside = (from_rest >= ASIDE_DEG) | (to_rest >= ASIDE_DEG)
    if passes is not None:
        aside |= (passes >= OFTEN_PASSED) & (was | ~lies)
    to_and_fro = np.where(aside, np.float32(np.nan), to_and_fro)
    rocking = np.full((len(was), len(start)), np.nan, np.float32)
    rocking[:, of] = to_and_fro
    return rocking


def _still(base: Float32, moved: Bool) -> Float32:
    """Readings without a movement, before each."""
    at = np.arange(len(moved))[:, None]
    latest = np.maximum.accumulate(np.where(moved, at, -1), axis=0)
    running = np.where(latest >= 0, at - latest, base[:, Tilt.STILL] + at + 1).astype(np.float32)
    return np.asarray(after(base[:, Tilt.STILL], running))


def _passes(own: LidState, base: Float32, was: Bool, lies: Bool, of: Any) -> Float32 | None:
    """Share of readings that a wheel was caught by, after each; None = of none."""
    share = base[:, Tilt.PASSES].copy()
    if not was.any() and not share.any():
        return None
    shares = np.empty(was.shape, np.float32)
    for r in range(len(was)):
        share = share + np.where(lies[r], (was[r] - share) * PASSES_SHARE, np.float32(0))
        shares[r] = share
    put(own.tilt[:, Tilt.PASSES], after(base[:, Tilt.PASSES], shares), of)
    return shares


def _parts(
    own: LidState,
    base: Float32,
    columns: Mapping[str, Float32],
    last: Float32,
    of: Any,
) -> list[Float32]:
    """Movements since the reading before, by the inclination or by the two axes [°]."""
    tilt, x, y = (columns.get(name) for name in ("tilt_deg", "tilt_x_deg", "tilt_y_deg"))
    along = np.zeros_like(last) if tilt is None else tilt[:, of] - last
    if x is None or y is None:
        return [along]
    x, y = x[:, of], y[:, of]
    unknown = np.isnan(x) | np.isnan(y)
    last_x = after(base[:, Tilt.LAST_X], np.where(unknown, base[:, Tilt.LAST_X], x))
    last_y = after(base[:, Tilt.LAST_Y], np.where(unknown, base[:, Tilt.LAST_Y], y))
    put(own.tilt[:, Tilt.LAST_X], last_x, of)
    put(own.tilt[:, Tilt.LAST_Y], last_y, of)
    return [np.where(unknown, along, x - last_x), np.where(unknown, np.float32(0), y - last_y)]


def _to_and_fro(own: LidState, base: Float32, parts: list[Float32], of: Any) -> Float32:
    """Grain and latest movement; returns what does not go on as the movement before [°]."""
    sizes = [np.minimum(np.abs(part), COARSEST_DEG) for part in parts]
    sizes = [np.where(size > 0, size, np.float32(np.inf)) for size in sizes]
    known = np.where(base[:, Tilt.GRAIN] > 0, base[:, Tilt.GRAIN], np.float32(np.inf))
    grain = np.minimum(np.minimum.accumulate(np.minimum.reduce(sizes), axis=0), known)
    grain = np.where(np.isinf(grain), np.float32(0), grain)
    put(own.tilt[:, Tilt.GRAIN], after(base[:, Tilt.GRAIN], grain), of)
    above = [part - np.clip(part, -grain, grain) for part in parts]
    far = np.abs(above[0]) if len(parts) == 1 else np.hypot(*above)
    moves = far > 0
    at = np.arange(len(far))[:, None]
    latest = np.maximum.accumulate(np.where(moves, at, -1), axis=0)
    way = np.zeros_like(far)
    for column, part in zip((Tilt.STEP_X, Tilt.STEP_Y), above, strict=False):
        first = base[:, column]
        held = np.where(latest >= 0, np.take_along_axis(part, np.maximum(latest, 0), axis=0), first)
        step = after(first, held)
        put(own.tilt[:, column], step, of)
        way = way + step * part
    onward = np.minimum(np.maximum(way, 0) / np.where(moves, far, ONE), far)
    return np.asarray(far - onward, np.float32)
