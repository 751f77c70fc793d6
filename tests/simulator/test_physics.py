"""Lids, wells and girders behave as their physics say."""

import numpy as np
import pytest

from simulator import offline, traffic, wakes, weather
from simulator.effects import Effect, LidState, apply, sinking
from simulator.instrument import battery
from simulator.lid_readings import LidModel
from simulator.scenario import Scenario
from simulator.streams import stream


def scene(**more: object) -> Scenario:
    return Scenario.model_validate({"name": "test", "start": "2026-03-02T00:00:00+08:00", "days": 30, **more})


def still(n: int) -> LidState:
    return LidState(
        *(np.zeros(n) for _ in range(2)), np.zeros(n), np.full(n, 0.3), np.ones(n), *(np.zeros(n),) * 3
    )


def test_the_busiest_hour_is_in_the_morning_and_a_weekend_is_quieter() -> None:
    hours = np.arange(24) * 3600.0
    monday, saturday = traffic.share(scene(), hours), traffic.share(scene(), hours + 5 * 86400)
    assert int(monday.argmax()) == 8
    assert np.allclose(saturday, 0.75 * monday)


def test_iron_is_hotter_than_the_air_by_day_and_girders_lag_behind_it() -> None:
    series = weather.generate(scene(weather={"wet_days": 0}), 3)
    t = np.arange(0, 30 * 86400, 600.0)
    hour = (t / 3600) % 24
    air, lid, steel = (series.at(name, t) for name in ("air_c", "lid_c", "steel_c"))
    assert 2 < float((lid - air)[(hour > 12) & (hour < 14)].mean()) < 20
    assert abs(float((lid - air)[hour < 4].mean())) < 2

    def warmest(values: np.ndarray) -> float:
        return float(np.median([values[i : i + 144].argmax() for i in range(0, len(values), 144)])) / 6

    assert warmest(steel) > warmest(air) + 1


def test_sinking_reaches_its_full_size_at_its_end_along_each_curve() -> None:
    share = np.array([-0.1, 0.0, 0.5, 1.0, 2.0])
    assert sinking("linear", share).tolist() == [0, 0, 0.5, 1, 1]
    assert sinking("step", share).tolist() == [0, 1, 1, 1, 1]
    assert sinking("accelerating", share)[2] == pytest.approx(0.5**2.2)


def test_a_sinking_lid_goes_down_and_hardly_leans() -> None:
    state, t = still(2), np.array([0.0, 86400.0])
    apply(Effect("sink", 0, 0.0, np.inf, 20.0, 86400.0, 0.0), state, slice(0, 2), t, stream(1, "x"))
    assert state.displacement_mm.tolist() == [0.0, 20.0]
    assert float(np.hypot(state.tilt_x, state.tilt_y)[1]) < 1


def test_a_stolen_lid_is_off_its_seat_out_of_reach_and_far_from_level() -> None:
    state, t = still(3), np.array([-1.0, 30.0, 3600.0])
    apply(Effect("theft", 0, 0.0, np.inf, 120.0, 5.0, 0.0), state, slice(0, 3), t, stream(1, "x"))
    assert state.off.tolist() == [0, 1, 1]
    assert state.displacement_mm.tolist() == [0, -150, -150]
    assert float(state.tilt_x[1]) > 60
    assert float(state.tilt_x[2]) == pytest.approx(120.0)


def test_cold_lowers_the_voltage_and_an_empty_cell_falls_off_the_knee() -> None:
    volts, percent = battery(np.array([0.9, 0.9, 0.02]), np.array([20.0, -10.0, 20.0]))
    assert volts[1] < volts[0] < 3.7
    assert volts[2] < 3.0
    assert percent.tolist() == [90.0, 86.0, 2.0]


def loosened(days: float = 20) -> tuple[LidModel, np.ndarray, dict[str, np.ndarray], float]:
    assets, sensors = offline.synthetic_lids(120, 5)
    event = {"at": "10d", "kind": "loose", "pick": "random:1", "to_mm": 10, "days": 0.1}
    model = LidModel(
        offline.registry_of(assets, sensors), scene(days=days, event=[event], weather={"wet_days": 0}), 5
    )
    found = model.readings(0, 0.0, days * 86400)
    (effect,) = model.stage.lids
    sensor = model.sensors.sensor[
        np.flatnonzero((model.sensors.lid == effect.lid) & model.sensors.has["vibration"])[0]
    ]
    mine = found.sensor == sensor
    return model, found.t_s[mine], {n: c[mine] for n, c in found.columns.items()}, effect.start_s


def test_a_loose_lid_strikes_harder_and_reports_more_often_but_not_only_then() -> None:
    _, t_s, columns, onset = loosened()
    before, after = t_s < onset, t_s > onset + 0.2 * 86400
    peaks = columns["vibration_g"]
    assert np.median(peaks[after]) > 1.5 * np.median(peaks[before])
    assert after.sum() > 2 * before.sum()


