"""Backtests: readings a second from frame to alarms, with many lids and with few that read often."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from benchmarks.rules_speed import START
from config.rules import RuleSet
from devices.frame import NO_SEQ, Flag, Frame
from devices.registry import Registry
from jingqiao.backtest.run import backtest

CASES: Final = (
    (10_000, 3600, 1_000_000),
    (1000, 3600, 500_000),
    (500, 3600, 500_000),
    (100, 3600, 200_000),
    (100, 60, 200_000),
    (20, 3600, 100_000),
    (20, 1, 100_000),
)
"""Lids, seconds between a lid's readings, readings in all."""


def lids(n: int) -> Registry:
    """n lids with one sensor each."""
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114 + i * 0.001, "lat": 30.4} for i in range(n)],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 3600} for i in range(n)],
    )


def readings(n: int, period_s: int, rows: int) -> Frame:
    """A healthy city's, in order of event time."""
    rng = np.random.default_rng(n)
    number, sensor = np.divmod(np.arange(rows), n)
    spread_us = int(period_s * 1e6 / n)
    time_us = START + number * period_s * 1_000_000 + sensor * spread_us + rng.integers(0, spread_us, rows)
    return Frame(
        sensor.astype(np.int32),
        time_us,
        time_us,
        np.full(rows, NO_SEQ, np.int64),
        np.full(rows, Flag.GOOD, np.uint8),
        {
            "tilt_deg": np.round(rng.normal(1, 0.05, rows), 2).astype(np.float32),
            "displacement_mm": rng.normal(0, 0.2, rows).astype(np.float32),
            "vibration_g": np.abs(rng.normal(0.2, 0.1, rows)).astype(np.float32),
            "battery_v": np.full(rows, 3.6, np.float32),
        },
    )


def run() -> list[tuple[str, float, str]]:
    """(what, figure, unit) rows of the table in docs/performance.md."""
    rows: list[tuple[str, float, str]] = []
    for n, period_s, count in CASES:
        registry, frame = lids(n), readings(n, period_s, count)
        begun, used = time.perf_counter(), time.process_time()
        result = backtest(registry, RuleSet(), frame)
        seconds, used = time.perf_counter() - begun, time.process_time() - used
        what = f"backtest, {n:,} lids every {period_s} s"
        rows.append((what, count / seconds, "readings/s"))
        rows.append((f"{what}: by processor time", count / used, "readings/s"))
        rows.append((f"{what}: alarms told", len(result.changes), ""))
    return rows
