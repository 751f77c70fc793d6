"""Rules alone: readings a second, bytes of state a sensor, and the time from a snapshot to a decision."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
import pyarrow as pa

from config.rules import RuleSet
from devices.frame import NO_SEQ, Flag, Frame
from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, Assets, Kind, Registry, Role, Sensors
from rules.engine import Engine

SENSORS: Final = 1_000_000
FRAME_ROWS: Final = 20_000
FRAMES: Final = 60
WARM_UP: Final = 10
START: Final = 1_790_000_000_000_000
DAY: Final = 86_400_000_000
COMMISSIONED_DAYS: Final = 6
"""After so many days of heartbeats every baseline is complete: then a sensor's first words are past."""


def city(n: int) -> Registry:
    """A registry of n lids with one sensor each, spread over 60 by 60 km."""
    number = np.arange(n)
    rng = np.random.default_rng(1)
    ids = pa.array(np.char.add("s", number.astype(str)).astype(object), pa.string())
    blank = pa.array(np.full(n, "", object), pa.string())
    unknown = np.full(n, np.nan, np.float32)
    assets = Assets(
        texts={name: ids if name == "asset_id" else blank for name in ASSET_TEXTS},
        kind=np.full(n, Kind.COVER, np.int8),
        lon=114.6 + rng.random(n) * 0.6,
        lat=30.1 + rng.random(n) * 0.5,
        installed_on=np.full(n, -1, np.int32),
        design_life_years=unknown,
        low_lying=np.full(n, -1, np.int8),
        fall_net=np.full(n, -1, np.int8),
    )
    native = pa.array(np.full(n, "native", object), pa.string())
    texts = {"sensor_id": ids, "model": native}
    sensors = Sensors(
        texts={name: texts.get(name, blank) for name in SENSOR_TEXTS},
        asset=number.astype(np.int32),
        role=np.full(n, Role.LID, np.int8),
        heartbeat_s=np.full(n, 86_400, np.float32),
        installed_at=np.zeros(n, np.int64),
        e_gpa=unknown,
        alpha_per_c=unknown,
        strain_min_ue=unknown,
        strain_max_ue=unknown,
        design_live_ue=unknown,
        design_min=unknown,
        design_max=unknown,
    )
    return Registry(assets, sensors)


def heartbeats(n: int, number: int, *, repeats: bool) -> Frame:
    """One frame of a healthy city; with `repeats`, every sensor is in it twice."""
    rng = np.random.default_rng(number)
    first = number * FRAME_ROWS
    sensor = ((np.arange(first, first + FRAME_ROWS) * 7919) % n).astype(np.int32)
    if repeats:
        sensor[FRAME_ROWS // 2 :] = sensor[: FRAME_ROWS // 2]
    base = rng.normal(1.0, 0.02, FRAME_ROWS).astype(np.float32)
    at = START + number * DAY // (n // FRAME_ROWS) + np.arange(FRAME_ROWS) * 1000
    return Frame(
        sensor,
        at,
        at + 500_000,
        np.full(FRAME_ROWS, NO_SEQ, np.int64),
        np.full(FRAME_ROWS, Flag.GOOD, np.uint8),
        {
            "tilt_deg": base,
            "displacement_mm": rng.normal(0, 0.2, FRAME_ROWS).astype(np.float32),
            "vibration_g": np.abs(rng.normal(0.2, 0.1, FRAME_ROWS)).astype(np.float32),
            "temperature_c": rng.normal(20, 3, FRAME_ROWS).astype(np.float32),
            "battery_v": np.full(FRAME_ROWS, 3.6, np.float32),
        },
        rng.integers(1, 200, FRAME_ROWS).astype(np.int32),
    )


def play(engine: Engine, frames: list[Frame], what: str) -> list[tuple[str, float, str]]:
    """Rates of judging some frames, by the wall clock and by the processor's time."""
    told = 0
    begun, used = time.perf_counter(), time.process_time()
    for frame in frames:
        told += len(engine.apply(frame))
        if engine.due() <= int(frame.received[-1]):
            told += len(engine.tick(int(frame.received[-1])))
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    rows = sum(len(frame) for frame in frames)
    return [
        (what, rows / seconds, "readings/s"),
        (f"{what}: by processor time", rows / used, "readings/s"),
        (f"{what}: alarms told", told, ""),
    ]


def run(n: int = SENSORS) -> list[tuple[str, float, str]]:
    """(what, figure, unit) rows of the table in docs/performance.md."""
    registry = city(n)
    rows: list[tuple[str, float, str]] = []
    engine = Engine(registry, RuleSet())
    engine.tick(START)
    numbers = iter(range(10**6))

    def frames(count: int, *, repeats: bool = False) -> list[Frame]:
        return [heartbeats(n, next(numbers), repeats=repeats) for _ in range(count)]

    play(engine, frames(WARM_UP), "")
    rows += play(engine, frames(FRAMES - WARM_UP), "rules, all detectors")
    rows += play(engine, frames(FRAMES - WARM_UP, repeats=True), "rules, sensors repeat in a frame")
    for _ in range(COMMISSIONED_DAYS * n // FRAME_ROWS):
        play(engine, frames(1), "")
    rows += play(engine, frames(FRAMES - WARM_UP), "rules, all sensors commissioned")
    begun = time.perf_counter()
    snapshot = engine.snapshot()
    rows.append(("snapshot taken", time.perf_counter() - begun, "s"))
    rows.append(("state of a sensor", len(snapshot) / n, "bytes"))
    begun = time.perf_counter()
    again = Engine(registry, RuleSet())
    again.restore(snapshot)
    again.apply(heartbeats(n, next(numbers), repeats=False))
    rows.append(("snapshot to first decision", time.perf_counter() - begun, "s"))
    return rows


if __name__ == "__main__":
    for what, figure, unit in run():
        print(f"{what:40} {figure:16,.2f} {unit}")
