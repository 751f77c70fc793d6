"""Rocking and schedule against slow, obvious twins: one sensor, plain Python, one reading at a time."""

import math

import numpy as np
import pytest

from rules.lid.rocking import rock
from rules.lid.schedule import Pace, on_schedule
from rules.lid.state import Shock
from tests.support.lid_naive import SlowPace

WINDOW_H, REFERENCE, ALLOWANCE, LIMIT = 4.0, 6.0, 0.5, 8.0


class SlowRocking:
    """Greatest shock of each window by its logarithm, or mean step as a share of the usual, against that."""

    def __init__(self, *, shocks: "SlowRocking | None" = None) -> None:
        self.shocks = shocks
        self.of_steps = shocks is not None
        self.peak = self.count = self.mean = self.m2 = self.score = self.start = self.sum = 0.0
        self.n = 0

    def take(self, value: float, hours: float) -> None:
        if not math.isnan(value):
            self.peak = max(self.peak, value, 0.05)
            self.sum, self.n = self.sum + min(value, 2.5), self.n + 1
        if hours - self.start < WINDOW_H:
            return
        if self.start > 0 and self.n:
            if self.of_steps:
                self._steps(max(self.sum / self.n, 0.1), hours - self.start)
            else:
                self._close(math.log(self.peak), 1.0, 0.2, 3.0)
        self.peak, self.sum, self.n, self.start = 0.0, 0.0, 0, hours

    def _steps(self, mean: float, length_h: float) -> None:
        assert self.shocks is not None
        few = 0.55 / math.sqrt(self.n)
        seldom = self.n == 1 and self.shocks.count == 0
        # noon and midnight by turns look like rocking
        least = 0.8 if seldom and length_h >= 8 else 0.25 * (1 + few * few)
        greatest = 3 * min(max(length_h / WINDOW_H, 1), 4 / 3) if seldom else 3.0
        self._close(mean, 0.1, 0.55 + few, greatest, still=mean < least)

    def _close(self, x: float, least: float, margin: float, greatest: float, still: bool = False) -> None:
        known, count = self.count >= REFERENCE, self.count
        unit = max(self.mean, least) if self.of_steps else 1.0
        spread = math.sqrt(max(self.m2, 0) / max(count, 1)) / unit
        off = (x - self.mean) / unit
        quiet = self.score < 1 and abs(off) <= 2 * max(spread, 0.25)
        if not known or (quiet and count < 2 * REFERENCE):
            reach = 2.5 * max(spread, 0.5)
            held = self.mean + unit * min(max(off, -reach), reach) if count >= 3 else x
            step = held - self.mean
            self.mean += step / (count + 1)
            self.m2 += step * (held - self.mean)
            self.count = count + 1
            unit = max(self.mean, least) if self.of_steps else 1.0
        if known:
            sigma = max(spread * (1 + 3 / max(count, 1)), 0.25)
            z = min(((x - self.mean) / unit - margin) / sigma, greatest)
            z = min(z, 0) if still else z
            self.score = min(max(self.score + z - ALLOWANCE, 0), 2 * LIMIT)


class Limits(dict[str, np.float32]):
    def take(self, _: object) -> "Limits":
        return self


@pytest.mark.parametrize("seed", range(5))
def test_rocking_agrees_with_its_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sensors, readings = 7, 400
    limits = Limits(
        window_hours=np.float32(WINDOW_H),
        reference_windows=np.float32(REFERENCE),
        loose_allowance=np.float32(ALLOWANCE),
        loose_limit=np.float32(LIMIT),
    )
    rows = np.zeros(
        (sensors, max(int(v) for v in vars(Shock).values() if isinstance(v, int)) + 1), np.float32
    )
    shock = [SlowRocking() for _ in range(sensors)]
    step = [SlowRocking(shocks=own) for own in shock]
    hours = np.full(sensors, 1.0)
    for k in range(readings):
        hours += rng.exponential(1.3, sensors)
        grown = 5.0 if k > readings / 2 else 1.0
        vibration = (rng.lognormal(-1, 0.5, sensors) * grown).astype(np.float32)
        moved = (rng.lognormal(-1, 0.8, sensors) * grown).astype(np.float32)
        vibration[rng.random(sensors) < 0.3] = np.nan
        vibration[:2] = np.nan
        moved[rng.random(sensors) < 0.3] = np.nan
        at = hours.astype(np.float32)
        rock(rows, vibration, moved, at, limits)  # type: ignore[arg-type]
        for i in range(sensors):
            step[i].take(float(moved[i]), float(at[i]))
            shock[i].take(float(vibration[i]), float(at[i]))
    assert max(s.score for s in shock) > LIMIT, "the twins never saw anything rock"
    np.testing.assert_allclose(rows[:, Shock.SCORE], [s.score for s in shock], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(rows[:, Shock.STEP_SCORE], [s.score for s in step], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(rows[:, Shock.MEAN], [s.mean for s in shock], rtol=2e-3, atol=2e-3)


def test_schedule_agrees_with_its_slow_twin() -> None:
    """Sleepers that lose messages, wake between, and change their pace; the twin takes one at a time."""
    rng = np.random.default_rng(3)
    n = 300
    heartbeat = rng.choice([600.0, 3600.0, 21600.0, 86400.0, np.nan], n).astype(np.float32)
    usual = np.where(np.isnan(heartbeat), 1800, heartbeat) * rng.choice([1, 1, 0.25], n)
    twins = [SlowPace(float(beat)) for beat in heartbeat]
    pace, wobble = np.zeros(n, np.float32), np.zeros(n, np.float32)
    beat, last, gap = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.float32)
    time = np.full(n, 1_700_000_000_000_000)
    share = []
    for _ in range(60):
        step = usual * rng.choice([1, 1, 1, 1, 2, 0.37], n) + rng.normal(0, 4, n)
        time = time + (np.maximum(step, 1) * 1e6).astype(np.int64)
        calm = rng.random(n) < 0.9
        before, gap = gap, np.where(last > 0, (time - last) * np.float32(1e-6), 0).astype(np.float32)
        last = time
        said, known = on_schedule(time, gap, before, heartbeat, Pace(pace, wobble, beat), calm)
        pace, wobble, beat = known.pace_s, known.wobble_s, known.beat
        expected = [
            twin.take(int(time[i]), float(gap[i]), float(before[i]), bool(calm[i]))
            for i, twin in enumerate(twins)
        ]
        assert said.tolist() == expected
        share.append(np.mean(expected))
    np.testing.assert_allclose(pace, [twin.pace for twin in twins], rtol=1e-3)
    np.testing.assert_allclose(wobble, [twin.wobble for twin in twins], rtol=2e-2, atol=0.02)
    assert 0.2 < np.mean(share) < 0.95
