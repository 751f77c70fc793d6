"""Sensor faults that nobody stages: a fleet of any size always has some that drift, stick, jump or lag."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from devices.registry import Registry
from simulator.profiles import LidSensors
from simulator.scenario import Scenario
from simulator.stage import SensorEffect
from simulator.streams import stream
from simulator.truth import TruthEvent

_YEAR_S = 365.25 * 86400


def ailing(
    scene: Scenario, registry: Registry, sensors: LidSensors, seed: int
) -> Iterator[tuple[SensorEffect, TruthEvent | None]]:
    """Each fault with its truth; to find one is right, to miss it costs nothing (many are too small)."""
    rng = stream(seed, "ailments")
    length_s = scene.days * 86400
    crooked = rng.uniform(size=len(sensors)) < scene.faults.wrong_setup
    for row in np.flatnonzero(crooked):
        # screwed on crookedly from the first day: a constant, which nobody can tell from the road's slope
        yield SensorEffect("wrong_setup", int(row), 0.0, np.inf, float(rng.uniform(3, 30))), None
    for kind in ("drift", "stuck", "spike", "noise", "clock"):
        rate = getattr(scene.faults, kind)
        count = rng.poisson(rate * length_s / _YEAR_S, len(sensors))
        for row in np.repeat(np.arange(len(sensors)), count):
            start = float(rng.uniform(0, length_s))
            height = bool(sensors.has["displacement"][row]) and rng.uniform() < 0.5
            lasts, value = {
                # creeping in months: far slower than any seat gives way
                "drift": (np.inf, float(rng.choice([-1, 1]) * rng.lognormal(np.log(0.03), 0.7))),
                "stuck": (float(rng.exponential(20 * 86400)), 0.0),
                "spike": (np.inf, float(rng.choice([-1, 1]) * rng.uniform(8, 120))),
                "noise": (float(rng.exponential(20 * 86400)), float(rng.uniform(5, 25))),
                "clock": (float(rng.exponential(30 * 86400)), float(-rng.lognormal(np.log(1800), 1.2))),
            }[kind]
            name = f"sensor_{kind}"
            channel = "displacement" if height else ""
            fault = SensorEffect(name, int(row), start, start + lasts, value, channel)
            sensor = int(sensors.sensor[row])
            asset = int(registry.sensors.asset[sensor])
            yield (
                fault,
                TruthEvent(
                    asset_id=registry.asset_id(asset) if asset >= 0 else "",
                    sensor_ids=(registry.sensor_id(sensor),),
                    hazard="sensor_fault",
                    onset=scene.start_us + round(start * 1e6),
                    severity="slow" if kind == "drift" else "sudden",
                    ended=None if np.isinf(lasts) else scene.start_us + round((start + lasts) * 1e6),
                    required=False,
                    params={"kind": name, "value": round(value, 4), "channel": channel or "tilt"},
                ),
            )
