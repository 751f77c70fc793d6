"""What the rounds settle, told in the order of the rows that decided it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import UNBOUND, Registry
from rules import after_work
from rules.alarm import AlarmChange, AlarmState, Hazard, MutedAlarm, Reason, Severity
from rules.assets import Announcement, AssetAlarms, Voice
from rules.detector import Detector, Verdicts
from rules.faults import Faults
from rules.machine import KeptBack, Transition
from rules.together import Together
from rules.units import UNITS, unit_of
from rules.windows import Window

Place = tuple[int, int, int, int]
"""Where something stands among what a frame brings: (2 × row for a deadline that passed before that row
came, 2 × row + 1 for what the row itself says; deadline; lane; sensor)."""

Told = list[tuple[Place, "list[AlarmChange] | tuple[Transition, Voice] | MutedAlarm"]]
"""Changes ready to tell, a settled level that is yet to be joined with those of the same asset, or what is
not told because of announced work."""

Permits = Callable[[int, int, int], tuple[Window, ...]]
"""(lane, sensor, event time) → announced work that mutes it then."""


def place_of(transition: Transition, now: npt.NDArray[np.int64], row: int) -> Place:
    """Where a transition stands that row `row` decided, or a deadline before it.

    now : int64[n]  The server's time at each row [µs].
    """
    if transition.due:
        before = int(np.searchsorted(now, transition.due))
        return (2 * before, transition.due, transition.lane, transition.sensor)
    return (2 * row + 1, 0, transition.lane, transition.sensor)


def place_of_tick(transition: Transition) -> Place:
    """Where a transition stands that the passing of time decided."""
    return (0, transition.due, transition.lane, transition.sensor)


def place_within(transition: Transition, now: npt.NDArray[np.int64], moment: int) -> Place:
    """The same at a moment within a frame [µs]: before all rows that come then or later.

    now : int64[n]  The server's time at each row [µs].
    """
    due = transition.due or moment
    return (2 * int(np.searchsorted(now, due)), due, transition.lane, transition.sensor)


SLOW_DRIFT: Final = "rules_bridge.drift.slow"
"""Reasons of drift over days begin so."""


class Telling:
    """Transitions with their evidence, joined to assets, as changes of alarms.

    lanes : Sequence[tuple[int, Hazard]]  Detector and hazard of each lane.
    permits : Permits  What is muted, and by what.
    slow_at : (sensor, event time) → what its clock is known to lack [µs]: judged is by the right time.
    """

    def __init__(
        self,
        registry: Registry,
        detectors: Sequence[Detector],
        lanes: Sequence[tuple[int, Hazard]],
        faults: Faults,
        permits: Permits,
        slow_at: Callable[[int, int], int],
    ) -> None:
        self.registry = registry
        self.alarms = AssetAlarms()
        self.together = Together(registry)
        self._detectors = detectors
        self._lanes = tuple(lanes)
        self._faults = faults
        self._permits = permits
        self._slow_at = slow_at
        self._muted: list[MutedAlarm] = []

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown registry."""
        self.registry = registry
        self.together.registry_changed(registry)

    def settle(self, transition: Transition, place: Place, told: Told) -> None:
        """Note a transition with its evidence as it is now; assets are joined in the order of rows."""
        d = self._lanes[transition.lane][0]
        told.append((place, (transition, self._voice(d, transition))))

    def keep_back(self, kept: KeptBack, place: Place, told: Told) -> None:
        """Note what announced work kept from being told, with its evidence as it is now."""
        transition = kept.transition
        d = self._lanes[transition.lane][0]
        change = self._change(
            transition,
            Severity(transition.level or kept.before),
            AlarmState.FIRING if transition.level else AlarmState.CLEAR,
            self._voice(d, transition),
            (transition.sensor,),
        )
        permits = self._permits(transition.lane, transition.sensor, kept.time)
        told.append((place, MutedAlarm(change, self._detectors[d].name, permits)))

    def standing(self, lane: int, sensor: int) -> tuple[Voice, int] | None:
        """What a sensor said when it made an alarm ring that still does, and since when [µs]; None = none."""
        alarm = self.alarms.of(self._key(sensor)).get(self._lanes[lane][1])
        voice = None if alarm is None else alarm.voices.get((lane, sensor))
        return None if alarm is None or voice is None else (voice, alarm.first_at)

    def take_muted(self) -> list[MutedAlarm]:
        """What was kept back of all that was told since this was last asked."""
        muted, self._muted = self._muted, []
        return muted

    def _voice(self, d: int, transition: Transition) -> Voice:
        """A transition with its evidence as it is now."""
        detector = self._detectors[d]
        hazard = self._lanes[transition.lane][1]
        row = transition.reason
        key = after_work.REASON_KEY if row == after_work.REASON else detector.reasons[row]
        values: dict[str, Any] = {"value": transition.value, "limit": transition.limit}
        evidence: dict[str, Any] = {"decided_at_us": transition.decided}
        try:
            reason, facts = detector.explain(transition.sensor, hazard)
        except Exception as error:
            self._faults.note(d, transition.sensor, error)
        else:
            values, evidence = {**reason.values, **values}, {**facts, **evidence}
        return Voice(transition.level, transition.value, transition.limit, Reason(key, values), evidence)

    def tell(self, told: Told) -> list[AlarmChange]:
        """All that was noted, in the order of its places."""
        changes: list[AlarmChange] = []
        for _, some in groupby(sorted(told, key=lambda item: item[0]), key=self._moment):
            at_once: list[tuple[Transition, Voice]] = []
            for _, what in some:
                if isinstance(what, list):
                    changes += what
                elif isinstance(what, MutedAlarm):
                    self._muted.append(what)
                else:
                    at_once.append(what)
            if len(at_once) > 1:
                changes += self._join_at_once(at_once)
            elif at_once:
                changes += self._join(*at_once[0])
        return changes

    def _moment(self, item: tuple[Place, Any]) -> tuple[Any, ...]:
        """What is decided in one moment of one asset is one change; in days each sensor speaks for itself."""
        place, what = item
        if not isinstance(what, tuple):
            return (*place, False)
        transition, voice = what
        asset = self._key(transition.sensor)
        apart = transition.sensor if voice.reason.key.startswith(SLOW_DRIFT) else -1
        return (*place[:3], asset, apart)

    def _join_at_once(self, words: Sequence[tuple[Transition, Voice]]) -> Iterable[AlarmChange]:
        first = words[0][0]
        hazard, asset = self._lanes[first.lane][1], int(self.registry.sensors.asset[first.sensor])
        said_by = {id(voice): transition for transition, voice in words}
        for said in self.alarms.settle_at_once(
            self._key(first.sensor), hazard, [(t.lane, t.sensor, voice, t.at) for t, voice in words]
        ):
            transition = said_by.get(id(said.voice), words[-1][0])
            yield self._announce(transition, said, asset)

    def _key(self, sensor: int) -> int:
        asset = int(self.registry.sensors.asset[sensor])
        return -1 - sensor if asset == UNBOUND else asset

    def _join(self, transition: Transition, voice: Voice) -> Iterable[AlarmChange]:
        hazard = self._lanes[transition.lane][1]
        asset = int(self.registry.sensors.asset[transition.sensor])
        # In minutes a bridge moves as one; over days a drift in one section must not hide another's.
        place = self._section if voice.reason.key.startswith(SLOW_DRIFT) else None
        for said in self.alarms.settle(
            self._key(transition.sensor),
            hazard,
            transition.lane,
            transition.sensor,
            voice,
            transition.at,
            place,
        ):
            yield self._announce(transition, said, asset)

    def _announce(self, transition: Transition, said: Announcement, asset: int) -> AlarmChange:
        hazard = self._lanes[transition.lane][1]
        common = self.together.note(asset, transition.sensor, hazard, transition.at) if said.fires else {}
        return self._change(
            transition,
            Severity(said.level),
            AlarmState.FIRING if said.fires else AlarmState.CLEAR,
            said.voice,
            said.sensors,
            common,
        )

    def _section(self, sensor: int) -> str:
        """Section of a bridge that a sensor sits in."""
        return self.registry.sensors.text("section", sensor)

    def _change(
        self,
        transition: Transition,
        severity: Severity,
        state: AlarmState,
        voice: Voice,
        sensors: Sequence[int],
        common: Mapping[str, Any] = MappingProxyType({}),
    ) -> AlarmChange:
        """What is told of a transition. common : what it has in common with alarms before it."""
        evidence = dict(voice.evidence)
        provisional = bool(evidence.pop("provisional", False))
        evidence.pop("conditions", None)
        hazard = self._lanes[transition.lane][1]
        unit = str(evidence.pop("unit", unit_of(hazard, voice.reason.key)))
        # What moves with a structure rings with it, whichever of its gauges was over its limit first.
        if slow := self._slow_at(transition.sensor, transition.at):
            evidence["clock_slow_s"] = slow / 1e6
        own = [self.registry.sensor_id(sensor) for sensor in sensors]
        names = dict.fromkeys([*own, *evidence.pop("seen_also_by", ())])
        return AlarmChange(
            self._asset_id(transition.sensor),
            hazard,
            severity,
            state,
            transition.at,
            voice.value,
            voice.limit,
            unit,
            voice.reason,
            tuple(names),
            provisional,
            evidence={**evidence, **common},
        )

    def note_late(
        self, lane: int, verdicts: Verdicts, i: int, decided: int, place: Place, told: Told
    ) -> None:
        """Note what row `i` of verdicts on late readings says: history, or history of announced work."""
        change = self._historical(lane, verdicts, i, decided)
        permits = self._permits(lane, int(verdicts.sensor[i]), change.event_at)
        name = self._detectors[self._lanes[lane][0]].name
        told.append((place, MutedAlarm(change, name, permits) if permits else [change]))

    def _historical(self, lane: int, verdicts: Verdicts, i: int, decided: int) -> AlarmChange:
        """Recorded, never paged."""
        sensor, level = int(verdicts.sensor[i]), int(verdicts.level[i])
        d = self._lanes[lane][0]
        key = self._detectors[d].reasons[int(verdicts.reason[i])]
        value, limit = float(verdicts.value[i]), float(verdicts.limit[i])
        return AlarmChange(
            self._asset_id(sensor),
            verdicts.hazard,
            Severity(level),
            AlarmState.FIRING,
            int(verdicts.time[i]),
            value,
            limit,
            UNITS[verdicts.hazard],
            Reason(key, {"value": value, "limit": limit}),
            (self.registry.sensor_id(sensor),),
            historical=True,
            evidence={"decided_at_us": decided},
        )

    def _asset_id(self, sensor: int) -> str:
        asset = int(self.registry.sensors.asset[sensor])
        return "" if asset == UNBOUND else self.registry.asset_id(asset)
