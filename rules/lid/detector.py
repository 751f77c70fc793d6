"""The lid detector: channels to features for all rows, features to verdicts for the few that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from config.lid_rules import LidRules
from devices.registry import Registry, Role
from rules.alarm import Hazard, Reason
from rules.detector import FAR, Round, Verdicts
from rules.lid.ahead.guess import guess
from rules.lid.channels import (
    chatter,
    displacement,
    felt,
    gap_since,
    note_switches,
    stirs,
    torn_at,
    turning,
    water_of,
)
from rules.lid.explain import evidence_of, sees
from rules.lid.features import Features
from rules.lid.fitting import DAY_US, Fitting, Stage
from rules.lid.fuse_box import Fuse, FuseBox
from rules.lid.history import learn_seat, look_back
from rules.lid.judge import HAZARDS, SHY, judge
from rules.lid.limits import Limits
from rules.lid.neighbours import Neighbours
from rules.lid.opinion import Fuses
from rules.lid.reasons import REASONS, ROW
from rules.lid.rocking import rock
from rules.lid.schedule import Pace, on_schedule
from rules.lid.state import (
    EPOCH_US,
    HOUR_US,
    SEATED,
    UNDER_WATCH,
    WATCH,
    WATCHED,
    LidState,
    Shock,
)

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
SECOND: Final = 1_000_000
BLOCK_ROWS: Final = 5000
"""Rows judged at a time: their state and all that is derived from it stay in the processor's cache."""


class Read(NamedTuple):
    """What readings say against the states before them: see `Features`.

    look : bool[k]  Rows that stand out or are under watch: the others say nothing.
    """

    limits: Limits
    hours: Float32
    gap: Float32
    before: Float32
    heartbeat: Float32
    scheduled: Bool
    events: Float32
    angle: Float32 | None
    step: Float32 | None
    change: Float32 | None
    vibration: Float32 | None
    water: Float32 | None
    look: Bool


