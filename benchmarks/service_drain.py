"""The same backlog as in `drain`, through the whole service: decode, log, rules, incidents, archive."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.drain import FILTER, READINGS, SENSORS, _mosquitto_sub, _open_session, _publish
from config.settings import Settings
from config.sources import SourceSettings
from jingqiao.clock import ManualClock, WallClock
from jingqiao.lasting import keep_for_life
from jingqiao.logging import set_up_logging
from jingqiao.notify.phone import PhoneSender
from jingqiao.service import Service
from tests.support.mosquitto import Mosquitto, free_port


def run(readings: int = READINGS, repeat: int = 3) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit): until judged, until archived, and the ratios to mosquitto_sub."""
    best = {
        "mosquitto_sub -q 1 > /dev/null": 0.0,
        "service, until judged": 0.0,
        "service, until archived": 0.0,
    }
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker") as broker:
            for session in ("sub", "service"):
                _open_session(broker.port, session)
            asyncio.run(_publish(broker.port, readings))
            judged, archived = asyncio.run(_service(broker.url, Path(folder) / "data", readings))
            subscriber = asyncio.run(_mosquitto_sub(broker.url, "sub", readings))
            for name, rate in zip(best, (subscriber, judged, archived), strict=True):
                best[name] = max(best[name], rate)
    reference = next(iter(best.values()))
    rows = [(f"drain, {name}", rate, "msg/s") for name, rate in best.items()]
    return rows + [
        (f"drain, {name}: ratio to mosquitto_sub", rate / reference, "")
        for name, rate in list(best.items())[1:]
    ]


async def _service(url: str, folder: Path, readings: int) -> tuple[float, float]:
    """Messages a second until the engine has judged them all, and until the archive holds them all."""
    write_registry(folder, SENSORS)
    settings = Settings(
        data_dir=folder,
        mqtt=[SourceSettings(url=url, client_id="service", topics=(FILTER,), session_expiry_s=3600)],
        registry={"assets": folder / "assets.csv", "sensors": folder / "sensors.csv"},
        http={"port": free_port()},
    )
    service = Service(settings, WallClock(), PhoneSender(ManualClock(0)))
    stop = asyncio.Event()
    keep_for_life()
    started = time.perf_counter()
    running = asyncio.create_task(service.run(stop))
    while service.vitals.readings < readings:
        await asyncio.sleep(0.002)
    judged = time.perf_counter() - started
    assert service.feeder is not None
    while service.feeder.status.rows < readings:
        await asyncio.sleep(0.002)
    archived = time.perf_counter() - started
    stop.set()
    await running
    return readings / judged, readings / archived


def write_registry(folder: Path, sensors: int) -> None:
    """`assets.csv` and `sensors.csv` of covers `cover-000000 …`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "assets.csv").open("w", encoding="utf-8") as assets:
        assets.write("asset_id,kind,district,road,lon,lat\n")
        assets.writelines(
            f"42070401{1 + i // 999_999:02d}{1 + i % 999_999:06d},cover,鄂城区,古城路,"
            f"{114.8 + i % 1000 / 1e4:.4f},{30.3 + i // 1000 % 1000 / 1e4:.4f}\n"
            for i in range(sensors)
        )
    with (folder / "sensors.csv").open("w", encoding="utf-8") as rows:
        rows.write("sensor_id,asset_id,model,role,heartbeat_s\n")
        rows.writelines(
            f"cover-{i:06d},42070401{1 + i // 999_999:02d}{1 + i % 999_999:06d},native,lid,21600\n"
            for i in range(sensors)
        )


def main() -> None:
    """Print the table."""
    os.nice(5)
    set_up_logging()
    for name, figure, unit in run():
        sys.stdout.write(f"{name:60} {figure:12,.2f} {unit}\n")


if __name__ == "__main__":
    main()
