"""Why it rings, or why it does not: everything that the engine knows of one sensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from devices.registry import UNBOUND, Role
from rules.alarm import Hazard, Severity
from rules.detector import FAR, Detector, SeesHazards
from rules.machine import SECOND

if TYPE_CHECKING:
    from rules.engine import Engine


def explain_sensor(engine: Engine, sensor: int) -> dict[str, Any]:
    """JSON-ready; times in µs since 1970 UTC."""
    registry = engine.registry
    asset = int(registry.sensors.asset[sensor])
    role = Role(int(registry.sensors.role[sensor]))
    hazards, blind = [], {}
    for (d, hazard), lane in engine.lane_of.items():
        detector = engine.detectors[d]
        sight = sees(detector, sensor, role).get(hazard, "")
        settled = engine.machine.settled(lane, sensor)
        if not sight and not settled:
            continue  # a hazard of bridges, asked of a lid
        if ".blind." in sight and not settled:
            blind[hazard.value] = sight
            continue
        reason, facts = detector.explain(sensor, hazard)
        evidence = dict(facts)
        conditions = evidence.pop("conditions", [])
        hold = engine.rules.alarms.hold(hazard.value)
        cell = engine.machine.cell(lane, sensor)
        row: dict[str, Any] = {
            "hazard": hazard.value,
            "detector": detector.name,
            "sees": sight,
            "severity": colour(settled),
            "reason": {"key": reason.key, "values": dict(reason.values)},
            "conditions": conditions,
            "for_s": {s.colour: hold.by_severity.get(s.colour, hold.for_s) for s in Severity},  # type: ignore[call-overload]
            "clear_for_s": hold.clear_for_s,
            "evidence": evidence,
            "pending": None,
            "muted": None,
            "doubted": None,
        }
        if cell is not None and cell.target >= 0:
            held = engine.machine.holds[lane]
            length = held.fire[cell.target] if cell.target > cell.settled else held.clear
            row["pending"] = {
                "severity": colour(cell.target),
                "since": cell.since,
                "due": cell.known + length,
                "hold_s": length / SECOND,
            }
        if cell is not None and cell.muted >= 0:
            row["muted"] = {"severity": colour(cell.muted), "until": cell.until}
        if cell is not None and cell.owed_at != FAR:
            row["doubted"] = {"severity": colour(cell.owed), "until": cell.owed_at}
        hazards.append(row)
    for row in hazards:  # two detectors may judge one hazard: what one of them sees is not hidden
        blind.pop(row["hazard"], None)
    return {
        "sensor_id": registry.sensor_id(sensor),
        "asset_id": "" if asset == UNBOUND else registry.asset_id(asset),
        "role": role.name.lower(),
        "model": registry.sensors.text("model", sensor),
        "hazards": hazards,
        "blind": blind,
        "windows": [
            {"from": w.start, "to": w.end, "kind": w.kind, "note": w.note} for w in engine.windows.of(asset)
        ],
    }


def sees(detector: Detector, sensor: int, role: Role) -> Mapping[Hazard, str]:
    """What a detector can see of a sensor; of one that does not say, by the sensor's role."""
    if isinstance(detector, SeesHazards):
        return detector.sees(sensor)
    gauge = role in (Role.GAUGE, Role.TEMPERATURE)
    of_bridge = type(detector).__module__.startswith("rules.bridge")
    return dict.fromkeys(detector.hazards, "rules_health.sees.role") if gauge == of_bridge else {}


def colour(level: int) -> str | None:
    """Public name of a level; None for 0."""
    return Severity(level).colour if level else None
