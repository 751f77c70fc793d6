"""The console of a city of 1,000,000 covers with 10,000 open incidents: server time of every page."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

COVERS: Final = 1_000_000
INCIDENTS: Final = 10_000
READINGS: Final = 5_000_000
ROUNDS: Final = 20
PASSWORD: Final = "benchmark-of-lids"


def run(covers: int = COVERS) -> list[tuple[str, float, str]]:
    """Rows of (page, p95, unit), in a process that holds nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.console_city", folder, str(covers)],
            check=True,
            capture_output=True,
            text=True,
        )
    return [
        (f"console, {covers:,} covers: {what}", value, unit)
        for what, value, unit in json.loads(done.stdout.splitlines()[-1])
    ]


def city(folder: Path, covers: int) -> Any:
    """Parts of a console around such a city."""
    import numpy as np
    import sqlalchemy as sa

    from benchmarks.service_drain import write_registry
    from config.rules import RuleSet
    from config.settings import Settings
    from devices.frame import Flag, Frame
    from jingqiao.accounts import accounts
    from jingqiao.accounts.accounts import Actor
    from jingqiao.accounts.role import Role
    from jingqiao.archive.duckdb import DuckDBArchive
    from jingqiao.clock import WallClock
    from jingqiao.console.changes import Changes
    from jingqiao.console.parts import Parts
    from jingqiao.database import migrate, open_database, writing
    from jingqiao.dossier.importing import import_files
    from jingqiao.dossier.registry_store import load_registry
    from jingqiao.fleet.state import fleet_of
    from jingqiao.incidents.tables import incident, incident_transition
    from jingqiao.notify.planner import Planner
    from jingqiao.service import nobody
    from rules.engine import Engine

    rng = np.random.default_rng(5)
    write_registry(folder, covers)
    settings = Settings(data_dir=folder)
    database = open_database(settings.database_url)
    migrate(database)
    clock = WallClock()
    now = clock.now()
    import_files(database, folder / "assets.csv", folder / "sensors.csv", at=now, who="benchmark")
    registry = load_registry(database)
    registry.assets.lon[:] = 114.9 + rng.normal(0, 0.08, covers)
    registry.assets.lat[:] = 30.4 + rng.normal(0, 0.06, covers)
    hazards = ("missing", "tilted", "silent", "battery_low", "sunken", "flooded", "loose", "sensor_fault")
    rows = [
        {
            "subject": registry.asset_id(int(row)),
            "asset_id": registry.asset_id(int(row)),
            "hazard": hazards[k % len(hazards)],
            "severity": 1 + k % 4,
            "state": ("open", "acknowledged", "dispatched")[k % 3],
            "opened_at": now - int(rng.integers(0, 5 * 86_400)) * 1_000_000,
            "event_at": now,
            "changed_at": now,
            "value": 12.5,
            "limit": 10.0,
            "unit": "°",
            "reason_key": "notify.hazard.tilted",
            "reason_values": {},
            "sensor_ids": [registry.sensor_id(int(row))],
            "provisional": False,
            "evidence": {},
            "alarm_firing": True,
            "kind": "cover",
            "name": registry.assets.text("name", int(row)),
            "district": "鄂城区",
            "road": "武昌大道",
            "episode": 0,
            "step": 0,
            "unreachable": False,
        }
        for k, row in enumerate(rng.choice(covers, min(INCIDENTS, covers), replace=False))
    ]
    with writing(database) as connection:
        connection.execute(sa.insert(incident), rows)
        connection.execute(
            sa.insert(incident_transition),
            [
                {
                    "incident_id": i,
                    "at": now,
                    "event": "opened",
                    "to_state": "open",
                    "who": "jingqiao",
                    "why": "",
                }
                for i in range(1, len(rows) + 1)
            ],
        )
    archive = DuckDBArchive(folder / "archive.duckdb", lambda: registry)
    for part in range(5):
        n = READINGS // 5
        times = np.sort(rng.integers(now - 30 * 86_400_000_000, now, n))
        archive.write(
            [
                (
                    part + 1,
                    Frame(
                        rng.integers(0, covers, n).astype(np.int32),
                        times,
                        times,
                        rng.integers(0, 100, n),
                        np.full(n, Flag.GOOD, np.uint8),
                        {
                            "tilt_deg": rng.normal(1, 0.2, n).astype(np.float32),
                            "battery_pct": rng.uniform(5, 100, n).astype(np.float32),
                        },
                        rng.integers(0, 500, n).astype(np.int32),
                    ),
                )
            ]
        )
    engine = Engine(registry, RuleSet())
    for name, role in (("admin", Role.ADMIN), ("viewer", Role.VIEWER)):
        accounts.add(database, Actor("benchmark", now), name=name, role=role, password=PASSWORD)
    roster = nobody()

    async def fleet() -> Any:
        return fleet_of(engine)

    return Parts(
        settings=settings,
        database=database,
        registry=lambda: registry,
        roster=lambda: roster,
        clock=clock,
        announcer=Planner(lambda: roster, None),
        wake=lambda: None,
        archive=archive,
        applied_at=clock.now,
        problems=lambda: (),
        roster_changed=lambda: None,
        changes=Changes(database),
        fleet=fleet,
        rules=lambda: engine.rules,
    )


async def _measure(folder: Path, covers: int) -> list[tuple[str, float, str]]:
    import httpx
    from fastapi import FastAPI

    from jingqiao.console.site import add_console

    parts = city(folder, covers)
    app = FastAPI()
    add_console(app, parts)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 40000))
    asset = parts.registry().asset_id(covers // 2)
    now = parts.clock.now() // 1_000_000
    view = "west=114.8&east=115.0&south=30.3&north=30.5"
    pages = {
        "now": "/",
        "incidents": "/incidents",
        "incident": "/incidents/1",
        "map": "/map",
        "map: list": "/map/list",
        "map: view, zoom 11": f"/map/view?{view}&zoom=11",
        "map: view, zoom 14": "/map/view?west=114.85&east=114.95&south=30.37&north=30.43&zoom=14",
        "map: view, zoom 17": "/map/view?west=114.89&east=114.905&south=30.395&north=30.403&zoom=17",
        "search: tail of a number": "/search/found?q=1234",
        "search: road and number": "/search/found?q=武昌 1234",
        "dossier": f"/assets/{asset}",
        "dossier: a month of readings": f"/assets/{asset}/history?since={now - 30 * 86400}&until={now}",
        "fleet": "/fleet",
        "dead letters": "/letters",
        "report, daily": "/reports",
        "report, weekly": "/reports?period=weekly",
        "rules": "/rules",
        "roster": "/roster",
        "messages": "/messages",
        "accounts": "/accounts",
        "bridges": "/bridges",
    }
    rows: list[tuple[str, float, str]] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        await client.post("/login", data={"name": "admin", "password": PASSWORD})
        for name, path in pages.items():
            times = []
            for _ in range(ROUNDS + 2):
                started = time.perf_counter()
                answer = await client.get(path)
                times.append((time.perf_counter() - started) * 1e3)
                if answer.status_code != 200:
                    break
            if answer.status_code != 200:
                rows.append((f"{name} (HTTP {answer.status_code})", float("nan"), "ms"))
                continue
            rows.append((f"{name}, first look", times[0], "ms"))
            warm = sorted(times[2:])
            rows.append((f"{name}, p95", warm[int(0.95 * (len(warm) - 1))], "ms"))
    parts.archive.close()
    return rows


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measure(Path(sys.argv[1]), int(sys.argv[2])))) + "\n")
