"""Several sensors of one asset make one alarm: as grave as the gravest, clear when all are clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.alarm import Hazard, Reason

AssetKey = int
"""Registry index of the asset; -1 - sensor for a sensor bound to none."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one sensor says in one lane of an alarm."""

    level: int
    value: float
    limit: float
    reason: Reason
    evidence: Mapping[str, Any]


@dataclass(slots=True)
class Alarm:
    """An alarm that fires: who says so and what was announced.

    level : int  As announced.
    first_at : int  When it first fired, by event time [µs].
    voices : (lane, sensor) → Voice
    """

    level: int = 0
    first_at: int = 0
    voices: dict[tuple[int, int], Voice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A change of an asset's alarm: the voice to tell it with, and all sensors that say so."""

    asset: AssetKey
    hazard: Hazard
    level: int
    fires: bool
    voice: Voice
    sensors: tuple[int, ...]


class AssetAlarms:
    """All firing alarms by (asset, hazard)."""

    def __init__(self) -> None:
        self._alarms: dict[tuple[AssetKey, Hazard], Alarm] = {}

    def settle(
        self,
        asset: AssetKey,
        hazard: Hazard,
        lane: int,
        sensor: int,
        voice: Voice,
        at: int,
        place: Callable[[int], str] | None = None,
    ) -> Iterator[Announcement]:
        """A sensor's settled level has changed; yield what is to be announced of the asset.

        place : Where a sensor sits, if what is seen in one place says nothing of another: then an alarm that
            fires is told anew, as grave as it is, when the first sensor of another place joins it.
        """
        key = (asset, hazard)
        alarm = self._alarms.get(key)
        elsewhere = False
        if voice.level > 0:
            if alarm is None:
                alarm = self._alarms[key] = Alarm(first_at=at)
            elif place is not None:
                elsewhere = place(sensor) not in {place(s) for _, s in alarm.voices}
            alarm.voices[lane, sensor] = voice
        elif alarm is None or alarm.voices.pop((lane, sensor), None) is None:
            return
        if not alarm.voices:
            del self._alarms[key]
            yield Announcement(asset, hazard, alarm.level, False, voice, (sensor,))
            return
        gravest = max(alarm.voices.values(), key=lambda v: v.level)
        graver = gravest.level != alarm.level
        if graver or elsewhere:
            alarm.level = gravest.level
            sensors = tuple(sorted({s for _, s in alarm.voices}))
            yield Announcement(asset, hazard, alarm.level, True, gravest if graver else voice, sensors)

    def settle_at_once(
        self, asset: AssetKey, hazard: Hazard, words: Sequence[tuple[int, int, Voice, int]]
    ) -> Iterator[Announcement]:
        """What several sensors say in one moment is one change, told by the gravest and greatest of them.

        words : (lane, sensor, voice, event time) of each.
        """
        key = (asset, hazard)
        alarm = self._alarms.get(key)
        before = alarm.level if alarm else 0
        over: list[int] = []
        for lane, sensor, voice, at in words:
            if voice.level > 0:
                if alarm is None:
                    alarm = self._alarms[key] = Alarm(first_at=at)
                alarm.voices[lane, sensor] = voice
            elif alarm is not None and alarm.voices.pop((lane, sensor), None) is not None:
                over.append(sensor)
        if alarm is None:
            return
        if not alarm.voices:
            del self._alarms[key]
            last = next(voice for _, sensor, voice, _ in reversed(words) if sensor in over)
            yield Announcement(asset, hazard, before, False, last, tuple(sorted(set(over))))
            return
        (_, teller), gravest = max(alarm.voices.items(), key=lambda item: (item[1].level, abs(item[1].value)))
        if gravest.level != before:
            alarm.level = gravest.level
            others = sorted({s for _, s in alarm.voices} - {teller})
            yield Announcement(asset, hazard, alarm.level, True, gravest, (teller, *others))

    def firing(self) -> Iterator[tuple[AssetKey, Hazard, Alarm]]:
        """All alarms that fire."""
        for (asset, hazard), alarm in self._alarms.items():
            yield asset, hazard, alarm

    def of(self, asset: AssetKey) -> Mapping[Hazard, Alarm]:
        """Alarms of one asset that fire."""
        return {hazard: alarm for (key, hazard), alarm in self._alarms.items() if key == asset}

    def state(self) -> list[Any]:
        """JSON-ready state."""
        return [
            [
                asset,
                hazard.value,
                alarm.level,
                alarm.first_at,
                [
                    [
                        lane,
                        sensor,
                        v.level,
                        v.value,
                        v.limit,
                        v.reason.key,
                        dict(v.reason.values),
                        dict(v.evidence),
                    ]
                    for (lane, sensor), v in alarm.voices.items()
                ],
            ]
            for (asset, hazard), alarm in self._alarms.items()
        ]

    def restore(self, state: list[Any]) -> None:
        """The state that `state` gave."""
        self._alarms = {
            (asset, Hazard(hazard)): Alarm(
                level,
                first_at,
                {
                    (lane, sensor): Voice(lvl, value, limit, Reason(key, values), evidence)
                    for lane, sensor, lvl, value, limit, key, values, evidence in voices
                },
            )
            for asset, hazard, level, first_at, voices in state
        }
