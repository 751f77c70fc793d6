"""A gauge whose every reading comes equally late has a wrong clock; one that waits or catches up has not."""

from dataclasses import replace

import numpy as np
import pytest

from devices.frame import Frame, concat
from rules.alarm import AlarmState, Hazard
from rules.bridge.clock import Clocks
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import bridge_registry, frame

MINUTE_US = 60_000_000
HOURS = 6


def fault_after(lag_min: np.ndarray) -> bool:
    """Whether a reading a minute with these lags [min] ends as a fault."""
    clocks = Clocks(1)
    for i, lag in enumerate(lag_min.tolist()):
        received = (60 * 1000 + i) * MINUTE_US
        clocks.saw(np.array([0]), np.array([received - round(lag * MINUTE_US)]), np.array([received]))
    return bool(clocks.fault[0])


def test_a_constant_lag_for_hours_is_a_wrong_clock() -> None:
    assert fault_after(np.full(300, 20.0))


@pytest.mark.parametrize(
    "lag_min",
    [
        np.zeros(600),
        np.full(600, 3.0),
        np.tile(np.arange(60.0), 10),
        np.linspace(600.0, 0.0, 600),
        np.concatenate([np.full(90, 20.0), np.zeros(510)]),
    ],
    ids=["none", "a slow network", "hourly transmissions", "a backlog that drains", "an hour and a half"],
)
def test_other_delays_are_none(lag_min: np.ndarray) -> None:
    assert not fault_after(lag_min)


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    assert not fault_after(np.concatenate([np.full(300, 20.0), np.zeros(200)]))


def test_a_slow_clock_is_told_as_a_fault_with_its_lag_and_a_backtest_is_silent() -> None:
    registry = bridge_registry(1, 2, thermometers=False)
    t = np.arange(0.0, HOURS * 3600, 30.0)
    rng = np.random.default_rng(5)
    whole = frame(
        np.repeat([0, 1], len(t)),
        np.tile(t, 2),
        strain_ue=rng.normal(0, 1, 2 * len(t)),
    )
    late = replace(whole, received=whole.received + np.where(whole.sensor == 0, 20 * MINUTE_US, 0))
    assert of(run(bridge_engine(registry), whole), Hazard.SENSOR_FAULT) == []
    said = of(run(bridge_engine(registry), late), Hazard.SENSOR_FAULT)
    assert [change.state for change in said] == [AlarmState.FIRING]
    assert said[0].sensor_ids == ("G0-0",)
    assert said[0].reason.key == "rules_bridge.fault.clock"
    assert said[0].reason.values["value"] == pytest.approx(20, abs=0.1)


def set_back(gauge: int, hours: float, every_s: float = 60.0) -> Frame:
    """Two gauges for eight hours; after two the clock of one is set back."""
    t = np.arange(0.0, 8 * 3600, every_s)
    rng = np.random.default_rng(6)
    whole = frame(np.repeat([0, 1], len(t)), np.tile(t, 2), strain_ue=rng.normal(0, 1, 2 * len(t)))
    whole = whole.take(np.argsort(whole.received, kind="stable"))
    wrong = (whole.sensor == gauge) & (whole.received >= whole.received[0] + 120 * MINUTE_US)
    return replace(whole, time=whole.time - np.where(wrong, round(hours * 60) * MINUTE_US, 0))


def test_a_clock_that_was_set_back_an_hour_is_told_and_nothing_else_of_its_gauge() -> None:
    changes = run(bridge_engine(bridge_registry(1, 2, thermometers=False)), set_back(0, 1.0), rows=60)
    assert [(c.hazard, c.state, c.sensor_ids) for c in changes] == [
        (Hazard.SENSOR_FAULT, AlarmState.FIRING, ("G0-0",))
    ]
    assert changes[0].reason.key == "rules_bridge.fault.clock"
    assert changes[0].reason.values["value"] == pytest.approx(60, abs=0.1)


def test_a_backlog_of_an_hour_that_is_sent_again_is_no_wrong_clock() -> None:
    whole = set_back(0, 0.0)
    again = whole.take((whole.sensor == 0) & (whole.time < whole.time[0] + 300 * MINUTE_US))
    late = replace(again, received=again.received + 180 * MINUTE_US)
    rows = concat([whole, late])
    rows = rows.take(np.argsort(rows.received, kind="stable"))
    assert run(bridge_engine(bridge_registry(1, 2, thermometers=False)), rows, rows=60) == []
