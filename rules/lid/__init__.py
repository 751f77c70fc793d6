"""Lid hazards: missing, tilted, sunken, loose, damaged, flooded, and sensors that cannot be believed."""

from __future__ import annotations

from config.lid_rules import LidRules
from devices.registry import Registry
from rules.detector import Detector
from rules.lid.detector import LidDetector


def detectors(registry: Registry, rules: LidRules) -> list[Detector]:
    """The lid detectors: one, for all its hazards are fused from the same channels."""
    return [LidDetector(registry, rules)]
