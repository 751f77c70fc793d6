"""What the engine knows of devices, when batteries end, and slow values that are kept."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest

from config.rules import RuleSet
from devices.frame import Flag, Frame, gateway_key
from devices.registry import Registry
from jingqiao.fleet.forecast import WEEK_US, fall
from jingqiao.fleet.kept import Kept
from jingqiao.fleet.state import fleet_of
from jingqiao.fleet.view import by_model, sensor_rows
from rules.engine import Engine

HOUR = 3600 * 1_000_000
REGISTRY = Registry.of(
    [{"asset_id": f"A{i}", "kind": "cover", "name": f"{i}号井"} for i in range(4)],
    [
        {
            "sensor_id": f"s{i}",
            "asset_id": f"A{i}",
            "heartbeat_s": 3600,
            "model": "em310-tilt" if i else "dc410",
        }
        for i in range(4)
    ],
)


def told(sensor: int, at: int, **columns: float) -> Frame:
    return Frame(
        np.array([sensor], np.int32),
        np.array([at], np.int64),
        np.array([at], np.int64),
        np.array([-1], np.int64),
        np.array([Flag.GOOD], np.uint8),
        {name: np.array([value], np.float32) for name, value in columns.items()},
        np.array([gateway_key("gw-7")], np.int32),
    )


def test_the_fleet_is_counted_as_the_engine_judges_it_the_longest_silence_and_weakest_first() -> None:
    engine = Engine(REGISTRY, RuleSet())
    start = 1000 * HOUR
    for sensor, charge in enumerate((90.0, 15.0, 5.0, 80.0)):
        engine.apply(told(sensor, start + sensor, tilt_deg=1.0, battery_pct=charge))
    engine.control("gateway", {"key": gateway_key("gw-7"), "gateway_id": "gw-7"}, start)
    for hour in range(1, 5):
        for sensor in (0, 1, 2):
            engine.apply(told(sensor, start + hour * HOUR + sensor, tilt_deg=1.0))
        engine.tick(start + hour * HOUR + 10)
    state = fleet_of(engine)
    assert state.counts == {
        "sensors": 4,
        "heard": 3,
        "silent": 1,
        "long_silent": 0,
        "with_gateway": 0,
        "battery_low": 1,
        "battery_empty": 1,
    }
    (silent,) = sensor_rows(REGISTRY, state, state.silent)
    assert (silent["sensor_id"], silent["name"], silent["heard"], silent["gateway"]) == (
        "s3",
        "3号井",
        start + 3,
        "gw-7",
    )
    assert [row["charge_pct"] for row in sensor_rows(REGISTRY, state, state.weakest)] == [5, 15]
    assert by_model(REGISTRY, state) == [
        {"model": "em310-tilt", "sensors": 3, "silent": 1, "weak": 2},
        {"model": "dc410", "sensors": 1, "silent": 0, "weak": 0},
    ]
    engine.apply(told(3, start + 5 * HOUR, tilt_deg=1.0))
    assert state.counts["silent"] == 1, "what was asked does not change under the page"


WEEKS = np.arange(-20, 0) * float(WEEK_US)


def test_a_falling_battery_is_forecast_to_the_week_it_ends() -> None:
    forecast = fall(WEEKS, 50 - (WEEKS / WEEK_US) * 2.0, 0, 10.0)
    assert forecast is not None
    assert forecast.at == pytest.approx(20 * WEEK_US)
    assert forecast.pct_per_month == pytest.approx(-2.0 * 365.25 / 12 / 7)


@pytest.mark.parametrize(
    "pct",
    [
        np.full(20, 50.0),
        np.linspace(50, 60, 20),
        np.linspace(50, 49.9, 20),
        np.full(20, np.nan),
        np.append(np.full(17, np.nan), [30.0, 29, 28]),
    ],
    ids=["steady", "rising", "falls for decades", "never told", "told for too short"],
)
def test_no_date_is_made_up_where_nothing_falls(pct: np.ndarray) -> None:
    assert fall(WEEKS, pct, 0, 10.0) is None


def test_a_changed_battery_starts_anew_and_one_that_is_empty_already_ends_today() -> None:
    changed = np.concatenate([np.linspace(40, 20, 10), 100 - np.arange(10.0)])
    forecast = fall(WEEKS, changed, 0, 10.0)
    assert forecast is not None
    assert forecast.at == pytest.approx(80 * WEEK_US, rel=0.01)
    empty = fall(WEEKS, np.linspace(40, 5, 20), 0, 10.0)
    assert empty is not None
    assert empty.at == 0


def test_a_slow_value_is_found_in_the_background_once_and_kept_until_it_is_old() -> None:
    now, calls, go = [0], [0], Event()

    def find() -> int:
        calls[0] += 1
        assert go.wait(10)
        return calls[0]

    kept = Kept(find, lambda: now[0], 100)
    assert kept.get() == (None, None)
    assert kept.get() == (None, None)
    go.set()
    assert kept.get(10.0) == (1, 0)
    now[0] = 100
    assert kept.get(10.0) == (1, 0)
    assert calls == [1]
    now[0] = 101
    kept.get()
    assert kept.get(10.0)[0] in (1, 2), "the old one is shown while the new one is found"


def test_a_failing_search_leaves_what_was_known_and_is_tried_again() -> None:
    broken = [True]

    def find() -> int:
        if broken[0]:
            raise RuntimeError
        return 7

    kept = Kept(find, lambda: 0, 100)
    assert kept.get(5.0) == (None, None)
    broken[0] = False
    assert kept.get(5.0) == (7, 0)
