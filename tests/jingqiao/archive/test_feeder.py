"""When the feeder goes on and when it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from devices.frame import NO_SEQ, Flag, Frame
from ingest.log import Record
from jingqiao.archive.feeder import ArchiveFeeder
from tests.support.eventually import eventually

MANY = 6000
"""Rows of a backlog's batch."""


class ListLog:
    """As much of a log as the feeder reads."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def read(self, after_seq: int, limit: int = 1000) -> Iterator[tuple[int, Record]]:
        yield from list(enumerate(self.records, 1))[after_seq : after_seq + limit]


class ListArchive:
    """An archive that keeps what it is given, batch by batch."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def offset(self) -> int:
        return 0

    def write(self, batch: Sequence[tuple[int, Record]]) -> None:
        self.rows.append(sum(len(record) for _, record in batch if isinstance(record, Frame)))


def frame(rows: int) -> Frame:
    when = np.arange(rows, dtype=np.int64)
    sensor, seq = np.zeros(rows, np.int32), np.full(rows, NO_SEQ, np.int64)
    return Frame(sensor, when, when, seq, np.full(rows, Flag.GOOD, np.uint8))


async def test_a_backlog_is_fed_without_a_pause_and_new_records_wake_the_feeder() -> None:
    """With an idle time of an hour, a pause anywhere would show."""
    log, archive = ListLog(), ListArchive()
    feeder = ArchiveFeeder(log, archive, idle_s=3600, most_rows=MANY)  # type: ignore[arg-type]
    log.records = [frame(MANY)] * 600
    running = asyncio.create_task(feeder.run())
    await eventually(lambda: sum(archive.rows) == 600 * MANY)
    log.records += [frame(MANY)]
    feeder.wake()
    await eventually(lambda: sum(archive.rows) == 601 * MANY)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_few_readings_wait_for_more() -> None:
    log, archive = ListLog(), ListArchive()
    feeder = ArchiveFeeder(log, archive, idle_s=0.2)  # type: ignore[arg-type]
    log.records = [frame(1)]
    running = asyncio.create_task(feeder.run())
    await eventually(lambda: archive.rows == [1])
    log.records += [frame(1)]
    feeder.wake()
    log.records += [frame(1)]
    feeder.wake()
    await eventually(lambda: sum(archive.rows) == 3)
    assert archive.rows == [1, 2]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
