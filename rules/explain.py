"""Why it rings, or why it does not: everything that the engine knows of one sensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from devices.registry import UNBOUND, Role
from rules.alarm import Hazard, Severity
from rules.detector import FAR, Detector, SeesHazards
from rules.machine import SECOND

if TYPE_CHECKING:
    from rules.engine import Engine

LID: Final = "lid"
"""Name of the detector of lids."""
HOUR: Final = 3600 * SECOND
WITHIN_MISSING: Final = frozenset({"tilted", "sunken", "loose", "damaged"})
"""What a lid that is missing is not called besides."""


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
        for condition in conditions:
            if condition["name"] == "silent" and evidence.get("last_heard_us") is not None:
                condition["value"] = max(engine.now - evidence["last_heard_us"], 0) / HOUR
        # What rings was said of the reading that made it ring, not of the latest.
        standing = engine.standing(lane, sensor) if settled else None
        if standing is not None:
            reason = standing[0].reason
        hold = engine.rules.alarms.hold(hazard.value)
        cell = engine.machine.cell(lane, sensor)
        row: dict[str, Any] = {
            "hazard": hazard.value,
            "detector": detector.name,
            "sees": sight,
            "severity": colour(settled),
            "since": standing and standing[1],
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
    ringing = {row["hazard"]: row["severity"] for row in hazards if row["detector"] == LID}
    for row in hazards:
        if row["detector"] == LID and (why := why_not(row, ringing)):
            row["reason"] = {"key": why, "values": {}}
    for row in hazards:  # two detectors may judge one hazard: what one of them sees is not hidden
        blind.pop(row["hazard"], None)
    return {
        "sensor_id": registry.sensor_id(sensor),
        "asset_id": "" if asset == UNBOUND else registry.asset_id(asset),
        "role": role.name.lower(),
        "model": registry.sensors.text("model", sensor),
        "clock_slow_s": int(engine.clocks.slow[sensor]) / SECOND,
        "hazards": hazards,
        "blind": blind,
        "windows": [
            {"from": w.start, "to": w.end, "kind": w.kind, "note": w.note} for w in engine.windows.of(asset)
        ],
    }


def why_not(row: Mapping[str, Any], ringing: Mapping[str, str | None]) -> str | None:
    """Key of the reason why a hazard of a lid does not ring though one of its limits is passed.

    None where it rings, is on its way, or no limit is passed.

    ringing : hazard → colour in which it rings.
    """
    on_its_way = row["severity"] or row["pending"] or row["muted"] or row["doubted"]
    if on_its_way or not any(condition["holds"] for condition in row["conditions"]):
        return None
    if row["hazard"] in WITHIN_MISSING and ringing.get("missing") not in (None, "blue"):
        return "rules_lid.quiet.missing"
    if ringing.get("sensor_fault"):
        return "rules_lid.quiet.sensor"
    return "rules_lid.quiet.unsure"


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
