"""Health of the devices themselves: silence and batteries."""

from __future__ import annotations

from config.health_rules import HealthRules
from devices.registry import Registry
from rules.detector import Detector


def detectors(registry: Registry, rules: HealthRules) -> list[Detector]:
    """All health detectors."""
    del registry, rules
    return []
