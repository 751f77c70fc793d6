"""Clocks that are slow, against a slow twin and through the engine."""

from __future__ import annotations

import numpy as np
import pytest

from devices.frame import NO_GATEWAY, NO_SEQ, Flag, Frame
from rules.clocks import Clocks
from tests.support.lid_rounds import SECOND, START, Life, city

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LATENESS_US = 6 * 3600 * SECOND


class SlowClock:
    """One sensor's clock, message after message."""

    def __init__(self) -> None:
        self.slow = 0
        self.run: list[tuple[int, int]] = []

    def right(self, time: int, now: int) -> int:
        late = now - time
        if late < 5 * 60 * SECOND:
            self.slow, self.run = 0, []
            return time
        if late <= 24 * 3600 * SECOND:
            if self.run and abs(late - self.run[0][0]) > 60 * SECOND:
                self.run = []
            self.run.append((late, now))
            lasts_h = (now - self.run[0][1]) / 3600 / SECOND
            if (late <= LATENESS_US and len(self.run) >= 4 and lasts_h >= 6) or (
                len(self.run) >= 8 and lasts_h >= 24
            ):
                self.slow = max(self.slow, min(self.run[0][0], late))
            self.slow = min(self.slow, late)
        return time + min(self.slow, late)


@pytest.mark.parametrize("cut", [1, 7, 100_000])
def test_clocks_agree_with_their_slow_twin_however_the_stream_is_cut(cut: int) -> None:
    rng = np.random.default_rng(cut)
    sensors, n = 12, 6000
    sensor = rng.integers(0, sensors, n).astype(np.int32)
    now = START + np.cumsum(rng.exponential(HOUR / 4, n) * SECOND).astype(np.int64)
    error = rng.choice([0, 400, 1800, 7200, 30_000], (sensors, 20))
    wrong = error[sensor, np.arange(n) * 20 // n] * np.where(rng.random(n) < 0.03, 3, 1)
    time = now - ((wrong + rng.exponential(3, n)) * SECOND).astype(np.int64)
    clocks, twins = Clocks(city(sensors)), [SlowClock() for _ in range(sensors)]
    fast = [
        clocks.right(sensor[i : i + cut], time[i : i + cut], now[i : i + cut], LATENESS_US)
        for i in range(0, n, cut)
    ]
    rows = zip(sensor.tolist(), time.tolist(), now.tolist(), strict=True)
    slow = [twins[s].right(t, at) for s, t, at in rows]
    assert np.concatenate(fast).tolist() == slow
    assert (np.array(slow) != time).mean() > 0.3
    again = Clocks(city(sensors))
    again.restore(clocks.snapshot())
    assert all((again.snapshot()[name] == array).all() for name, array in clocks.snapshot().items())


def came(measured: list[float], received: list[float], tilt_deg: list[float]) -> Frame:
    """Readings that say they were measured then, and came at other times [s after the start]."""
    n = len(measured)
    return Frame(
        np.zeros(n, np.int32),
        START + (np.array(measured) * SECOND).astype(np.int64),
        START + (np.array(received) * SECOND).astype(np.int64),
        np.full(n, NO_SEQ),
        np.full(n, int(Flag.GOOD), np.uint8),
        {"tilt_deg": np.array(tilt_deg, np.float32)},
        np.full(n, NO_GATEWAY, np.int32),
    )


def hears(life: Life, measured: float, received: float, tilt_deg: float) -> None:
    """One of them, and time passes until then."""
    life.passes(received)
    life.said += life.engine.apply(came([measured], [received], [tilt_deg]))
    life.now = max(life.now, START + int(received * SECOND))


@pytest.mark.parametrize("slow", [0.0, 47 * MINUTE])
def test_a_lid_that_its_crew_opens_is_muted_by_the_permit_whatever_its_clock_says(slow: float) -> None:
    life = Life()
    for k in range(60):
        hears(life, k * 6 * HOUR - slow, k * 6 * HOUR + 2, tilt_deg=2 + 0.1 * (k % 3))
    work = 59 * 6 * HOUR + 3 * HOUR
    begin, end = (START + int(at * SECOND) for at in (work, work + 2 * HOUR))
    payload = {"asset_id": "A0", "from": begin, "to": end, "kind": "permit"}
    life.said += life.engine.control("permit", payload, begin)
    for after in (300, 309, 360, 600, 1200):
        hears(life, work + after - slow, work + after + 2, tilt_deg=78)
    hears(life, work + 6000 - slow, work + 6002, tilt_deg=2.1)
    life.passes(work + DAY / 8)
    assert [c.hazard.value for c in life.said if c.hazard.value != "silent"] == []
    assert life.engine.explain(0)["clock_slow_s"] == (slow + 2 if slow else 0)


def test_a_clock_that_is_a_zone_slow_does_not_blind_the_sensor_for_ever() -> None:
    """Local time taken for UTC, and taken off twice: all it sends counts as history, until it is seen."""
    life, slow = Life(), 8 * HOUR
    for k in range(60):
        hears(life, k * 6 * HOUR - slow, k * 6 * HOUR + 2, tilt_deg=2 + 0.1 * (k % 3))
    theft = 59 * 6 * HOUR + 2.4 * HOUR
    hears(life, theft - slow, theft + 2, tilt_deg=120)
    life.passes(theft + 60)
    told = [
        (c.hazard.value, c.severity.colour, c.historical) for c in life.said if c.hazard.value != "silent"
    ]
    assert told == [("missing", "red", False)]


def test_a_theft_bears_the_time_at_which_it_happened_not_that_of_the_sensor() -> None:
    life, slow = Life(), 47 * MINUTE
    for k in range(60):
        hears(life, k * 6 * HOUR - slow, k * 6 * HOUR + 2, tilt_deg=2 + 0.1 * (k % 3))
    theft = 59 * 6 * HOUR + 2.4 * HOUR
    hears(life, theft - slow, theft + 2, tilt_deg=78)
    life.passes(theft + 60)
    told = [c for c in life.said if c.hazard.value == "missing"]
    assert [(c.severity.colour, (c.event_at - START) / SECOND) for c in told] == [("red", theft + 2)]


@pytest.mark.parametrize("cut", [1, 13, 100])
def test_what_a_clock_lacked_is_told_as_it_was_then_however_many_readings_are_judged_at_once(
    cut: int,
) -> None:
    """Slow from the twentieth reading to the sixtieth, and stolen at the fortieth."""
    received = [k * 6 * HOUR + 2 + (2 * HOUR if k == 40 else 0) for k in range(80)]
    lacks = [47 * MINUTE if 20 <= k < 60 else 0.0 for k in range(80)]
    measured = [at - 2 - slow for at, slow in zip(received, lacks, strict=True)]
    tilts = [2 + 0.1 * (k % 3) if k < 40 else 78.0 for k in range(80)]
    life = Life()
    for i in range(0, 80, cut):
        part = slice(i, i + cut)
        life.said += life.engine.apply(came(measured[part], received[part], tilts[part]))
    life.said += life.engine.finish(START + int(received[-1] * SECOND))
    told = [(c.event_at, c.evidence.get("clock_slow_s")) for c in life.said if c.hazard.value == "missing"]
    assert told[0] == (START + int(received[40] * SECOND), 47 * MINUTE + 2)
    assert life.engine.clocks.slow[0] == 0


def test_what_an_outage_kept_is_given_back_as_history_and_moves_no_clock() -> None:
    """At one a second, from oldest to newest: none is late by the same time for hours."""
    life = Life()
    for k in range(40):
        hears(life, k * 6 * HOUR, k * 6 * HOUR + 2, tilt_deg=2)
    end = 39 * 6 * HOUR + 10 * HOUR
    for k in range(60):
        hears(life, end - 10 * HOUR + (k + 1) * 600, end + k, tilt_deg=40 if k < 10 else 2)
    assert life.engine.clocks.slow[0] == 0
    assert all(c.historical for c in life.said if c.hazard.value == "tilted")
