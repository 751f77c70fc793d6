"""Readings of the archive for a backtest."""

from __future__ import annotations

import pyarrow as pa

from config.settings import Settings
from devices.registry import Registry
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.clock import WallClock
from jingqiao.service import open_archive


def read_archive(settings: Settings, registry: Registry, since: int | None, until: int | None) -> pa.Table:
    """Readings of the archive that the settings name, by event time: `sensor_id`, `t`, quantities.

    since, until : int | None  Event time [µs]; None = the beginning, now. An embedded archive belongs to the
        running service: stop it, or work on a copy. Raises ArchiveUnavailableError.
    """
    archive = open_archive(settings, lambda: registry)
    if archive is None:
        raise ArchiveUnavailableError("the settings name no archive")
    try:
        return archive.readings(since or 0, WallClock().now() if until is None else until)
    finally:
        archive.close()
