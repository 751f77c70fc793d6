"""The lid detector: channels to features for all rows, features to verdicts for the few that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.lid_rules import LidRules
from devices.registry import Registry, Role
from rules.after_work import ASK_THE_CREW, DOUBTED
from rules.after_work import REASON as AFTER_WORK
from rules.alarm import Hazard, Reason
from rules.detector import FAR, Round, Verdicts
from rules.lid.ahead.block import Block, take_in
from rules.lid.back_fill import LAST_WORD, follow, last_words
from rules.lid.explain import evidence_of, sees
from rules.lid.fitting import Fitting, Stage
from rules.lid.fuse_box import Fuse, FuseBox, burnt, fuses_of
from rules.lid.history import learn_seat, look_back
from rules.lid.judge import HAZARDS, judge
from rules.lid.limits import Limits
from rules.lid.neighbours import Neighbours, silent_too
from rules.lid.past import Known, Past, known_of
from rules.lid.reading import read, usual_pace
from rules.lid.reasons import REASONS, ROW
from rules.lid.state import OPEN_RUN, SEATED, WATCH, WATCHED, LidState, Water
from rules.lid.works import Before, Works, ask_to_look

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
SECOND: Final = 1_000_000
DOUBTED_AFTER_WORK: Final = DOUBTED | {Hazard.FLOODED}
"""What the last word under work said of these is told in yellow until the next."""
BLOCK_ROWS: Final = 5000
"""Rows judged at a time: their state and all that is derived from it stay in the processor's cache."""


