"""The console around a city with streets of covers, an archive of readings, and rules in a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI

from config.rules import RuleSet
from devices.frame import Flag, Frame, gateway_key
from devices.registry import Registry
from ingest.log import Control
from ingest.message import VERSIONS
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.console.parts import Parts
from jingqiao.console.site import add_console
from jingqiao.dossier.importing import import_files
from jingqiao.dossier.registry_store import load_registry
from jingqiao.explaining import explain_from
from jingqiao.fleet.device_book import DeviceBook
from jingqiao.fleet.state import FleetState, fleet_of
from rules.engine import Engine
from tests.support.console import ConsoleOffice
from tests.support.response import BRIDGE, LID, LID_2

ROADS = ("武昌大道", "古城路", "滨湖北路", "凤凰路", "江碧路", "文星大道")


def streets(count: int = 400) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of assets and sensors: covers along the streets of Ezhou, the duty office's three assets first."""
    rng = np.random.default_rng(11)
    assets: list[dict[str, Any]] = [
        {
            "asset_id": LID,
            "kind": "cover",
            "name": "武昌大道55号电力井",
            "road": "武昌大道",
            "lon": 114.8901,
            "lat": 30.3905,
        },
        {
            "asset_id": LID_2,
            "kind": "cover",
            "name": "古城路57号上水井",
            "road": "古城路",
            "lon": 114.8952,
            "lat": 30.3921,
        },
        {
            "asset_id": BRIDGE,
            "kind": "bridge",
            "name": "鄂钢跨线桥",
            "road": "鄂钢大道",
            "lon": 114.8801,
            "lat": 30.3851,
        },
    ]
    for asset in assets:
        asset["district"] = "420704"
    for i in range(count):
        road = i % len(ROADS)
        along = float(rng.uniform(-0.02, 0.02))
        across = (road // 2 - 1) * 0.006
        lon, lat = (
            (114.89 + along, 30.39 + across) if road % 2 else (114.89 + across * 1.5, 30.39 + along * 0.8)
        )
        assets.append(
            {
                "asset_id": f"42070401050{i + 100:05d}",
                "kind": "cover",
                "name": f"{ROADS[road]}{i}号井",
                "road": ROADS[road],
                "district": ("鄂城区", "华容区")[i % 2],
                "category": ("雨水井盖", "电力井盖")[i % 2],
                "lon": lon,
                "lat": lat,
            }
        )
    sensors = [
        {"sensor_id": f"s{i}", "asset_id": asset["asset_id"], "model": "em310-tilt"}
        for i, asset in enumerate(assets)
        if i % 9 != 8
    ]
    return assets, sensors


def a_year_of_tilt(registry: Registry, asset_id: str, until: int) -> Frame:
    """Six readings a day of an asset's first sensor, a daily wave, a lid in somebody's hands, one loss."""
    sensor = int(np.flatnonzero(registry.sensors.asset == registry.asset_index(asset_id))[0])
    n = 365 * 6
    time = until - np.arange(n, 0, -1, dtype=np.int64) * 4 * 3600 * 1_000_000
    tilt = 1.2 + 0.3 * np.sin(np.arange(n) / 6 * 2 * np.pi) + np.random.default_rng(4).normal(0, 0.05, n)
    tilt[n - 200] = 74.0
    return Frame(
        np.full(n, sensor, np.int32),
        time,
        time,
        np.arange(n, dtype=np.int64) + (np.arange(n) > n - 3),
        np.full(n, Flag.GOOD, np.uint8),
        {
            "tilt_deg": tilt.astype(np.float32),
            "temperature_c": (20 + 12 * np.sin(np.arange(n) / n * 2 * np.pi)).astype(np.float32),
            "battery_pct": np.linspace(60, 22, n, dtype=np.float32),
        },
        np.full(n, gateway_key("gw-7"), np.int32),
    )


class CityOffice(ConsoleOffice):
    """A duty office of a city, its registry in the database, with an archive.

    changed : a function that gives other parts.
    """

    def __init__(
        self,
        folder: Path,
        changed: Callable[[Parts], Parts] = lambda parts: parts,
        covers: int = 400,
        **more: Any,
    ) -> None:
        super().__init__(folder, **more)
        files = []
        for name, rows in zip(("assets", "sensors"), streets(covers), strict=True):
            files.append(folder / f"{name}.csv")
            columns = list(dict.fromkeys(key for row in rows for key in row))
            with files[-1].open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
        import_files(self.database, *files, at=self.clock.now(), who="importer")
        self.city = load_registry(self.database)
        self.archive = DuckDBArchive(folder / "archive.duckdb", lambda: self.city)
        self.engine = Engine(self.city, RuleSet())
        self.parts = changed(
            replace(
                self.parts,
                registry=lambda: self.city,
                archive=self.archive,
                explain=self._explain,
                fleet=self._fleet,
                rules=lambda: self.engine.rules,
            )
        )
        self.app = FastAPI()
        add_console(self.app, self.parts)

    async def _explain(self, asset_id: str) -> list[dict[str, Any]]:
        return explain_from(self.engine, self.city, asset_id)

    async def _fleet(self) -> FleetState:
        return fleet_of(self.engine)

    def measure(self, asset_id: str) -> None:
        """Put a year of readings of an asset into the archive."""
        frame = a_year_of_tilt(self.city, asset_id, self.clock.now())
        self.archive.write([(self.archive.offset() + 1, frame)])
        self.engine.apply(frame)

    def say_versions(self, said: Mapping[int, tuple[str, ...]]) -> None:
        """What devices say of themselves an hour ago: sensor's row → firmware, hardware, serial number."""
        at = self.clock.now() - 3_600_000_000
        rows = [[row, *(*texts, "", "")[:3], at] for row, texts in said.items()]
        book = DeviceBook(self.database)
        book.take(Control(VERSIONS, {"sensors": rows}, at))
        book.write()

    def close(self) -> None:
        """Let go of everything."""
        self.archive.close()
        super().close()
