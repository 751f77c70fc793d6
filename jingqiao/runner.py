"""Gives log records to the engine in the log's order and commits what they change.

Frames, ticks and control changes are appended by several tasks whose commits may come back in any
order; the engine must see them as a replay would. So records wait here until their turn has come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.frame import Frame
from ingest.log import Control, Record, Tick
from jingqiao.vitals import Vitals
from rules.alarm import AlarmChange, MutedAlarm

_log = structlog.get_logger()

T = TypeVar("T")


class Judge(Protocol):
    """The engine, as far as the runner knows it."""

    def apply(self, frame: Frame) -> list[AlarmChange]:
        """Judge readings."""
        ...

    def tick(self, now: int) -> list[AlarmChange]:
        """Judge the passing of time."""
        ...

    def control(self, name: str, payload: Mapping[str, Any], at: int) -> list[AlarmChange]:
        """Take a change of what is known or wanted."""
        ...

    def take_muted(self) -> list[MutedAlarm]:
        """What announced work kept from being told since this was last asked."""
        ...

    def snapshot(self) -> bytes:
        """All state."""
        ...


class Book(Protocol):
    """What takes the changes, in one transaction with the checkpoint."""

    def commit(
        self,
        seq: int,
        changes: Sequence[AlarmChange],
        now: int,
        change_seqs: Sequence[int] | None = None,
        muted: Sequence[tuple[int, MutedAlarm]] = (),
    ) -> None:
        """Store changes and what follows from them, and what was not told; nothing twice."""
        ...


def judge(engine: Judge, record: Record, before_control: Callable[[Control], None]) -> list[AlarmChange]:
    """What one record changes. `before_control` may swap registry or rules first.

    A record that cannot be judged is passed over, loudly: after a restart it would stand in the way again,
    and all sensors behind it would be unwatched.
    """
    try:
        return _judged(engine, record, before_control)
    except Exception:
        _log.exception(
            "a record of the log could not be judged and was passed over; report this defect",
            record=type(record).__name__,
        )
        return []


def _judged(engine: Judge, record: Record, before_control: Callable[[Control], None]) -> list[AlarmChange]:
    match record:
        case Frame():
            return engine.apply(record)
        case Tick(now):
            return engine.tick(now)
        case Control(name, payload, at):
            before_control(record)
            return engine.control(name, payload, at)
        case _:
            return []  # raw strain blocks are the archive's; their features are in a frame


class Runner:
    """The engine's place in the running service.

    next_seq : int  Sequence number of the first record that the engine has not judged.
    """

    def __init__(
        self,
        engine: Judge,
        book: Book,
        vitals: Vitals,
        now: Callable[[], int],
        next_seq: int,
        before_control: Callable[[Control], None],
    ) -> None:
        self.engine = engine
        self._book = book
        self._vitals = vitals
        self._now = now
        self._next_seq = next_seq
        self._before_control = before_control
        self._waiting: dict[int, Sequence[Record]] = {}
        self._turn = asyncio.Lock()

    async def deliver(self, last_seq: int, records: Sequence[Record]) -> None:
        """Take records that the log holds as `last_seq - len(records) + 1 … last_seq`."""
        if not records:
            return
        self._waiting[last_seq - len(records) + 1] = records
        # Whoever delivers may be cancelled when the service stops; what the engine has judged must be
        # committed all the same, or the last snapshot would know of an alarm that nobody was told.
        await asyncio.shield(asyncio.create_task(self._take_turns()))

    async def _take_turns(self) -> None:
        async with self._turn:
            while (ready := self._waiting.pop(self._next_seq, None)) is not None:
                await self._judge(self._next_seq, ready)
                self._next_seq += len(ready)

    async def _judge(self, first_seq: int, records: Sequence[Record]) -> None:
        started = time.perf_counter()
        changes: list[AlarmChange] = []
        seqs: list[int] = []
        muted: list[tuple[int, MutedAlarm]] = []
        for seq, record in enumerate(records, first_seq):
            new = judge(self.engine, record, self._before_control)
            changes += new
            seqs += [seq] * len(new)
            muted += [(seq, item) for item in self.engine.take_muted()]
            if isinstance(record, Frame) and len(record):
                self._vitals.readings += len(record)
                self._vitals.last_reading_at = max(self._vitals.last_reading_at, int(record.time.max()))
        last = first_seq + len(records) - 1
        self._vitals.engine_s += time.perf_counter() - started
        if changes or muted:
            self._vitals.changes.update((c.hazard.value, c.state.value) for c in changes)
            await self._commit(last, changes, seqs, muted)
        self._vitals.applied_seq = last
        self._vitals.applied_at = self._now()

    async def _commit(
        self,
        seq: int,
        changes: Sequence[AlarmChange],
        seqs: Sequence[int],
        muted: Sequence[tuple[int, MutedAlarm]],
    ) -> None:
        """Store the changes, however long the database is away: the engine cannot judge them again."""
        failures = 0
        while True:
            try:
                # In a thread: the database's fsync must not hold up the sources.
                await asyncio.to_thread(self._book.commit, seq, changes, self._now(), seqs, muted)
            except SQLAlchemyError as error:
                failures += 1
                if failures == 1:
                    _log.error(
                        "alarms cannot be stored; nobody is told until the database is back",
                        alarms=len(changes),
                        reason=str(error).splitlines()[0],
                    )
                await asyncio.sleep(min(10.0, 0.1 * 2**failures))
            except Exception:
                # A defect in composing incidents would fail again for ever and hold up every alarm behind it.
                _log.exception(
                    "alarms could not be made incidents and are lost to people; report this defect",
                    alarms=[f"{c.asset_id} {c.hazard} {c.state} {c.severity.colour}" for c in changes],
                )
                return
            else:
                if failures:
                    _log.info("the database is back; alarms are stored", failed_tries=failures)
                return

    async def snapshot(self) -> tuple[int, bytes]:
        """The engine's state between two records, and the last record that is in it."""
        async with self._turn:
            return self._next_seq - 1, self.engine.snapshot()

    async def ask(self, question: Callable[[], T]) -> T:
        """What the engine says between two records; the question only looks."""
        async with self._turn:
            return question()
