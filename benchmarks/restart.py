"""A restart with 1,000,000 sensors: from the start of the process to the first decision."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

SENSORS: Final = 1_000_000


def run(sensors: int = SENSORS) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit)."""
    from benchmarks.service_drain import write_registry

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_registry(folder, sensors)
        first = _child(folder, "import")
        again = _child(folder, "restart")
    return [
        (f"first start with {sensors:,} sensors, import included", first["seconds"], "s"),
        (f"restart with {sensors:,} sensors until the first decision", again["seconds"], "s"),
        ("restart, peak memory", again["peak_mb"], "MB"),
        ("snapshot on disk", again["snapshot_mb"], "MB"),
    ]


def _child(folder: Path, what: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.restart", what, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


async def _start(folder: Path, *, with_import: bool, started: float) -> dict[str, float]:
    import numpy as np

    from config.settings import Settings
    from devices.frame import Flag, Frame
    from jingqiao.clock import ManualClock, WallClock
    from jingqiao.notify.phone import PhoneSender
    from jingqiao.service import Service

    files = {"assets": folder / "assets.csv", "sensors": folder / "sensors.csv"} if with_import else {}
    settings = Settings(data_dir=folder / "data", registry=files, archive={"kind": "none"})
    service = Service(settings, WallClock(), PhoneSender(ManualClock(0)))
    n = len(service.registry().sensors)
    now = service.clock.now()
    sensor = np.arange(0, n, max(1, n // 20_000), dtype=np.int32)
    times = np.full(len(sensor), now, np.int64)
    frame = Frame(
        sensor,
        times,
        times,
        np.full(len(sensor), -1, np.int64),
        np.full(len(sensor), Flag.GOOD, np.uint8),
        {"tilt_deg": np.full(len(sensor), 0.5, np.float32)},
    )
    seq = await service.log.append([frame])
    await service.runner.deliver(seq, [frame])
    seconds = time.perf_counter() - started
    await service.keep_snapshot()
    newest = max(settings.snapshot_dir.glob("engine-*.bin")).stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await service.close()
    return {"seconds": seconds, "peak_mb": peak, "snapshot_mb": newest / 1e6}


def main() -> None:
    """Print the table; or, as the child process, start a service."""
    if sys.argv[1:2] in (["import"], ["restart"]):
        started = time.perf_counter()
        result = asyncio.run(_start(Path(sys.argv[2]), with_import=sys.argv[1] == "import", started=started))
        sys.stdout.write(json.dumps(result) + "\n")
        return
    for name, figure, unit in run():
        sys.stdout.write(f"{name:60} {figure:12,.2f} {unit}\n")


if __name__ == "__main__":
    main()
