"""Whether a reading came when the schedule says, or off it: an event that woke the sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

LEAST_S = np.float32(5.0)
"""Radios and sleeping crystals are out by seconds."""
RELATIVE = np.float32(0.0003)
"""Drift of a crystal against ours, with what temperature does to it, tenfold."""
WOBBLES = np.float32(5.0)
"""A reading this many times its usual error off its time still keeps it: more than five standard deviations,
for a sensor sends some ten thousand a year, and none of them is to be taken for an event."""
CALMS = np.float32(1 / 32)
UNSETTLES = np.float32(1 / 8)
"""The usual error is quick to grow and slow to shrink: a few readings on time make no clock exact."""
ALIKE = np.float32(0.05)
"""Gaps that differ by no more than this share are a pace, of a sensor that has shown none yet."""
PART_REACH = np.float32(0.02)
"""A half or a third of a beat is met as closely as this share of it, at most."""
MOST_BEATS = np.float32(8.0)
"""After more beats without one on time, the schedule is no longer known."""
BURST_S = np.float32(20.0)
"""Equal steps closer than this are a burst, unless the sensor has never sent otherwise."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of the schedule of k sensors.

    pace_s : float32[k]  Usual time between messages on schedule; 0 = unknown [s].
    wobble_s : float32[k]  Its usual error [s].
    beat : int64[k]  Event time of the latest message on schedule; 0 = none [µs].
    """

    pace_s: Float32
    wobble_s: Float32
    beat: npt.NDArray[np.int64]


def on_schedule(
    time: npt.NDArray[np.int64],
    gap_s: Float32,
    gap_before_s: Float32,
    heartbeat_s: Float32,
    known: Pace,
    calm: Bool,
) -> tuple[Bool, Pace]:
    """Readings that came on schedule, and the schedule from now on.

    On schedule is: as long after the one before as that came after its own; or whole beats after the one
    before, or after the latest on schedule, whatever events came between and whatever the radio lost. The
    beat is learned from the sensor itself; until then it is the heartbeat of the registry.

    time : int64[k]  Event time [µs].
    gap_s, gap_before_s : float32[k]  Since the message before, and that one's own gap; 0 = unknown [s].
    heartbeat_s : float32[k]  By the registry; NaN = unknown [s].
    calm : bool[k]  Nothing has befallen the lid: a burst that reports a hazard teaches no schedule.
    """
    like = np.abs(gap_s - gap_before_s) < np.minimum(
        np.maximum(LEAST_S, np.float32(0.003) * gap_s), np.float32(0.1) * gap_s
    )
    unknown = known.pace_s <= 0
    like |= unknown & (np.abs(gap_s - gap_before_s) < ALIKE * gap_s)
    pace = np.where(unknown, heartbeat_s, known.pace_s)
    tenth = np.float32(0.1) * pace
    reach = np.minimum(np.maximum(np.maximum(LEAST_S, RELATIVE * pace), WOBBLES * known.wobble_s), tenth)
    since = ((time - known.beat) * 1e-6).astype(np.float32)
    off, beats = _off(gap_s, pace)
    late, missed = _off(since, pace)
    after_any = (beats >= 1) & (beats <= MOST_BEATS) & (np.abs(off) < reach * beats)
    after_beat = (missed >= 1) & (missed <= MOST_BEATS) & (np.abs(late) < reach * missed)
    # Two pairs of beats, of which the radio lost the ones between, look like a pace twice as slow.
    near_part = np.minimum(reach, PART_REACH * pace)
    parts = ~unknown & ((np.abs(gap_s - pace / 2) < near_part) | (np.abs(gap_s - pace / 3) < near_part))
    scheduled = (gap_s > 0) & (like | after_any | after_beat | parts)
    # Learned from whatever comes about one beat on, a little wider than what passes for on time.
    loose = np.minimum(3 * reach, tenth)
    error = np.where(
        (beats == 1) & (np.abs(off) < loose),
        off,
        np.where((missed == 1) & (np.abs(late) < loose), late, np.float32(np.nan)),
    )
    learned, wobble = known.pace_s, known.wobble_s
    near = ~np.isnan(error)
    kept = near & ~unknown
    learned = np.where(kept, learned + error * np.float32(1 / 8), learned)
    more = np.abs(error) - wobble
    wobble = np.where(kept, wobble + more * np.where(more > 0, UNSETTLES, CALMS), wobble)
    other = np.abs(gap_s - pace) > tenth
    new = calm & (gap_s > 0) & ((like & other & (gap_s >= BURST_S)) | (unknown & (like | near)))
    if np.count_nonzero(new):
        # What is a beat after the one on schedule, with events between, keeps the beat, not its own gap.
        beat_s = np.where(like, gap_s, pace + error)
        learned = np.where(new, beat_s, learned)
        out = np.where(like, np.abs(gap_s - gap_before_s), np.abs(error))
        wobble = np.where(new, np.minimum(out, np.float32(0.02) * beat_s), wobble)
    beat = np.where(scheduled | (known.beat == 0), time, known.beat)
    return scheduled, Pace(np.asarray(learned, np.float32), np.asarray(wobble, np.float32), beat)


def _off(span_s: Float32, pace_s: Float32) -> tuple[Float32, Float32]:
    """(error, whole beats) of a span; NaN where the pace is unknown [s]."""
    beats = np.rint(span_s / pace_s)
    return np.asarray(span_s - beats * pace_s, np.float32), np.asarray(beats, np.float32)
