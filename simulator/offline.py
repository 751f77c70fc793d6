"""Fleets on file: readings, registry, maintenance and truth for backtests, without messages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from devices.registry import Registry
from simulator import radio, truth
from simulator.bridge import BridgeModel
from simulator.example_city import ASSET_COLUMNS, CHANNEL_SETS, SENSOR_COLUMNS, csv_text
from simulator.lid_readings import LidModel
from simulator.scenario import Scenario
from simulator.streams import stream
from simulator.truth import TruthEvent, rfc3339

Format = Literal["parquet", "csv", "jsonl"]
Permit = tuple[str, int, int, str, str]

CHUNK_S: Final = 5 * 86400.0
_SENSOR_NUMBERS: Final = (
    "heartbeat_s", "e_gpa", "alpha_per_c", "strain_min_ue", "strain_max_ue", "design_live_ue",
    "design_min", "design_max",
)  # fmt: skip
_QUANTITIES: Final = (
    "tilt_deg", "tilt_x_deg", "tilt_y_deg", "displacement_mm", "vibration_g", "water_mm", "open",
    "temperature_c", "battery_v", "battery_pct", "rssi_dbm", "strain_ue",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OfflineFleet:
    """A played scenario.

    readings : pyarrow.Table  sensor_id (dictionary), t (timestamp µs UTC), quantities (float32, null = not
        measured), in the order in which they reached the server.
    truth : what really happened.  permits : (asset_id, from µs, to µs, kind, note).
    """

    readings: pa.Table
    truth: list[TruthEvent]
    permits: list[Permit]


def play(
    registry: Registry, scene: Scenario, seed: int | None = None, *, received: bool = False
) -> OfflineFleet:
    """All readings of a scenario that reach the server, lost ones left out, duplicates in.

    received : with a column `received`, when the server had each (timestamp µs UTC).
    """
    seed = scene.seed if seed is None else seed
    lids = LidModel(registry, scene, seed)
    bridge = BridgeModel(registry, scene, lids.weather, lids.stage, seed)
    remembers = np.array([m == "native" for m in registry.sensors.texts["model"].to_pylist()], np.bool_)
    tables: list[pa.Table] = []
    ends = np.append(np.arange(CHUNK_S, scene.days * 86400, CHUNK_S), scene.days * 86400)
    for chunk, end_s in enumerate(ends.tolist()):
        start_s = chunk * CHUNK_S
        rng = stream(seed, "radio", chunk)
        found = lids.readings(chunk, start_s, end_s)
        way = radio.deliver(
            rng,
            scene.radio,
            lids.stage.gateways,
            found.t_s,
            found.gateway,
            found.rssi_dbm,
            remembers[found.sensor],
        )
        first, again = np.flatnonzero(~np.isnan(way.at_s)), np.flatnonzero(~np.isnan(way.again_s))
        slow = bridge.readings(chunk, start_s, end_s)
        rows = np.concatenate([first, again])
        at_s = np.concatenate([way.at_s[first], way.again_s[again], slow.t_s])
        columns = {
            name: np.concatenate([values[rows], np.full(len(slow.t_s), np.nan)])
            for name, values in found.columns.items()
        }
        columns["temperature_c"][len(rows) :] = slow.temperature_c
        columns["strain_ue"] = np.concatenate([np.full(len(rows), np.nan), slow.strain_ue])
        stated = np.concatenate([(found.t_s + found.clock_s)[rows], slow.t_s])
        sensor = np.concatenate([found.sensor[rows], slow.sensor])
        order = np.argsort(at_s, kind="stable")
        table = _table(
            registry, scene, sensor[order], stated[order], {n: c[order] for n, c in columns.items()}
        )
        if received:
            at_us = scene.start_us + np.round(at_s[order] * 1e6).astype(np.int64)
            table = table.append_column("received", pa.array(at_us, pa.timestamp("us", tz="UTC")))
        tables.append(table)
    return OfflineFleet(pa.concat_tables(tables), sorted_truth(lids.truth), list(lids.stage.permits))


def sorted_truth(events: Sequence[TruthEvent]) -> list[TruthEvent]:
    """By onset, then asset, then hazard."""
    return sorted(events, key=lambda event: (event.onset, event.asset_id, event.hazard))


def write(
    folder: Path,
    fleet: OfflineFleet,
    assets: Sequence[dict[str, Any]],
    sensors: Sequence[dict[str, Any]],
    file_format: Format = "parquet",
) -> Path:
    """Write readings, `assets.csv`, `sensors.csv`, `truth.jsonl`, `maintenance.csv`; return the first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assets.csv").write_text(csv_text(ASSET_COLUMNS, assets), "utf-8")
    (folder / "sensors.csv").write_text(csv_text(SENSOR_COLUMNS, sensors), "utf-8")
    (folder / "maintenance.csv").write_text(maintenance_csv(fleet.permits), "utf-8")
    truth.write(folder / "truth.jsonl", fleet.truth)
    path = folder / f"readings.{file_format}"
    match file_format:
        case "parquet":
            pyarrow.parquet.write_table(fleet.readings, path)
        case "csv":
            pyarrow.csv.write_csv(_with_text_times(fleet.readings), path)
        case "jsonl":
            with path.open("w", encoding="utf-8") as out:
                for batch in fleet.readings.to_batches(max_chunksize=10_000):
                    out.writelines(f"{line}\n" for line in _json_lines(batch))
    return path


