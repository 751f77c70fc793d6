"""A backtest rings for what the live engine rang for, however the live stream was cut into frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from config.rules import RuleSet
from devices.frame import Frame, concat
from devices.registry import Registry
from jingqiao.backtest.run import play
from rules.alarm import AlarmChange
from rules.engine import Engine
from tests.support.frames import HOUR, SECOND, T0, frame_of

LIDS = 12


def registry() -> Registry:
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114 + i, "lat": 30.4} for i in range(LIDS)],
        [
            {"sensor_id": f"s{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 3600}
            for i in range(LIDS)
        ],
    )


def story(seed: int) -> Frame:
    """Ten days of lids that report by the hour: one stolen, one ajar for a while, one mute, one flooded."""
    rng = np.random.default_rng(seed)
    rows = []
    for lid in range(LIDS):
        for hour in range(240):
            t = hour * 3600 + lid * 60 + float(rng.integers(0, 30))
            row = {"sensor": lid, "t": t, "tilt_deg": 1 + float(rng.normal(0, 0.05)), "battery_pct": 90}
            if lid == 3 and hour > 200:
                row["tilt_deg"] = 110.0
            if lid == 4 and 180 < hour < 190:
                row["tilt_deg"] = 18.0
            if lid == 5 and hour > 150:
                continue
            if lid == 6:
                row["water_mm"] = 900.0 if 100 < hour < 120 else 0.0
            if lid == 7:
                row["battery_pct"] = max(3.0, 90 - hour)
            rows.append(row)
        rows.append({"sensor": lid, "t": 195 * 3600 + lid, "tilt_deg": 15.0})
        rows.append({"sensor": lid, "t": 195 * 3600 + lid + 2, "tilt_deg": 1.0})
    return frame_of(sorted(rows, key=lambda row: row["t"]))


def live(frame: Frame, seed: int) -> list[AlarmChange]:
    """Ticks every ten seconds; frames of a random number of rows that came between two ticks."""
    engine, rng, changes, row = Engine(registry(), RuleSet()), np.random.default_rng(seed), [], 0
    changes += engine.tick(int(frame.time[0]))
    end = int(frame.time[-1])
    now = int(frame.time[0])
    while row < len(frame):
        stop = int(np.searchsorted(frame.time, now, "right"))
        while row < stop:
            some = min(stop, row + int(rng.integers(1, 6)))
            part = frame.take(np.arange(row, some))
            changes += engine.apply(concat([part, part]) if rng.random() < 0.1 else part)
            row = some
        changes += engine.tick(now)
        now += 10 * SECOND if engine.due() <= now + HOUR else 600 * SECOND
    return changes + engine.finish(end)


def told(changes: Sequence[AlarmChange]) -> list[tuple[object, ...]]:
    return sorted(
        (c.asset_id, c.hazard.value, c.event_at, c.state.value, int(c.severity), repr(c.value), c.sensor_ids)
        for c in changes
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_alarms_live_and_in_a_backtest(seed: int) -> None:
    frame = story(seed)
    expected = told(live(frame, seed))
    hazards = {row[1] for row in expected}
    assert {"missing", "tilted", "flooded", "silent", "battery_low"} <= hazards
    assert told(play(Engine(registry(), RuleSet()), frame)) == expected
    assert int(frame.time[0]) >= T0
