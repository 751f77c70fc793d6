"""Timelines of lid readings for tests: feed a detector, or a whole engine, as a person would tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from config.rules import RuleSet
from devices.frame import NO_SEQ, Flag, Frame
from devices.registry import Registry
from rules.alarm import AlarmChange
from rules.engine import Engine

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = 1_767_225_600 * SECOND
"""2026-01-01T00:00Z."""


def city(n: int = 1, *, heartbeat_s: float | None = 21_600, **more: Any) -> Registry:
    """n covers with one lid sensor each."""
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover"} for i in range(n)],
        [
            {"sensor_id": f"S{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": heartbeat_s, **more}
            for i in range(n)
        ],
    )


def frame(rows: Sequence[tuple[int, int, Mapping[str, float]]], delay_s: float = 0.2) -> Frame:
    """Rows of (sensor, event time [µs], quantities)."""
    names = sorted({name for _, _, values in rows for name in values})
    time = np.array([t for _, t, _ in rows], np.int64)
    return Frame(
        np.array([s for s, _, _ in rows], np.int32),
        time,
        time + int(delay_s * SECOND),
        np.full(len(rows), NO_SEQ, np.int64),
        np.full(len(rows), Flag.GOOD, np.uint8),
        {name: np.array([values.get(name, np.nan) for _, _, values in rows], np.float32) for name in names},
    )


class Life:
    """One engine with lid detectors, told what happens; remembers what it said."""

    def __init__(self, registry: Registry | None = None, rules: RuleSet | None = None) -> None:
        self.registry = registry or city()
        self.engine = Engine(self.registry, rules or RuleSet())
        self.said: list[AlarmChange] = []
        self.now = START

    def reads(self, at: float, sensor: int = 0, **values: float) -> None:
        """A reading `at` seconds after the start; time passes until then."""
        time = START + int(at * SECOND)
        self.passes(at)
        self.said += self.engine.apply(frame([(sensor, time, values)]))
        self.now = max(self.now, time)

    def passes(self, until: float) -> None:
        """Nothing comes until `until` seconds after the start."""
        end = START + int(until * SECOND)
        while (due := self.engine.due()) <= end:
            self.said += self.engine.tick(max(due, self.now))
            self.now = max(self.now, due)
        self.now = max(self.now, end)
        self.said += self.engine.tick(self.now)

    def alarms(self, *hazards: str) -> list[tuple[str, str, str, float]]:
        """(hazard, state, colour, decided: seconds after the start) of what was said."""
        return [
            (
                c.hazard.value,
                c.state.value,
                c.severity.colour,
                round((int(c.evidence.get("decided_at_us", c.event_at)) - START) / SECOND, 1),
            )
            for c in self.said
            if not hazards or c.hazard.value in hazards
        ]
