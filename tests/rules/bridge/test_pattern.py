"""Patterns over the gauges of a girder: what vehicles do that stand, and what a pier does that sinks."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from rules.bridge.cells import QUARTERS
from rules.bridge.liveload import LiveLoads
from rules.bridge.pattern import LEAST_PASSINGS, Together, no_load
from tests.support.bridge_campaign import Girder

Float = npt.NDArray[np.float64]
Way = Callable[[float], Float]

AXLES = ((0.28, 0.0), (0.36, 4.5), (0.36, 5.9))
QUARTER_S = 5.0
BEFORE, ALL = 60, 200
"""Quarters before a movement, and in all."""
WITH_PIER = Girder((0.0, 30.0, 60.0), (12.0, 15.0, 28.0, 45.0), (2,))
MIDDLES = Girder((0.0, 30.0, 60.0, 85.0), (15.0, 45.0, 72.0), ())
ONE_SPAN = Girder((0.0, 30.0, 60.0), (12.0, 15.0), ())
GIRDERS = {"beside the pier": WITH_PIER, "middles of spans": MIDDLES, "one span": ONE_SPAN}


def influence(loads: Float, x: float) -> Float:
    """Strain of all gauges for a lorry of 1 kN whose first axle is at x [µε]."""
    line = np.pad(loads, ((0, 0), (1, 1)))
    at = [min(max(x - back + 1, 0.0), line.shape[1] - 1.001) for _, back in AXLES]
    shares = [share for share, _ in AXLES]
    parts = [
        share * ((1 - a % 1) * line[:, int(a)] + (a % 1) * line[:, int(a) + 1])
        for share, a in zip(shares, at, strict=True)
    ]
    strain: Float = np.sum(parts, axis=0)
    return strain


@cache
def seen(girder: Girder, vehicles: int = 50, seed: int = 1) -> LiveLoads:
    """What passing vehicles have shown."""
    rng = np.random.default_rng(seed)
    loads, _ = girder.influence()
    gauges = np.arange(len(loads))
    live = LiveLoads(len(loads), np.zeros(len(loads), np.int32))
    for _ in range(vehicles):
        speed, at, kn = rng.uniform(8, 20), rng.uniform(3, 10), rng.uniform(80, 400)
        y = np.array([kn * influence(loads, (second - at) * speed) for second in range(20)]).T
        live.step(gauges, (y + rng.normal(0, 0.3, y.shape)).astype(np.float32))
    return live


def judged(live: LiveLoads, ways: Sequence[Way], takes_s: float, rng: np.random.Generator) -> bool:
    """Whether what moves the gauges so is seen to be no load."""
    t = QUARTER_S * (np.arange(ALL) - BEFORE)
    course = np.array([sum(way(float(now)) for way in ways) for now in t]).T
    course += rng.normal(0, 0.5, course.shape)
    gauges = np.arange(len(course))
    moved = Together(np.median(course[:, -24:], axis=1), course, live.patterns(gauges), int(live.passings[0]))
    onset = (ALL - BEFORE) // QUARTERS
    return no_load(moved, onset, max(round(takes_s / 20), 1))


def pier(girder: Girder, takes_s: float, ue: float = 30.0) -> Way:
    """The second support that sinks."""
    _, supports = girder.influence()
    shift = supports[:, 1] / np.abs(supports[:, 1]).max() * ue
    return lambda t: shift * np.clip(t / takes_s, 0, 1)


def lorry(girder: Girder, place_m: float, speed_m_s: float, kn: float, at_s: float = 0.0) -> Way:
    """A lorry that rolls to its place and stands."""
    loads, _ = girder.influence()
    return lambda t: (
        kn * influence(loads, min((t - at_s) * speed_m_s, place_m)) if t > at_s else 0 * loads[:, 0]
    )


@pytest.mark.parametrize("name", ["beside the pier", "middles of spans"])
@pytest.mark.parametrize("takes_s", [40.0, 90.0])
def test_a_pier_that_sinks_is_no_load(name: str, takes_s: float) -> None:
    girder = GIRDERS[name]
    live, rng = seen(girder), np.random.default_rng(2)
    assert all(judged(live, [pier(girder, takes_s, ue)], takes_s, rng) for ue in (30.0, -30.0))


def test_one_that_came_before_its_way_could_be_seen_may_be_a_load() -> None:
    live, rng = seen(WITH_PIER), np.random.default_rng(3)
    assert not judged(live, [pier(WITH_PIER, 8.0)], 8.0, rng)


def test_gauges_that_see_all_vehicles_alike_know_nothing_of_a_load_in_another_lane() -> None:
    rng = np.random.default_rng(9)
    live = LiveLoads(3, np.zeros(3, np.int32))
    for _ in range(100):
        y = np.outer([40.0, 20.0, 5.0], np.exp(-((np.arange(20) - rng.uniform(6, 12)) ** 2)))
        live.step(np.arange(3), (y + rng.normal(0, 0.3, y.shape)).astype(np.float32))
    other = np.array([5.0, 20.0, 40.0])
    assert not judged(live, [lambda t: other * np.clip(t / 60, 0, 1)], 60.0, rng)


@pytest.mark.parametrize("name", GIRDERS)
def test_a_lorry_is_a_load_wherever_it_stands_and_however_it_comes(name: str) -> None:
    girder = GIRDERS[name]
    live, rng = seen(girder), np.random.default_rng(4)
    length = girder.supports[-1]
    for _ in range(30):
        place, speed = rng.uniform(3, length), float(rng.choice([0.3, 0.7, 1.5, 5.0, 10.0]))
        assert not judged(live, [lorry(girder, place, speed, rng.uniform(200, 500))], place / speed, rng)


@pytest.mark.parametrize("name", GIRDERS)
def test_a_lorry_that_leaves_is_a_load(name: str) -> None:
    girder = GIRDERS[name]
    live, rng = seen(girder), np.random.default_rng(8)
    loads, _ = girder.influence()
    for _ in range(30):
        place, speed = rng.uniform(3, girder.supports[-1]), float(rng.choice([0.7, 1.5, 5.0]))
        kn, stood = rng.uniform(200, 500), influence(loads, place)

        def leaves(t: float, *, place: float = place, speed: float = speed, stood: Float = stood) -> Float:
            return influence(loads, place + max(t, 0.0) * speed) - stood

        assert not judged(live, [lambda t, kn=kn, leaves=leaves: kn * leaves(t)], 40.0, rng)  # type: ignore[misc]


@pytest.mark.parametrize("name", GIRDERS)
def test_several_lorries_are_a_load(name: str) -> None:
    girder = GIRDERS[name]
    live, rng = seen(girder), np.random.default_rng(5)
    length = girder.supports[-1]
    for _ in range(30):
        gap = float(rng.choice([2.0, 20.0, 40.0]))
        ways = [
            lorry(girder, rng.uniform(3, length), rng.uniform(0.7, 6), rng.uniform(150, 450), gap * i)
            for i in range(int(rng.integers(2, 5)))
        ]
        assert not judged(live, ways, gap * (len(ways) - 1) + 20, rng)


def test_a_pier_whose_pattern_a_lorry_may_have_waits() -> None:
    live, rng = seen(ONE_SPAN), np.random.default_rng(6)
    assert not judged(live, [pier(ONE_SPAN, 30.0)], 30.0, rng)


def test_without_traffic_nothing_is_known_of_loads() -> None:
    live, rng = seen(WITH_PIER, LEAST_PASSINGS // 2), np.random.default_rng(7)
    assert not judged(live, [pier(WITH_PIER, 30.0)], 30.0, rng)


def test_what_stays_within_a_block_and_what_one_gauge_alone_measures_is_no_passing_vehicle() -> None:
    live = LiveLoads(2, np.array([0, 0], np.int32))
    step = np.where(np.arange(20) < 10, 0.0, 20.0)
    live.step(np.arange(2), np.array([step, -step], np.float32))
    live.step(np.array([0]), np.array([20.0 * (np.arange(20) == 9)], np.float32))
    assert live.passings.tolist() == [0, 0]
    assert len(live.patterns(np.arange(2))) == 0
    live.step(np.arange(2), np.array([20.0 * (np.arange(20) == 9), 10.0 * (np.arange(20) == 9)], np.float32))
    assert live.passings.tolist() == [0, 0], "alike on all its way"
    assert live.patterns(np.arange(2)) == pytest.approx(np.array([[2, 1]]) / np.sqrt(5), abs=0.01)
    live.step(np.arange(2), np.array([20.0 * (np.arange(20) == 9), 20.0 * (np.arange(20) == 10)], np.float32))
    assert live.passings.tolist() == [1, 1]


def test_patterns_survive_a_snapshot_and_are_forgotten_after_works() -> None:
    live = seen(WITH_PIER, seed=2)
    restored = LiveLoads(4, np.zeros(4, np.int32))
    restored.restore({k: np.array(v) for k, v in live.snapshot().items()})
    assert np.array_equal(restored.patterns(np.arange(4)), live.patterns(np.arange(4)))
    restored.forget(np.array([1]))
    assert len(restored.patterns(np.arange(4))) == 0
    assert restored.passings[1] == 0
