"""Silence behind gateways against a slow, obvious twin: who is told alone, who together, and who is back."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from config.health_rules import HealthRules
from devices.registry import Registry
from rules.detector import Verdicts
from rules.health.silent import Silent
from tests.support.frames import HOUR, T0

MINUTE = HOUR // 60
RULES = HealthRules(outage_least_members=1000, silent_radio_loss=0)
SENSORS = 14
GATEWAYS = (7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 11, 11, 11, 13)
"""Six, four and three behind one each, and one by itself: too few for a group."""
Said = tuple[str, int, str, int]


def registry() -> Registry:
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 100 + i, "lat": 30} for i in range(SENSORS)],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "heartbeat_s": 3600} for i in range(SENSORS)],
    )


@dataclass
class SilentGroup:
    """Silence that began between `low`, its members' last word, and `high`, the first one missed."""

    low: int
    high: int
    members: list[int]

    def takes(self, low: int, high: int) -> bool:
        return low <= self.high and self.low <= high


@dataclass
class SlowSilence:
    """One sensor after another, asked every minute."""

    heard: list[int] = field(default_factory=lambda: [T0] * SENSORS)
    status: list[str] = field(default_factory=lambda: ["alive"] * SENSORS)
    groups: dict[int, SilentGroup] = field(default_factory=dict)

    def hear(self, sensor: int, at: int) -> list[Said]:
        before, self.status[sensor], self.heard[sensor] = self.status[sensor], "alive", at
        if before == "alive":
            return []
        if before != "together":
            return [("alone", sensor, "clear", at)]
        gateway = GATEWAYS[sensor]
        for member in self.groups.pop(gateway).members:
            if self.status[member] == "together":
                self.status[member], self.heard[member] = "alive", at
        return [("group", gateway, "clear", at)]

    def tick(self, now: int) -> list[Said]:
        said: list[Said] = []
        latest: dict[int, int] = {}
        for gateway in sorted(set(GATEWAYS)):
            own = [i for i in range(SENSORS) if GATEWAYS[i] == gateway and self.status[i] == "alive"]
            if len(own) < RULES.group_least_members:
                continue
            missed = sorted(self.heard[i] + round(RULES.group_after_heartbeats * HOUR) for i in own)
            deadline = missed[math.ceil(RULES.group_share * len(own)) - 1]
            if deadline > now:
                latest[gateway] = max(self.heard[i] for i in own)
                continue
            low, high = max(self.heard[i] for i in own), max(self.heard[i] for i in own) + HOUR
            for i in own:
                self.status[i] = "together"
            known = self.groups.get(gateway)
            if known and known.takes(low, high):
                known.members += own
                continue
            self.groups[gateway] = SilentGroup(low, high, own)
            said.append(("group", gateway, "firing", deadline))
        for i in range(SENSORS):
            first = self.heard[i] + round(RULES.silent_after_heartbeats * HOUR)
            second = self.heard[i] + round(RULES.long_silent_after_heartbeats * HOUR)
            known = self.groups.get(GATEWAYS[i])
            late = self.status[i] == "alive" and first <= now
            if late and known and known.takes(self.heard[i], self.heard[i] + HOUR):
                self.status[i] = "together"
                known.members.append(i)
            if self.status[i] == "alive" and first <= now and latest.get(GATEWAYS[i], first) >= first:
                self.status[i] = "silent"
                said.append(("alone", i, "blue", first))
            if self.status[i] == "silent" and second <= now:
                self.status[i] = "long"
                said.append(("alone", i, "yellow", second))
        return said


def alone(verdicts: list[Verdicts]) -> list[Said]:
    levels = {0: "clear", 1: "blue", 2: "yellow"}
    return [
        ("alone", int(v.sensor[k]), levels[int(v.level[k])], int(v.time[k]))
        for v in verdicts
        for k in range(len(v.sensor))
    ]


def groups(silent: Silent) -> list[Said]:
    return [
        ("group", int(change.evidence["gateway"]), change.state.value, change.event_at)
        for change in silent.announcements()
    ]


def test_silence_behind_gateways_is_that_of_the_slow_twin() -> None:
    told: Counter[tuple[str, str]] = Counter()
    for seed in range(6):
        rng = np.random.default_rng([31, seed])
        fast, slow = Silent(registry(), RULES), SlowSilence()
        down = dict.fromkeys((*GATEWAYS, *range(-SENSORS, 0)), 0)
        one = np.arange(SENSORS, dtype=np.int32)
        fast.hear(one, np.full(SENSORS, T0), np.array(GATEWAYS, np.int32))
        for minute in range(1, 5 * 24 * 60):
            now = T0 + minute * MINUTE
            if rng.random() < 0.002:
                # A gateway, or a sensor alone (negative), is dead for hours or for days.
                down[int(rng.choice(list(down)))] = minute + int(rng.choice([90, 400, 2500]))
            found: list[Said] = []
            wanted: list[Said] = []
            for sensor in range(SENSORS):
                dead = max(down[GATEWAYS[sensor]], down[sensor - SENSORS]) > minute
                if dead or rng.random() > 1 / 45:
                    continue
                row = np.array([sensor], np.int32), np.array([now]), np.array([GATEWAYS[sensor]], np.int32)
                found += alone(list(fast.hear(*row)))
                wanted += slow.hear(sensor, now)
            found += alone(list(fast.tick(now)))
            wanted += slow.tick(now)
            assert sorted([*found, *groups(fast)]) == sorted(wanted), (seed, minute)
            told.update((kind, state) for kind, _, state, _ in wanted)
    assert {("group", "firing"), ("group", "clear"), ("alone", "blue"), ("alone", "clear")} <= set(told)
    assert told["alone", "yellow"] > 0
