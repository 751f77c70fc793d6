"""Back-fill of a sensor that was just bound pages nobody; a silent gateway is called by its id."""

from __future__ import annotations

from config.rules import RuleSet
from devices.registry import Registry
from rules.alarm import AlarmState, Hazard
from rules.engine import Engine
from rules.health import detectors
from tests.support.fake_detector import LevelDetector
from tests.support.frames import SECOND, T0, frame_of

BOUND_AT = T0 + 3600 * SECOND


def one_lid() -> Engine:
    registry = Registry.of([{"asset_id": "A", "kind": "cover"}], [{"sensor_id": "s", "asset_id": "A"}])
    return Engine(registry, RuleSet(), [LevelDetector(registry, Hazard.FLOODED, "tilt_x_deg")])


def pages(engine: Engine, t: float) -> int:
    """How many alarms fire, now or in the hour after, when a bad reading of that time arrives."""
    changes = engine.apply(frame_of([{"sensor": 0, "t": t, "received": t, "tilt_x_deg": 4}]))
    changes += engine.tick(BOUND_AT + 3600 * SECOND)
    return sum(c.state is AlarmState.FIRING and not c.historical for c in changes)


def test_what_a_sensor_sent_before_it_was_bound_pages_nobody() -> None:
    engine = one_lid()
    engine.tick(BOUND_AT)
    engine.control("retry", {"sensor_ids": ["s", "nobody"]}, BOUND_AT)
    assert pages(engine, 3000) == 0
    assert engine.late_count == 1


def test_without_that_word_it_would_page() -> None:
    engine = one_lid()
    engine.tick(BOUND_AT)
    assert pages(engine, 3000) == 1


def test_what_it_sends_after_the_binding_is_judged() -> None:
    engine = one_lid()
    engine.tick(BOUND_AT)
    engine.control("retry", {"sensor_ids": ["s"]}, BOUND_AT)
    assert pages(engine, 3601) == 1


def test_a_later_word_of_binding_takes_nothing_back() -> None:
    engine = one_lid()
    engine.tick(BOUND_AT)
    assert pages(engine, 3601) == 1
    engine.control("retry", {"sensor_ids": ["s"]}, BOUND_AT)
    assert engine.apply(frame_of([{"sensor": 0, "t": 3600.5, "received": 3602, "tilt_x_deg": 0}])) == []


def gateway_engine() -> Engine:
    n = 40
    registry = Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114 + i, "lat": 30.4} for i in range(n)],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "heartbeat_s": 3600} for i in range(n)],
    )
    rules = RuleSet()
    return Engine(registry, rules, detectors(registry, rules.health))


def silenced(engine: Engine, *, through_a_snapshot: bool = False) -> list[tuple[str, object, object]]:
    """Sensors 0 to 9 by gateway 7, which dies after three hours; the others by gateway 9."""
    engine.tick(T0)
    for hour in range(12):
        rows = [
            {"sensor": s, "t": hour * 3600 + s, "temperature_c": 20, "gateway": 7 if s < 10 else 9}
            for s in range(40)
            if s >= 10 or hour < 3
        ]
        changes = engine.apply(frame_of(rows))
        if hour == 2:
            engine.control("gateway", {"key": 7, "gateway_id": "网关-东"}, T0 + 2 * 3600 * SECOND)
            if through_a_snapshot:
                state = engine.snapshot()
                engine = gateway_engine()
                engine.restore(state)
        changes += engine.tick(T0 + (hour * 3600 + 1800) * SECOND)
        if changes:
            return [
                (c.reason.key, c.reason.values.get("gateway"), c.evidence.get("gateway")) for c in changes
            ]
    return []


def test_a_silent_gateway_is_called_by_its_id() -> None:
    expected = [("rules_health.group.gateway", "网关-东", "网关-东")]
    assert silenced(gateway_engine()) == expected


def test_gateways_keep_their_ids_over_a_snapshot() -> None:
    expected = [("rules_health.group.gateway", "网关-东", "网关-东")]
    assert silenced(gateway_engine(), through_a_snapshot=True) == expected
