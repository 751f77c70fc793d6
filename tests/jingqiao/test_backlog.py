"""What waited at the broker comes before the first tick."""

import asyncio

import pytest

from jingqiao.backlog import backlog_taken_in

HOUR_US = 3_600_000_000


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    done: list[float] = []

    async def no_wait(seconds: float) -> None:
        done.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", no_wait)
    return done


async def test_it_waits_while_old_readings_pour_in_and_ends_with_the_first_live_one(
    waits: list[float],
) -> None:
    newest = iter([0, HOUR_US, 2 * HOUR_US, 10 * HOUR_US - 1_000_000])
    count = iter(range(1000, 100_000, 1000))
    assert await backlog_taken_in(
        lambda: True, lambda: next(count), lambda: next(newest), lambda: 10 * HOUR_US
    )
    assert len(waits) == 3


async def test_a_quiet_second_says_that_there_was_nothing(waits: list[float]) -> None:
    assert await backlog_taken_in(lambda: True, lambda: 0, lambda: 0, lambda: HOUR_US)
    assert sum(waits) == pytest.approx(1.0, abs=0.11)


async def test_a_broker_that_is_away_holds_time_up_for_half_a_minute_at_most(waits: list[float]) -> None:
    assert not await backlog_taken_in(lambda: False, lambda: 0, lambda: 0, lambda: HOUR_US)
    assert sum(waits) == pytest.approx(30.0, abs=0.2)


async def test_a_trickle_of_messages_that_nobody_can_use_holds_nothing_up(waits: list[float]) -> None:
    count = iter(range(1000))
    assert await backlog_taken_in(lambda: True, lambda: next(count), lambda: 0, lambda: HOUR_US)
    assert sum(waits) == pytest.approx(1.0, abs=0.11)
