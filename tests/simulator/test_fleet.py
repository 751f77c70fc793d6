"""The fleet: deterministic, in order of time, whatever the steps it is asked in."""

import json
from pathlib import Path

import pytest

from config.faults import FaultsError
from devices.import_csv import read_registry
from devices.registry import Registry
from simulator import example_city
from simulator.fleet import Fleet, Outgoing
from simulator.scenario import Scenario

FOLDER = Path(example_city.__file__).parent.parent / "config" / "examples" / "ezhou"
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def city() -> Registry:
    return read_registry(FOLDER / "assets.csv", FOLDER / "sensors.csv")


def scene(**more: object) -> Scenario:
    return Scenario.model_validate({"name": "test", "start": "2026-03-02T00:00:00+08:00", "days": 2, **more})


def told(message: Outgoing) -> list[dict[str, object]]:
    body = json.loads(message.payload)
    return body if isinstance(body, list) else [body]


def test_the_same_seed_tells_the_same_story_and_another_seed_another(city: Registry) -> None:
    end = scene().end_us + 24 * HOUR_US
    first, second, other = (Fleet(city, scene(), seed).advance(end) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_the_steps_in_which_it_is_asked_change_nothing(city: Registry) -> None:
    whole = Fleet(city, scene(), 5).advance(scene().end_us + 24 * HOUR_US)
    fleet = Fleet(city, scene(), 5)
    pieces: list[Outgoing] = []
    for hour in range(1, 73, 5):
        pieces += fleet.advance(scene().start_us + hour * HOUR_US)
    pieces += fleet.advance(scene().end_us + 24 * HOUR_US)
    assert whole == pieces


def test_messages_come_in_order_of_time_and_tell_of_the_past(city: Registry) -> None:
    fleet = Fleet(city, scene(), 5)
    messages = fleet.advance(scene().end_us + 24 * HOUR_US)
    assert [m.at for m in messages] == sorted(m.at for m in messages)
    native = [m for m in messages if m.topic.endswith("/readings")]
    early = [r for m in native for r in told(m) if isinstance(r["t"], int) and r["t"] * 1000 > m.at + 60e6]
    assert early == []


def test_an_event_that_names_an_unknown_asset_is_a_fault(city: Registry) -> None:
    events = [{"at": "1d", "kind": "theft", "asset": "nobody"}, {"at": "1d", "kind": "drift", "asset": "?"}]
    with pytest.raises(FaultsError) as caught:
        Fleet(city, scene(event=events), 1)
    assert len(caught.value.faults) == 2


def test_a_stolen_lid_reports_a_large_tilt_or_an_open_contact_and_then_falls_silent(city: Registry) -> None:
    event = {"at": "1d 02:00", "kind": "theft", "pick": "random:5", "mode": "lift", "silence_after_s": 600}
    fleet = Fleet(city, scene(event=[event], radio={"loss": 0, "late": 0}), 3)
    messages = fleet.advance(scene().end_us + HOUR_US)
    onset = scene().start_us + 26 * HOUR_US
    for truth in fleet.truth:
        assert truth.hazard == "missing"
        assert truth.onset == onset
        (sensor,) = [s for s in truth.sensor_ids if not s.startswith("WTR")][:1]
        mine = [m for m in messages if f"/{sensor}/" in m.topic]
        after = [m for m in mine if m.at > onset]
        assert after
        assert after[0].at - onset < 30_000_000
        assert max(m.at for m in mine) < onset + 620_000_000
        if sensor.startswith("LID"):
            assert any(
                r.get("open")
                or float(r.get("tilt_deg") or 0) > 20
                or abs(float(r.get("tilt_x_deg") or 0)) > 10
                for m in after
                for r in told(m)
            )


def test_healthy_lids_under_traffic_do_wake_now_and_then(city: Registry) -> None:
    quiet = scene(days=5, radio={"loss": 0, "late": 0, "duplicate": 0}, weather={"wet_days": 0})
    fleet = Fleet(city, quiet, 3)
    shocks = [
        r
        for m in fleet.advance(quiet.end_us)
        if m.topic.startswith("jingqiao/v1/LID")
        for r in told(m)
        if float(str(r.get("vibration_g", 0))) >= 2.0
    ]
    assert fleet.truth == []
    assert len(shocks) > 50


def test_what_a_dead_gateway_kept_comes_back_with_its_old_times(city: Registry) -> None:
    event = {"at": "0d 06:00", "kind": "gateway_outage", "gateway": 1, "hours": 18, "backfill": True}
    fleet = Fleet(city, scene(event=[event]), 3)
    messages = fleet.advance(scene().end_us)
    end = scene().start_us + 24 * HOUR_US
    (truth,) = fleet.truth
    names = {f"jingqiao/v1/{s}/readings" for s in truth.sensor_ids}
    during = [m for m in messages if m.topic in names and end - 17 * HOUR_US < m.at < end]
    kept = [m for m in messages if m.topic in names and m.payload.startswith(b"[")]
    late_before_it = [
        m for m in during if all(r["t"] < scene().start_us // 1000 + 6 * 3_600_000 for r in told(m))
    ]
    assert during == late_before_it
    assert kept
    assert all(m.at >= end for m in kept)
