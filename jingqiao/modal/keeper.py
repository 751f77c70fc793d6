"""Keeps a bridge's modes up to date while the service runs, beside the rules and never in their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import numpy as np
import sqlalchemy as sa
import structlog

from config.archive import DuckDBArchiveSettings
from config.settings import Settings
from devices.registry import Kind, Registry
from jingqiao.archive.contract import Archive, ArchiveUnavailableError
from jingqiao.clock import Clock
from jingqiao.modal.child import Apart, apart, installed
from jingqiao.modal.observation import hours_known, keep
from jingqiao.modal.survey import SETTLED_US, Sensors, due, sensors_of, survey
from jingqiao.modal.window import LEAST_CHANNELS

_log = structlog.get_logger()

EVERY_S: Final = 3600.0
_DAY_US: Final = 86_400_000_000


def raw_since(settings: Settings, now: int) -> int:
    """From when on raw blocks are kept [µs]; InfluxDB keeps none."""
    archive = settings.archive
    days = archive.raw_block_days if isinstance(archive, DuckDBArchiveSettings) else 0.0
    return now - int(days * _DAY_US)


class ModalKeeper:
    """Every hour, the hours of raw acceleration that were not analysed yet.

    Nothing is done where pyOMA-2 is not installed. apart : where modes are found; another process.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive | None,
        database: sa.Engine,
        registry: Callable[[], Registry],
        clock: Clock,
        identifier: Apart = apart,
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._database = database
        self._registry = registry
        self._clock = clock
        self._apart = identifier
        self._stopping = False

    async def run(self) -> None:
        """Step for ever; ends at once where there is nothing to work with."""
        if self._archive is None or not installed():
            return
        while True:
            await self._clock.sleep(EVERY_S)
            try:
                await asyncio.to_thread(self.step)
            except asyncio.CancelledError:
                self._stopping = True  # the thread ends after the hour that it is at
                raise
            except (ArchiveUnavailableError, OSError, sa.exc.OperationalError) as error:
                _log.error("natural frequencies could not be brought up to date", reason=str(error))

    def step(self) -> int:
        """Analyse what is new of every bridge; returns the hours. Raises what archive and database do."""
        archive = self._archive
        if archive is None:
            return 0
        registry, now = self._registry(), self._clock.now()
        since, until, hours = raw_since(self._settings, now), now - SETTLED_US, 0
        for asset_id, sensors in _shaken_bridges(registry):
            there = archive.block_hours(since, until, sensors.accelerometers)["hour"].to_pylist()
            wanted = due(there, hours_known(self._database, asset_id, since, until), until)
            if not wanted:
                continue
            with self._apart() as identify:
                for one in survey(archive.blocks, archive.readings, sensors, wanted, identify):
                    keep(self._database, asset_id, [one])
                    hours += 1
                    if self._stopping:
                        return hours
        return hours


def _shaken_bridges(registry: Registry) -> list[tuple[str, Sensors]]:
    """Bridges that have accelerometers enough."""
    found = []
    for asset in np.flatnonzero(registry.assets.kind == Kind.BRIDGE).tolist():
        sensors = sensors_of(registry, asset)
        if len(sensors.accelerometers) >= LEAST_CHANNELS:
            found.append((registry.asset_id(asset), sensors))
    return found
