"""Announced work over a crash: what it muted is stored once, and is what a replay of the log says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.rules import RuleSet
from config.settings import Settings
from devices.registry import Registry
from ingest.log import Control, Record, Tick
from ingest.sqlite_log import SqliteLog
from jingqiao.database import migrate, open_database, reading
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.facts import asset_facts
from jingqiao.incidents.tables import muted_alarm
from jingqiao.registry_files import save_registry
from jingqiao.runner import Runner
from jingqiao.snapshots import SnapshotHead, write_snapshot
from jingqiao.startup import KnownRegistry, start_engine
from jingqiao.vitals import Vitals
from rules.engine import Engine
from tests.support.frames import SECOND, T0, frame_of

WORK = {"asset_id": "a", "from": T0, "to": T0 + 900 * SECOND, "kind": "permit", "note": "", "request": 3}


def registry() -> Registry:
    return Registry.of(
        [{"asset_id": "a", "kind": "cover"}],
        [{"sensor_id": name, "asset_id": "a", "role": "lid"} for name in "st"],
    )


def night() -> list[Record]:
    """Two sensors of a lid that is opened and closed three times under a permit."""
    records: list[Record] = [Control("permit", WORK, T0)]
    for minute in range(14):
        opened = minute % 4 == 2
        rows = [
            {"sensor": s, "t": minute * 60 + s, "tilt_deg": 90.0 if opened else 1.0, "open": float(opened)}
            for s in range(2)
        ]
        records += [frame_of(rows), Tick(T0 + (minute * 60 + 30) * SECOND)]
    return records


def stored(database: sa.Engine) -> list[tuple[Any, ...]]:
    columns = ("seq", "permit_id", "sensor_id", "hazard", "state", "event_at", "evidence")
    with reading(database) as connection:
        rows = connection.execute(sa.select(muted_alarm).order_by(muted_alarm.c.id)).mappings()
        return [tuple(str(row[name]) for name in columns) for row in rows]


@pytest.mark.parametrize("snapshot_at", [None, 3, 12])
@pytest.mark.parametrize("killed_after", [1, 6, 7, 20])
async def test_a_kill_under_work_neither_loses_nor_doubles_what_was_muted(
    tmp_path: Path, killed_after: int, snapshot_at: int | None
) -> None:
    records = night()
    expected = await _lived(tmp_path / "whole", records, len(records), None)
    assert len(expected) >= 12
    assert await _lived(tmp_path / "killed", records, killed_after, snapshot_at) == expected


async def _lived(
    folder: Path, records: Sequence[Record], until: int, snapshot_at: int | None
) -> list[tuple[Any, ...]]:
    """What stands in the database of a service that was killed after some records and started again."""
    settings = Settings(data_dir=folder)
    save_registry(registry(), folder / "registry", 1)
    known = KnownRegistry(registry(), 1, folder / "registry")
    database = open_database(f"sqlite:///{folder}/a.sqlite")
    migrate(database)
    book = IncidentBook(database, lambda asset_id, sensor_id: asset_facts(registry(), asset_id, sensor_id))
    log = SqliteLog(settings.log_path)
    for record in records:
        await log.append([record])
    runner = Runner(Engine(registry(), RuleSet()), book, Vitals(0), lambda: T0, 1, lambda control: None)
    for seq, record in enumerate(records[:until], 1):
        await runner.deliver(seq, [record])
        if seq == snapshot_at:
            at, state = await runner.snapshot()
            write_snapshot(settings.snapshot_dir, SnapshotHead(at, 1), state)
    start_engine(settings, known, RuleSet(), log, book, T0)
    start_engine(settings, known, RuleSet(), log, book, T0)
    log.close()
    found = stored(database)
    database.dispose()
    return found
