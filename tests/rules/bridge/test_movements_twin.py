"""Levels of deflection, displacement, tilt, temperature, shaking, and sag, against a slow, obvious twin."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from config.bridge_rules import BridgeRules, FaultLimits, MovementLimits, SagLimits
from devices.registry import Registry
from rules.alarm import Hazard
from rules.bridge.movements import REASONS, MovementDetector
from rules.detector import Round, Verdicts
from tests.support.bridge_movements_naive import BLOCK, DAY, SECOND, Reading, Said, Sensor, SlowMovements

nan, inf = math.nan, math.inf
START = 19_800 * DAY
SENSORS: tuple[tuple[str, float, float], ...] = (
    ("deflection", -10, 40),
    ("deflection", -inf, 60),
    ("deflection", -inf, inf),
    ("displacement", 5, 25),
    ("tilt", -inf, 0.5),
    ("temperature", -10, 45),
    ("acceleration", -inf, inf),
    ("acceleration", -inf, inf),
)
WAVE = 6
"""An accelerometer that on some days sends its waveform."""
FAR = 1e12
RULES = BridgeRules(
    # The gate has a twin of its own: here it is kept wide open.
    fault=FaultLimits(
        movement_range_mm=FAR, movement_range_deg=FAR, movement_range_g=FAR, movement_stuck_s=FAR
    ),
    movement=MovementLimits(many=3, month_days=6, apart_s=90),
    sag=SagLimits(least_days=14, least_mm=2, least_share=0.05, certainty=4),
)
NAMES = ("displacement_mm", "tilt_x_deg", "tilt_y_deg", "tilt_deg", "temperature_c", "vibration_g")
COLUMNS = (*NAMES, "acceleration_rms_g")


def registry() -> Registry:
    rows: list[dict[str, Any]] = []
    for i, (role, low, high) in enumerate(SENSORS):
        bounds = {name: v for name, v in (("design_min", low), ("design_max", high)) if math.isfinite(v)}
        rows.append({"sensor_id": f"M{i}", "asset_id": "B", "role": role, **bounds})
    return Registry.of([{"asset_id": "B", "kind": "bridge"}], rows)


class World:
    """What a bridge does on its days: loads that come and go, a sag, shaking that swells, wild samples."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.sag = rng.choice([0.0, 0.15, 0.4], 3)
        self.load = np.zeros(len(SENSORS))
        self.swell = 20.0

    def spoilt(self, value: float, wild: float = 500.0) -> float:
        """A value as a sensor sends it."""
        if self.rng.random() < 0.02:
            return float(self.rng.choice([nan, inf, -inf, wild, -wild]))
        return value

    def reading(self, i: int, day: float, rms: bool) -> dict[str, float]:
        rng, role = self.rng, SENSORS[i][0]
        air = 15 + 10 * math.sin(day * 1.7) + round(float(rng.normal()), 1)
        if role == "deflection":
            mm = round(4 * (self.load[i] + 0.3 * air + self.sag[i] * day + rng.normal(0, 0.3))) / 4
            own = {"temperature_c": self.spoilt(air)} if i == 0 and day > 5 else {}
            return {"displacement_mm": self.spoilt(mm), **own}
        if role == "displacement":
            return {"displacement_mm": self.spoilt(12.0 + self.load[i])}
        if role == "tilt":
            x, y = 1 + self.load[i] / 64, -0.5 + float(rng.integers(-2, 3)) / 64
            plain = (
                {"tilt_deg": self.spoilt(x, 3)} if rng.random() < 0.3 else {"tilt_x_deg": self.spoilt(x, 3)}
            )
            return {**plain, "tilt_y_deg": self.spoilt(y, 3)}
        if role == "temperature":
            return {"temperature_c": self.spoilt(air + self.load[i])}
        name = "acceleration_rms_g" if rms else "vibration_g"
        return {name: self.spoilt(self.swell * float(rng.uniform(0.9, 1.1)) / 980.665)}


def blocks(rng: np.random.Generator) -> list[tuple[int, dict[str, float], int]]:
    """(time, values, sensor) in order: some blocks each day, and now and then an hour without a gap."""
    world, out = World(rng), []
    for day in range(int(rng.integers(18, 26))):
        hours = sorted(rng.integers(0, 3 * 1440, int(rng.integers(3, 9))).tolist())
        if rng.random() < 0.4:
            first = int(rng.integers(0, 4000))
            hours = sorted({*hours, *range(first, first + int(rng.integers(20, 200)))})
            growth = float(rng.choice([1.0, 1.0, 1.003, 1.008, 0.997]))
            world.swell = float(rng.choice([10, 25, 33, 45, 55]))
        else:
            growth = 1.0
        rms = rng.random() < 0.5
        for block in hours:
            world.swell = min(world.swell * growth, 300.0)
            if rng.random() < 0.05:
                i = rng.integers(len(SENSORS))
                world.load[i] = rng.choice([0, 0, 0, 8, 13, 20, 28, 33, 38, 45, -8, -11, -21])
            for i in range(len(SENSORS)):
                n = int(rng.choice([0, 1, 1, 2, 4]))
                if i == WAVE and not rms:
                    n = int(rng.choice([19, 20, 25]))
                at = np.sort(rng.choice(20_000, n, replace=False)) * 1000
                for t in at.tolist():
                    time = START + day * DAY + block * BLOCK + t
                    out.append((time, world.reading(i, day + block / 4320, rms or i != WAVE), i))
    return sorted(out, key=lambda row: row[0])


