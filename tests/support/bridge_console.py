"""The console around a bridge of two sections whose engine has seen 45 days; three gauges have stepped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.bridge_state import bridge_state
from jingqiao.console.site import add_console
from jingqiao.dossier.importing import import_files
from jingqiao.dossier.registry_store import load_registry
from rules.engine import Engine
from tests.support.bridge_series import MonthRecord, bridge_registry
from tests.support.console import ConsoleOffice
from tests.support.response import BRIDGE

STEPPED = {0: 40.0, 1: 35.0, 2: 38.0}
PLACES = ("上翼缘", "腹板", "下翼缘", "下翼缘")


def rows(registry: Registry) -> str:
    """sensors.csv of a made-up bridge, gauges with a place and limits."""
    lines = ["sensor_id,asset_id,role,section,location,strain_min_ue,strain_max_ue,design_min,design_max"]
    gauges = 0
    for i in range(len(registry.sensors)):
        name, section = registry.sensor_id(i), registry.sensors.text("section", i)
        if name.startswith("G"):
            lines.append(f"{name},{BRIDGE},gauge,{section},{PLACES[gauges % 4]},-600,600,,")
            gauges += 1
        else:
            lines.append(f"{name},{BRIDGE},temperature,{section},,,,,")
    lines.append(f"D1,{BRIDGE},deflection,S0,跨中,,,-10,40")
    return "\n".join(lines) + "\n"


class BridgeOffice(ConsoleOffice):
    """A duty office of one bridge, its readings in the archive and gone through the engine."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        made_up = bridge_registry(sections=2)
        (folder / "assets.csv").write_text(
            f"asset_id,kind,name,road,material\n{BRIDGE},bridge,鄂钢跨线桥,鄂钢大道,钢-混凝土组合\n", "utf-8"
        )
        (folder / "sensors.csv").write_text(rows(made_up), "utf-8")
        import_files(
            self.database, folder / "assets.csv", folder / "sensors.csv", at=self.clock.now(), who="importer"
        )
        self.city = load_registry(self.database)
        played = MonthRecord(days=45, sections=2, drift_from_day=36, step_ue=STEPPED).frame(7)
        time = played.time + (self.clock.now() - int(played.time[-1]))
        frame = Frame(played.sensor, time, time, played.seq, played.flag, played.columns, played.gateway)
        self.archive = DuckDBArchive(folder / "archive.duckdb", lambda: self.city)
        self.archive.write([(1, frame)])
        self.engine = Engine(self.city, RuleSet())
        self.engine.apply(frame)
        self.engine.tick(self.clock.now())
        assert self.engine.faults == []

        async def state(asset: str) -> list[dict[str, Any]]:
            return bridge_state(self.engine, asset)

        self.parts = replace(self.parts, registry=lambda: self.city, archive=self.archive, bridge_state=state)
        self.app = FastAPI()
        add_console(self.app, self.parts)

    def close(self) -> None:
        """Let go of everything."""
        self.archive.close()
        super().close()
