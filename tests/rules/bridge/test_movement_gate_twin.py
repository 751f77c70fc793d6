"""The gate of movements against a slow, obvious twin, over worlds in which every fault turns up."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from config.bridge_rules import BridgeRules, FaultLimits
from devices.registry import Registry, Role
from rules.bridge.movement_channels import movement_channels, movement_rules
from rules.bridge.movement_gate import BlockRows, MovementFault, MovementGate
from tests.support.bridge_movement_gate_naive import DAY, SlowGate

ROLES = ("deflection", "deflection", "displacement", "tilt", "acceleration", "displacement")
DESIGNS = (40.0, 0.0, 30.0, 0.5, 0.0, 0.0)
RULES = BridgeRules(fault=FaultLimits(stuck_readings=6, spikes_a_day=3, noise_ratio=4, movement_stuck_s=7200))
BLOCK = 20_000_000
START = 19_800 * DAY // BLOCK
MOODS = ("quiet", "quiet", "restless", "restless", "stuck", "spiky", "broken", "clipped", "thin")
SIZES = {"deflection": 3.0, "displacement": 5.0, "tilt": 0.03, "acceleration": 0.2}


def registry() -> Registry:
    rows: list[dict[str, Any]] = []
    for i, (role, design) in enumerate(zip(ROLES, DESIGNS, strict=True)):
        bound = {"design_max": design} if design else {}
        rows.append({"sensor_id": f"M{i}", "asset_id": "B", "role": role, **bound})
    return Registry.of([{"asset_id": "B", "kind": "bridge"}], rows)


class World:
    """What each channel goes through: days that are quiet, restless, stuck, spiky, broken, clipped, thin."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.mood = ["quiet"] * len(ROLES)
        self.still = [(0.0, 0.0)] * len(ROLES)

    def turn(self, day: int) -> None:
        for i in range(len(ROLES)):
            if day > 8 and self.rng.random() < 0.4:
                self.mood[i] = str(self.rng.choice(MOODS))

    def rows(self, i: int, fast: bool) -> list[tuple[float, float]]:
        rng, role, mood = self.rng, ROLES[i], self.mood[i]
        n = int(rng.choice([36, 40])) if fast else int(rng.choice([0, 1, 1, 2]))
        if mood == "thin" and fast:
            n = int(rng.choice([0, 2, 4]))
        if mood == "stuck" and n:
            return [self.still[i]] * n
        size = SIZES[role] * (8 if mood == "restless" else 1)
        x, y = rng.normal(0, size, n), rng.normal(0, size, n) * (role == "tilt")
        x = np.abs(x) if role == "acceleration" else x
        if mood == "spiky":
            x = np.where(rng.random(n) < 0.08, 900 * rng.normal(size=n), x)
        if mood == "broken":
            x = np.where(rng.random(n) < 0.6, -9999.0, x)
        if mood == "clipped":
            x = np.clip(150 * np.sin(np.arange(n) / 6), -60, 60) if role != "tilt" else x
        rows = list(zip(x.tolist(), y.tolist(), strict=True))
        if rows:
            self.still[i] = rows[-1]
        return rows


def test_the_gate_is_that_of_the_slow_twin() -> None:
    channels = movement_channels(registry())
    rules = movement_rules(channels, [RULES], np.zeros(len(ROLES), np.uint16))
    told: Counter[str] = Counter()
    withheld = 0
    for seed in range(3):
        rng = np.random.default_rng([5, seed])
        world, gate = World(rng), MovementGate(len(ROLES))
        twins = [SlowGate(role, size, RULES.fault) for role, size in zip(ROLES, DESIGNS, strict=True)]
        for day in range(26):
            world.turn(day)
            often = rng.integers(0, 4320, 60)
            runs = [np.arange(a, a + 40) for a in rng.integers(0, 4000, 1)]
            fast = set(np.concatenate(runs).tolist())
            for number in sorted({*often.tolist(), *fast}):
                block = START + day * 4320 + number
                some = [(i, world.rows(i, number in fast)) for i in range(len(ROLES))]
                some = [(i, rows) for i, rows in some if rows]
                if not some:
                    continue
                c = np.array([i for i, _ in some])
                x, y = np.array([row for _, rows in some for row in rows]).T
                n = np.array([len(rows) for _, rows in some])
                ends = np.cumsum(n) - 1
                role = channels.role[np.repeat(c, n)]
                now = np.array([block * BLOCK + int(k) for k in rng.integers(0, BLOCK, len(c))])
                seen = np.where(role == Role.TILT, np.hypot(x, y), x)
                of = BlockRows(seen, np.stack([x, y], axis=1), ends - n + 1, ends, now)
                sound = gate.step(rules, channels.role[c], block, c, of)
                for k, (i, rows) in enumerate(some):
                    judged = twins[i].block(block, rows, int(now[k]))
                    fault = MovementFault(int(gate.state["fault"][i])).name.lower()
                    assert (fault, bool(sound[k])) == (twins[i].fault, judged)
                    if fault != "none":
                        found = gate.state["value"][i], gate.state["limit"][i]
                        np.testing.assert_allclose(found, (twins[i].value, twins[i].limit), rtol=1e-6)
                    told[fault] += 1
                    withheld += not judged
    assert set(told) == {"none", "gap", "stuck", "spikes", "range", "saturated", "noise"}
    assert 0 < withheld < told["none"]
