"""Which detectors a rule set asks for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from config.rules import RuleSet
from devices.registry import Registry
from rules.detector import Detector

PARTS = ("lid", "bridge", "health")


def default_detectors(registry: Registry, rules: RuleSet) -> list[Detector]:
    """Detectors of lids, bridges and device health, in the order of the engine's lanes."""
    found: list[Detector] = []
    for part in PARTS:
        if find_spec(f"rules.{part}") is not None:
            found += import_module(f"rules.{part}").detectors(registry, getattr(rules, part))
    return found
