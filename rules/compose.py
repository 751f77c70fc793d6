"""Which detectors a rule set asks for."""

from __future__ import annotations

from importlib import import_module

from config.rules import RuleSet
from devices.registry import Registry
from rules.detector import Detector

PARTS = ("lid", "bridge", "health")


def default_detectors(registry: Registry, rules: RuleSet) -> list[Detector]:
    """Detectors of lids, bridges and device health, in the order of the engine's lanes."""
    found: list[Detector] = []
    for part in PARTS:
        try:
            module = import_module(f"rules.{part}")
        except ModuleNotFoundError:
            continue
        found += module.detectors(registry, getattr(rules, part))
    return found
