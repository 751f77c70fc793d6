"""What every implementation of the log must keep: import and subclass with a `log` fixture.

A second implementation writes

    class TestMyLog(LogContract):
        @pytest.fixture
        async def storage(self, tmp_path): yield a callable that opens the same log again
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from devices.frame import Frame
from ingest.log import AccelerationBlock, Control, DeadLetter, Log, Record, StrainBlock, Tick


def frame(*times: int, sensor: int = 0) -> Frame:
    """A frame with a tilt of 1, 2, 3, … degrees at the given event times."""
    n = len(times)
    time = np.array(times, np.int64)
    return Frame(
        np.full(n, sensor, np.int32),
        time,
        time + 1,
        np.arange(n, dtype=np.int64),
        np.ones(n, np.uint8),
        {"tilt_deg": np.arange(1, n + 1, dtype=np.float32)},
    )


def same(expected: Record, actual: Record) -> bool:
    """Whether two records are equal in every value."""
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, Frame) and isinstance(actual, Frame):
        return expected.to_ipc() == actual.to_ipc()
    if isinstance(expected, StrainBlock) and isinstance(actual, StrainBlock):
        return (expected.sensor, expected.start, expected.rate_hz) == (
            actual.sensor,
            actual.start,
            actual.rate_hz,
        ) and expected.strain_ue.tobytes() == actual.strain_ue.tobytes()
    if isinstance(expected, AccelerationBlock) and isinstance(actual, AccelerationBlock):
        return (expected.sensor, expected.start, expected.rate_hz) == (
            actual.sensor,
            actual.start,
            actual.rate_hz,
        ) and expected.acceleration_g.tobytes() == actual.acceleration_g.tobytes()
    return expected == actual


class LogContract:
    """The contract's tests. `open_log()` opens the same storage each time that it is called."""

    @pytest.fixture
    def open_log(self) -> Callable[[], Log]:
        """Opens (again) the log under test."""
        raise NotImplementedError

    async def test_numbers_start_at_one_and_grow_by_one(self, open_log):
        log = open_log()
        assert log.last_seq() == 0
        assert await log.append([Tick(1)]) == 1
        assert await log.append([Tick(2), Tick(3)]) == 3
        assert log.last_seq() == 3
        assert [seq for seq, _ in log.read(0)] == [1, 2, 3]
        log.close()

    async def test_every_kind_of_record_comes_back_as_it_was(self, open_log):
        log = open_log()
        records = [
            frame(10, 20),
            Tick(30),
            Control("permit", {"asset": "420704010300001", "to": None, "面": [1, 2.5]}, 40),
            StrainBlock(3, 50, 50.0, np.array([1.5, -2.0, 0.25], np.float32)),
            AccelerationBlock(4, 60, 100.0, np.array([0.01, -0.02], np.float32)),
        ]
        await log.append(records)
        back = [record for _, record in log.read(0)]
        assert all(same(a, b) for a, b in zip(records, back, strict=True))
        log.close()

    async def test_what_was_appended_is_there_after_opening_again(self, open_log):
        log = open_log()
        await log.append([Tick(1), Tick(2)])
        log.close()
        again = open_log()
        assert again.last_seq() == 2
        assert await again.append([Tick(3)]) == 3
        assert [Tick(1), Tick(2), Tick(3)] == [record for _, record in again.read(0)]
        again.close()

    async def test_reading_starts_after_a_number_and_ends_at_the_limit(self, open_log):
        log = open_log()
        await log.append([Tick(i) for i in range(1, 41)])
        assert list(range(8, 41)) == [seq for seq, _ in log.read(7)]
        for limit in (1, 7, 8, 9, 16, 33):
            assert list(range(8, 8 + limit)) == [seq for seq, _ in log.read(7, limit)]
        assert list(log.read(40)) == []
        assert list(log.read(0, 0)) == []
        log.close()

    async def test_truncation_forgets_the_old_and_never_gives_their_numbers_again(self, open_log):
        log = open_log()
        await log.append([Tick(i) for i in range(1, 6)])
        await log.truncate(4)
        assert [seq for seq, _ in log.read(0)] == [4, 5]
        await log.truncate(6)
        assert list(log.read(0)) == []
        log.close()
        again = open_log()
        assert again.last_seq() == 5
        assert await again.append([Tick(6)]) == 6
        again.close()

    async def test_concurrent_appends_keep_the_order_in_which_they_were_asked(self, open_log):
        log = open_log()
        seqs = await asyncio.gather(*(log.append([Tick(i)]) for i in range(200)))
        assert list(range(1, 201)) == seqs
        assert [Tick(i) for i in range(200)] == [record for _, record in log.read(0)]
        log.close()

    async def test_records_of_one_append_stand_together(self, open_log):
        log = open_log()
        await asyncio.gather(*(log.append([Tick(i)] * 5) for i in range(40)))
        ticks = [record.now for _, record in log.read(0)]
        assert [i for i in range(40) for _ in range(5)] == ticks
        log.close()

    async def test_an_append_of_nothing_changes_nothing(self, open_log):
        log = open_log()
        await log.append([Tick(1)])
        assert await log.append([]) == 1
        assert await log.append([], [DeadLetter(1, "t", b"p", "json", "d")]) == 1
        assert [seq for seq, _ in log.read(0)] == [1]
        log.close()

    async def test_a_record_that_cannot_be_written_harms_no_other(self, open_log):
        log = open_log()
        bad = Control("x", {"it": object()}, 1)
        outcome = await asyncio.gather(
            log.append([Tick(1)]), log.append([bad]), log.append([Tick(2)]), return_exceptions=True
        )
        assert outcome[0] == 1
        assert isinstance(outcome[1], TypeError)
        assert outcome[2] == 2
        log.close()

    async def test_reading_goes_on_while_others_write(self, open_log):
        log = open_log()
        await log.append([Tick(i) for i in range(20)])
        seen = []
        for seq, _ in log.read(0, 1000):
            seen.append(seq)
            if len(seen) <= 5:
                await log.append([Tick(99)])
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) >= 20
        log.close()

    async def test_another_thread_may_read(self, open_log):
        log = open_log()
        await log.append([Tick(1)])
        assert [(1, Tick(1))] == await asyncio.to_thread(lambda: list(log.read(0)))
        log.close()

    async def test_closing_twice_is_closing_once(self, open_log):
        log = open_log()
        await log.append([Tick(1)])
        log.close()
        log.close()
