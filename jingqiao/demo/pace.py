"""How fast the demo's clock goes: gently while there is time, by leaps through quiet days when there is not.

Whoever gives the demo a minute wants to see in it what happens, not a part of the quiet before. What the
machine can do is not known beforehand, so the pace follows the wall clock: behind its plan, the clock leaps
over quiet time, whose messages are then handed to the service's intake instead of going by the broker. What
is staged is always published over MQTT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SECOND_US: Final = 1_000_000
FAR_US: Final = 1 << 62
COARSE_S: Final = 900
"""Step of the clock while nothing is staged [s]."""
FINE_S: Final = 5
"""Step around what is staged and while somebody is expected to answer [s]."""
FINE_AFTER_S: Final = 900
"""How long after an onset or an alarm the clock goes in fine steps [s]."""

LEAP_S: Final = 3600
"""Step over quiet time when in a hurry [s]."""
SCENE_S: Final = 180
"""How long after an onset the steps are fine even then [s]."""
BRISK_S: Final = 60
"""Step after that, and after an alarm, when in a hurry [s]."""
USED: Final = 0.8
"""Share of the seconds that is planned for: starting, ending and summing up need the rest."""
BEFORE: Final = 0.2
"""Share of the plan until the first onset."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The plan of one performance.

    seconds : float | None  Wall time that there is; None = as much as it takes.
    start, end : int  Of the scenario [µs].
    onsets : tuple[int, ...]  What is staged, in order [µs].
    ends : tuple[int, ...]  When announced work ends [µs]. What is sent during a step is received at its end:
        a step over the end of a permit would bring the crew's "closed again" after it.
    """

    seconds: float | None
    start: int
    end: int
    onsets: tuple[int, ...]
    ends: tuple[int, ...] = ()

    def hurried(self, now: int, elapsed_s: float) -> bool:
        """Whether the performance is behind its plan."""
        if self.seconds is None:
            return False
        first = self.onsets[0] if self.onsets else self.end
        before = (min(now, first) - self.start) / max(first - self.start, 1)
        after = (max(now, first) - first) / max(self.end - first, 1)
        return elapsed_s > self.seconds * USED * (BEFORE * before + (1 - BEFORE) * after)

    def step(self, now: int, fine_until: int, hurried: bool) -> int:
        """How far the clock goes next, never over an onset or the last moment of announced work [µs].

        fine_until : Until when somebody's answer or an alarm's end is waited for [µs].
        """
        fine_s = SCENE_S if hurried else FINE_AFTER_S
        if self._since_onset(now) < fine_s * SECOND_US or (now < fine_until and not hurried):
            step = FINE_S
        elif now < fine_until or self._since_onset(now) < FINE_AFTER_S * SECOND_US:
            step = BRISK_S
        else:
            step = LEAP_S if hurried else COARSE_S
        moments = (*self.onsets, *(end - 1 for end in self.ends))
        ahead = min((moment - now for moment in moments if moment > now), default=FAR_US)
        return min(step * SECOND_US, ahead)

    def leaps(self, now: int, fine_until: int, hurried: bool) -> bool:
        """Whether what is sent in the step that leads to `now` may go by the intake instead of the broker."""
        return hurried and now > fine_until and self._since_onset(now) > FINE_AFTER_S * SECOND_US

    def _since_onset(self, now: int) -> int:
        """Time since the latest onset; much, when there was none [µs]."""
        return now - max((onset for onset in self.onsets if onset <= now), default=now - self.end)