class LidDetector:
    """All hazards of lids and wells, fused from whatever channels a sensor has."""

    name = "lid"
    hazards: tuple[Hazard, ...] = HAZARDS
    reasons: tuple[str, ...] = REASONS
    horizon_us = FAR
    """What silence will say has its own time, however late it is asked for."""
    ahead_sensors = 300
    ahead_readings = 4096
    ahead_columns = None

    def __init__(self, registry: Registry, rules: LidRules) -> None:
        self._state = LidState(len(registry.sensors))
        self._class_of = np.zeros(len(registry.sensors), np.uint16)
        self._fitting = Fitting(registry.sensors.installed_at)
        self._fuses = FuseBox()
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

    def skip_quiet(
        self,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        columns: Mapping[str, Float32],
        valid: Bool,
    ) -> npt.NDArray[np.int64]:
        """Take in as many of some sensors' next readings as say nothing; see `rules.detector.SkipsQuiet`.

        Their states are guessed, then all are judged at once from the guessed states. Where each reading
        leaves behind what was guessed for the next one, the guess was what would have been.
        """
        mine = np.flatnonzero(self._mine.take(sensor) & ~self._fused(sensor) & ~self._fitting.awaits(sensor))
        done: npt.NDArray[np.int64] = valid.sum(axis=0)
        done[self._mine.take(sensor)] = 0
        if len(mine) == 0:
            return done
        if len(mine) < len(sensor):
            sensor, time, valid = sensor[mine], time[:, mine], valid[:, mine]
            columns = {name: column[:, mine] for name, column in columns.items()}
        n, k = time.shape
        with np.errstate(all="ignore"):
            guessed = guess(
                self._state.take(sensor),
                time,
                ((time - EPOCH_US) / HOUR_US).astype(np.float32),
                columns,
                self._heartbeat.take(sensor),
                self._limits.at(self._class_of, sensor),
            )
            own = guessed.copy()
            flat = {name: column.ravel() for name, column in columns.items()}
            read = self._read(own, np.tile(sensor, n), time.ravel(), flat)
        quiet = valid & ~read.look.reshape(n, k)
        quiet[1:] &= own.same(guessed, k).reshape(n - 1, k)
        several = np.where(quiet.all(axis=0), n, quiet.argmin(axis=0))
        done[mine] = several
        some = np.flatnonzero(several)
        if len(some):
            self._state.put(sensor[some], own.rows((several[some] - 1) * k + some))
        return done

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        """Judge a round."""
        mine = self._mine.take(batch.sensor)
        columns: Mapping[str, Float32] = batch.columns
        sensor, time = batch.sensor, batch.time
        if not mine.all():
            if not mine.any():
                return ()
            sensor, time = sensor[mine], time[mine]
            columns = {name: column[mine] for name, column in columns.items()}
        if self._fitting.awaits(sensor).any():
            return self._observe_unfitted(sensor, time, columns)
        return self._observe_blocks(sensor, time, columns)

    def _observe_blocks(
        self, sensor: npt.NDArray[np.int32], time: npt.NDArray[np.int64], columns: Mapping[str, Float32]
    ) -> Sequence[Verdicts]:
        if len(sensor) <= BLOCK_ROWS:
            return self._observe(sensor, time, columns)
        verdicts: list[Verdicts] = []
        for start in range(0, len(sensor), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            some = {name: column[block] for name, column in columns.items()}
            verdicts += self._observe(sensor[block], time[block], some)
        return verdicts

    def late(self, batch: Round) -> Sequence[Verdicts]:
        """What late readings say by themselves against the baseline as it is now.

        State stays as it is, but for sensors that have said nothing in time since they were fitted: there
        readings from after the fitting show how the lid lies, provisionally.
        """
        keep = np.flatnonzero(self._mine.take(batch.sensor))
        if len(keep) == 0:
            return ()
        keep = keep[~self._fitting.of_desk(batch.sensor[keep], batch.time[keep])]
        columns = {name: column[keep] for name, column in batch.columns.items()}
        sensor, time = batch.sensor[keep], batch.time[keep]
        limits = self._limits.at(self._class_of, sensor)
        verdicts = look_back(self._state, sensor, time, columns, limits)
        fitted = self._fitting.seat.take(sensor)
        first = np.flatnonzero((fitted > 0) & (self._state.last[sensor] < fitted) & (time >= fitted))
        if len(first):
            some = {name: column[first] for name, column in columns.items()}
            learn_seat(self._state, sensor[first], time[first], some, limits.take(first))
        return verdicts

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Say what has become certain because nothing came."""
        ripe: list[Fuse] = []
        while (fuse := self._fuses.take_ripe(now)) is not None:
            if self._silent_together(fuse):
                self._fuses.light(fuse._replace(due=fuse.due + self._patience_us(fuse)))
            else:
                ripe.append(fuse)
        return self._burn(ripe)

    def due(self) -> int:
        """Earliest fuse [µs]."""
        return self._fuses.due()

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """`rebaseline` or `binding` of a sensor (`sensor_id`) or an asset (`asset_id`): begin anew."""
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
        # A sensor that is new may have been fitted to a lid that lies too low; who says that a lid is to be
        # learned anew has seen it.
        if name == "rebaseline":
            self._state.said[sensors, WATCH] = SEATED
        return changes

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
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it does not fit."""
        fresh = LidState.of({name: a for name, a in state.items() if not name.startswith(("fuse.", "at."))})
        fresh.grow(len(self._registry.sensors))
        self._state = fresh
        self._fitting.restore(state, fresh.last, self._registry.sensors.installed_at)
        self._fuses.restore(state)

    # --- what is known ---------------------------------------------------------------------------

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """Baseline, latest features and conditions of one sensor."""
        limits = self._limits.at(self._class_of, np.array([sensor]))
        return evidence_of(*self._state.find(sensor), hazard, limits)

    def sees(self, sensor: int) -> Mapping[Hazard, str]:
        """Which hazards this sensor can show, and by what."""
        seen = sees(*self._state.find(sensor))
        if self._fitting.stage(np.array([sensor]))[0] in (Stage.DESK, Stage.AMENDED):
            return dict.fromkeys(seen, "rules_lid.blind.desk")
        return seen

    def beat_us(self, sensor: int) -> tuple[int, bool]:
        """Usual time between its messages on schedule [µs], 0 = not known; whether the latest was one."""
        state, row = self._state.find(np.array([sensor], np.int32))
        pace_s = self._pace(state.events[row], state.pace[row], self._heartbeat.take([sensor]))[0]
        scheduled = bool((state.beat[row] == state.last[row])[0])
        return int(pace_s) * SECOND if pace_s > 0 else 0, scheduled

    # --- inside ----------------------------------------------------------------------------------

    def _follow(self, registry: Registry) -> None:
        self._registry = registry
        role = registry.sensors.role
        self._mine = (role == Role.LID) | (role == Role.WATER)
        self._heartbeat = registry.sensors.heartbeat_s
        self._neighbours: Neighbours | None = None

    def _begin_anew(self, sensors: npt.NDArray[np.int32], at: int) -> list[Verdicts]:
        state, rows = self._state.find(sensors)
        said = state.said[rows]
        state.forget(rows)
        state.said[rows] = 0
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

    def _observe_unfitted(
        self, sensor: npt.NDArray[np.int32], time: npt.NDArray[np.int64], columns: Mapping[str, Float32]
    ) -> Sequence[Verdicts]:
        """Judge readings of which some may be from before their sensor was fitted."""
        limits = self._limits.at(self._class_of, sensor)
        counts, anew, mended = self._fitting.receive(sensor, time, limits)
        verdicts: list[Verdicts] = []
        for s in anew.tolist():
            verdicts += self._begin_anew(np.array([s], np.int32), int(time[sensor == s][0]))
        i = np.flatnonzero(counts)
        if len(i):
            verdicts += self._observe_blocks(
                sensor[i], time[i], {name: column[i] for name, column in columns.items()}
            )
        doubted = np.flatnonzero(self._fitting.stage(sensor) == Stage.DOUBTED)
        ahead = ((self._fitting.begins.take(sensor) - time) / DAY_US).astype(np.float32)
        reason = np.uint8(ROW["sensor_fault.fitted_ahead"])
        for level, rows in ((2, doubted), (0, np.flatnonzero(np.isin(sensor, mended)))):
            if len(rows):
                verdicts.append(
                    Verdicts(
                        Hazard.SENSOR_FAULT,
                        sensor[rows],
                        time[rows],
                        np.full(len(rows), level, np.int8),
                        ahead[rows],
                        np.broadcast_to(limits["desk_days"], len(sensor))[rows].astype(np.float32),
                        np.full(len(rows), reason if level else 0, np.uint8),
                    )
                )
        return verdicts

    def _observe(
        self, sensor: npt.NDArray[np.int32], time: npt.NDArray[np.int64], columns: Mapping[str, Float32]
    ) -> Sequence[Verdicts]:
        own = self._state.take(sensor)
        read = self._read(own, sensor, time, columns)
        self._state.put(sensor, own)
        at = np.flatnonzero(read.look | self._fused(sensor))
        return self._say(own, read, sensor, time, columns, at) if len(at) else ()

    def _read(
        self,
        own: LidState,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        columns: Mapping[str, Float32],
    ) -> Read:
        """Let readings into the states before them, which become those after them."""
        limits = self._limits.at(self._class_of, sensor)
        hours = ((time - EPOCH_US) / HOUR_US).astype(np.float32)
        last = own.last
        gap = gap_since(last, time)
        before = own.gap.copy()
        own.last[:] = time
        own.gap[:] = gap
        heartbeat = self._heartbeat.take(sensor)
        look = (own.said.view(np.uint64)[:, 0] & UNDER_WATCH) != 0
        known = Pace(own.pace, own.wobble, own.beat)
        scheduled, known = on_schedule(time, gap, before, heartbeat, known, ~look)
        own.pace[:], own.wobble[:], own.beat[:] = known.pace_s, known.wobble_s, known.beat
        events = own.events.copy()
        own.events[:] = np.where(
            look | (before == 0), events, events + (~scheduled - events) * np.float32(1 / 16)
        )

        turned = turning(own.tilt, columns, hours, gap, limits)
        angle, step = (None, None) if turned is None else (turned.angle_deg, turned.step_deg)
        change = displacement(own.sink, columns, hours, gap, limits)
        vibration = columns.get("vibration_g")
        if vibration is not None or angle is not None:
            rows = own.shock
            shocks = None if vibration is None else felt(vibration, turned)
            rock(rows, shocks, None if turned is None else turned.rocking_deg, hours, limits)
            score = np.maximum(rows[:, Shock.SCORE], rows[:, Shock.STEP_SCORE])
            look |= score >= self._limits.least("loose_limit")
            if vibration is not None:
                look |= vibration >= self._limits.least("shock_g")
        if turned is not None:
            look |= turned.still
            look |= stirs(own.tilt, turned.angle_deg, self._limits.least("tilt_attention_deg"))
        if change is not None:
            look |= np.abs(change) >= self._limits.least("forecast_least_mm")
        note_switches(own, columns, look)
        chatter(own, columns, angle, change, hours)
        water = water_of(own.water, columns, angle, hours, limits)
        if water is not None:
            look |= water >= limits["flood_mm"] - SHY * limits["flood_hysteresis_mm"]
        return Read(
            limits,
            hours,
            gap,
            before,
            heartbeat,
            scheduled,
            events,
            angle,
            step,
            change,
            vibration,
            water,
            look,
        )

    def _say(
        self,
        own: LidState,
        read: Read,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        columns: Mapping[str, Float32],
        at: npt.NDArray[np.intp],
    ) -> Sequence[Verdicts]:
        """Judge the rows `at`."""
        state = self._state
        limits, hours, gap, before, heartbeat, scheduled, events, angle, step, change, vibration, water, _ = (
            read
        )
        absent = np.full(len(sensor), np.nan, np.float32)

        def some(column: Float32 | None) -> Float32:
            return absent[at] if column is None else column[at]

        features = Features(
            sensor=sensor[at],
            time=time[at],
            hours=hours[at],
            gap_s=gap[at],
            gap_before_s=before[at],
            pace_s=self._pace(own.events, own.pace, heartbeat)[at],
            scheduled=scheduled[at],
            events=events[at],
            angle_deg=some(angle),
            torn=torn_at(own.tilt[at], columns, at),
            step_deg=some(step),
            change_mm=some(change),
            displacement_mm=some(columns.get("displacement_mm")),
            vibration_g=some(vibration),
            water_mm=some(water),
            open=some(columns.get("open")),
            tilt_alarm=some(columns.get("tilt_alarm")),
            water_alarm=some(columns.get("water_alarm")),
            said=own.said[at],
        )
        burned = self._settle_fuses(features.sensor, features.time)
        if burned:
            of, rows = state.find(features.sensor)
            features = replace(features, said=of.said[rows])
        verdicts, fuses = judge(state, features, limits.take(at))
        self._light(features, fuses)
        return [*burned, *verdicts]

    def _fused(self, sensor: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_] | np.bool_:
        """Sensors that are heard again and lose their fuse, also where their limits were never near."""
        if not self._fuses:
            return np.False_
        return np.isin(sensor, self._fuses.sensors())

    def _pace(self, events: Float32, pace_s: Float32, heartbeat_s: Float32) -> Float32:
        """Usual time between messages [s]: learned, else the heartbeat; NaN = neither can be relied on."""
        chatty = events > self._limits.least("chatty_share")
        # Who wakes often has its equal gaps by chance.
        learned = np.where(chatty, np.maximum(pace_s, heartbeat_s), pace_s)
        return np.asarray(np.where(pace_s > 0, learned, heartbeat_s), np.float32)

    def _settle_fuses(self, sensor: npt.NDArray[np.int32], time: npt.NDArray[np.int64]) -> list[Verdicts]:
        """A sensor that is heard again loses its fuse; one that burned before this reading still speaks."""
        if not self._fuses:
            return []
        ripe = []
        for s, at in zip(sensor.tolist(), time.tolist(), strict=True):
            fuse = self._fuses.put_out(s)
            if fuse is not None and fuse.due <= at:
                ripe.append(fuse)
        return self._burn(ripe)

    def _burn(self, ripe: Sequence[Fuse]) -> list[Verdicts]:
        verdicts = []
        for fuse in ripe:
            state, row = self._state.find(fuse.sensor)
            state.said[row, fuse.hazard] = fuse.level
            verdicts.append(
                Verdicts(
                    HAZARDS[fuse.hazard],
                    np.array([fuse.sensor], np.int32),
                    np.array([fuse.due], np.int64),
                    np.array([fuse.level], np.int8),
                    np.array([fuse.value], np.float32),
                    np.array([fuse.limit], np.float32),
                    np.array([fuse.reason], np.uint8),
                )
            )
        return verdicts

    def _silent_together(self, fuse: Fuse) -> bool:
        """A gateway's silence, or an area's, says nothing of a lid: what it would say waits."""
        if self._neighbours is None:
            self._neighbours = Neighbours(self._registry, self._mine)
        moved = self._fuses.sensors().astype(np.intp)
        return self._neighbours.silent_too(fuse.sensor, self._state, fuse.due, moved)

    def _patience_us(self, fuse: Fuse) -> int:
        """How much longer than now a silence must last that was shared until now."""
        pace_s = self._state.pace[fuse.sensor]
        least = self._limits.least("theft_silence_least_s")
        return int(max(self._limits.least("theft_silence_gaps") * pace_s, least) * SECOND)

    def _light(self, f: Features, fuses: Fuses) -> None:
        for i in np.flatnonzero(np.isfinite(fuses.wait_s)).tolist():
            fuse = Fuse(
                int(f.sensor[i]),
                int(f.time[i]) + int(fuses.wait_s[i] * SECOND),
                int(fuses.hazard[i]),
                int(fuses.level[i]),
                float(fuses.value[i]),
                float(fuses.limit[i]),
                int(fuses.reason[i]),
            )
            self._fuses.light(fuse)
