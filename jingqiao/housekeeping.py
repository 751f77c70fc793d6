"""What nobody needs any more is forgotten: log records, dead letters, raw strain, registries, messages."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog

from config.archive import DuckDBArchiveSettings
from config.settings import Settings
from ingest.dead_letters import delete_before
from ingest.log import LogUnavailableError
from ingest.sqlite_log import SqliteLog
from jingqiao.archive.contract import Archive, ArchiveUnavailableError
from jingqiao.clock import Clock
from jingqiao.old_rows import (
    forget_alarms,
    forget_events,
    forget_messages,
    forget_muted,
    forget_replies,
    forget_warnings,
)
from jingqiao.registry_files import forget_registries
from jingqiao.snapshots import snapshot_heads

_log = structlog.get_logger()

EVERY_S: Final = 600.0
_DAY_US: Final = 86_400_000_000
_AWAY: Final = (
    LogUnavailableError,
    ArchiveUnavailableError,
    OSError,
    sqlite3.Error,
    sa.exc.OperationalError,
)
"""A disk or a database that is not there for a while."""


class Housekeeping:
    """Keeps the data directory from growing for ever.

    archived : () → newest record that the archive has; None = there is no archive to wait for.
    """

    def __init__(
        self,
        settings: Settings,
        log: SqliteLog,
        archive: Archive | None,
        database: sa.Engine,
        clock: Clock,
        registry_folder: Path,
        archived: Callable[[], int] | None,
    ) -> None:
        self._settings = settings
        self._store = log
        self._archive = archive
        self._database = database
        self._clock = clock
        self._registry_folder = registry_folder
        self._archived = archived

    async def run(self) -> None:
        """Step for ever; the first time after a while, so that it does not compete with the start."""
        while True:
            await self._clock.sleep(EVERY_S)
            try:
                await self.step()
            except _AWAY as error:
                _log.error("old records could not be forgotten; trying again", reason=str(error))

    async def step(self) -> None:
        """Forget once. Raises what `_AWAY` names."""
        now, keep = self._clock.now(), self._settings.log
        heads = await asyncio.to_thread(snapshot_heads, self._settings.snapshot_dir)
        if heads:  # without a snapshot a restart needs the log from its beginning
            needed = min(head.seq for head in heads) + 1
            if self._archived is not None:
                needed = min(needed, self._archived() + 1)
            after = now - int(keep.retention_days * _DAY_US)
            gone = await self._store.retain(after=after, needed_seq=needed)
            if gone:
                _log.info("old log records forgotten", records=gone)
            oldest = min(head.registry_version for head in heads)
            await asyncio.to_thread(forget_registries, self._registry_folder, oldest)
        before = now - int(keep.dead_letter_days * _DAY_US)
        letters = await asyncio.to_thread(delete_before, self._store.path, before)
        if letters:
            _log.info("old dead letters forgotten", letters=letters)
        archive = self._settings.archive
        if self._archive is not None and isinstance(archive, DuckDBArchiveSettings):
            blocks = now - int(archive.raw_block_days * _DAY_US)
            await asyncio.to_thread(self._archive.forget_blocks, blocks)
        await asyncio.to_thread(self._forget_what_went_out, now)

    def _forget_what_went_out(self, now: int) -> None:
        keep = self._settings.records
        people = now - int(keep.message_days * _DAY_US)
        alarms = now - int(keep.alarm_days * _DAY_US)
        gone = {
            "alarms": forget_alarms(self._database, alarms),
            "muted": forget_muted(self._database, alarms),
            "messages": forget_messages(self._database, people),
            "replies": forget_replies(self._database, people),
            "events": forget_events(self._database, now - int(keep.event_days * _DAY_US)),
            "warnings": forget_warnings(self._database, now - int(keep.cap_days * _DAY_US)),
        }
        if any(gone.values()):
            _log.info("old rows of what went out forgotten", **gone)