def test_nobody_reports_more_often_than_its_quiet_time_lets_it() -> None:
    model, t_s, columns, onset = loosened()
    shocks = t_s[(t_s > onset) & (columns["vibration_g"] >= 4)]
    quiet = model.sensors.quiet_s.min()
    assert len(shocks) > 10
    assert len(np.unique(shocks // quiet)) >= len(shocks) / 3  # a slot has a shock and its recovery at most


def test_shock_reports_follow_the_thinned_poisson_process() -> None:
    """The naive twin draws every single crossing of one lid and keeps what passes the threshold."""
    assets, sensors = offline.synthetic_lids(60, 9)
    quiet = scene(days=40, weather={"wet_days": 0, "front_c": 0})
    model = LidModel(offline.registry_of(assets, sensors), quiet, 9)
    lids, table = model.lids, model.sensors
    rows = np.flatnonzero(table.has["vibration"] & (lids.busiest_per_h[table.lid] > 60))
    median = lids.direct_g + np.sqrt(2 * 9.81 * 0.2 * lids.gap_mm / 1000) / lids.impact_s / 9.81
    loudest = rows[np.argsort(median[table.lid[rows]] / table.wake_g[rows])[-3:]]
    found = model.readings(0, 0.0, 40 * 86400.0)
    rng = np.random.default_rng(4)
    for row in loudest.tolist():
        lid = int(table.lid[row])
        slots: set[int] = set()
        for hour in range(40 * 24):
            rate = lids.busiest_per_h[lid] * traffic.share(quiet, np.array([hour * 3600.0 + 1800]))[0]
            for _ in range(rng.poisson(rate)):
                peak = median[lid] * np.exp(lids.spread[lid] * rng.normal())
                if peak > table.wake_g[row]:
                    slots.add(int((hour + rng.uniform()) * 3600 // table.quiet_s[row]))
        mine = found.sensor == table.sensor[row]
        reported = int((found.columns["vibration_g"][mine] >= table.wake_g[row] - 0.05).sum())
        spread = 5 * np.sqrt(len(slots)) + 5
        assert abs(reported - len(slots)) < spread, (reported, len(slots))


def test_rain_fills_a_well_and_it_runs_off_again() -> None:
    assets, sensors = offline.synthetic_lids(60, 9, wells=1.0)
    burst = [{"at": "3d 12:00", "minutes": 60, "mm_per_h": 80}]
    model = LidModel(
        offline.registry_of(assets, sensors), scene(days=6, weather={"wet_days": 0, "cloudburst": burst}), 9
    )
    floods = [e for e in model.truth if e.hazard == "flooded"]
    assert floods
    found = model.readings(0, 0.0, 6 * 86400.0)
    water = found.columns["water_mm"]
    wet = ~np.isnan(water)
    before = found.t_s < 3.5 * 86400
    during = (found.t_s > 3.5 * 86400) & (found.t_s < 3.58 * 86400)
    after = found.t_s > 4.5 * 86400
    assert np.nanmax(water[wet & before]) < 120
    assert np.nanmax(water[wet & during]) > 300
    assert np.nanmax(water[wet & after]) < 120


def test_a_gauge_follows_temperature_and_a_settlement_moves_its_whole_section() -> None:
    from simulator import example_city
    from simulator.bridge import BridgeModel

    assets, sensors = example_city.rows()
    registry = offline.registry_of(assets, sensors)
    event = {
        "at": "5d",
        "kind": "settlement",
        "asset": example_city.BRIDGE_ID,
        "section": "S2",
        "ue": 50,
        "minutes": 10,
    }
    stories = []
    for events in ([], [event]):
        staged = scene(days=8, event=events)
        lids = LidModel(registry, staged, 4)
        stories.append(
            BridgeModel(registry, staged, lids.weather, lids.stage, 4).readings(0, 0.0, 8 * 86400.0)
        )
    calm, moved = stories
    lifted = moved.strain_ue - calm.strain_ue
    names = np.array([registry.sensor_id(int(i)) for i in moved.sensor])
    late = moved.t_s > 5 * 86400 + 700
    here = np.char.startswith(names, "EG-S2-G") & late
    there = np.char.startswith(names, "EG-S1-G") & late
    assert np.all(lifted[here] > 30)
    assert np.all(lifted[there] < -5)
    assert np.nanmax(np.abs(lifted[moved.t_s < 5 * 86400])) == 0
    one = names == "EG-S2-G1"
    warm = np.interp(calm.t_s[one], calm.t_s[names == "EG-S2-T"], calm.temperature_c[names == "EG-S2-T"])
    assert np.corrcoef(warm, calm.strain_ue[one])[0, 1] > 0.8


def test_a_flood_lasts_from_the_instant_of_the_limit_until_the_water_has_ebbed() -> None:
    level = np.array([[0.0, 200, 400, 280, 350, 250, 0, 310, 0, 0], [0.0] * 10, [400.0] * 10])
    found = wakes.floods(np.array([4, 5, 6]), level)
    assert found == [
        (4, 900.0, 2700.0, 400.0),  # 280 mm is an ebb of which the well does not run dry
        (4, pytest.approx(6 * 600 + 600 * 300 / 310), pytest.approx(7 * 600 + 600 * 10 / 310), 310.0),
        (6, 0.0, None, 400.0),
    ]


def test_rain_is_in_the_truth_of_a_well_that_was_flooded_on_purpose_another_day() -> None:
    assets, sensors = offline.synthetic_lids(60, 9, wells=1.0)
    set_up = {
        "days": 9,
        "weather": {"wet_days": 0, "cloudburst": [{"at": "3d 12:00", "minutes": 60, "mm_per_h": 80}]},
    }
    registry = offline.registry_of(assets, sensors)
    rainy = [e.asset_id for e in LidModel(registry, scene(**set_up), 9).truth if e.hazard == "flooded"]
    event = {"at": "6d", "kind": "flood", "asset": rainy[0]}
    model = LidModel(registry, scene(**set_up, event=[event]), 9)
    kinds = [e.params["kind"] for e in model.truth if e.hazard == "flooded" and e.asset_id == rainy[0]]
    assert sorted(kinds) == ["flood", "rain"]
