"""What the engine knows of one asset, from the running service's newest snapshot or from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from config.messages import Language, text
from config.rules import RuleSet
from config.settings import load_settings
from devices.import_csv import read_registry
from devices.registry import UNKNOWN, Registry
from jingqiao.backtest.view import reason_text
from jingqiao.incidents.view import rfc3339
from jingqiao.registry_files import load_registry
from jingqiao.snapshots import snapshots
from rules.alarm import Reason
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


def told_sensor(
    sensor: Mapping[str, Any], tongue: Language, late: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """`Engine.explain` of one sensor with its reasons as sentences and its times as RFC 3339.

    late : What was found in readings that came late, of any sensors, as
        `jingqiao.dossier.history.found_late` gives it.
    """
    hazards = []
    for row in sensor["hazards"]:
        first = row["conditions"][0] if row["conditions"] else {}
        reason = Reason(row["reason"]["key"], {**first, **row["reason"]["values"]})
        pending, muted, doubted = row["pending"], row["muted"], row["doubted"]
        hazards.append(
            {
                **row,
                "since": rfc3339(row["since"]),
                "reason": reason_text(reason, tongue),
                "reason_key": reason.key,
                "sees": reason_text(Reason(row["sees"]), tongue),
                "pending": pending
                and {**pending, "since": rfc3339(pending["since"]), "due": rfc3339(pending["due"])},
                "muted": muted and {**muted, "until": rfc3339(muted["until"])},
                "doubted": doubted and {**doubted, "until": rfc3339(doubted["until"])},
            }
        )
    windows = [{**w, "from": rfc3339(w["from"]), "to": rfc3339(w["to"])} for w in sensor["windows"]]
    blind = {
        h: reason_text(Reason(key or "rules_health.sees.no"), tongue) for h, key in sensor["blind"].items()
    }
    own = [found for found in late if sensor["sensor_id"] in found["sensor_ids"]]
    return {**sensor, "hazards": hazards, "windows": windows, "blind": blind, "found_late": own}
