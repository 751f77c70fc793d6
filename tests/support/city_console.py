"""The console around a city with streets of covers, an archive of readings, and rules in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI

from devices.registry import Registry
from jingqiao.console.parts import Parts
from jingqiao.console.site import add_console
from tests.support.console import ConsoleOffice
from tests.support.response import BRIDGE, LID, LID_2

ROADS = ("武昌大道", "古城路", "滨湖北路", "凤凰路", "江碧路", "文星大道")


def streets(count: int = 400) -> Registry:
    """Covers along the streets of Ezhou, the three assets of the duty office's tests first."""
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
    return Registry.of(assets, sensors)


class CityOffice(ConsoleOffice):
    """A duty office of a city. changed : a function that gives other parts."""

    def __init__(
        self,
        folder: Path,
        registry: Registry | None = None,
        changed: Callable[[Parts], Parts] = lambda parts: parts,
        **more: Any,
    ) -> None:
        super().__init__(folder, **more)
        self.city = registry or streets()
        self.parts = changed(replace(self.parts, registry=lambda: self.city))
        self.app = FastAPI()
        add_console(self.app, self.parts)
