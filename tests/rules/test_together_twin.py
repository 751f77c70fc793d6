"""Common causes against a slow, obvious twin: a list of alarms, asked one by one."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from devices.registry import UNBOUND, Registry
from rules.alarm import Hazard
from rules.together import Together

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
N, SPARE = 60, 9
"""Lids with an asset, and sensors that are bound to none."""
MODELS = ("a", "a", "b")
HAZARDS = (Hazard.MISSING, Hazard.TILTED, Hazard.SUNKEN, Hazard.FLOODED, Hazard.SILENT)


def place(i: int) -> tuple[float, float] | None:
    """Three streets, 2.7 km apart, a lid every 70 m; the last ones lie nobody knows where."""
    if i >= 54:
        return None
    street, along = divmod(i, 18)
    return 114.8 + 0.028 * street, 30.3 + along * 70 / 110_574


def city(models: tuple[str, ...]) -> Registry:
    assets = []
    for i in range(N):
        at = place(i)
        assets.append({"asset_id": f"A{i}", "kind": "cover", **({"lon": at[0], "lat": at[1]} if at else {})})
    sensors: list[dict[str, Any]] = [
        {"sensor_id": f"S{i}", "asset_id": f"A{i}", "role": "lid", "model": models[i % len(models)]}
        for i in range(N)
    ]
    sensors += [
        {"sensor_id": f"spare{i}", "role": "lid", "model": models[i % len(models)]} for i in range(SPARE)
    ]
    return Registry.of(assets, sensors)


@dataclass(frozen=True)
class Rang:
    """One alarm."""

    at: int
    asset: int
    model: str
    hazard: Hazard


class SlowTogether:
    """All alarms of the day, in a list."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self.models, self.rang = models, list[Rang]()

    def metres(self, a: int, b: int) -> float:
        """On the plane of the city; NaN where either is nowhere."""
        here = place(a) if a != UNBOUND else None
        there = place(b) if b != UNBOUND else None
        if here is None or there is None:
            return math.nan
        east = (there[0] - here[0]) * math.cos(math.radians(here[1])) * 111_320
        return math.hypot(east, (there[1] - here[1]) * 110_574)

    def note(self, asset: int, sensor: int, hazard: Hazard, at: int) -> dict[str, Any]:
        if hazard is Hazard.SILENT:
            return {}
        new = Rang(at, asset, self.models[sensor % len(self.models)], hazard)
        newest = max(r.at for r in [*self.rang, new])
        others = [
            r
            for r in self.rang
            if r.at > newest - DAY
            and not (r.asset == asset != UNBOUND and r.hazard is hazard)  # the same alarm, again
        ]
        self.rang = [*others, new]
        return self.cause(new, others)

    def cause(self, new: Rang, others: list[Rang]) -> dict[str, Any]:
        def far(members: list[Rang]) -> bool:
            return any(self.metres(new.asset, r.asset) > 3000 for r in members)

        same = [r for r in others if r.hazard is new.hazard]
        clock = [r for r in same if abs(r.at - new.at) <= SECOND]
        if len(clock) + 1 >= 5 and far(clock):
            return self.told("clock", clock)
        soon = [r for r in same if abs(r.at - new.at) <= 10 * MINUTE]
        one_model = len(set(self.models)) > 1 and all(r.model == new.model for r in soon)
        if new.hazard is not Hazard.FLOODED and one_model and len(soon) + 1 >= 8 and far(soon):
            return self.told("firmware", soon)
        wet = [
            r
            for r in others
            if r.hazard is Hazard.FLOODED
            and abs(r.at - new.at) <= 120 * MINUTE
            and self.metres(new.asset, r.asset) <= 3000
        ]
        if len(wet) + 1 >= 4:
            return self.told("cloudburst", wet)
        driven = (Hazard.TILTED, Hazard.SUNKEN)
        street = [
            r
            for r in others
            if r.hazard in driven and abs(r.at - new.at) <= DAY and self.metres(new.asset, r.asset) <= 150
        ]
        if new.hazard in driven and len(street) + 1 >= 3:
            return self.told("roadworks", street)
        return {}

    def told(self, kind: str, members: list[Rang]) -> dict[str, Any]:
        assets = sorted({r.asset for r in members if r.asset != UNBOUND})
        names = [f"A{asset}" for asset in assets[:20]]
        return {"common_cause": {"kind": kind, "together": len(members) + 1, "with": names}}


def bursts(rng: np.random.Generator, models: tuple[str, ...]) -> list[tuple[int, int, Hazard, int]]:
    """(asset, sensor, hazard, time): single alarms, and such as come together, some of them late."""
    out, now = [], 10 * DAY
    for _ in range(60):
        now += int(rng.integers(0, 12 * 60)) * MINUTE
        kind = rng.integers(0, 5)
        hazard = HAZARDS[rng.integers(0, len(HAZARDS))]
        apart = (SECOND // 8, 30 * SECOND, 10 * MINUTE, 40 * MINUTE, 600 * MINUTE)[kind]
        size = int(rng.integers(1, 24 if kind == 1 else 12))
        who = rng.permutation(N + SPARE)[:size]
        if kind == 1 and rng.random() < 0.8:
            who = who[[models[i % len(models)] == models[0] for i in who.tolist()]]
        if kind in (3, 4):
            who = np.arange(size) + rng.integers(0, N - size)
        for sensor in who.tolist():
            now += int(rng.integers(0, 2) * apart)
            at = now - int(rng.choice([1, 30]) * 60 * MINUTE if rng.random() < 0.1 else 0)
            own = HAZARDS[rng.integers(0, len(HAZARDS))] if rng.random() < 0.15 else hazard
            out.append((UNBOUND if sensor >= N else sensor, sensor, own, at))
    return out


@pytest.mark.parametrize("models", [MODELS, ("a",)])
def test_causes_are_those_of_the_slow_twin(models: tuple[str, ...]) -> None:
    """Alarms alone and in bursts, of lids that lie nowhere and sensors bound to nothing, over restarts."""
    kinds: Counter[str] = Counter()
    registry = city(models)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        fast, slow = Together(registry), SlowTogether(models)
        for asset, sensor, hazard, at in bursts(rng, models):
            found = fast.note(asset, sensor, hazard, at)
            assert found == slow.note(asset, sensor, hazard, at)
            kinds[found.get("common_cause", {}).get("kind", "")] += 1
            if rng.random() < 0.05:
                state = fast.state()
                fast = Together(registry)
                fast.restore(state)
    expected = {"", "clock", "cloudburst", "roadworks"} | ({"firmware"} if len(models) > 1 else set())
    assert {kind for kind, n in kinds.items() if n >= 10} == expected, kinds
