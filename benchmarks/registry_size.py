"""What a registry of a million sensors costs: memory, building it, and finding a batch of ids."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from devices.registry import Assets, Registry, Sensors

SENSORS = 1_000_000
BATCH = 20_000
ROUNDS = 20


def city(n: int) -> tuple[Assets, Sensors]:
    """n covers with a sensor each: texts as in the example city, every column filled."""
    number = np.arange(n)
    digits = pc.utf8_lpad(pc.cast(pa.array(number), pa.string()), 10, "0")

    def repeated(text: str) -> pa.Array:
        return pa.array([text]).take(pa.array(np.zeros(n, np.int64)))

    def numbered(before: str, after: str = "") -> pa.Array:
        return pc.binary_join_element_wise(before, digits, after, "")

    assets = Assets(
        texts={
            "asset_id": numbered("420704"),
            "name": numbered("武昌大道", "号井"),
            "category": repeated("电力井盖"),
            "district": repeated("鄂城区"),
            "road": repeated("武昌大道"),
            "owner": repeated("鄂州供电(示例)"),
            "maintainer": repeated("鄂城市政养护一队"),
            "material": repeated("球墨铸铁"),
            "load_class": repeated("D400"),
            "status": repeated("in_use"),
        },
        kind=np.zeros(n, np.int8),
        lon=114.8 + number * 1e-7,
        lat=30.3 + number * 1e-7,
        installed_on=np.full(n, 16_000, np.int32),
        design_life_years=np.full(n, 15, np.float32),
        low_lying=np.zeros(n, np.int8),
        fall_net=np.zeros(n, np.int8),
    )
    single = np.full(n, np.nan, np.float32)
    sensors = Sensors(
        texts={
            "sensor_id": numbered("24e124"),
            "model": repeated("em320-tilt"),
            "location": repeated("盖板内侧"),
            "section": repeated(""),
            "group": repeated(""),
        },
        asset=number.astype(np.int32),
        role=np.zeros(n, np.int8),
        heartbeat_s=np.full(n, 21_600, np.float32),
        installed_at=np.full(n, 1_700_000_000_000_000, np.int64),
        e_gpa=single,
        alpha_per_c=single.copy(),
        strain_min_ue=single.copy(),
        strain_max_ue=single.copy(),
        design_live_ue=single.copy(),
        design_min=single.copy(),
        design_max=single.copy(),
    )
    return assets, sensors


def resident_mb() -> float:
    """Memory of this process that is in RAM [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def measure() -> list[tuple[str, float, str]]:
    """All figures, in a process that holds nothing else."""
    gc.collect()
    before = resident_mb()
    assets, sensors = city(SENSORS)
    start = time.process_time()
    registry = Registry(assets, sensors)
    built = time.process_time() - start
    del assets, sensors  # the registry keeps its own, more compact columns
    gc.collect()
    pa.default_memory_pool().release_unused()
    held = resident_mb() - before
    chosen = np.random.default_rng(7).integers(0, SENSORS, BATCH)
    ids = [f"24e124{i:010d}" for i in chosen]
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        found = registry.sensor_indices(ids)
        best = min(best, time.process_time() - start)
    assert found.tolist() == chosen.tolist()
    return [
        ("registry of 1,000,000 sensors and covers, in memory", held, "MB"),
        ("… indexed by id", built * 1e3, "ms"),
        ("look-up of 20,000 ids", best * 1e3, "ms"),
    ]


def run() -> list[tuple[str, float, str]]:
    """(what, value, unit); processor time, since other work on the machine is not the registry's cost."""
    done = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True)
    return [(what, value, unit) for what, value, unit in json.loads(done.stdout)]


if __name__ == "__main__":
    print(json.dumps(measure()))
