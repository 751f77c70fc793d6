"""From publishing a reading to handing the message to the sender, while 2,000 readings a second come in."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.service_drain import write_registry
from config.settings import Settings
from config.sources import SourceSettings
from jingqiao.clock import WallClock
from jingqiao.logging import set_up_logging
from jingqiao.notify.sender import Outcome, Outgoing, Receipt, Result
from jingqiao.service import Service
from tests.support.mosquitto import Mosquitto, free_port

RATE_PER_S: Final = 2000
SECONDS: Final = 30
SENSORS: Final = 10_000
EVENTS: Final = 300

ROSTER = """
fallback = "room"
[people.room]
name = "room"
channels = ["json://127.0.0.1:9"]
[[teams]]
id = "all"
[[teams.shifts]]
people = ["room"]
"""
RULES = """
[alarms.holds]
missing = { for_s = 0 }
"""
"""Without the hold of the alarm machine: it is a decision, not a delay of the machinery."""


class Recorder:
    """A sender that notes when it was called with which asset."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def send(self, outgoing: Outgoing) -> Outcome:
        """Note it."""
        self.at.setdefault(outgoing.reference.split(":", 1)[0], time.time())
        return Outcome(Result.SENT)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """It gives no receipts."""
        return None


def run() -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit)."""
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker") as broker:
        delays = asyncio.run(_measure(broker, Path(folder)))
    return [
        (f"publish → sender at {RATE_PER_S} readings/s, {name}", float(np.percentile(delays, q)) * 1000, "ms")
        for name, q in (("median", 50), ("p99", 99), ("worst", 100))
    ] + [("publish → sender, messages measured", float(len(delays)), "")]


async def _measure(broker: Mosquitto, folder: Path) -> list[float]:
    write_registry(folder, SENSORS)
    (folder / "roster.toml").write_text(ROSTER, "utf-8")
    (folder / "rules.toml").write_text(RULES, "utf-8")
    settings = Settings(
        data_dir=folder / "data",
        mqtt=[SourceSettings(url=broker.url, client_id="latency")],
        registry={"assets": folder / "assets.csv", "sensors": folder / "sensors.csv"},
        roster=folder / "roster.toml",
        rules=folder / "rules.toml",
        http={"port": free_port()},
    )
    recorder = Recorder()
    service = Service(settings, WallClock(), recorder)
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    while not service.sources[0].status.connected:
        await asyncio.sleep(0.01)
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.latency", "publish", str(broker.port), stdout=subprocess.PIPE
    )
    output, _ = await publisher.communicate()
    sent: dict[str, float] = json.loads(output)
    deadline = time.time() + 20
    while len(recorder.at) < EVENTS and time.time() < deadline:
        await asyncio.sleep(0.05)
    with service.database.connect() as connection:
        assets = dict(connection.exec_driver_sql("SELECT id, asset_id FROM incident").all())
    stop.set()
    await running
    sensor_of = {f"4207040101{1 + i:06d}": f"cover-{i:06d}" for i in range(SENSORS)}
    delays = [at - sent[sensor_of[assets[int(incident)]]] for incident, at in recorder.at.items()]
    assert len(delays) == EVENTS, f"{len(delays)} of {EVENTS} messages reached the sender"
    return delays


async def _publish(port: int) -> None:
    """Healthy readings of everybody first, then the stream with an open lid now and then."""
    import aiomqtt

    dice = np.random.default_rng(5)
    stolen = dice.choice(SENSORS, EVENTS, replace=False).tolist()
    sent: dict[str, float] = {}
    async with aiomqtt.Client(
        "127.0.0.1", port, max_inflight_messages=1000, max_concurrent_outgoing_calls=5000
    ) as client:

        async def one(i: int, **values: object) -> None:
            body = json.dumps({"t": time.time_ns() // 1_000_000, **values})
            await client.publish(f"jingqiao/v1/cover-{i:06d}/readings", body, qos=1)

        total = RATE_PER_S * SECONDS
        first = SENSORS  # everybody has a baseline before anything is stolen
        step = (total - first) // EVENTS
        started = time.perf_counter()
        tasks: set[asyncio.Task[None]] = set()
        for k in range(total):
            ahead = k / RATE_PER_S - (time.perf_counter() - started)
            if ahead > 0.001:
                await asyncio.sleep(ahead)
            if k >= first and (k - first) % step == 0 and stolen:
                i = stolen.pop()
                sent[f"cover-{i:06d}"] = time.time()
                task = asyncio.create_task(one(i, tilt_deg=130.0, open=True))
            else:
                task = asyncio.create_task(one(k % SENSORS, tilt_deg=0.5 + k % 7 / 10, battery_v=3.6))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
    sys.stdout.write(json.dumps(sent))


def main() -> None:
    """Print the table; or, as the child process, publish."""
    if sys.argv[1:2] == ["publish"]:
        asyncio.run(_publish(int(sys.argv[2])))
        return
    set_up_logging()
    for name, figure, unit in run():
        sys.stdout.write(f"{name:60} {figure:12,.2f} {unit}\n")


if __name__ == "__main__":
    main()
