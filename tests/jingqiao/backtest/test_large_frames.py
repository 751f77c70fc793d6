"""Large frames and far looks ahead change no alarm: the twin gives every reading and every tick by itself."""

from __future__ import annotations

import numpy as np
import pytest

from config.rules import RuleSet
from devices.frame import NO_GATEWAY, NO_SEQ, Flag, Frame
from devices.registry import Registry
from jingqiao.backtest.run import feed
from rules.alarm import AlarmChange
from rules.common_cause import NEVER_TOGETHER, first_together
from rules.engine import Engine
from tests.support.frames import HOUR, T0

LIDS = 24
DAYS = 20


class Counting(Engine):
    """An engine that counts its frames."""

    frames = 0

    def apply(self, frame: Frame) -> list[AlarmChange]:
        self.frames += 1
        return super().apply(frame)


def registry() -> Registry:
    """Two dozen lids in three places."""
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114 + i % 3, "lat": 30.4} for i in range(LIDS)],
        [
            {"sensor_id": f"s{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 3600}
            for i in range(LIDS)
        ],
    )


def lossy(seed: int, *, gateways: bool) -> Frame:
    """Hourly readings of which a tenth is lost, silent lids that come back, one gateway out for half a day,
    everything out for some hours, one lid stolen by night."""
    rng = np.random.default_rng(seed)
    sensor = np.repeat(np.arange(LIDS), DAYS * 24)
    hours = np.tile(np.arange(DAYS * 24), LIDS) + rng.random(LIDS)[sensor]
    heard = rng.random(len(sensor)) > 0.1
    heard &= ~((sensor % 7 == 3) & (hours > 60) & (hours < 90))
    heard &= ~((sensor % 4 == 1) & (hours > 200) & (hours < 212))
    heard &= ~((hours > 300) & (hours < 305))
    heard &= ~((sensor == 5) & (hours > 350))
    sensor, hours = sensor[heard], hours[heard]
    order = np.argsort(hours, kind="stable")
    sensor, hours = sensor[order].astype(np.int32), hours[order]
    time = T0 + (hours * HOUR).astype(np.int64)
    tilt = 1 + rng.normal(0, 0.05, len(time)).astype(np.float32)
    tilt[(sensor == 5) & (hours > 349)] = 40
    via = (sensor % 4 + 1).astype(np.int32) if gateways else np.full(len(time), NO_GATEWAY, np.int32)
    n, who = len(time), np.asarray(sensor, np.int32)
    good = np.full(n, Flag.GOOD, np.uint8)
    return Frame(who, time, time, np.full(n, NO_SEQ, np.int64), good, {"tilt_deg": tilt}, via)


def one_by_one(engine: Engine, frame: Frame) -> list[AlarmChange]:
    """A reading a frame, and a tick whenever one is due."""
    changes = engine.tick(int(frame.time[0]))
    for row in range(len(frame)):
        now = int(frame.time[row])
        ticked = None
        while (due := engine.due()) <= now and due != ticked:
            changes += engine.tick(due)
            ticked = due
        changes += engine.apply(frame.take(np.array([row])))
    return changes


def told(changes: list[AlarmChange]) -> list[tuple[object, ...]]:
    return sorted((c.asset_id, c.hazard.value, c.event_at, c.state.value, int(c.severity)) for c in changes)


@pytest.mark.parametrize("gateways", [True, False])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("awaited", [True, False])
def test_looking_ahead_changes_no_alarm(seed: int, gateways: bool, awaited: bool) -> None:
    frame, engines = lossy(seed, gateways=gateways), [Counting(registry(), RuleSet()) for _ in range(2)]
    if awaited:
        for engine in engines:
            engine.control("await_first_word", {}, int(frame.time[0]))
    fast = told(feed(engines[0], frame))
    assert told(one_by_one(engines[1], frame)) == fast
    hazards = [row[1] for row in fast]
    assert hazards.count("silent") > 20
    assert {"missing", "tilted"} & set(hazards)
    assert engines[0].frames < engines[1].frames / 5


def test_a_lid_that_came_back_and_fell_silent_again_is_told_twice() -> None:
    """Its return makes the silence of all others a thing to look at anew."""
    base = lossy(1, gateways=False)
    mute = (base.sensor == 3) & (base.time > T0 + 400 * HOUR)
    again = feed(Engine(registry(), RuleSet()), base.take(~mute))
    fired = [c.event_at for c in again if c.asset_id == "A3" and c.state.value == "firing"]
    assert sum(at > T0 + 400 * HOUR for at in fired) >= 1
    assert sum(at < T0 + 100 * HOUR for at in fired) >= 1


def test_spans_of_a_group_that_overlap_are_counted_as_the_twin_counts_them() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        k = int(rng.integers(1, 30))
        group = rng.integers(0, 3, k)
        since = rng.integers(0, 50, k)
        until = since + rng.integers(0, 15, k)
        least = rng.integers(1, 5, 3)
        slow = [
            int(at)
            for g, at in zip(group, since, strict=True)
            if ((group == g) & (since <= at) & (until >= at)).sum() >= least[g]
        ]
        assert min(slow, default=NEVER_TOGETHER) == first_together(group, since, until, least)
