"""Feeds an archive from the log: batches, retries for as long as the archive is away, loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass

import structlog

from devices.frame import Frame
from ingest.log import Log, Record
from jingqiao.archive.contract import Archive, ArchiveUnavailableError

_log = structlog.get_logger()

_READ_AT_ONCE = 512
_LONGEST_WAIT_S = 60.0
_FEW_ROWS = 5000
"""A batch of fewer readings than this is worth waiting for more; a greater one tells of a backlog."""


@dataclass(slots=True)
class FeederStatus:
    """How the feeder stands, for metrics and doctor.

    offset : int  Sequence number up to which the archive has everything.
    rows : int  Readings written since start.
    failing_since : int | None  Failed tries in a row; 0 when all is well.
    """

    offset: int = 0
    rows: int = 0
    failures: int = 0


class ArchiveFeeder:
    """Moves records from the log to the archive, in order, each at least once.

    idle_s : float  How long to wait for more when little is new [s]; new records wait no longer than this.
    most_rows : int  Readings written in one go.
    """

    def __init__(self, log: Log, archive: Archive, *, idle_s: float = 0.5, most_rows: int = 100_000) -> None:
        self._log_store = log
        self._archive = archive
        self._idle_s = idle_s
        self._most_rows = most_rows
        self._more = asyncio.Event()
        self.status = FeederStatus()

    def wake(self) -> None:
        """There is something new in the log."""
        self._more.set()

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            self._more.clear()
            before = self.status.rows
            try:
                moved = await asyncio.to_thread(self.feed_once)
            except ArchiveUnavailableError as error:
                self.status.failures += 1
                if self.status.failures == 1:
                    _log.error("archive away; the log keeps everything until it is back", reason=str(error))
                wait = min(_LONGEST_WAIT_S, self._idle_s * 2 ** min(self.status.failures, 10))
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
                continue
            if self.status.failures:
                _log.info("archive is back; catching up", failed_tries=self.status.failures)
                self.status.failures = 0
            if not moved:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._more.wait(), self._idle_s)
            elif self.status.rows - before < _FEW_ROWS:
                await asyncio.sleep(self._idle_s)

    def feed_once(self) -> bool:
        """Move one batch; False when there was nothing new. Raises ArchiveUnavailableError."""
        if self.status.offset == 0:
            self.status.offset = self._archive.offset()
        batch: list[tuple[int, Record]] = []
        rows = 0
        after = self.status.offset
        while rows < self._most_rows:
            part = list(self._log_store.read(after, _READ_AT_ONCE))
            if not part:
                break
            batch += part
            rows += sum(len(record) for _, record in part if isinstance(record, Frame))
            after = part[-1][0]
        if not batch:
            return False
        self._archive.write(batch)
        self.status.offset = after
        self.status.rows += rows
        return True
