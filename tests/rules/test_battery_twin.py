"""Batteries against a slow, obvious twin: one reading of one sensor at a time, in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.health_rules import BatteryType, HealthRules
from devices.registry import Registry
from rules.detector import Round
from rules.health.battery import REASONS, BatteryLow

GOOD, LOW, EMPTY, ALARM = range(4)
RULES = HealthRules(batteries={"fed": BatteryType(full_v=12.0, empty_v=10.0)})
MODELS = ("", "fed", "native")
LIMITS = (RULES, HealthRules(battery_low_pct=40, battery_empty_pct=25, battery_hysteresis_pct=0))
CLASS_OF = (0, 0, 1)


class SlowBattery:
    """What is known of one sensor's battery, and what a reading says of it."""

    def __init__(self, model: str, rules: HealthRules) -> None:
        self.model, self.rules, self.level = model, rules, 0

    def charge(self, pct: float, volts: float) -> float:
        """[%] as the device says, else by a straight line from full to empty; NaN = nobody knows."""
        if not math.isnan(pct):
            return pct
        if self.model == "fed":
            empty, full = 10.0, 12.0
        else:
            empty, full = 3.0, 3.6
            if volts > 4.0:
                return math.nan
        if math.isnan(volts):
            return math.nan
        return min(max(100 * (volts - empty) / (full - empty), 0.0), 100.0)

    def take(self, pct: float, volts: float, alarm: float) -> tuple[int, int, float] | None:
        """(level, reason, limit), or None when the reading tells nothing of a battery."""
        charge = self.charge(pct, volts)
        if math.isnan(charge) and math.isnan(alarm):
            return None
        rules = self.rules
        # From a level on, the way back is longer by the gap.
        empty = rules.battery_empty_pct + (rules.battery_hysteresis_pct if self.level == 2 else 0)
        low = rules.battery_low_pct + (rules.battery_hysteresis_pct if self.level >= 1 else 0)
        rings = alarm > 0.5
        if charge < empty:
            self.level, reason = 2, EMPTY
        elif charge < low or rings:
            self.level, reason = 1, ALARM if rings else LOW
        else:
            self.level, reason = 0, GOOD
        limit = rules.battery_empty_pct if self.level == 2 else rules.battery_low_pct
        return self.level, reason, limit


odd = [math.nan, math.nan, math.inf, -math.inf]
READING = st.tuples(
    st.sampled_from([*odd, 0.0, 5.0, 9.5, 10.0, 14.5, 15.0, 19.5, 20.0, 24.5, 25.0, 40.0, 100.0]),
    st.sampled_from([*odd, 0.0, 2.5, 3.0, 3.125, 3.25, 3.5, 3.6, 4.0, 4.5, 10.5, 11.0, 11.9, 13.0]),
    st.sampled_from([math.nan, math.nan, 0.0, 1.0]),
)
ROUND = st.dictionaries(st.integers(0, len(MODELS) - 1), READING, min_size=1)


def columns_of(readings: list[tuple[float, float, float]]) -> dict[str, Any]:
    """A quantity that no row has is not in the frame."""
    table = np.array(readings, np.float32)
    names = ("battery_pct", "battery_v", "battery_alarm")
    return {name: table[:, i] for i, name in enumerate(names) if not np.isnan(table[:, i]).all()}


@settings(max_examples=300, deadline=None)
@given(st.lists(ROUND, min_size=1, max_size=12))
def test_batteries_agree_with_their_slow_twin(rounds: list[dict[int, tuple[float, float, float]]]) -> None:
    sensors = [{"sensor_id": f"s{i}", "model": model} for i, model in enumerate(MODELS)]
    fast = BatteryLow(Registry.of([], sensors), RULES)
    fast.thresholds_changed(LIMITS, np.array(CLASS_OF, np.uint16))
    twins = [SlowBattery(model, LIMITS[of]) for model, of in zip(MODELS, CLASS_OF, strict=True)]
    for hour, readings in enumerate(rounds):
        who = sorted(readings)
        time = np.full(len(who), hour * 3_600_000_000, np.int64)
        flag = np.ones(len(who), np.uint8)
        columns = columns_of([readings[i] for i in who])
        said = fast.observe(Round(np.array(who, np.int32), time, time, flag, columns))
        told = {
            int(v.sensor[i]): (int(v.level[i]), int(v.reason[i]), float(v.limit[i]))
            for v in said
            for i in range(len(v.sensor))
        }
        expected = {i: twins[i].take(*(float(np.float32(x)) for x in readings[i])) for i in who}
        assert told == {i: verdict for i, verdict in expected.items() if verdict is not None}
    assert len(REASONS) == ALARM + 1
