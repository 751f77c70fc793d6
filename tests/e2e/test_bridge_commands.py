"""`jingqiao bridge report`, `calibrate` and `raw` beside a running service, which owns the archive."""

import asyncio
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.support.beam import shaken
from tests.support.eventually import eventually_now
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import Office, now_ms

pytestmark = pytest.mark.mosquitto

BRIDGE = "420704-QL-0001"
GAUGES = ("G-1", "G-2")
RATE = 50
SECONDS = 90


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Office, Mosquitto]]:
    with (
        Mosquitto(tmp_path / "broker", persistent=True) as broker,
        Office(tmp_path / "office", broker.url, "json://127.0.0.1:9") as office,
    ):
        (office.folder / "assets.csv").write_text(f"asset_id,kind,name\n{BRIDGE},bridge,江桥\n", "utf-8")
        rows = "".join(f"{g},{BRIDGE},native,gauge,S1\n" for g in GAUGES)
        (office.folder / "sensors.csv").write_text(f"sensor_id,asset_id,model,role,section\n{rows}", "utf-8")
        yield office, broker


def crossing(start_ms: int) -> list[tuple[str, bytes]]:
    """Blocks of a second: quiet, and a vehicle of 60 µε half-way."""
    messages = []
    for second in range(SECONDS):
        for number, gauge in enumerate(GAUGES):
            lift = 60.0 * math.exp(-(((second - SECONDS / 2) / 2) ** 2)) * (1 + number / 2)
            samples = [round(10 + lift + 0.2 * math.sin(i), 2) for i in range(RATE)]
            body = {"t": start_ms + 1000 * second, "rate_hz": RATE, "strain_ue": samples, "seq": second}
            messages.append((f"jingqiao/v1/{gauge}/strain", json.dumps(body).encode()))
    return messages


def test_report_weight_and_raw_strain_come_from_the_running_service(
    office: tuple[Office, Mosquitto],
) -> None:
    service, broker = office
    service.start()
    start = now_ms() - 1000 * SECONDS
    asyncio.run(publish(broker.port, crossing(start)))
    middle = datetime.fromtimestamp(start / 1000 + SECONDS / 2, UTC)
    target = service.folder / "event.csv"
    done: list[Any] = []

    def written() -> bool:
        done.append(
            service.command(
                "bridge", "raw", BRIDGE, "--at", middle.isoformat(), "--seconds", "10", "-o", str(target)
            )
        )
        return done[-1].returncode == 0 and len(target.read_text("utf-8").splitlines()) == 1 + 2 * 20 * RATE

    eventually_now(written, 60)
    weighed = service.command(
        "bridge",
        "calibrate",
        BRIDGE,
        "--weight-t",
        "30",
        "--at",
        middle.isoformat(),
        "--json",
        "--who",
        "李工",
    )
    assert weighed.returncode == 0, weighed.stderr
    told = json.loads(weighed.stdout)
    assert told["peaks_ue"] == pytest.approx({"G-1": 60, "G-2": 90}, abs=2)
    assert told["gauges"]["G-1"]["ue_per_t"] == pytest.approx(2.0, abs=0.1)
    month = middle.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
    report = service.command("bridge", "report", BRIDGE, "--month", month, "-o", "report.html")
    assert report.returncode == 0, report.stderr
    page = (service.folder / "report.html").read_text("utf-8")
    assert all(gauge in page for gauge in GAUGES)
    assert service.stop() == 0


def test_whoever_may_not_read_the_services_folder_gets_nothing(office: tuple[Office, Mosquitto]) -> None:
    service, _ = office
    service.start()
    key = next(service.folder.rglob("commands.key"), None)
    service.command("bridge", "raw", BRIDGE, "--at", "2026-01-01T00:00:00Z", "-o", "x.csv")
    key = key or next(service.folder.rglob("commands.key"))
    key.write_bytes(b"0" * len(key.read_bytes()))
    refused = service.command("bridge", "raw", BRIDGE, "--at", "2026-01-01T00:00:00Z", "-o", "x.csv")
    assert refused.returncode != 0
    assert "401" in refused.stderr or "403" in refused.stderr


def test_natural_frequencies_come_from_blocks_of_acceleration_by_mqtt(
    office: tuple[Office, Mosquitto],
) -> None:
    service, broker = office
    sensors = [f"A-{i}" for i in range(4)]
    rows = "".join(f"{s},{BRIDGE},native,acceleration,S1\n" for s in sensors)
    path = service.folder / "sensors.csv"
    path.write_text(path.read_text("utf-8") + rows, "utf-8")
    service.start()
    start = (now_ms() // 3_600_000 - 2) * 3_600_000
    shaking = shaken((2.3, 6.1, 11.8), seed=1, channels=4, rate_hz=50.0, seconds=610)
    messages = []
    for block in range(61):
        for number, sensor in enumerate(sensors):
            samples = np.round(shaking[block * 500 : (block + 1) * 500, number], 6).tolist()
            body = {"t": start + 10_000 * block, "rate_hz": 50, "acceleration_g": samples, "seq": block}
            messages.append((f"jingqiao/v1/{sensor}/acceleration", json.dumps(body).encode()))
    asyncio.run(publish(broker.port, messages))
    target = service.folder / "raw.csv"
    at = datetime.fromtimestamp(start / 1000 + 300, UTC).isoformat()
    raw = ("bridge", "raw", BRIDGE, "--at", at, "--seconds", "310", "-o", str(target))
    lines = 1 + 4 * 61 * 500

    def all_there() -> bool:
        done = service.command(*raw)
        return done.returncode == 0 and len(target.read_text("utf-8").splitlines()) == lines

    eventually_now(all_there, 60)
    told = service.command("bridge", "modal", BRIDGE, "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["sensors"] == sensors
    assert [row["frequency_hz"] for row in found["modes"]] == pytest.approx([2.3, 6.1, 11.8], rel=0.01)
