"""Health of the devices themselves: silence and batteries."""

from __future__ import annotations

from config.health_rules import HealthRules
from devices.registry import Registry
from rules.detector import Detector
from rules.health.battery import BatteryLow
from rules.health.silent import Silent


def detectors(registry: Registry, rules: HealthRules) -> list[Detector]:
    """All health detectors."""
    return [Silent(registry, rules), BatteryLow(registry, rules)]
