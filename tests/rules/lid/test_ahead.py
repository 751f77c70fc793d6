"""However a frame is gone through, and wherever the stream is cut, the same is said and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from config.rules import RuleSet
from devices.frame import NO_SEQ, Flag, Frame
from devices.registry import Registry
from ingest.log import Control
from jingqiao.backtest import run as backtest_run
from jingqiao.backtest.run import play
from rules.alarm import AlarmChange, Hazard, MutedAlarm
from rules.detector import Round
from rules.engine import Engine
from rules.lid.detector import LidDetector

Columns = dict[str, npt.NDArray[np.float64]]
START = 1_780_000_000_000_000
KINDS: tuple[tuple[str, ...], ...] = (
    ("tilt_deg", "displacement_mm", "vibration_g"),
    ("tilt_x_deg", "tilt_y_deg", "displacement_mm"),
    ("tilt_deg", "tilt_x_deg", "tilt_y_deg", "open"),
    ("water_mm",),
    ("distance_mm", "tilt_deg"),
    ("tilt_deg", "vibration_g", "water_mm"),
)
"""What sensors measure, in turn."""


def registry(n: int) -> Registry:
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114 + i * 0.001, "lat": 30.4} for i in range(n)],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 3600} for i in range(n)],
    )


def readings(seed: int, n: int, period_s: float, rounds: int, troubled: bool) -> Frame:
    """A fleet of all kinds of sensors; in a troubled one lids lean, rock, sink, flood and lose messages."""
    rng = np.random.default_rng(seed)
    number, sensor = np.divmod(np.arange(n * rounds), n)
    wobble = rng.uniform(0, 0.05, n * rounds)
    time = START + ((number + sensor / n + wobble / n) * period_s * 1e6).astype(np.int64)
    day = 2 * np.pi * (time - START) / 86400e6
    rows = len(time)
    columns: Columns = {
        "tilt_deg": np.round(rng.normal(1, 0.05, rows) + 0.3 * np.sin(day), 2),
        "tilt_x_deg": np.round(rng.normal(0.5, 0.1, rows), 2),
        "tilt_y_deg": np.round(rng.normal(-0.2, 0.1, rows), 2),
        "displacement_mm": rng.normal(0, 0.3, rows) + np.sin(day),
        "vibration_g": np.abs(rng.normal(0.2, 0.1, rows)),
        "water_mm": np.abs(rng.normal(20, 5, rows)),
        "distance_mm": rng.normal(2000, 3, rows),
        "open": np.zeros(rows),
        "battery_v": np.full(rows, 3.6),
    }
    keep = np.ones(rows, bool)
    if troubled:
        late = number > 0.7 * rounds
        columns["tilt_deg"][late & (sensor % 6 == 0)] += 15
        columns["vibration_g"][late & (sensor % 6 == 5)] *= 5
        columns["displacement_mm"][late & (sensor % 6 == 1)] += 30
        columns["water_mm"][late & (sensor % 6 == 3)] += 800
        columns["battery_v"][late & (sensor % 6 == 2)] = 2.5
        for name, wild in (
            ("tilt_deg", 60.0),
            ("displacement_mm", -40.0),
            ("vibration_g", 6.0),
            ("open", 1.0),
        ):
            columns[name][rng.random(rows) < 0.004] = wild
        columns["tilt_deg"][rng.random(rows) < 0.01] = np.nan
        time = time + np.where(rng.random(rows) < 0.05, rng.integers(0, int(period_s * 2e5), rows), 0)
        keep = rng.random(rows) > 0.02
    for kind, measured in enumerate(KINDS):
        for name in columns:
            if name not in measured and name != "battery_v":
                columns[name][sensor % len(KINDS) == kind] = np.nan
    order = np.argsort(time, kind="stable")
    order = order[keep[order]]
    return Frame(
        sensor[order].astype(np.int32),
        time[order],
        time[order],
        np.full(len(order), NO_SEQ, np.int64),
        np.full(len(order), Flag.GOOD, np.uint8),
        {name: column[order].astype(np.float32) for name, column in columns.items()},
    )


def life(
    n: int, frame: Frame, controls: Sequence[Control] = ()
) -> tuple[list[AlarmChange | MutedAlarm], Engine]:
    engine = Engine(registry(n), RuleSet())
    changes = engine.control("await_first_word", {}, int(frame.time[0]))
    told = [*changes, *play(engine, frame, controls, clock=frame.received)]
    return [*told, *engine.take_muted()], engine


def thieves(seed: int, frame: Frame, n: int) -> tuple[Frame, list[Control]]:
    """The same fleet with thefts, an outage of many, rows that come late, twice or void, and works."""
    rng = np.random.default_rng(seed)
    time, sensor = frame.time, frame.sensor
    first, span = int(time[0]), int(time[-1] - time[0])
    tilt, keep = frame.columns["tilt_deg"], np.ones(len(time), bool)
    for thief in range(0, n, 5):
        stolen = first + int(span * rng.uniform(0.3, 0.9))
        after = (sensor == thief) & (time >= stolen)
        tilt[np.flatnonzero(after)[:2]] = 35.0
        keep[np.flatnonzero(after)[2:]] = False
    for share, begin, end in ((0.8, 0.45, 0.5), (0.3, 0.6, 0.75)):
        away = rng.random(n) < share
        keep &= ~(away[sensor] & (time > first + span * begin) & (time < first + span * end))
    # The last words of two before the outage lean: so many silences say nothing of their lids.
    before = np.flatnonzero((time <= first + span * 0.45) & (sensor % 6 == 4))[-2:]
    tilt[before] = 28.0
    late = rng.random(len(time)) < 0.02
    received = time + np.where(late, rng.integers(0, span // 20, len(time)), 0)
    twice = np.flatnonzero(rng.random(len(time)) < 0.02)
    flag = np.where(rng.random(len(time)) < 0.01, Flag.FAIL, frame.flag).astype(np.uint8)
    received[~keep] = -1
    rows = np.concatenate([np.arange(len(time)), twice])
    rows = rows[np.argsort(received[rows], kind="stable")]
    rows = rows[received[rows] >= 0]
    whole = Frame(
        sensor[rows],
        time[rows],
        received[rows],
        frame.seq[rows],
        flag[rows],
        {name: column[rows] for name, column in frame.columns.items()},
    )
    works = [
        Control("permit", {"asset_id": f"A{i}", "from": at, "to": at + span // 8, "kind": "permit"}, at)
        for i in range(0, n, 3)
        for at in [first + int(span * rng.uniform(0.2, 0.8))]
    ]
    return whole, sorted(works, key=lambda control: control.at)


@pytest.mark.parametrize(
    ("period_s", "rounds", "troubled"),
    [
        pytest.param(1, 400, False, id="every second"),
        pytest.param(60, 600, True, id="every minute, troubled"),
        pytest.param(3600, 400, False, id="every hour, commissioned"),
        pytest.param(3600, 400, True, id="every hour, troubled"),
    ],
)
def test_running_ahead_leaves_alarms_and_all_state_as_rounds_do(
    monkeypatch: pytest.MonkeyPatch, period_s: float, rounds: int, troubled: bool
) -> None:
    frame = readings(rounds, 12, period_s, rounds, troubled)
    ahead, engine = life(12, frame)
    assert engine.fault_count == 0
    monkeypatch.setattr(LidDetector, "ahead_sensors", 0)
    in_rounds, other = life(12, frame)
    assert repr(ahead) == repr(in_rounds)
    assert engine.snapshot() == other.snapshot()
    assert (len(ahead) > 0) == troubled


@pytest.mark.parametrize(
    ("seed", "lids", "period_s", "rounds"),
    [(1, 20, 3600, 300), (2, 20, 600, 400), (3, 12, 20, 900), (4, 30, 7200, 150)],
)
def test_a_fleet_in_trouble_is_told_the_same_of_however_its_stream_is_cut(
    monkeypatch: pytest.MonkeyPatch, seed: int, lids: int, period_s: float, rounds: int
) -> None:
    frame, works = thieves(seed, readings(seed, lids, period_s, rounds, troubled=True), lids)
    whole, engine = life(lids, frame, works)
    assert engine.fault_count == 0
    said = {c.hazard for c in whole if isinstance(c, AlarmChange) and not c.historical}
    assert Hazard.MISSING in said
    assert (Hazard.SILENT in said) == (period_s >= 600)
    assert any(isinstance(c, MutedAlarm) for c in whole)
    assert engine.late_count > 0
    assert engine.duplicate_count > 0
    for rows in (len(frame) // 2, len(frame) // 7, 41):
        monkeypatch.setattr(backtest_run, "FRAME_ROWS", rows)
        assert repr(life(lids, frame, works)[0]) == repr(whole)
    for sensors, readings_at_once in ((0, 1), (10_000, 64), (10_000, 100_000)):
        monkeypatch.setattr(LidDetector, "ahead_sensors", sensors)
        monkeypatch.setattr(LidDetector, "ahead_readings", readings_at_once)
        monkeypatch.setattr(backtest_run, "FRAME_ROWS", len(frame) // 3)
        assert repr(life(lids, frame, works)[0]) == repr(whole)


@pytest.mark.parametrize("period_s", [1, 60, 3600])
def test_a_quiet_fleet_is_hardly_looked_at_in_rounds(
    monkeypatch: pytest.MonkeyPatch, period_s: float
) -> None:
    """The guesses must be good, or running ahead is no gain: it would still be right."""
    observed: list[int] = []
    observe = LidDetector.observe

    def counted(self: LidDetector, batch: Round) -> object:
        observed.append(len(batch.sensor))
        return observe(self, batch)

    monkeypatch.setattr(LidDetector, "observe", counted)
    frame = readings(3, 12, period_s, 500, troubled=False)
    life(12, frame)
    assert sum(observed) < 0.06 * len(frame)


def test_when_running_ahead_fails_it_is_told_and_everything_is_judged_in_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> Mapping[str, object]:
        raise ZeroDivisionError

    frame = readings(5, 12, 60, 200, troubled=True)
    usual, _ = life(12, frame)
    monkeypatch.setattr(LidDetector, "run", broken)
    changes, engine = life(12, frame)
    assert repr(changes) == repr(usual)
    assert engine.fault_count > 0
    assert (engine.faults[-1].detector, engine.faults[-1].error) == ("lid", "ZeroDivisionError: ")
