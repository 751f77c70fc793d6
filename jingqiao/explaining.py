"""What the engine knows of one asset, from the running service's newest snapshot or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from config.messages import text
from config.rules import RuleSet
from config.settings import load_settings
from devices.import_csv import read_registry
from devices.registry import UNKNOWN, Registry
from jingqiao.registry_files import load_registry
from jingqiao.snapshots import snapshots
from rules.engine import Engine
from rules.snapshot import MAGIC


class ExplainError(ValueError):
    """There is nothing to explain: no such asset, no snapshot, no registry.

    key : str  Sentence of `rules_cli.explain`; `values` fill it.
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = f"rules_cli.explain.{key}", values
        super().__init__(text(self.key, "en", **values))


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
    state, registry = None, None
    if snapshot_path is not None:
        data = snapshot_path.read_bytes()
        state = data[max(0, data.find(MAGIC)) :]
    elif settings_path is not None:
        settings = load_settings(settings_path)
        newest = next(snapshots(settings.snapshot_dir), None)
        if newest is None:
            raise ExplainError("no_snapshot", folder=settings.snapshot_dir)
        head, state = newest
        if assets is None and sensors is None:  # the registry that the engine had, whoever has changed it
            registry = load_registry(settings.data_dir / "registry", head.registry_version)
        assets, sensors = assets or settings.registry.assets, sensors or settings.registry.sensors
    else:
        raise ExplainError("no_settings")
    if registry is None:
        if assets is None or sensors is None:
            raise ExplainError("no_registry")
        registry = read_registry(assets, sensors)
    engine = Engine(registry, RuleSet())
    try:
        engine.restore(state)
    except (ValueError, KeyError) as error:
        raise ExplainError("misfit", reason=error) from None
    return explain_from(engine, registry, asset)


def explain_from(engine: Engine, registry: Registry, asset: str) -> list[dict[str, Any]]:
    """`Engine.explain` of every sensor of an asset, or of one sensor. Raises ExplainError."""
    index = registry.asset_index(asset)
    if index != UNKNOWN:
        rows = np.flatnonzero(registry.sensors.asset == index).tolist()
        if not rows:
            raise ExplainError("no_sensor", asset=asset)
        return [engine.explain(row) for row in rows]
    sensor = registry.sensor_index(asset)
    if sensor == UNKNOWN:
        raise ExplainError("unknown", asset=asset)
    return [engine.explain(sensor)]
