"""What is forgotten and what is not: the archive, a restart and the technician may still need it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from config.settings import Settings
from devices.registry import Registry
from ingest.dead_letters import newest
from ingest.log import DeadLetter, StrainBlock, Tick
from ingest.sqlite_log import SqliteLog
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.clock import ManualClock
from jingqiao.database import migrate, open_database
from jingqiao.housekeeping import Housekeeping
from jingqiao.registry_files import load_registry, save_registry
from jingqiao.snapshots import SnapshotHead, snapshot_heads, write_snapshot

DAY = 86_400_000_000
NOW = 1_700_000_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data_dir": tmp_path, "log": {"retention_days": 14}})


@pytest.fixture
async def log(settings: Settings) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(settings.log_path)
    for age in range(30, 0, -1):  # record 1 is 30 days old, record 30 one day
        await log.append([Tick(NOW - age * DAY)])
    yield log
    log.close()


def empty_database(settings: Settings) -> sa.Engine:
    database = open_database(f"sqlite:///{settings.data_dir / 'people.db'}")
    migrate(database)
    return database


def keeper(settings: Settings, log: SqliteLog, archived: int | None = None) -> Housekeeping:
    folder = settings.data_dir / "registry"
    return Housekeeping(
        settings,
        log,
        None,
        empty_database(settings),
        ManualClock(NOW),
        folder,
        None if archived is None else lambda: archived,
    )


def snapshot(settings: Settings, *seqs: int, version: int = 1) -> None:
    for seq in seqs:
        write_snapshot(settings.snapshot_dir, SnapshotHead(seq, version), b"state")


async def test_records_older_than_the_retention_go(settings: Settings, log: SqliteLog) -> None:
    snapshot(settings, 28, 30)
    await keeper(settings, log).step()
    assert log.first_seq() == 17


async def test_what_a_restart_from_the_older_snapshot_needs_stays(settings: Settings, log: SqliteLog) -> None:
    snapshot(settings, 5, 30)
    await keeper(settings, log).step()
    assert log.first_seq() == 6


async def test_without_a_snapshot_everything_stays(settings: Settings, log: SqliteLog) -> None:
    await keeper(settings, log).step()
    assert log.first_seq() == 1


@pytest.mark.parametrize(("archived", "first"), [(0, 1), (9, 10), (30, 17)])
async def test_what_the_archive_has_not_got_stays(
    settings: Settings, log: SqliteLog, archived: int, first: int
) -> None:
    snapshot(settings, 29, 30)
    await keeper(settings, log, archived).step()
    assert log.first_seq() == first


async def test_dead_letters_stay_longer_than_the_log(settings: Settings, log: SqliteLog) -> None:
    ages = [181, 179, 20]
    await log.append([], [DeadLetter(NOW - age * DAY, "t", b"", "json", "") for age in ages])
    await keeper(settings, log).step()
    assert [(NOW - letter.received) // DAY for letter in newest(log.path)] == [20, 179]


async def test_raw_strain_goes_after_its_days(settings: Settings, log: SqliteLog, tmp_path: Path) -> None:
    archive = DuckDBArchive(tmp_path / "archive.duckdb", lambda: Registry.of([], []))
    samples = np.zeros(3, np.float32)
    archive.write([(i, StrainBlock(0, NOW - age * DAY, 50.0, samples)) for i, age in ((1, 8), (2, 6))])
    housekeeping = Housekeeping(
        settings,
        log,
        archive,
        empty_database(settings),
        ManualClock(NOW),
        tmp_path / "registry",
        archive.offset,
    )
    await housekeeping.step()
    rows = archive._connection.sql("SELECT start FROM strain_blocks").fetchall()
    archive.close()
    assert rows == [(NOW - 6 * DAY,)]


async def test_registries_that_no_snapshot_needs_go(settings: Settings, log: SqliteLog) -> None:
    folder = settings.data_dir / "registry"
    for version in (1, 2, 3, 10):
        save_registry(Registry.of([], []), folder, version)
    snapshot(settings, 29, version=3)
    snapshot(settings, 30, version=10)
    await keeper(settings, log).step()
    assert sorted(path.name for path in folder.iterdir()) == [
        "assets-10.arrow",
        "assets-3.arrow",
        "sensors-10.arrow",
        "sensors-3.arrow",
    ]
    load_registry(folder, 3)


def test_heads_are_those_of_readable_snapshots(settings: Settings) -> None:
    snapshot(settings, 3, 7, version=2)
    (settings.snapshot_dir / "engine-0000000000000009.bin").write_bytes(b"JQSNAP1\n\xff")
    assert snapshot_heads(settings.snapshot_dir) == [SnapshotHead(7, 2), SnapshotHead(3, 2)]
    assert snapshot_heads(settings.data_dir / "none") == []
