"""What the engine knows of one asset, from the running service's newest snapshot or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from config.rules import RuleSet
from config.settings import load_settings
from devices.import_csv import read_registry
from devices.registry import UNKNOWN, Registry
from jingqiao.snapshots import snapshots
from rules.engine import Engine
from rules.snapshot import MAGIC


class ExplainError(ValueError):
    """There is nothing to explain: no such asset, no snapshot, no registry."""


def explain_asset(
    asset: str,
    settings_path: Path | None,
    snapshot_path: Path | None,
    assets: Path | None,
    sensors: Path | None,
) -> list[dict[str, Any]]:
    """`Engine.explain` of every sensor of an asset (or of the one sensor of that id).

    Raises ExplainError and FaultsError.
    """
    if settings_path is not None:
        settings = load_settings(settings_path)
        assets, sensors = assets or settings.registry.assets, sensors or settings.registry.sensors
        state = next((data for _, data in snapshots(settings.snapshot_dir)), None)
        if state is None and snapshot_path is None:
            raise ExplainError(f"no snapshot in {settings.snapshot_dir}: is the service running?")
    elif snapshot_path is None:
        raise ExplainError("name -c jingqiao.toml or --snapshot FILE")
    if snapshot_path is not None:
        data = snapshot_path.read_bytes()
        state = data[max(0, data.find(MAGIC)) :]
    if assets is None or sensors is None:
        raise ExplainError("name --assets and --sensors")
    registry = read_registry(assets, sensors)
    engine = Engine(registry, RuleSet())
    assert state is not None
    try:
        engine.restore(state)
    except ValueError as error:
        raise ExplainError(str(error)) from None
    return explain_from(engine, registry, asset)


def explain_from(engine: Engine, registry: Registry, asset: str) -> list[dict[str, Any]]:
    """`Engine.explain` of every sensor of an asset, or of one sensor. Raises ExplainError."""
    index = registry.asset_index(asset)
    if index != UNKNOWN:
        rows = np.flatnonzero(registry.sensors.asset == index).tolist()
        if not rows:
            raise ExplainError(f"{asset} has no sensor")
        return [engine.explain(row) for row in rows]
    sensor = registry.sensor_index(asset)
    if sensor == UNKNOWN:
        raise ExplainError(f"neither an asset nor a sensor: {asset}")
    return [engine.explain(sensor)]
