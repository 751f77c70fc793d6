"""`silent`: a sensor of which nothing was heard for a multiple of its own heartbeat.

Silence is counted from reception, not from event time: a sensor that sends old readings is alive. What
silences many at once (a gateway, a place, our own uplink) is told once, and its members are not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.health_rules import HealthRules
from devices.frame import NO_GATEWAY
from devices.registry import UNBOUND, UNKNOWN, Kind, Registry
from rules.alarm import AlarmChange, Hazard, Reason, Severity
from rules.common_cause import NO_PLACE, Membership, first_together, places, silences
from rules.detector import FAR, Round, Verdicts
from rules.health.groups import HOUR, WHOLE_FLEET, Groups
from rules.health.patience import SECOND, Patience
from rules.health.replaced import Replaced
from rules.health.slow import Slow

NEVER: Final = np.iinfo(np.int64).min
RESCAN_US: Final = 60 * SECOND
"""When somebody was found silent, others may wait for a word of fewer: they are looked at again so soon."""

FORESEE_LEAST: Final = 64
"""Rows below which looking ahead costs more than it saves."""

ALIVE, SILENT, LONG_SILENT, EXPLAINED, UNEXPECTED, REPLACED = 0, 1, 2, 3, 4, 5
"""`status` of a sensor; EXPLAINED: silent together with its group; UNEXPECTED: not asked after yet;
REPLACED: silent, and a newer one speaks in its place."""

REASONS: Final = (
    "rules_health.silent.heard",
    "rules_health.silent.overdue",
    "rules_health.silent.offline",
    "rules_health.silent.point_overdue",
    "rules_health.silent.point_offline",
    "rules_health.silent.overdue_often",
    "rules_health.silent.replaced",
    "rules_health.silent.slower",
)
OVERDUE, OFFLINE, OFTEN, SWAPPED, SLOWER = 1, 2, 5, 6, 7
OFTEN_S: Final = 3600.0
"""Of a lid whose heartbeat is shorter, it is told in minutes."""
_BLUE: Final = np.full(1, Severity.BLUE, np.int8)
NOT_A_LID: Final = 2
"""So much further stands the sentence for what measures no lid: bridges, sensors bound to nothing."""


class Silent:
    """Silence of sensors and of what connects them."""

    name = "silent"
    hazards: tuple[Hazard, ...] = (Hazard.SILENT,)
    reasons: tuple[str, ...] = REASONS

    def __init__(self, registry: Registry, rules: HealthRules) -> None:
        n = len(registry.sensors)
        self._registry = registry
        self._heard = np.full(n, NEVER, np.int64)
        self._gateway = np.full(n, NO_GATEWAY, np.int32)
        self._status = np.zeros(n, np.uint8)
        self._place = places(registry)
        self._by_place = Membership(self._place)
        self._by_gateway: Membership | None = None
        self._on_lid = _on_lid(registry)
        self._offline: dict[int, int] = {}
        self._groups = Groups(registry)
        self._replaced = Replaced(registry)
        self._slow = Slow()
        self._due = 0
        self._waiting = False
        self._awaited = np.zeros(n, bool)
        """bool[n]  Whose next word tells of those that wait whether they alone are silent."""
        self._foreseen = 0
        self.thresholds_changed([rules], np.zeros(n, np.uint16))

    # --- limits ----------------------------------------------------------------------------------

    def thresholds_changed(self, sets: Sequence[HealthRules], class_of: npt.NDArray[np.uint16]) -> None:
        """Follow new limits."""
        self._sets = sets
        self._rules = sets[0]
        self._class_of = class_of
        self._count_beats()
        self._due = 0

    def _count_beats(self) -> None:
        self._patience = Patience.of(self._registry, self._sets, self._class_of)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown registry; a new sensor's silence counts from now."""
        more = len(registry.sensors) - len(self._heard)
        self._registry = self._groups.registry = registry
        self._heard = np.concatenate([self._heard, np.full(more, NEVER, np.int64)])
        self._gateway = np.concatenate([self._gateway, np.full(more, NO_GATEWAY, np.int32)])
        self._status = np.concatenate([self._status, np.zeros(more, np.uint8)])
        self._class_of = np.concatenate([self._class_of, np.zeros(more, np.uint16)])
        self._awaited = np.concatenate([self._awaited, np.zeros(more, bool)])
        self._place = places(registry)
        self._by_place = Membership(self._place)
        self._by_gateway = None
        self._on_lid = _on_lid(registry)
        self._replaced = Replaced(registry, frozenset(self._replaced.spoken))
        self._count_beats()
        self._due = 0

    @property
    def horizon_us(self) -> int:
        """No silence is judged earlier than this after a word [µs]."""
        return self._patience.shortest_us

    # --- what comes in ---------------------------------------------------------------------------

    def hear(
        self,
        sensor: npt.NDArray[np.int32],
        received: npt.NDArray[np.int64],
        gateway: npt.NDArray[np.int32],
    ) -> Sequence[Verdicts]:
        """Note who is alive; whoever was silent is so no more."""
        status, before = self._status.take(sensor), self._heard.take(sensor)
        self._heard[sensor] = received
        via = gateway != NO_GATEWAY
        if via.any():
            if (gateway[via] != self._gateway[sensor[via]]).any():
                self._by_gateway = None
            self._gateway[sensor[via]] = gateway[via]
        if self._waiting and self._awaited.take(sensor).any():
            self._due = 0
        if self._offline:
            for row in np.flatnonzero(np.isin(sensor, list(self._offline))).tolist():
                self._offline.pop(int(sensor[row]), None)
        swapped = self._by_newer(sensor, received)
        swapped += self._in_time(sensor, received, status, before)
        if not status.any():
            return swapped
        rows = np.flatnonzero(status)
        _, first = np.unique(sensor[rows], return_index=True)
        rows = rows[np.sort(first)]
        back, at = sensor[rows], received[rows]
        explained = status[rows] == EXPLAINED
        self._status[back] = ALIVE
        # Whoever is alive again is due again, and sooner than anything that was waited for.
        self._due = 0
        for row in rows[explained].tolist():
            self._member_heard(int(sensor[row]), int(received[row]), int(gateway[row]))
        alone, since = ~explained, before[rows]
        slow = np.zeros(len(rows), bool)
        for i in np.flatnonzero(status[rows] == SILENT).tolist():
            slow[i] = self._slow.late(int(back[i]), int(at[i] - since[i]))
        alone &= ~slow
        still = self._verdicts(back[slow], at[slow], np.repeat(_BLUE, slow.sum()), SLOWER, since[slow])
        back_alone = self._verdicts(back[alone], at[alone], np.zeros(int(alone.sum()), np.int8), 0, at[alone])
        return [*swapped, *still, *back_alone]

    def _in_time(
        self,
        sensor: npt.NDArray[np.int32],
        received: npt.NDArray[np.int64],
        status: npt.NDArray[np.uint8],
        before: npt.NDArray[np.int64],
    ) -> list[Verdicts]:
        """Who was always late and reports in time now is late no more."""
        if not self._slow:
            return []
        known = np.isin(sensor, self._slow.sensors())
        # A sensor may be in a block more than once: each of its words counts from the one before.
        latest: dict[int, int] = {}
        mended = []
        for row in np.flatnonzero(known & (status == ALIVE)).tolist():
            s = int(sensor[row])
            gap = int(received[row]) - latest.get(s, int(before[row]))
            latest[s] = int(received[row])
            if self._slow.in_time(s, gap, int(self._patience.beat_us[s])):
                mended.append(row)
        at = received[mended]
        return self._verdicts(sensor[mended], at, np.zeros(len(mended), np.int8), 0, at)

    def _by_newer(self, sensor: npt.NDArray[np.int32], received: npt.NDArray[np.int64]) -> list[Verdicts]:
        """Who is silent while a newer sensor in its place speaks now: no more than that is told."""
        said: list[Verdicts] = []
        for new in self._replaced.heard(sensor):
            at = received[sensor == new][:1]
            for old in self._replaced.old[new]:
                silent = self._status[old] in (SILENT, LONG_SILENT)
                if silent and self._replaced.is_replaced(old, self._heard, self._patience.beat_us):
                    self._status[old] = REPLACED
                    said += self._verdicts(np.array([old], np.int32), at, _BLUE, SWAPPED)
        return said

    def foresee(
        self,
        sensor: npt.NDArray[np.int32],
        received: npt.NDArray[np.int64],
        gateway: npt.NDArray[np.int32],
    ) -> int:
        """Put off the next look over time in which nobody can be found silent; how far a frame may reach.

        Deadlines only move later by hearing, except those of sensors that were silent or unknown: what is
        heard at once must not reach beyond the first word of such a one.
        """
        status = self._status.take(sensor)
        # Who is back, and a word that others wait for, is heard by itself.
        alone = (status != ALIVE) & (status != UNEXPECTED)
        if self._waiting:
            alone |= self._awaited.take(sensor)
        if self._replaced.old:
            silent = [old for old in self._replaced.by if self._status[old] in (SILENT, LONG_SILENT)]
            alone |= np.isin(sensor, [self._replaced.by[old] for old in silent])
        if self._slow:
            alone |= np.isin(sensor, self._slow.told())
        limit, n = FAR, len(sensor)
        if alone.any():
            n = int(alone.argmax())
            limit = int(received[n]) + 1
        unexpected = status[:n] == UNEXPECTED
        if unexpected.any():
            n = int(unexpected.argmax())
            limit = min(limit, int(received[n]) + self.horizon_us)
        sensor, received, gateway = sensor[:n], received[:n], gateway[:n]
        if n < FORESEE_LEAST or received[0] < self._foreseen or received[n // 4] < self._due:
            return limit
        if self._offline or ((gateway != NO_GATEWAY) & (gateway != self._gateway[sensor])).any():
            return limit
        self._foreseen = int(received[n // 16])
        self._due = max(self._due, self._quiet_until(sensor, received))
        return limit

    def _quiet_until(self, sensor: npt.NDArray[np.int32], received: npt.NDArray[np.int64]) -> int:
        """Until when a look finds nobody silent, given the rows that come next [µs]."""
        rules = self._rules
        is_alive = self._status == ALIVE
        alive = np.flatnonzero(is_alive)
        who, since, until = silences(self._heard, is_alive, sensor, received)
        single, missed = since + self._patience.first_us[who], since + self._patience.missed_us[who]
        # Who is overdue now waits for a word of others.
        alone = (single <= until) & (single > received[0])
        quiet = min(int(received[-1]), int(single[alone].min(initial=FAR)))
        over = missed <= until
        who, missed, until = who[over], missed[over], until[over]
        fleet = np.zeros(len(self._status), np.int64)
        for of, share, least, none in (
            (fleet, rules.outage_share, rules.outage_least_members, NEVER),
            (self._gateway, rules.group_share, rules.group_least_members, NO_GATEWAY),
            (self._place, rules.group_share, rules.group_least_members, NO_PLACE),
        ):
            keys, members = np.unique(of[alive], return_counts=True)
            enough = np.ceil(share * members).astype(np.int64)
            enough[(members < least) | (keys == none)] = FAR
            group = np.searchsorted(keys, of[who])
            quiet = min(quiet, first_together(group, missed, until, enough))
        silent = self._status == SILENT
        if silent.any():
            second = self._heard + self._patience.long_us
            quiet = min(quiet, int(second[silent].min()))
        return quiet

    def concerned(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Never: `hear` has been told of them."""
        del sensor
        return False

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        """Readings themselves say nothing of silence."""
        del batch
        return ()

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Look for silence; costs nothing before the earliest deadline."""
        if now < self._due:
            return ()
        self._heard[self._heard == NEVER] = now
        first, second = self._heard + self._patience.first_us, self._heard + self._patience.long_us
        waits_for, announced = self._judge_groups(now)
        said = [*self._judge_offline(now)]
        over = np.flatnonzero((self._status == ALIVE) & (first <= now)).astype(np.int32)
        over = over[~self._joins(over)]
        proved = self._proved_alone(over, first[over], waits_for)
        alone = over[proved]
        swapped = np.array(
            [self._replaced.is_replaced(s, self._heard, self._patience.beat_us) for s in alone.tolist()], bool
        )
        self._status[alone] = np.where(swapped, REPLACED, SILENT)
        said += self._verdicts(
            alone[swapped], first[alone[swapped]], np.repeat(_BLUE, swapped.sum()), SWAPPED
        )
        alone = alone[~swapped]
        slow = np.isin(alone, self._slow.told())
        said += self._verdicts(alone[slow], first[alone[slow]], np.repeat(_BLUE, slow.sum()), SLOWER)
        alone = alone[~slow]
        said += self._verdicts(alone, first[alone], np.full(len(alone), Severity.BLUE, np.int8), OVERDUE)
        long = np.flatnonzero((self._status == SILENT) & (second <= now)).astype(np.int32)
        self._status[long] = LONG_SILENT
        said += self._verdicts(long, second[long], np.full(len(long), Severity.YELLOW, np.int8), OVERDUE)
        self._await(over[~proved], waits_for)
        self._due = self._next_due(now, first, second, waits_for)
        if self._waiting and (announced or said):
            self._due = min(self._due, now + RESCAN_US)
        return said

    def _await(self, waiting: npt.NDArray[np.int32], waits_for: Mapping[int, tuple[int, int]]) -> None:
        """Note whose word sensors wait for that are overdue and not yet proved to be silent alone."""
        self._waiting = len(waiting) > 0
        if not self._waiting:
            return
        keys = np.array([key if key in waits_for else WHOLE_FLEET for key in self._keys(waiting).tolist()])
        of_any = np.isin(self._gateway, keys) | np.isin(self._place, keys) | (keys == WHOLE_FLEET).any()
        self._awaited = of_any & (self._status == ALIVE)

    def due(self) -> int:
        """Earliest deadline; hearing only moves deadlines later, so it is looked up, not computed."""
        return self._due

    def announcements(self) -> Sequence[AlarmChange]:
        """Groups that fell silent or came back."""
        return self._groups.take_said()

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """`presence` {sensor_id, online}: a device that says good-bye is silent after a short hold.

        `await_first_word`: sensors that were never heard are not asked after (files of a few sensors).
        `gateway` {key, gateway_id}: what the gateway of that key is called.
        """
        if name == "gateway":
            self._groups.call_gateway(int(payload["key"]), str(payload["gateway_id"]))
        if name == "await_first_word":
            self._status[self._heard == NEVER] = UNEXPECTED
        if name != "presence":
            return ()
        sensor = self._registry.sensor_index(str(payload.get("sensor_id") or ""))
        if sensor == UNKNOWN:
            return ()
        at = int(payload["at"])
        if not payload.get("online"):
            if self._status[sensor] == ALIVE:
                self._offline[sensor] = at
                self._due = min(self._due, at + int(self._rules.offline_hold_s * SECOND))
            return ()
        one = np.array([sensor], np.int32)
        return self.hear(one, np.array([at], np.int64), np.array([NO_GATEWAY], np.int32))

    # --- judging ---------------------------------------------------------------------------------

    def _judge_groups(self, now: int) -> tuple[dict[int, tuple[int, int]], bool]:
        """Announce groups that are overdue; key → (last word, deadline) of the others; whether any was."""
        rules = self._rules
        missed_at = self._heard + self._patience.missed_us
        alive = np.flatnonzero(self._status == ALIVE).astype(np.int32)
        waits_for: dict[int, tuple[int, int]] = {}
        announced = False
        if len(alive) >= rules.outage_least_members:
            nth = int(np.ceil(rules.outage_share * len(alive))) - 1
            deadline = int(np.partition(missed_at[alive], nth)[nth])
            waits_for[WHOLE_FLEET] = (int(self._heard[alive].max()), deadline)
            if deadline <= now:
                gone = alive[missed_at[alive] <= now]
                self._announce(WHOLE_FLEET, gone, deadline, Severity.ORANGE)
                announced = True
                del waits_for[WHOLE_FLEET]
        if self._by_gateway is None:
            self._by_gateway = Membership(self._gateway.copy())
        for by in (self._by_gateway, self._by_place):
            is_alive = self._status == ALIVE
            for group, word, deadline in by.deadlines(
                is_alive, missed_at, self._heard, rules.group_share, rules.group_least_members
            ):
                if deadline <= now:
                    members = np.flatnonzero(is_alive & (by.key == group)).astype(np.int32)
                    self._announce(group, members, deadline, Severity.YELLOW)
                    announced = True
                else:
                    waits_for[group] = (word, deadline)
        return waits_for, announced

    def _keys(self, sensor: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        gateway = self._gateway[sensor]
        keys: npt.NDArray[np.int32] = np.where(gateway != NO_GATEWAY, gateway, self._place[sensor])
        return keys

    def _announce(
        self,
        key: int,
        members: npt.NDArray[np.int32],
        at: int,
        severity: Severity,
    ) -> None:
        low = int(self._heard[members].max())
        high = max(low, int((self._heard[members] + self._patience.beat_us[members]).max()))
        self._status[members] = EXPLAINED
        self._groups.announce(key, members, low, high, at, severity)

    def _member_heard(self, sensor: int, at: int, gateway: int) -> None:
        rest = self._groups.heard(sensor, at, gateway, self._rules.group_share)
        rest = rest[self._status[rest] == EXPLAINED]
        # The way is open again: each gets a whole silence of its own before it is asked after.
        self._status[rest] = ALIVE
        self._heard[rest] = at

    def _proved_alone(
        self,
        over: npt.NDArray[np.int32],
        deadline: npt.NDArray[np.int64],
        waits_for: Mapping[int, tuple[int, int]],
    ) -> npt.NDArray[np.bool_]:
        """Whether others of its group were heard after a sensor's deadline: then it alone is silent."""
        proved = np.ones(len(over), bool)
        for i, (key, limit) in enumerate(zip(self._keys(over).tolist(), deadline.tolist(), strict=True)):
            word = waits_for.get(key, waits_for.get(WHOLE_FLEET))
            proved[i] = word is None or word[0] >= limit
        return proved

    def _joins(self, over: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Whether each fell silent with a silent group: too few are left to be a group by themselves."""
        joins = np.zeros(len(over), bool)
        if not self._groups:
            return joins
        for i, sensor in enumerate(over.tolist()):
            keys = (int(self._gateway[sensor]), int(self._place[sensor]), WHOLE_FLEET)
            low = int(self._heard[sensor])
            joins[i] = self._groups.joins(sensor, keys, low, low + int(self._patience.beat_us[sensor]))
        self._status[over[joins]] = EXPLAINED
        return joins

    def _judge_offline(self, now: int) -> Sequence[Verdicts]:
        hold = int(self._rules.offline_hold_s * SECOND)
        gone = np.array(sorted(s for s, at in self._offline.items() if at + hold <= now), np.int32)
        if len(gone) == 0:
            return ()
        at = np.array([self._offline.pop(int(s)) for s in gone], np.int64)
        self._status[gone] = SILENT
        return self._verdicts(gone, at + hold, np.full(len(gone), Severity.BLUE, np.int8), OFFLINE)

    def _next_due(
        self,
        now: int,
        first: npt.NDArray[np.int64],
        second: npt.NDArray[np.int64],
        waits_for: Mapping[int, tuple[int, int]],
    ) -> int:
        alive = (self._status == ALIVE) & (first > now)
        pending = [int(first[alive].min())] if alive.any() else []
        silent = self._status == SILENT
        if silent.any():
            pending.append(int(second[silent].min()))
        pending += [deadline for _, deadline in waits_for.values()]
        hold = int(self._rules.offline_hold_s * SECOND)
        pending += [at + hold for at in self._offline.values()]
        return min(pending, default=FAR)

    def _verdicts(
        self,
        sensor: npt.NDArray[np.int32],
        at: npt.NDArray[np.int64],
        level: npt.NDArray[np.int8],
        reason: int,
        heard: npt.NDArray[np.int64] | None = None,
    ) -> list[Verdicts]:
        if len(sensor) == 0:
            return []
        since = self._heard[sensor] if heard is None else heard
        limit = (self._patience.heartbeat_s[sensor] * self._patience.beats[sensor] / 3600).astype(np.float32)
        value = ((at - since) / HOUR).astype(np.float32)
        reasons = np.full(len(sensor), reason, np.uint8)
        if reason and reason < SWAPPED:
            reasons[~self._on_lid[sensor]] += NOT_A_LID
            reasons[(reasons == OVERDUE) & (self._patience.heartbeat_s[sensor] < OFTEN_S)] = OFTEN
        return [Verdicts(Hazard.SILENT, sensor, at, level, value, limit, reasons)]

    # --- state -----------------------------------------------------------------------------------

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """When it was last heard and when it is due."""
        del hazard
        heartbeat = float(self._patience.heartbeat_s[sensor])
        status, heard = int(self._status[sensor]), int(self._heard[sensor])
        limit = float(self._patience.beats[sensor]) * heartbeat / 3600
        facts: dict[str, Any] = {
            "heartbeat_s": heartbeat,
            "last_heard_us": None if heard == NEVER else heard,
            "due_us": None if heard == NEVER else heard + int(limit * HOUR),
            "with_group": status == EXPLAINED,
            "conditions": [
                {
                    "name": "silent",
                    "value": None,
                    "limit": limit,
                    "unit": "h",
                    "holds": status in (SILENT, LONG_SILENT, REPLACED),
                }
            ],
        }
        values: dict[str, Any] = {"heartbeat_h": heartbeat / 3600, "heartbeat_min": heartbeat / 60}
        often = OFTEN if heartbeat < OFTEN_S else OVERDUE
        reason = often if self._on_lid[sensor] else OVERDUE + NOT_A_LID
        if status == REPLACED:
            values["by"] = self._registry.sensor_id(self._replaced.by[sensor])
            return Reason(REASONS[SWAPPED], values), facts
        values["pace_h"] = self._slow.pace_us(sensor) / HOUR
        if status in (ALIVE, SILENT) and self._slow.is_slow(sensor):
            return Reason(REASONS[SLOWER], values), facts
        return Reason(REASONS[reason if status in (SILENT, LONG_SILENT) else 0], values), facts

    def sees(self, sensor: int) -> Mapping[Hazard, str]:
        """Any sensor can fall silent."""
        del sensor
        return {Hazard.SILENT: "rules_health.sees.silent"}

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as arrays."""
        return {
            "heard": self._heard,
            "gateway": self._gateway,
            "status": self._status,
            "offline": np.array(list(self._offline.items()), np.int64).reshape(-1, 2),
            "due": np.array([self._due, int(self._waiting)], np.int64),
            "slow": self._slow.state(),
            "spoken": np.array(sorted(self._replaced.spoken), np.int32),
            **self._groups.snapshot(),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take a snapshot."""
        try:
            self._heard, self._gateway = np.array(state["heard"]), np.array(state["gateway"])
            self._status = np.array(state["status"])
            self._offline = {int(s): int(at) for s, at in state["offline"].tolist()}
            self._groups.restore(state)
            self._slow = Slow(state.get("slow"))
            spoken = frozenset(int(s) for s in state.get("spoken", ()))
            self._replaced = Replaced(self._registry, spoken)
            self._due, self._waiting = int(state["due"][0]), bool(state["due"][1])
            if self._waiting:
                # Whose word is waited for is found by the next look.
                self._due = 0
            self._by_gateway = None
        except KeyError as error:
            raise ValueError(f"no state of silence: {error}") from error


def _on_lid(registry: Registry) -> npt.NDArray[np.bool_]:
    """bool[n_sensors]  Whether a sensor is bound to a cover."""
    asset = registry.sensors.asset
    on_lid: npt.NDArray[np.bool_] = np.asarray(asset != UNBOUND)
    on_lid[on_lid] = registry.assets.kind[asset[on_lid]] == Kind.COVER
    return on_lid