def as_round(rows: list[tuple[int, dict[str, float], int]]) -> Round:
    time = np.array([row[0] for row in rows], np.int64)
    columns = {
        name: np.array([row[1].get(name, nan) for row in rows], np.float32)
        for name in COLUMNS
        if any(name in row[1] for row in rows)
    }
    sensor = np.array([row[2] for row in rows], np.int32)
    return Round(sensor, time, time, np.zeros(len(rows), np.uint8), columns)


def told(verdicts: list[Verdicts]) -> list[Said]:
    return [
        Said(
            v.hazard.value,
            int(v.sensor[k]),
            int(v.time[k]),
            int(v.level[k]),
            REASONS[v.reason[k]].removeprefix("rules_bridge."),
            float(v.value[k]),
            float(v.limit[k]),
        )
        for v in verdicts
        if v.hazard is not Hazard.SENSOR_FAULT
        for k in range(len(v.sensor))
    ]


def expected(rows: list[tuple[int, dict[str, float], int]]) -> list[Said]:
    slow = SlowMovements([Sensor(i, *row) for i, row in enumerate(SENSORS)], RULES)
    by_block: dict[int, dict[int, list[Reading]]] = {}
    for time, values, i in rows:
        role = SENSORS[i][0]
        v = {name: float(np.float32(value)) for name, value in values.items()}
        x, y = v.get("displacement_mm", nan), nan
        if role == "tilt":
            x, y = v.get("tilt_x_deg", nan), v.get("tilt_y_deg", nan)
            x = v.get("tilt_deg", nan) if math.isnan(x) else x
        elif role == "temperature":
            x = v["temperature_c"]
        elif role == "acceleration":
            x, y = v.get("vibration_g", nan), v.get("acceleration_rms_g", nan)
        if math.isfinite(x) or (role == "acceleration" and math.isfinite(y)):
            reading = Reading(time, x, y, v.get("temperature_c", nan))
            by_block.setdefault(time // BLOCK, {}).setdefault(i, []).append(reading)
    return [said for number, readings in by_block.items() for said in slow.block(number, readings)]


def played(rng: np.random.Generator, rows: list[tuple[int, dict[str, float], int]]) -> list[Said]:
    """Cut anywhere, ticked now and then, through snapshots."""
    fast = MovementDetector(registry(), RULES)
    said: list[Verdicts] = []
    at = 0
    while at < len(rows):
        end = at + int(rng.integers(1, 400))
        for some in apart(rows[at:end]):
            said += fast.observe(as_round(some))
        at = end
        if at < len(rows) and rng.random() < 0.5:
            said += fast.tick(rows[at][0])
        if rng.random() < 0.02:
            state = fast.snapshot()
            fast = MovementDetector(registry(), RULES)
            fast.restore(state)
    return told([*said, *fast.tick(rows[-1][0] + 60 * SECOND)])


def apart(rows: list[tuple[int, dict[str, float], int]]) -> list[list[tuple[int, dict[str, float], int]]]:
    """Rounds: the first reading of each sensor, then the second, and so on."""
    rank: Counter[int] = Counter()
    out: list[list[tuple[int, dict[str, float], int]]] = []
    for row in rows:
        if rank[row[2]] == len(out):
            out.append([])
        out[rank[row[2]]].append(row)
        rank[row[2]] += 1
    return out


def key(said: Said) -> tuple[int, int, str, int, str]:
    return said.time, said.sensor, said.hazard, said.grade, said.reason


def test_movements_are_those_of_the_slow_twin() -> None:
    """Whatever is missing, infinite or wild, however the stream is cut; each reason turns up."""
    reasons: Counter[str] = Counter()
    for seed in range(4):
        rng = np.random.default_rng([0, seed])
        rows = blocks(rng)
        found, wanted = sorted(played(rng, rows), key=key), sorted(expected(rows), key=key)
        assert list(map(key, found)) == list(map(key, wanted))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose((a.value, a.limit), (b.value, b.limit), rtol=1e-4, atol=1e-4)
        reasons.update(said.reason for said in wanted if said.grade)
    faults = {reason for reason in REASONS if "fault." in reason}
    seen = {f"rules_bridge.{reason}" for reason in reasons}
    missing = set(REASONS) - faults - seen - {"rules_bridge.clear"}
    assert missing == set(), reasons
