"""The lids and sensors of a registry as physical things: seats, noise, thresholds, clocks, batteries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.registry import Kind, Registry, Role
from simulator.scenario import Scenario
from simulator.streams import stream
from simulator.traffic import BY_LOAD_CLASS

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]

_WORDS: Final = re.compile(r"(?:tilt_xyz|tilt_xy|tilt|displacement|vibration|water|open)(?:\+[a-z_]+)*")
_FALLBACK: Final = ("tilt+vibration", "tilt+displacement+vibration+open", "tilt+displacement+vibration")


@dataclass(frozen=True, slots=True)
class Lids:
    """Lid and seat, one row for each cover.

    asset : int64[n]  Registry row.  x_m, y_m : place on a local plane [m].
    slope_x, slope_y : how the lid lies, set by the road [°].
    gap_mm : clearance between lid and seat: it rocks by this much.  diameter_mm : lever of the rocking.
    impact_s : how long the seat takes to stop a falling lid: gasket and frame [s].
    direct_g : median peak of a wheel on a perfectly seated lid [g].  spread : of its logarithm.
    therm_x, therm_y : tilt by frame and iron growing unevenly [°/K].
    busiest_per_h : crossings in the busiest hour.
    well_mm : usual level.  catchment_mm : rise by 1 mm of rain.  drain_s : time constant of running off.
    """

    asset: Int
    x_m: Float
    y_m: Float
    slope_x: Float
    slope_y: Float
    gap_mm: Float
    diameter_mm: Float
    impact_s: Float
    direct_g: Float
    spread: Float
    therm_x: Float
    therm_y: Float
    busiest_per_h: Float
    well_mm: Float
    catchment_mm: Float
    drain_s: Float

    def __len__(self) -> int:
        return len(self.asset)


@dataclass(frozen=True, slots=True)
class LidSensors:
    """What watches lids and wells, one row each.

    sensor : int64[m]  Registry row.  lid : int64[m]  Row of `Lids`.
    has : channel → bool[m]  tilt, tilt_xy, tilt_xyz, displacement, vibration, water, open.
    heartbeat_s, phase_s : true period by its own crystal, and where in it the scenario starts.
    mount_x, mount_y : how crookedly it is screwed on [°].
    tilt_noise_deg, tilt_step_deg, displacement_noise_mm, displacement_step_mm, vibration_step_g.
    tilt_per_c : its own temperature drift [°/K].  tilt_per_year, displacement_per_year : ageing.
    zero_mm : displacement it shows on a good seat.
    wake_tilt_deg, wake_g, wake_mm, wake_water_mm : thresholds.
    prompt : reports at once instead of holding 3 s: it sends what a wheel does to it.
    quiet_s : least time between two shock reports.
    percent : states its charge in per cent rather than volts.  charge, charge_per_year : 0–1.
    rssi_dbm : usual strength.  gateway : which one hears it best.  clock_s : how wrong its clock is.
    thermometer, text_time : whether it has, whether it states times as text.
    """

    sensor: Int
    lid: Int
    has: dict[str, Bool]
    heartbeat_s: Float
    phase_s: Float
    mount_x: Float
    mount_y: Float
    tilt_noise_deg: Float
    tilt_step_deg: Float
    displacement_noise_mm: Float
    displacement_step_mm: Float
    vibration_step_g: Float
    tilt_per_c: Float
    tilt_per_year: Float
    displacement_per_year: Float
    zero_mm: Float
    wake_tilt_deg: Float
    wake_g: Float
    wake_mm: Float
    wake_water_mm: Float
    prompt: Bool
    quiet_s: Float
    percent: Bool
    charge: Float
    charge_per_year: Float
    rssi_dbm: Float
    gateway: Int
    clock_s: Float
    thermometer: Bool
    text_time: Bool

    def __len__(self) -> int:
        return len(self.sensor)


CHANNELS: Final = ("tilt", "tilt_xy", "tilt_xyz", "displacement", "vibration", "water", "open")


def lids_of(registry: Registry, scene: Scenario, seed: int) -> Lids:
    """Every cover of the registry as a thing that can rock, warm up and be driven over."""
    rng = stream(seed, "lids")
    rows = np.flatnonzero(registry.assets.kind == Kind.COVER).astype(np.int64)
    n = len(rows)
    lon, lat = registry.assets.lon[rows], registry.assets.lat[rows]
    middle_lon, middle_lat = (
        float(np.nanmean(v)) if n and not np.isnan(v).all() else 0.0 for v in (lon, lat)
    )
    x_m = (np.nan_to_num(lon, nan=middle_lon) - middle_lon) * 111_320 * np.cos(np.radians(middle_lat))
    y_m = (np.nan_to_num(lat, nan=middle_lat) - middle_lat) * 110_574
    classes = [registry.assets.text("load_class", int(i)) for i in rows]
    busy = np.array([BY_LOAD_CLASS.get(name, 0.3) for name in classes])
    low = np.maximum(registry.assets.low_lying[rows], 0)
    return Lids(
        asset=rows,
        x_m=x_m,
        y_m=y_m,
        slope_x=rng.normal(0, 0.8, n),
        slope_y=rng.normal(0, 0.8, n),
        gap_mm=rng.lognormal(np.log(0.25), 0.5, n),
        diameter_mm=rng.choice([600.0, 700.0, 800.0], n),
        impact_s=rng.uniform(0.012, 0.025, n),
        direct_g=rng.lognormal(np.log(0.3), 0.3, n),
        spread=rng.uniform(0.38, 0.52, n),
        therm_x=rng.normal(0, 0.006, n),
        therm_y=rng.normal(0, 0.006, n),
        busiest_per_h=scene.traffic.peak_per_h * busy * rng.beta(4, 1.5, n),
        well_mm=rng.uniform(0, 90, n),
        catchment_mm=rng.lognormal(np.log(4.0), 0.5, n) * (1 + 1.2 * low),
        drain_s=rng.lognormal(np.log(2400), 0.4, n) * (1 + 0.5 * low),
    )


def sensors_of(registry: Registry, lids: Lids, scene: Scenario, seed: int) -> LidSensors:
    """Every lid and well sensor of the registry; its channels are read from its `location` cell."""
    rng = stream(seed, "lid sensors")
    lid_of = np.full(len(registry.assets) + 1, -1, np.int64)
    lid_of[lids.asset] = np.arange(len(lids))
    table = registry.sensors
    lid = lid_of[table.asset]
    rows = np.flatnonzero((lid >= 0) & np.isin(table.role, (Role.LID, Role.WATER))).astype(np.int64)
    lid = lid[rows]
    m = len(rows)
    words = [_channels(registry, int(i)) for i in rows]
    has = {name: np.array([name in w for w in words], np.bool_) for name in CHANNELS}
    vendor = has["tilt_xyz"]
    heartbeat = np.nan_to_num(table.heartbeat_s[rows].astype(np.float64), nan=43200.0)
    lithium = rng.uniform(0.35, 1.0, m)
    return LidSensors(
        sensor=rows,
        lid=lid,
        has=has,
        heartbeat_s=heartbeat * (1 + rng.normal(0, 3e-5, m)),
        phase_s=rng.uniform(0, 1, m) * heartbeat,
        mount_x=rng.normal(0, 1.2, m),
        mount_y=rng.normal(0, 1.2, m),
        tilt_noise_deg=rng.uniform(0.03, 0.15, m),
        tilt_step_deg=np.where(vendor, 0.01, rng.choice([0.01, 0.1, 0.5, 1.0], m, p=[0.2, 0.5, 0.2, 0.1])),
        displacement_noise_mm=rng.uniform(0.15, 0.6, m),
        displacement_step_mm=rng.choice([0.1, 0.5, 1.0], m, p=[0.4, 0.3, 0.3]),
        vibration_step_g=rng.choice([0.01, 0.063, 0.1], m),
        tilt_per_c=rng.normal(0, 0.004, m),
        tilt_per_year=rng.normal(0, 0.15, m),
        displacement_per_year=rng.normal(0, 0.4, m),
        zero_mm=rng.normal(0, 1.0, m),
        wake_tilt_deg=rng.choice([5.0, 8.0, 10.0], m, p=[0.6, 0.2, 0.2]),
        wake_g=rng.choice([2.0, 3.0, 4.0], m, p=[0.3, 0.5, 0.2]),
        wake_mm=rng.choice([10.0, 15.0, 20.0], m),
        wake_water_mm=np.full(m, 300.0),
        prompt=rng.uniform(size=m) < 0.4,
        quiet_s=rng.choice([600.0, 1800.0, 3600.0], m),
        percent=vendor | (rng.uniform(size=m) < 0.3),
        charge=lithium,
        charge_per_year=rng.uniform(0.18, 0.33, m),
        rssi_dbm=rng.normal(-95, 8, m),
        gateway=_gateways(lids, scene, seed)[lid] if m else np.zeros(0, np.int64),
        clock_s=np.where(vendor, 0.0, np.clip(rng.normal(0, 4, m), -20, 20)),
        thermometer=~vendor & (rng.uniform(size=m) < 0.7),
        text_time=rng.uniform(size=m) < 0.05,
    )


def _channels(registry: Registry, row: int) -> frozenset[str]:
    model = registry.sensors.text("model", row)
    if model in ("em320-tilt", "em310-tilt"):
        return frozenset({"tilt_xyz"})
    if registry.sensors.role[row] == Role.WATER:
        return frozenset({"water"})
    found = _WORDS.search(registry.sensors.text("location", row))
    named = found[0] if found else _FALLBACK[row % len(_FALLBACK)]
    return frozenset(word for word in named.split("+") if word in CHANNELS)


def _gateways(lids: Lids, scene: Scenario, seed: int) -> Int:
    """Which gateway hears each lid best: the nearest of some roofs spread over the covers."""
    rng = stream(seed, "gateways")
    if not len(lids):
        return np.zeros(0, np.int64)
    at = rng.choice(len(lids), min(scene.radio.gateways, len(lids)), replace=False)
    squared = (lids.x_m[:, None] - lids.x_m[at]) ** 2 + (lids.y_m[:, None] - lids.y_m[at]) ** 2
    return np.asarray(squared.argmin(axis=1), np.int64)
