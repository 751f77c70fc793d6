"""The console of a city of 1,000,000 covers with 10,000 open incidents: server time of every page.

Three figures a page: its first look after the start (the service warms up before, as it does by itself), the
looks just after an incident has changed, and p95 of looks while nothing changes. Each also in processor time,
which is not made longer by other work on the machine.
"""

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
CHANGES: Final = 10
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

    from benchmarks.service_drain import write_registry
    from config.roster import load_roster
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
    from jingqiao.database import migrate, open_database
    from jingqiao.dossier.importing import import_files
    from jingqiao.dossier.registry_store import load_registry
    from jingqiao.fleet.state import fleet_of
    from jingqiao.notify.planner import Planner
    from rules.engine import Engine
    from tests.support.console import WITH_LIMITS

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
    (folder / "roster.toml").write_text(WITH_LIMITS, "utf-8")
    roster = load_roster(folder / "roster.toml", {})
    planner = Planner(lambda: roster, None)
    rows = rng.choice(covers, min(INCIDENTS, covers), replace=False)
    open_incidents(database, registry, planner, rows, now)
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

    async def fleet() -> Any:
        return fleet_of(engine)

    return Parts(
        settings=settings,
        database=database,
        registry=lambda: registry,
        roster=lambda: roster,
        clock=clock,
        announcer=planner,
        wake=lambda: None,
        archive=archive,
        applied_at=clock.now,
        problems=lambda: (),
        roster_changed=lambda: None,
        changes=Changes(database),
        fleet=fleet,
        rules=lambda: engine.rules,
    )


def open_incidents(database: Any, registry: Any, planner: Any, rows: Any, now: int) -> None:
    """An incident at each of these covers, of all hazards, told of; over five days, the newest today."""
    import sqlalchemy as sa

    from jingqiao.database import writing
    from jingqiao.incidents.book import IncidentBook
    from jingqiao.incidents.facts import asset_facts
    from jingqiao.incidents.tables import incident
    from rules.alarm import Hazard, Severity
    from tests.support.response import change

    book = IncidentBook(database, lambda a, s: asset_facts(registry, a, s), planner)
    hazards = [*list(Hazard)[:6], Hazard.SILENT, Hazard.BATTERY_LOW, Hazard.SENSOR_FAULT]
    changes = [
        change(
            hazard=hazards[k % len(hazards)],
            asset_id=registry.asset_id(int(row)),
            severity=Severity(k % 4 + 1),
            value=float(k % 90),
            sensor_ids=(registry.sensor_id(int(row)),),
        )
        for k, row in enumerate(rows)
    ]
    for start in range(0, len(changes), 500):
        opened = now - (len(changes) - start) * 43_200_000
        book.commit(start // 500 + 1, changes[start : start + 500], opened)
    with writing(database) as connection:
        connection.execute(
            sa.update(incident)
            .where(incident.c.id % 3 == 1)
            .values(
                state="acknowledged",
                acknowledged_by="zhang",
                acknowledged_at=incident.c.opened_at + 60_000_000,
                unanswered_since=None,
            )
        )


async def _measure(folder: Path, covers: int) -> list[tuple[str, float, str]]:
    import httpx
    from fastapi import FastAPI

    from jingqiao.console.site import add_console
    from jingqiao.console.warming import warm
    from jingqiao.incidents.desk import act
    from jingqiao.incidents.incident import Action

    parts = city(folder, covers)
    app = FastAPI()
    add_console(app, parts)
    started = time.perf_counter()
    warm(app.state.city)
    await app.state.city.fleet()
    rows = [("warming up after the start", (time.perf_counter() - started) * 1e3, "ms")]
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 40000))
    asset = parts.registry().asset_id(covers // 2)
    now = parts.clock.now() // 1_000_000
    view = "west=114.8&east=115.0&south=30.3&north=30.5"
    pages = {
        "now": "/",
        "now, the part that changes": "/now/board",
        "incidents": "/incidents",
        "incidents, all, by words": "/incidents?state=all&q=57",
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
        "drills": "/drills",
        "audit log": "/accounts/audit",
        "bridges": "/bridges",
    }
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        await client.post("/login", data={"name": "admin", "password": PASSWORD})

        async def look(path: str) -> tuple[float, float]:
            started, spent = time.perf_counter(), time.process_time()
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            return (time.perf_counter() - started) * 1e3, (time.process_time() - spent) * 1e3

        first = {name: await look(path) for name, path in pages.items()}
        for name, path in pages.items():
            changed = []
            for number in range(CHANGES):
                act(
                    parts.database,
                    number * 997 + 2,
                    Action.COMMENT,
                    who="zhang",
                    now=parts.clock.now(),
                    why="benchmark",
                    announcer=parts.announcer,
                )
                changed.append(await look(path))
            warm_looks = [await look(path) for _ in range(ROUNDS)]
            for what, looks in (
                ("first look", [first[name]]),
                (f"after a change, the slowest of {CHANGES}", changed),
                ("p95", warm_looks),
            ):
                for kind, times in zip(("", ", processor"), zip(*looks, strict=True), strict=True):
                    share = 0.95 if what == "p95" else 1.0
                    figure = sorted(times)[int(share * (len(times) - 1))]
                    rows.append((f"{name}: {what}{kind}", figure, "ms"))
    parts.archive.close()
    return rows


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measure(Path(sys.argv[1]), int(sys.argv[2])))) + "\n")
