"""Alarms that changes of alarms add up to: when each began, and when it grew graver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rules.alarm import AlarmChange, AlarmState, Severity

PAGES: Final = Severity.ORANGE
"""From this severity on somebody is called at night."""

Key = tuple[str, str, tuple[str, ...]]


@dataclass(slots=True)
class Rung:
    """One alarm from its beginning to its end.

    sensor_ids : those that it began with.
    rises : (severity, event time [µs]) of its first word and of every one that was graver than all before.
    """

    asset_id: str
    hazard: str
    sensor_ids: tuple[str, ...]
    rises: list[tuple[Severity, int]] = field(default_factory=list)

    @property
    def began(self) -> int:
        """Event time of its first word [µs]."""
        return self.rises[0][1]

    @property
    def gravest(self) -> Severity:
        """What it came to."""
        return self.rises[-1][0]

    @property
    def paged(self) -> int | None:
        """When it first was grave enough to call somebody [µs]; None = never."""
        return next((at for severity, at in self.rises if severity >= PAGES), None)


def rung(changes: Iterable[AlarmChange]) -> dict[tuple[Key, int], Rung]:
    """Each alarm once, in the order in which they began; of one asset and hazard numbered from 0.

    What is found in history rings nowhere.
    """
    alarms: dict[tuple[Key, int], Rung] = {}
    ringing: dict[Key, Rung] = {}
    numbers: Counter[Key] = Counter()
    for change in changes:
        if change.historical:
            continue
        key = (change.asset_id, change.hazard.value, () if change.asset_id else change.sensor_ids)
        if change.state is AlarmState.CLEAR:
            ringing.pop(key, None)
        elif change.state is AlarmState.FIRING:
            alarm = ringing.get(key)
            if alarm is None:
                alarm = ringing[key] = Rung(change.asset_id, change.hazard.value, change.sensor_ids)
                alarms[key, numbers[key]] = alarm
                numbers[key] += 1
            if not alarm.rises or change.severity > alarm.gravest:
                alarm.rises.append((change.severity, change.event_at))
    return alarms
