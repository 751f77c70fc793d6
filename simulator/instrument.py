"""From what a sensor feels to what it states: its channels, its steps, its battery, its faults."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.profiles import LidSensors
from simulator.stage import SensorEffect

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

WEAK: float = 0.2
"""Charge from which a battery counts as weak in the truth."""


def stated(
    sensors: LidSensors, row: Int, felt: dict[str, Float], charge: Float, rng: np.random.Generator
) -> dict[str, Float]:
    """Quantities in the devices' own steps; NaN where a device has no such channel.

    row : int64[k]  Rows of `LidSensors`.
    felt : x, y (rotation vector from level [°]), displacement_mm, vibration_g, water_mm, open,
        temperature_c, each float64[k].
    charge : float64[k]  0–1.
    """
    nan = np.full(len(row), np.nan)
    has = {name: flags[row] for name, flags in sensors.has.items()}
    tilt = np.minimum(np.hypot(felt["x"], felt["y"]), 180.0)
    around = np.arctan2(felt["y"], felt["x"])
    sine, gz = np.sin(np.radians(tilt)), np.cos(np.radians(tilt))
    gx, gy = sine * np.cos(around), sine * np.sin(around)
    # Milesight: each axis against the horizontal; makers with two axes: rotation about each, ±180°
    against = has["tilt_xyz"]
    axis_x = np.where(against, np.degrees(np.arcsin(gx)), np.degrees(np.arctan2(gx, gz)))
    axis_y = np.where(against, np.degrees(np.arcsin(gy)), np.degrees(np.arctan2(gy, gz)))
    step = sensors.tilt_step_deg[row]
    two = has["tilt_xy"] | against
    volts, percent = battery(charge, felt["temperature_c"])
    return {
        "tilt_deg": np.where(has["tilt"] | against, _steps(tilt, step), nan),
        "tilt_x_deg": np.where(two, _steps(axis_x, step), nan),
        "tilt_y_deg": np.where(two, _steps(axis_y, step), nan),
        "displacement_mm": np.where(
            has["displacement"], _steps(felt["displacement_mm"], sensors.displacement_step_mm[row]), nan
        ),
        "vibration_g": np.where(
            has["vibration"], _steps(felt["vibration_g"], sensors.vibration_step_g[row]), nan
        ),
        "water_mm": np.where(has["water"], np.round(felt["water_mm"]), nan),
        "open": np.where(has["open"], felt["open"], nan),
        "temperature_c": np.where(sensors.thermometer[row], np.round(felt["temperature_c"], 1), nan),
        "battery_v": np.where(sensors.percent[row], nan, np.round(volts, 2)),
        "battery_pct": np.where(sensors.percent[row], np.round(percent), nan),
        "rssi_dbm": np.round(np.clip(sensors.rssi_dbm[row] + rng.normal(0, 3, len(row)), -135, -40)),
    }


def battery(charge: Float, temperature_c: Float) -> tuple[Float, Float]:
    """Voltage under load [V] and stated charge [%] of a lithium thionyl chloride cell.

    Flat near 3.6 V, a knee below a tenth of its charge, and some 4 mV/K lower in the cold.
    """
    left = np.clip(charge, 0.0, 1.0)
    cold = np.clip(10 - temperature_c, 0, 40)
    volts = 3.55 + 0.1 * left - 0.9 * np.clip(0.12 - left, 0, 1) / 0.12 - 0.004 * cold
    return np.asarray(volts, np.float64), np.asarray(np.clip(100 * left - 0.2 * cold, 0, 100), np.float64)


def ail(
    fault: SensorEffect,
    t_s: Float,
    felt: dict[str, Float],
    clock_s: Float,
    charge: Float,
    jumped: set[SensorEffect],
    rng: np.random.Generator,
) -> None:
    """Let a fault change, in place, what one sensor felt at `t_s` (rising).

    jumped : spikes that have shown themselves; a spike is one wild sample.
    """
    on = (t_s >= fault.start_s) & (t_s < fault.end_s)
    channel = "displacement_mm" if fault.channel == "displacement" else "x"
    match fault.kind:
        case "sensor_drift":
            felt[channel] += np.where(on, (t_s - fault.start_s) / 86400 * fault.value, 0.0)
        case "sensor_stuck":
            for name, value in (("x", 1.7), ("y", 0.0), ("displacement_mm", 2.0), ("vibration_g", 0.0)):
                felt[name][on] = value
        case "sensor_spike":
            first = np.flatnonzero(on)[:1]
            if len(first) and fault not in jumped:
                felt[channel][first] += fault.value
                jumped.add(fault)
        case "sensor_noise":
            felt["x"] += np.where(on, rng.normal(0, 0.1 * fault.value, len(t_s)), 0.0)
            felt["displacement_mm"] += np.where(on, rng.normal(0, 0.4 * fault.value, len(t_s)), 0.0)
        case "sensor_clock":
            clock_s += np.where(on, fault.value, 0.0)
        case "wrong_setup":
            felt["x"] += np.where(on, fault.value, 0.0)
        case "battery":
            charge[on] = fault.value / 100


def _steps(values: Float, step: Float) -> Float:
    return np.asarray(np.round(values / step) * step, np.float64)
