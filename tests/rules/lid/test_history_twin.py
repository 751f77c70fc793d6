"""Back-filled readings against a slow, obvious twin: one reading of one sensor, in plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from config.lid_rules import LidRules
from rules.lid.history import look_back
from rules.lid.limits import Limits
from rules.lid.reasons import REASONS
from rules.lid.state import LidState, Sink, Tilt, Water
from tests.support.lid_naive import between, normal

SETS = (LidRules(), LidRules(open_deg=40, tilt_urgent_deg=25, sunk_defect_mm=18, flood_mm=250))
nan, inf = math.nan, math.inf
ROWS = 1500
MEASURED = {
    "open": (nan, nan, nan, 0.0, 0.25, 0.5, 1.0),
    "tilt_deg": (nan, inf, -inf, *(x / 2 for x in range(181))),
    "tilt_x_deg": (nan, *(float(x) for x in range(-100, 101, 3))),
    "tilt_y_deg": (nan, *(float(x) for x in range(-100, 101, 7))),
    "displacement_mm": (nan, inf, -inf, -800.0, 800.0, *(x / 2 for x in range(-90, 91))),
    "water_mm": (nan, nan, inf, -inf, *(float(x) for x in range(0, 1300, 25))),
    "distance_mm": (nan, inf, -inf, *(float(x) for x in range(0, 1600, 25))),
}


@dataclass(frozen=True)
class Known:
    """What a sensor has been learned to show; no baseline counts before it is complete."""

    rules: LidRules
    tilt: float
    up: tuple[float, float, float]
    axes: tuple[float, float]
    tilt_count: int
    level_mm: float
    level_count: int
    dry_mm: float
    dry_count: int

    def turned(self, reading: dict[str, float]) -> float:
        """The greater of the change of inclination and the turn of the plane [°]."""
        if self.tilt_count < self.rules.commission_readings:
            return nan
        turns = [abs(reading.get("tilt_deg", nan) - self.tilt)]
        x, y = reading.get("tilt_x_deg", nan), reading.get("tilt_y_deg", nan)
        if math.isnan(turns[0]) and not (math.isnan(x) and math.isnan(y)):
            # Of one axis alone, the other lies where it lay last.
            x, y = (last if math.isnan(axis) else axis for axis, last in zip((x, y), self.axes, strict=True))
        if math.isfinite(x) and math.isfinite(y):
            turns.append(between(normal(x, y), self.up))
        return max((turn for turn in turns if not math.isnan(turn)), default=nan)

    def says(self, reading: dict[str, float]) -> dict[str, tuple[int, float, float, str]]:
        """Hazard → (level, value, limit, reason) of one reading by itself."""
        rules, said = self.rules, {}
        turned = self.turned(reading)
        sunk = reading.get("displacement_mm", nan) - self.level_mm
        if self.level_count < rules.commission_readings:
            sunk = nan
        if reading.get("open", nan) > 0.5:
            said["missing"] = (4, nan, nan, "missing.contact")
        elif turned >= rules.open_deg:
            said["missing"] = (4, turned, rules.open_deg, "missing.angle")
        elif abs(sunk) >= rules.gone_mm:
            said["missing"] = (4, sunk, rules.gone_mm, "missing.gone_mm")
        else:
            # A lid that is not there is neither tilted nor sunken.
            for level, limit in ((4, rules.tilt_urgent_deg), (3, rules.tilt_defect_deg)):
                if turned >= limit:
                    said.setdefault("tilted", (level, turned, limit, "tilted.angle"))
            for level, limit in ((4, rules.sunk_urgent_mm), (3, rules.sunk_defect_mm)):
                if sunk >= limit:
                    said.setdefault("sunken", (level, sunk, limit, "sunken.step_mm"))
        water = reading.get("water_mm", nan)
        if math.isnan(water) and self.dry_count >= rules.commission_readings:
            water = self.dry_mm - reading.get("distance_mm", nan)
        for level, limit in ((4, rules.flood_urgent_mm), (3, rules.flood_mm)):
            if water >= limit:
                said.setdefault("flooded", (level, water, limit, "flooded.level_mm"))
        return said


def sensors(rng: np.random.Generator) -> tuple[LidState, list[Known], np.ndarray]:
    """Sensors of two classes with baselines of any age."""
    state, known = LidState(ROWS), []
    class_of = rng.integers(0, 2, ROWS).astype(np.uint16)
    for i in range(ROWS):
        x, y = rng.integers(-10, 11, 2).tolist()
        up = normal(x, y)
        least = SETS[class_of[i]].commission_readings
        counts = rng.choice([0, least - 1, least, least, 99], 3).tolist()
        tilt, level, dry = float(rng.integers(0, 21)) / 2, float(rng.integers(-8, 9)), 1500.0
        state.tilt[i, [Tilt.BASE, Tilt.X, Tilt.Y, Tilt.Z, Tilt.COUNT]] = [tilt, *up, counts[0]]
        state.tilt[i, [Tilt.LAST_X, Tilt.LAST_Y]] = x, y
        state.sink[i, [Sink.BASE, Sink.COUNT]] = level, counts[1]
        state.water[i, [Water.DRY, Water.DRY_COUNT]] = dry, counts[2]
        known.append(Known(SETS[class_of[i]], tilt, up, (x, y), counts[0], level, counts[1], dry, counts[2]))
    return state, known, class_of


def on_a_limit(known: Known, reading: dict[str, float]) -> bool:
    """Axes that turn the plane so near to a limit that float32 may round it over: it knows the angle of a lid
    that stands upright to some hundredths of a degree."""
    rules, turned = known.rules, known.turned(reading)
    limits = (rules.open_deg, rules.tilt_urgent_deg, rules.tilt_defect_deg)
    return turned % 0.5 != 0 and any(abs(turned - limit) < 0.03 for limit in limits)


@pytest.mark.parametrize("seed", range(8))
def test_each_late_reading_is_judged_as_the_slow_twin_judges_it(seed: int) -> None:
    """Columns missing, values missing or infinite, baselines complete or not, in any order of sensors."""
    rng = np.random.default_rng(seed)
    state, known, class_of = sensors(rng)
    names = [name for name in MEASURED if seed == 0 or rng.random() < 0.8]
    columns = {name: rng.choice(MEASURED[name], ROWS).astype(np.float32) for name in names}
    sensor = rng.permutation(ROWS).astype(np.int32)
    time = rng.integers(0, 1 << 50, ROWS)
    found: list[tuple[str, int, int, int, str]] = []
    numbers: list[tuple[float, float]] = []
    for v in look_back(state, sensor, time, columns, Limits.of(SETS).at(class_of, sensor)):
        for k, who in enumerate(v.sensor.tolist()):
            reason = REASONS[v.reason[k]].removeprefix("rules_lid.")
            found.append((v.hazard.value, who, int(v.time[k]), int(v.level[k]), reason))
            numbers.append((float(v.value[k]), float(v.limit[k])))
    told = dict(zip(found, numbers, strict=True))
    expected: dict[tuple[str, int, int, int, str], tuple[float, float]] = {}
    for row, who in enumerate(sensor.tolist()):
        reading = {name: float(column[row]) for name, column in columns.items()}
        if on_a_limit(known[who], reading):
            told = {key: value for key, value in told.items() if key[1] != who}
            continue
        for hazard, (level, value, limit, reason) in known[who].says(reading).items():
            expected[hazard, who, int(time[row]), level, reason] = (value, limit)
    assert len(found) == len(numbers) > 100
    assert sorted(told) == sorted(expected)
    for key, pair in expected.items():
        np.testing.assert_allclose(told[key], pair, rtol=1e-4, atol=0.03)
