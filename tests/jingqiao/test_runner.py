"""The runner: records in the log's order, commits that wait for the database, snapshots between records."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from devices.frame import Frame
from ingest.log import Control, Tick
from jingqiao.runner import Runner
from jingqiao.vitals import Vitals
from rules.alarm import AlarmChange, AlarmState, Hazard, MutedAlarm, Reason, Severity
from tests.support.eventually import eventually


def change(at: int) -> AlarmChange:
    return AlarmChange(
        "a", Hazard.MISSING, Severity.RED, AlarmState.FIRING, at, 1.0, 0.5, "°", Reason("x.y"), ("s",)
    )


class TickEcho:
    """An engine that says one change for every tick."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def apply(self, frame: Frame) -> list[AlarmChange]:
        return []

    def tick(self, now: int) -> list[AlarmChange]:
        self.seen.append(now)
        return [change(now)]

    def control(self, name: str, payload: Mapping[str, Any], at: int) -> list[AlarmChange]:
        self.seen.append(-at)
        return []

    def take_muted(self) -> list[MutedAlarm]:
        return []

    def snapshot(self) -> bytes:
        return bytes(self.seen)


class ListBook:
    """A book that fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.commits: list[tuple[int, list[int], list[int]]] = []

    def commit(
        self,
        seq: int,
        changes: Sequence[AlarmChange],
        now: int,
        change_seqs: Sequence[int] | None = None,
        muted: Sequence[tuple[int, MutedAlarm]] = (),
    ) -> None:
        if self.failures:
            self.failures -= 1
            raise OperationalError("INSERT", {}, Exception("database is locked"))
        self.commits.append((seq, [c.event_at for c in changes], list(change_seqs or [])))


def runner(engine: TickEcho, book: ListBook, controls: list[str] | None = None) -> Runner:
    return Runner(
        engine,
        book,
        Vitals(0),
        lambda: 77,
        1,
        lambda control: controls.append(control.name) if controls is not None else None,
    )


async def test_records_that_come_back_in_another_order_are_judged_in_the_logs_order() -> None:
    engine, book = TickEcho(), ListBook()
    run = runner(engine, book)
    await run.deliver(4, [Tick(30), Tick(40)])
    assert engine.seen == []
    await run.deliver(2, [Tick(10), Tick(20)])
    assert engine.seen == [10, 20, 30, 40]
    assert book.commits == [(2, [10, 20], [1, 2]), (4, [30, 40], [3, 4])]


async def test_a_delivery_that_is_cancelled_half_way_is_committed_before_the_snapshot() -> None:
    engine, book = TickEcho(), ListBook(failures=1)
    run = runner(engine, book)
    delivery = asyncio.create_task(run.deliver(1, [Tick(10)]))
    await eventually(lambda: engine.seen)
    delivery.cancel()
    await asyncio.gather(delivery, return_exceptions=True)
    assert await run.snapshot() == (1, bytes([10]))
    assert book.commits == [(1, [10], [1])]


async def test_controls_are_followed_before_the_engine_hears_of_them() -> None:
    controls: list[str] = []
    engine = TickEcho()
    await runner(engine, ListBook(), controls).deliver(1, [Control("registry", {"version": 2}, 5)])
    assert (controls, engine.seen) == (["registry"], [-5])


async def test_a_database_that_is_away_delays_alarms_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", no_wait)
    engine, book = TickEcho(), ListBook(failures=3)
    await runner(engine, book).deliver(1, [Tick(10)])
    assert book.commits == [(1, [10], [1])]
    assert waits == [0.2, 0.4, 0.8]


async def test_a_snapshot_says_which_record_is_the_last_in_it() -> None:
    run = runner(TickEcho(), ListBook())
    await run.deliver(2, [Tick(1), Tick(2)])
    assert await run.snapshot() == (2, bytes([1, 2]))


async def test_a_defect_in_the_book_is_shouted_and_holds_up_nobody_behind_it() -> None:
    class BrokenOnce(ListBook):
        def commit(
            self,
            seq: int,
            changes: Sequence[AlarmChange],
            now: int,
            change_seqs: Sequence[int] | None = None,
            muted: Sequence[tuple[int, MutedAlarm]] = (),
        ) -> None:
            if seq == 1:
                raise KeyError("a defect")
            super().commit(seq, changes, now, change_seqs, muted)

    book = BrokenOnce()
    run = runner(TickEcho(), book)
    await run.deliver(1, [Tick(10)])
    await run.deliver(2, [Tick(20)])
    assert book.commits == [(2, [20], [2])]
