"""Run bridge detectors over a frame through the real engine, cut and ticked as one likes."""

from __future__ import annotations

import numpy as np

from config.bridge_rules import BridgeRules
from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from rules.alarm import AlarmChange, Hazard
from rules.bridge import detectors
from rules.engine import Engine


def bridge_engine(registry: Registry, rules: BridgeRules | None = None) -> Engine:
    """An engine with the bridge's detectors only."""
    rules = rules or BridgeRules()
    return Engine(registry, RuleSet(bridge=rules), detectors(registry, rules))


def run(engine: Engine, frame: Frame, rows: int = 4000) -> list[AlarmChange]:
    """Feed a frame in pieces of `rows`, with a tick after each; no detector may fail."""
    changes: list[AlarmChange] = []
    for start in range(0, len(frame), rows):
        part = frame.take(np.arange(start, min(start + rows, len(frame))))
        changes += engine.apply(part)
        changes += engine.tick(int(part.time[-1]))
    assert engine.faults == []
    return changes


def of(changes: list[AlarmChange], hazard: Hazard) -> list[AlarmChange]:
    """Changes of one hazard."""
    return [change for change in changes if change.hazard is hazard]
