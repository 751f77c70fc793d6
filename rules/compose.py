"""Which detectors a rule set asks for."""

from __future__ import annotations

from config.rules import RuleSet
from devices.registry import Registry
from rules import bridge, health, lid
from rules.detector import Detector


def default_detectors(registry: Registry, rules: RuleSet) -> list[Detector]:
    """Detectors of lids, bridges and device health, in the order of the engine's lanes."""
    return [
        *lid.detectors(registry, rules.lid),
        *bridge.detectors(registry, rules.bridge),
        *health.detectors(registry, rules.health),
    ]