def maintenance_csv(permits: Sequence[Permit]) -> str:
    """`asset_id, from, to, kind, note`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("asset_id", "from", "to", "kind", "note"))
    writer.writerows(
        (asset, rfc3339(start), rfc3339(end), kind, note) for asset, start, end, kind, note in permits
    )
    return out.getvalue()


def synthetic_lids(
    n_lids: int, seed: int, wells: float = 0.2
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `assets.csv` and `sensors.csv` for a city of lids only, spread over a square.

    wells : share of lids that have a water sensor too.
    """
    rng = stream(seed, "synthetic lids")
    side = int(np.ceil(np.sqrt(n_lids)))
    channels = [name for name, _ in CHANNEL_SETS]
    shares = np.array([share for _, share in CHANNEL_SETS])
    assets: list[dict[str, Any]] = []
    sensors: list[dict[str, Any]] = []
    for i in range(n_lids):
        low = rng.uniform() < 0.1
        asset_id = f"42070401{rng.integers(1, 8):02d}{i + 1:06d}"
        assets.append(
            {
                "asset_id": asset_id,
                "kind": "cover",
                "district": "鄂城区",
                "road": f"模拟路{i // side + 1}",
                "lon": f"{114.80 + 0.0004 * (i % side):.6f}",
                "lat": f"{30.30 + 0.0004 * (i // side):.6f}",
                "load_class": str(rng.choice(["B125", "C250", "D400", "E600"], p=[0.15, 0.2, 0.5, 0.15])),
                "low_lying": str(int(low)),
                "status": "in_use",
            }
        )
        heartbeat = str(int(rng.choice([21600, 28800, 43200, 86400], p=[0.35, 0.2, 0.3, 0.15])))
        common = {"asset_id": asset_id, "model": "native", "heartbeat_s": heartbeat}
        name = str(rng.choice(channels, p=shares / shares.sum()))
        sensors.append(common | {"sensor_id": f"L{i:06d}", "role": "lid", "location": name})
        if low or rng.uniform() < wells:
            sensors.append(common | {"sensor_id": f"W{i:06d}", "role": "water", "location": "water"})
    return assets, sensors


def registry_of(assets: Sequence[dict[str, Any]], sensors: Sequence[dict[str, Any]]) -> Registry:
    """A registry from rows of text cells as `synthetic_lids` and `example_city.rows` make them."""
    return Registry.of(
        [
            _typed(row, ("lon", "lat", "design_life_years", "low_lying", "fall_net"), "installed_on")
            for row in assets
        ],
        [_typed(row, _SENSOR_NUMBERS, "installed_at") for row in sensors],
    )


def generate(
    scene: Scenario, seed: int, n_lids: int, days: float | None = None
) -> tuple[OfflineFleet, list[dict[str, Any]], list[dict[str, Any]]]:
    """A city of `n_lids` through a scenario: (played fleet, rows of assets.csv, rows of sensors.csv).

    days : another length than the scenario's.
    """
    assets, sensors = synthetic_lids(n_lids, seed)
    if days is not None:
        scene = scene.model_copy(update={"days": days})
    return play(registry_of(assets, sensors), scene, seed), assets, sensors


def _typed(row: dict[str, Any], numbers: Sequence[str], dropped: str) -> dict[str, Any]:
    cells = {name: cell for name, cell in row.items() if cell != "" and name != dropped}
    return cells | {name: float(cells[name]) for name in numbers if name in cells}


def _table(
    registry: Registry,
    scene: Scenario,
    sensor: npt.NDArray[np.int64],
    stated_s: npt.NDArray[np.float64],
    columns: dict[str, npt.NDArray[np.float64]],
) -> pa.Table:
    ids = pa.DictionaryArray.from_arrays(pa.array(sensor, pa.int32()), registry.sensors.texts["sensor_id"])
    # a sensor's clock counts milliseconds
    t_us = scene.start_us + np.round(stated_s * 1e3).astype(np.int64) * 1000
    arrays = {"sensor_id": ids, "t": pa.array(t_us, pa.timestamp("us", tz="UTC"))}
    for name in _QUANTITIES:
        arrays[name] = pa.array(columns[name].astype(np.float32), from_pandas=True)
    return pa.table(arrays)


def _with_text_times(table: pa.Table) -> pa.Table:
    milliseconds = table["t"].cast(pa.int64()).to_numpy() // 1000
    names = table["sensor_id"].cast(pa.string())
    result = table.set_column(0, "sensor_id", names)
    return result.set_column(1, "t", pa.array(milliseconds, pa.int64()))


def _json_lines(batch: pa.RecordBatch) -> list[str]:
    lines = []
    for row in batch.to_pylist():
        body = {"sensor_id": row["sensor_id"], "t": int(row["t"].timestamp() * 1000)}
        body |= {
            name: bool(row[name]) if name == "open" else round(row[name], 4)
            for name in _QUANTITIES
            if row[name] is not None
        }
        lines.append(json.dumps(body, separators=(",", ":")))
    return lines
