"""How long each sensor may be silent: heartbeats of its own, and what the radio loses by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from config.health_rules import HealthRules
from devices.registry import Registry

SECOND: Final = 1_000_000
YEAR_S: Final = 365.25 * 86_400
MOST_A_YEAR: Final = 1.5

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Patience:
    """Of n sensors, by their heartbeats and limits.

    heartbeat_s : float32[n]  Usual time between its messages, or the default [s].
    beats : float64[n]  So many of them may be silent before it is told in blue.
    beat_us, first_us, long_us, missed_us : int64[n]  A heartbeat; silence that is told in blue; in yellow,
        never sooner than twice that; and that with which it counts as missing in its group [µs].
    shortest_us : No silence is judged earlier than this after a word [µs].
    """

    heartbeat_s: npt.NDArray[np.float32]
    beats: npt.NDArray[np.float64]
    beat_us: Int64
    first_us: Int64
    long_us: Int64
    missed_us: Int64
    shortest_us: int

    @classmethod
    def of(
        cls, registry: Registry, sets: Sequence[HealthRules], class_of: npt.NDArray[np.uint16]
    ) -> Patience:
        """What `sets[class_of[i]]` says of sensor i; what is of a group is said by the first set."""
        least, loss, second = (
            np.array([getattr(rules, name) for rules in sets])[class_of]
            for name in ("silent_after_heartbeats", "silent_radio_loss", "long_silent_after_heartbeats")
        )
        default_s = np.array([rules.default_heartbeat_s for rules in sets], np.float32)
        own = registry.sensors.heartbeat_s
        heartbeat_s = np.where(np.isnan(own) | (own <= 0), default_s[class_of], own)
        beats = np.maximum(least, by_chance(heartbeat_s, loss))
        beat_us = (heartbeat_s * SECOND).astype(np.int64)
        group_beats = sets[0].group_after_heartbeats
        shortest_s = float(heartbeat_s.min()) if len(heartbeat_s) else float(default_s.min())
        fewest = min(group_beats, float(beats.min(initial=np.inf)))
        return cls(
            heartbeat_s,
            beats,
            beat_us,
            (beat_us * beats).astype(np.int64),
            (beat_us * np.maximum(second, 2 * beats)).astype(np.int64),
            (beat_us * group_beats).astype(np.int64),
            max(SECOND, int(fewest * shortest_s * SECOND)),
        )


def by_chance(heartbeat_s: npt.NDArray[np.float32], loss: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[n]  Heartbeats of silence that the radio by itself makes no more than about once a year.

    loss : float64[n]  Share of messages lost, each by itself: m running are lost beats · lossᵐ times a year.
    """
    beats = YEAR_S / MOST_A_YEAR / heartbeat_s.astype(np.float64)
    with np.errstate(divide="ignore"):
        missed = np.ceil(np.log(np.maximum(beats, 1)) / -np.log(loss))
    return np.asarray(missed + 0.5)