class LidDetector:
    """All hazards of lids and wells, fused from whatever channels a sensor has."""

    name = "lid"
    hazards: tuple[Hazard, ...] = HAZARDS
    reasons: tuple[str, ...] = REASONS
    horizon_us = FAR
    """What silence will say has its own time, however late it is asked for."""
    ahead_sensors = 700
    ahead_readings = 8192
    ahead_columns = None

    def __init__(self, registry: Registry, rules: LidRules) -> None:
        self._state = LidState(len(registry.sensors))
        self._class_of = np.zeros(len(registry.sensors), np.uint16)
        self._fitting = Fitting(registry.sensors.installed_at)
        self._fuses = FuseBox()
        self._works = Works(len(registry.sensors))
        self._back = np.zeros(len(registry.sensors), np.int64)
        self._past: Past | None = None
        self._follow(registry)
        self.thresholds_changed([rules], np.zeros(len(registry.sensors), np.uint16))

    # --- what comes in ---------------------------------------------------------------------------

    def prepare(self, sensor: npt.NDArray[np.int32]) -> None:
        """Take out what is remembered of sensors that the next rounds are of."""
        self._state.take_out(sensor[self._mine.take(sensor)])

    def release(self) -> None:
        """Put it back."""
        self._state.put_back()

    def concerned(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Whether any of these sensors is a lid's or a well's."""
        return bool(self._mine.take(sensor).any())

    def begin(self, sensor: npt.NDArray[np.int32]) -> None:
        """A frame of these sensors begins, whose readings are not judged in the order in which they came."""
        self._past = Past(sensor, known_of(self._state, sensor, self._fused(sensor)))

    def end(self) -> None:
        """It is over."""
        self._past = None

    def waits(self, sensor: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """int64[k]  When something is said of each if nothing comes until then; FAR = nothing."""
        return np.minimum(self._fuses.dues(sensor), self._works.dues(sensor))

    def waits_first(self) -> int:
        """The sensor whose fuse is due first."""
        return self._fuses.earliest()

    def apart(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Whether none of these sensors is a neighbour of the one that is asked about next."""
        near = self._near(self._fuses.earliest())
        return not bool(np.isin(sensor, near).any())

    def run(
        self,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        columns: Mapping[str, Float32],
        valid: Bool,
        held: npt.NDArray[np.int8],
    ) -> tuple[npt.NDArray[np.int64], Sequence[Verdicts]]:
        """Take in the next readings of some sensors up to the first that says something new.

        Their states are guessed, then all are judged at once from the guessed states. Where each reading
        leaves behind what was guessed for the next one, the guess was what would have been.
        """
        mine = self._mine.take(sensor)
        done: npt.NDArray[np.int64] = np.where(mine, 0, valid.sum(axis=0))
        # What burns before a reading by that one's own time is for `observe`, and the first word of all.
        by_itself = self._fitting.awaits(sensor) | self._works.concerned(sensor, time[-1])
        rows = np.flatnonzero(mine & (self._fuses.dues(sensor) > time[0]) & ~by_itself)
        if len(rows) == 0:
            return done, ()
        if len(rows) < len(sensor):
            sensor, time, now, valid = sensor[rows], time[:, rows], now[:, rows], valid[:, rows]
            columns = {name: column[:, rows] for name, column in columns.items()}
            held = held[:, rows]
        with np.errstate(all="ignore"):
            start = self._state.take(sensor)
            heartbeat, limits = self._heartbeat.take(sensor), self._limits.at(self._class_of, sensor)
            block = Block(sensor, time, now, columns, valid, heartbeat, held)
            taken = take_in(block, start, limits, self._fused(sensor))
        done[rows] = taken.done
        self._state.put(sensor, taken.last)
        self._fuses.put_out_all(sensor.tolist())
        for fuse in taken.fuses:
            self._fuses.light(fuse)
        if self._past is not None:
            self._past.note(*taken.past)
        return done, taken.verdicts

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        """Judge a round."""
        mine = self._mine.take(batch.sensor)
        if not mine.all():
            if not mine.any():
                return ()
            batch = batch.take(mine)
        if self._works.concerned(batch.sensor, batch.time).any():
            return self._observe_at_work(batch)
        return self._observe_fitted(batch)

    def _observe_fitted(self, batch: Round) -> Sequence[Verdicts]:
        if self._fitting.awaits(batch.sensor).any():
            return self._observe_unfitted(batch)
        return self._observe_blocks(batch)

    def _observe_blocks(self, batch: Round) -> Sequence[Verdicts]:
        if len(batch.sensor) <= BLOCK_ROWS:
            return self._observe(batch)
        verdicts: list[Verdicts] = []
        for start in range(0, len(batch.sensor), BLOCK_ROWS):
            verdicts += self._observe(batch.take(slice(start, start + BLOCK_ROWS)))
        return verdicts

    def late(self, batch: Round) -> Sequence[Verdicts]:
        """What late readings say by themselves against the baseline as it is now.

        State stays as it is, but for how many readings running say the same (`rules.lid.back_fill`). Of
        sensors that have said nothing in time since they were fitted, readings from after the fitting show
        how the lid lies, provisionally.
        """
        mine, of_desk = self._mine.take(batch.sensor), self._fitting.of_desk(batch.sensor, batch.time)
        keep = np.flatnonzero(mine & ~of_desk)
        if len(keep) == 0:
            return ()
        batch = batch.take(keep)
        sensor, time = batch.sensor, batch.time
        columns = self._of_this_baseline(sensor, time, batch.columns)
        limits = self._limits.at(self._class_of, sensor)
        verdicts = look_back(self._state, sensor, time, columns, limits)
        fitted = self._fitting.seat.take(sensor)
        last = self._state.take(sensor).last
        first = np.flatnonzero((fitted > 0) & (last < fitted) & (time >= fitted))
        if len(first):
            some = {name: column[first] for name, column in columns.items()}
            learn_seat(self._state, sensor[first], time[first], some, limits.take(first))
        newest = np.flatnonzero((time > last) & (time > self._back.take(sensor)) & (last > 0))
        if len(newest):
            some = {name: column[newest] for name, column in columns.items()}
            self._follow_back_fill(sensor[newest], time[newest], batch.received[newest], some, verdicts)
        return verdicts

    def _follow_back_fill(
        self,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        received: npt.NDArray[np.int64],
        columns: Mapping[str, Float32],
        verdicts: Sequence[Verdicts],
    ) -> None:
        """Remember late readings that are newer than all that is known of their sensors."""
        self._back[sensor] = time
        follow(self._state, sensor, columns, self._limits.at(self._class_of, sensor))
        for s in sensor[self._fused(sensor)].tolist():
            # What a newer word says of the lid counts; what silence will say stays.
            lit = self._fuses.of(s)
            if lit is not None and lit.reason == LAST_WORD:
                self._fuses.put_out(s)
        free = ~self._fused(sensor)
        said = self._state.take(sensor).said[:, : len(HAZARDS)]
        for fuse in last_words(HAZARDS, verdicts, sensor[free], received[free], said[free]):
            self._fuses.light(fuse)

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Say what has become certain because nothing came."""
        ripe: list[Fuse] = []
        taken_back = [
            verdicts
            for sensor, end, before in self._works.take_ripe(now)
            for verdicts in self._take_back(sensor, end - 1, before)
        ]
        while (fuse := self._fuses.take_ripe(now)) is not None:
            if fuse.reason != LAST_WORD and self._silent_together(fuse):
                self._fuses.light(fuse._replace(due=fuse.due + self._patience_us(fuse)))
            else:
                ripe.append(fuse)
        for fuse in ripe:
            state, row = self._state.find(fuse.sensor)
            state.said[row, fuse.hazard] = fuse.level
            if self._past is not None and self._past.has(np.array([fuse.sensor]))[0]:
                lit = np.zeros(1, bool)
                self._past.burned(fuse.sensor, now, known_of(state, np.array([row]), lit))
        return [*taken_back, *(burnt(fuse) for fuse in ripe)]

    def due(self) -> int:
        """Earliest fuse, or end of work [µs]."""
        return min(self._fuses.due(), self._works.due())

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """`rebaseline` or `binding` of a sensor (`sensor_id`) or an asset (`asset_id`): begin anew.

        After an `intervention` that is over, too: see `rules.lid.works`.
        """
        if name in ("permit", "intervention"):
            self._works.announce(name, payload, self._registry)
        if name not in ("rebaseline", "binding"):
            return ()
        found: list[int] = []
        if payload.get("sensor_id"):
            found.append(self._registry.sensor_index(str(payload["sensor_id"])))
        elif payload.get("asset_id"):
            asset = self._registry.asset_index(str(payload["asset_id"]))
            found += np.flatnonzero(self._registry.sensors.asset == asset).tolist() if asset >= 0 else []
        sensors = np.array([s for s in found if s >= 0 and self._mine[s]], np.int32)
        at = int(payload.get("at", 0))
        if name == "binding":
            self._fitting.bound(sensors, at)
        else:
            self._fitting.learn_anew(sensors, at)
        changes = self._begin_anew(sensors, at)
        # A sensor that is new may have been fitted to a lid that lies too low, and says so once; who says
        # that a lid is to be learned anew has seen it.
        if name == "rebaseline":
            self._state.said[sensors, WATCH] = SEATED
        asked = sensors[self._works.ask_until[sensors] > 0]
        self._works.ask_until[sensors] = 0
        return [*changes, *ask_to_look(asked, np.full(len(asked), at, np.int64), 0)]

    # --- what changes ----------------------------------------------------------------------------

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown registry; a sensor that was bound or installed anew is commissioned anew."""
        old = self._registry.sensors
        n = len(old)
        moved = (registry.sensors.asset[:n] != old.asset) | (
            registry.sensors.installed_at[:n] != old.installed_at
        )
        self._state.grow(len(registry.sensors))
        self._follow(registry)
        sensors = np.flatnonzero(moved & self._mine[:n]).astype(np.int32)
        self._state.forget(sensors)
        # What rings of it goes on until its first reading there says otherwise.
        self._state.said[sensors, WATCH] = WATCHED
        self._fitting.follow(registry.sensors.installed_at, sensors)
        self._works.grow(len(registry.sensors))
        self._back = np.concatenate([self._back, np.zeros(len(registry.sensors) - n, np.int64)])
        new = np.arange(n, len(registry.sensors))
        self._works.look_ahead(registry, np.concatenate([sensors, new]))
        self._works.zero_mm[sensors] = 0
        self._fuses.put_out_all(sensors.tolist())
        self._class_of = np.resize(self._class_of, len(registry.sensors))
        self._class_of[n:] = 0

    def thresholds_changed(self, sets: Sequence[Any], class_of: npt.NDArray[np.uint16]) -> None:
        """Other limits."""
        self._limits = Limits.of(sets)
        self._class_of = class_of

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {
            **{name: array.copy() for name, array in self._state.arrays().items()},
            **self._fitting.snapshot(),
            **self._fuses.snapshot(),
            **self._works.snapshot(),
            "late.newest": self._back.copy(),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it does not fit."""
        others = ("fuse.", "at.", "work.", "late.")
        fresh = LidState.of({name: a for name, a in state.items() if not name.startswith(others)})
        fresh.grow(len(self._registry.sensors))
        self._state = fresh
        self._fitting.restore(state, fresh.last, self._registry.sensors.installed_at)
        self._fuses.restore(state)
        self._works = Works.of(state, self._registry)
        back = np.array(state.get("late.newest", ()), np.int64)
        self._back = np.concatenate([back, np.zeros(len(fresh.last) - len(back), np.int64)])

    # --- what is known ---------------------------------------------------------------------------

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """Baseline, latest features and conditions of one sensor."""
        limits = self._limits.at(self._class_of, np.array([sensor]))
        fuse = self._fuses.of(sensor)
        burns_us = fuse.due if fuse is not None and HAZARDS[fuse.hazard] is hazard else None
        return evidence_of(*self._state.find(sensor), hazard, limits, burns_us)

    def sees(self, sensor: int) -> Mapping[Hazard, str]:
        """Which hazards this sensor can show, and by what."""
        seen = sees(*self._state.find(sensor))
        if self._fitting.stage(np.array([sensor]))[0] in (Stage.DESK, Stage.AMENDED):
            return dict.fromkeys(seen, "rules_lid.blind.desk")
        return seen

    def beat_us(self, sensor: int) -> tuple[int, bool]:
        """Usual time between its messages on schedule [µs], 0 = not known; whether the latest was one."""
        own = self._state.take(np.array([sensor], np.int32))
        pace_s = usual_pace(own.events, own.pace, self._heartbeat.take([sensor]), self._limits)[0]
        scheduled = bool((own.beat == own.last)[0])
        return int(pace_s) * SECOND if pace_s > 0 else 0, scheduled

    # --- inside ----------------------------------------------------------------------------------

    def _follow(self, registry: Registry) -> None:
        self._registry = registry
        role = registry.sensors.role
        self._mine = (role == Role.LID) | (role == Role.WATER)
        self._heartbeat = registry.sensors.heartbeat_s
        self._neighbours: Neighbours | None = None

    def _begin_anew(self, sensors: npt.NDArray[np.int32], at: int) -> list[Verdicts]:
        said = np.zeros((len(sensors), len(HAZARDS) + 1), np.uint8)
        for i, sensor in enumerate(sensors.tolist()):
            state, row = self._state.find(sensor)
            said[i] = state.said[row]
            state.forget(np.array([row]))
            state.said[row] = 0
        self._fuses.put_out_all(sensors.tolist())
        verdicts = []
        for row, hazard in enumerate(HAZARDS):
            which = sensors[said[:, row] > 0]
            if len(which):
                nothing = np.full(len(which), np.nan, np.float32)
                zero = np.zeros(len(which), np.uint8)
                when = np.full(len(which), at, np.int64)
                verdicts.append(Verdicts(hazard, which, when, zero.astype(np.int8), nothing, nothing, zero))
        return verdicts

    def _observe_at_work(self, batch: Round) -> Sequence[Verdicts]:
        """Judge readings of which some are from under or after work on their sensors."""
        sensor, time, columns = batch.sensor, batch.time, batch.columns
        limits = self._limits.at(self._class_of, sensor)
        answered = self._works.answered(sensor, time)
        verdicts = ask_to_look(sensor[answered], time[answered], 0)
        anew, asked = self._works.receive(sensor, time, columns, self._state, limits, self._registry)
        for s in anew:
            begun = np.array([s], np.int32)
            state, row = self._state.find(s)
            # A contact needs no baseline: what it said before confirms what it says now.
            open_run = state.said[row, WATCH] & np.uint8(3 << OPEN_RUN)
            self._fitting.learn_anew(begun, int(time[sensor == s][0]))
            verdicts += self._begin_anew(begun, int(time[sensor == s][0]))
            state.said[row, WATCH] = SEATED | open_run
        if "water_mm" in columns:
            level = self._works.level(sensor, columns["water_mm"])
            batch = replace(batch, columns={**columns, "water_mm": level})
        verdicts += self._observe_fitted(batch)
        at = np.isin(sensor, asked)
        return [*verdicts, *ask_to_look(sensor[at], time[at], 2)]

    def _take_back(self, sensor: int, at: int, before: Before) -> list[Verdicts]:
        """What a sensor said under work on it counts as a doubt when that ends, until its next word."""
        state, row = self._state.find(sensor)
        if state.said[row, WATCH] >> OPEN_RUN & 3:
            # A contact needs no baseline.
            return []
        self._fuses.put_out_all([sensor])
        verdicts = []
        for i, hazard in enumerate(HAZARDS):
            doubted = ASK_THE_CREW if hazard in DOUBTED_AFTER_WORK else 0
            level = max(before.said[i], int(doubted))
            if level >= state.said[row, i]:
                continue
            state.said[row, i] = level
            water = hazard is Hazard.FLOODED
            value = state.water[row, [Water.LEVEL]] if water else np.full(1, np.nan, np.float32)
            reason = ROW["flooded.unconfirmed_mm"] if water else AFTER_WORK
            who = np.array([sensor], np.int32)
            limit = self._limits.at(self._class_of, who)["flood_mm"] if water else value
            told = np.array([level], np.int8), value, limit, np.array([reason], np.uint8)
            verdicts.append(Verdicts(hazard, who, np.array([at], np.int64), *told))
        return verdicts

    def _of_this_baseline(
        self, sensor: npt.NDArray[np.int32], time: npt.NDArray[np.int64], columns: Mapping[str, Float32]
    ) -> Mapping[str, Float32]:
        """Late readings without angle and height where those are of another baseline than that of now."""
        seat = self._fitting.seat.take(sensor)
        other = (seat > self._fitting.begins.take(sensor)) & (time < seat)
        other |= time >= self._works.over.take(sensor)
        if not other.any():
            return columns
        lies = ("tilt_deg", "tilt_x_deg", "tilt_y_deg", "displacement_mm")
        return {
            name: np.where(other, np.float32(np.nan), column).astype(np.float32) if name in lies else column
            for name, column in columns.items()
        }

    def _observe_unfitted(self, batch: Round) -> Sequence[Verdicts]:
        """Judge readings of which some may be from before their sensor was fitted."""
        sensor, time = batch.sensor, batch.time
        limits = self._limits.at(self._class_of, sensor)
        counts, anew, mended = self._fitting.receive(sensor, time, limits)
        verdicts: list[Verdicts] = []
        for s in anew.tolist():
            verdicts += self._begin_anew(np.array([s], np.int32), int(time[sensor == s][0]))
        fitted = np.flatnonzero(counts)
        if len(fitted):
            verdicts += self._observe_blocks(batch.take(fitted))
        return [*verdicts, *self._fitting.of_registry(sensor, time, mended, limits)]

    def _observe(self, batch: Round) -> Sequence[Verdicts]:
        sensor, time, columns = batch.sensor, batch.time, batch.columns
        own = self._state.take(sensor)
        limits = self._limits.at(self._class_of, sensor)
        seen = read(own, time, columns, self._heartbeat.take(sensor), limits)
        at = np.flatnonzero(seen.look | self._fused(sensor))
        said: list[Verdicts] = []
        if len(at):
            for row, fuse in self._settle_fuses(sensor, time, at):
                own.said[row, fuse.hazard] = fuse.level
                said.append(burnt(fuse))
            features = seen.features(own, sensor, time, columns, at)
            judged = judge(own, at, features, limits.take(at))
            for fuse in fuses_of(features, judged.fuses):
                self._fuses.light(fuse)
            said += judged.verdicts(features)
        self._state.put(sensor, own)
        if self._past is not None:
            self._past.note(sensor, batch.received, known_of(own, np.arange(len(own)), self._fused(sensor)))
        return said

    def _fused(self, sensor: npt.NDArray[np.int32]) -> Bool:
        """Sensors that are heard again and lose their fuse, also where their limits were never near."""
        if not self._fuses:
            return np.zeros(len(sensor), bool)
        return np.isin(sensor, self._fuses.sensors())

    def _settle_fuses(
        self, sensor: npt.NDArray[np.int32], time: npt.NDArray[np.int64], at: npt.NDArray[np.intp]
    ) -> list[tuple[int, Fuse]]:
        """A sensor that is heard again loses its fuse; what burned before the reading speaks: (row, fuse)."""
        if not self._fuses:
            return []
        ripe = []
        for row in at.tolist():
            fuse = self._fuses.put_out(int(sensor[row]))
            if fuse is not None and fuse.due <= time[row]:
                ripe.append((row, fuse))
        return ripe

    def _silent_together(self, fuse: Fuse) -> bool:
        """A gateway's silence, or an area's, says nothing of a lid: what it would say waits."""
        near = self._near(fuse.sensor)
        state, row = self._state.find(fuse.sensor)
        return silent_too(self._known_at(near, fuse.due), int(state.last[row]), fuse.due)

    def _near(self, sensor: int) -> npt.NDArray[np.intp]:
        if self._neighbours is None:
            self._neighbours = Neighbours(self._registry, self._mine)
        return self._neighbours.near(sensor)

    def _known_at(self, sensors: npt.NDArray[np.intp], moment: int) -> Known:
        """What was known of sensors when everything that came before a moment had been judged."""
        known = known_of(self._state, sensors, np.isin(sensors, self._fuses.sensors()))
        if self._past is None:
            return known
        inside = np.flatnonzero(self._past.has(sensors))
        return known.replaced(inside, self._past.before(sensors[inside], moment))

    def _patience_us(self, fuse: Fuse) -> int:
        """How much longer than now a silence must last that was shared until now."""
        state, row = self._state.find(fuse.sensor)
        least = self._limits.least("theft_silence_least_s")
        return int(max(self._limits.least("theft_silence_gaps") * state.pace[row], least) * SECOND)
