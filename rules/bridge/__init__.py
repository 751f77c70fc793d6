"""What goes wrong with a bridge: limits, overload, drift in minutes and in months, and dying gauges."""

from __future__ import annotations

from config.bridge_rules import BridgeRules
from devices.registry import Registry
from rules.bridge.detector import BridgeDetector
from rules.bridge.movements import MovementDetector
from rules.detector import Detector


def detectors(registry: Registry, rules: BridgeRules) -> list[Detector]:
    """All bridge detectors."""
    return [BridgeDetector(registry, rules), MovementDetector(registry, rules)]
