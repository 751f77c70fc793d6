"""Time of the slow update of 10,000 gauges and of 64 fast ones: `python -m benchmarks.bridge_speed`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from rules.bridge.compensation import TERMS, Compensation
from rules.bridge.joint import Joint
from rules.bridge.slow import SlowDrift
from tests.support.bridge_runs import bridge_engine
from tests.support.bridge_runs import run as play
from tests.support.bridge_series import DayRecord, bridge_registry, day_registry

Rows = list[tuple[str, float, str]]


def run() -> Rows:
    """(what, figure, unit) rows of the table in docs/performance.md."""
    return slow_update() + fast_gauges()


def slow_update(channels: int = 10_000) -> Rows:
    """One frozen day of hourly values for all channels."""
    n = channels // 4
    engine_limits = _limits(n)
    model = Compensation(channels, np.full(channels, 12.0))
    slow = SlowDrift(
        channels,
        engine_limits,
        model,
        Joint(np.arange(channels, dtype=np.int32) // 4, np.ones(channels, bool)),
    )
    slow.frozen[:], slow.complete[:], slow.noise.sigma[:] = True, True, 2.0
    model.origin[:], model.covariance[:] = 0.0, np.eye(TERMS) * 0.01
    rng = np.random.default_rng(1)
    c = np.arange(channels)
    spent = []
    for hour in range(24 * 8):
        row = np.concatenate([np.ones((channels, 1)), rng.normal(0, 1, (channels, TERMS - 1))], axis=1)
        value = rng.normal(0, 2, channels)
        began = time.perf_counter()
        slow.add(c, np.full(channels, hour), row, value, np.ones(channels, bool))
        spent.append(time.perf_counter() - began)
    hours = np.array(spent) * 1e3
    ends = hours[48::24]
    return [
        (f"bridge, slow update of {channels:,} gauges: an hour (median)", float(np.median(hours)), "ms"),
        (
            f"bridge, slow update of {channels:,} gauges: an hour that ends a day (median)",
            float(np.median(ends)),
            "ms",
        ),
    ]


def _limits(sections: int) -> Any:
    from config.bridge_rules import BridgeRules
    from rules.bridge.channels import channels
    from rules.bridge.limits import Limits

    registry = bridge_registry(sections, 4, thermometers=False)
    table = channels(registry)
    return Limits(table, (BridgeRules(),), np.zeros(len(registry.sensors), np.uint16)).slow


def fast_gauges(gauges: int = 64) -> Rows:
    """Half an hour of 1 s features of 64 gauges through the engine."""
    frame = DayRecord(hours=0.5, gauges=gauges).frame(1)
    engine = bridge_engine(day_registry(gauges))
    began = time.perf_counter()
    play(engine, frame, 20_000)
    share = (time.perf_counter() - began) / 1800
    return [(f"bridge, {gauges} gauges at 1 s features: share of one core", 100 * share, "%")]


if __name__ == "__main__":
    for what, figure, unit in run():
        print(f"{what}: {figure:,.2f} {unit}")
