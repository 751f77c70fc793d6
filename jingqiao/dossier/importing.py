"""Takes `assets.csv` and `sensors.csv` into the dossier: whole or not at all; again is an update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from config.faults import Fault, FaultsError
from config.messages import Language
from devices.component_codes import Scheme
from devices.crs import Crs
from devices.import_csv import asset_table, assets_of, sensor_table, sensors_of
from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, UNBOUND, Assets, Registry, Sensors
from devices.table_file import TextTable
from jingqiao.database import reading, writing
from jingqiao.dossier import bulk, diff
from jingqiao.dossier.plain import asset_cell, sensor_cell
from jingqiao.dossier.registry_store import current_version, new_version, read_registry_tables
from jingqiao.dossier.tables import asset, binding, entry, sensor

Progress = Callable[[int, int], None]
"""Told how many of how many rows are written."""

_ATTEMPTS: Final = 5
_CACHE_KIB: Final = 262_144
ANY_CODE: Final = Scheme("none")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import will do, against one version of the registry.

    old : Registry  What the database has.
    registry : Registry  What it will have.
    """

    version: int
    old: Registry
    registry: Registry
    assets: diff.TableDiff
    sensors: diff.TableDiff

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are new, changed, and moved to another asset."""
        moved = self.sensors.changed.get("asset")
        return {
            "assets_new": len(self.assets.new),
            "assets_changed": int(self.assets.any_changed.sum()),
            "assets_total": len(self.registry.assets),
            "sensors_new": len(self.sensors.new),
            "sensors_changed": int(self.sensors.any_changed.sum()),
            "sensors_moved": 0 if moved is None else int(moved.sum()),
            "sensors_total": len(self.registry.sensors),
        }

    @property
    def empty(self) -> bool:
        """Nothing differs."""
        return not any(
            self.counts[name] for name in ("assets_new", "assets_changed", "sensors_new", "sensors_changed")
        )

    def asset_changes(self) -> Iterator[diff.Change]:
        """Each known asset that differs."""
        return diff.changes(self.assets, self.old.assets, self.registry.assets, asset_cell)

    def sensor_changes(self) -> Iterator[diff.Change]:
        """Each known sensor that differs."""

        def cell(rows: Sensors, name: str, row: int) -> Any:
            if name != "asset":
                return sensor_cell(rows, name, row)
            bound = int(rows.asset[row])
            return "" if bound == UNBOUND else self.registry.asset_id(bound)

        return diff.changes(self.sensors, self.old.sensors, self.registry.sensors, cell)


@dataclass(frozen=True, slots=True)
class Files:
    """Two files as cells, read once; None = not given."""

    assets: TextTable | None
    sensors: TextTable | None
    crs: Crs
    scheme: Scheme


def read_files(
    assets_path: Path | str | None,
    sensors_path: Path | str | None,
    *,
    crs: Crs = "wgs84",
    language: Language = "zh",
    scheme: Scheme = ANY_CODE,
) -> Files:
    """The cells of both files; raises FaultsError for files in the wrong form."""
    faults: list[Fault] = []
    tables: list[TextTable | None] = []
    for path, read in ((assets_path, asset_table), (sensors_path, sensor_table)):
        try:
            tables.append(None if path is None else read(path, language))
        except FaultsError as error:
            faults += error.faults
            tables.append(None)
    if faults:
        # The file that could be read is judged too: a person mends both in one go.
        faults += _faults_of(tables)
        raise FaultsError(faults)
    return Files(tables[0], tables[1], crs, scheme)


def plan_import(connection: sa.Connection, files: Files) -> Plan:
    """Compare the files with the database; raises FaultsError with every fault of both files."""
    version, old = current_version(connection), read_registry_tables(connection)
    return make_plan(version, old, files)


def make_plan(version: int, old: Registry, files: Files) -> Plan:
    """Compare the files with a registry; raises FaultsError with every fault of both files."""
    assets, asset_diff = old.assets, diff.NOTHING
    if files.assets is not None:
        try:
            fresh = assets_of(_unjudged(files.assets), crs=files.crs, scheme=files.scheme)
        except FaultsError as error:
            raise FaultsError([*error.faults, *_faults_of([None, files.sensors])]) from None
        asset_diff = diff.assets_diff(old.assets, fresh, list(files.assets.columns))
        assets = diff.merged_assets(old.assets, fresh, asset_diff)
    sensors, sensor_diff = old.sensors, diff.NOTHING
    if files.sensors is not None:
        fresh_sensors = sensors_of(_unjudged(files.sensors), assets)
        sensor_diff = diff.sensors_diff(old.sensors, fresh_sensors, list(files.sensors.columns))
        sensors = diff.merged_sensors(old.sensors, fresh_sensors, sensor_diff)
    return Plan(version, old, Registry(assets, sensors), asset_diff, sensor_diff)


def import_files(
    database: sa.Engine,
    assets_path: Path | str | None,
    sensors_path: Path | str | None,
    *,
    at: int,
    who: str,
    crs: Crs = "wgs84",
    language: Language = "zh",
    progress: Progress | None = None,
) -> Plan:
    """Import both files; what was done is in the returned plan. Raises FaultsError; then nothing changed.

    at : now [µs]. who : who imports.
    """
    files = read_files(assets_path, sensors_path, crs=crs, language=language)
    with reading(database) as connection:
        plan = plan_import(connection, files)
    return carry_out(database, files, plan, at=at, who=who, progress=progress)


def carry_out(
    database: sa.Engine, files: Files, plan: Plan, *, at: int, who: str, progress: Progress | None = None
) -> Plan:
    """Write a plan; where the registry has changed since, plan anew. Returns the plan that was done."""
    for _ in range(_ATTEMPTS):
        if plan.empty or apply_plan(database, plan, at=at, who=who, progress=progress):
            return plan
        # Compared outside of the writing transaction: a city takes seconds, and the service writes too.
        with reading(database) as connection:
            plan = plan_import(connection, files)
    raise RuntimeError("the registry is being changed by others all the time; try again later")


def apply_plan(
    database: sa.Engine,
    plan: Plan,
    *,
    at: int,
    who: str,
    why: str = "import",
    progress: Progress | None = None,
) -> bool:
    """Write a plan in one transaction; False when the registry has changed since it was made."""
    with writing(database) as connection:
        if current_version(connection) != plan.version:
            return False
        if connection.dialect.name == "sqlite":
            # An index over ids in any order is built in memory, not by reading pages again and again.
            connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
        done = _counter(plan, progress)
        _write_assets(connection, plan, at, who, done)
        _write_sensors(connection, plan, at, who, done)
        new_version(connection, at, who, why, plan.counts)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size = -2000")
    return True


def _write_assets(connection: sa.Connection, plan: Plan, at: int, who: str, done: bulk.Progress) -> None:
    assets, first = plan.registry.assets, len(plan.old.assets)
    bulk.insert(connection, asset, asset_columns(assets, np.arange(first, len(assets))), done)
    changed = plan.assets.old[plan.assets.any_changed]
    bulk.update(connection, asset, "row", asset_columns(assets, changed), done)
    _write_changes(connection, plan.asset_changes(), "asset_row", at, who)


def _write_sensors(connection: sa.Connection, plan: Plan, at: int, who: str, done: bulk.Progress) -> None:
    sensors, first = plan.registry.sensors, len(plan.old.sensors)
    fresh = np.arange(first, len(sensors))
    bulk.insert(connection, sensor, sensor_columns(sensors, fresh), done)
    changed = plan.sensors.old[plan.sensors.any_changed]
    bulk.update(connection, sensor, "row", sensor_columns(sensors, changed), done)
    _write_changes(connection, plan.sensor_changes(), "sensor_row", at, who)
    moved = plan.sensors.changed.get("asset")
    again = plan.sensors.old[moved] if moved is not None else np.empty(0, np.int64)
    for row in again:
        connection.execute(
            binding.update()
            .where(binding.c.sensor_row == int(row), binding.c.to_at.is_(None))
            .values(to_at=at)
        )
    bound = np.concatenate([fresh[sensors.asset[fresh] != UNBOUND], again[sensors.asset[again] != UNBOUND]])
    installed = sensors.installed_at[bound]
    since = np.where((installed > 0) & (bound >= first), np.minimum(installed, at), at)
    bulk.insert(
        connection,
        binding,
        {
            "sensor_row": bound,
            "asset_row": sensors.asset[bound],
            "from_at": since,
            "who": pa.array([who]).take(pa.array(np.zeros(len(bound), np.int64))),
        },
        done,
    )


def _write_changes(
    connection: sa.Connection, changes: Iterator[diff.Change], column: str, at: int, who: str
) -> None:
    rows: list[dict[str, Any]] = []
    for change in changes:
        what = "status" if "status" in change.after else "changed"
        details = {
            "asset_id" if name == "asset" else name: [change.before[name], after]
            for name, after in change.after.items()
        }
        rows.append(
            {"at": at, "recorded_at": at, "who": who, "what": what, column: change.row, "details": details}
        )
        if len(rows) == bulk.CHUNK:
            connection.execute(entry.insert(), rows)
            rows.clear()
    if rows:
        connection.execute(entry.insert(), rows)


def asset_columns(assets: Assets, rows: Any) -> dict[str, Any]:
    """The rows as columns of the table."""
    columns: dict[str, Any] = {"row": rows}
    columns |= {name: assets.texts[name].take(pa.array(rows)).cast(pa.string()) for name in ASSET_TEXTS}
    columns |= {name: getattr(assets, name)[rows] for name in diff.ASSET_NUMBERS}
    for name in ("installed_on", "low_lying", "fall_net"):
        columns[name] = pa.array(columns[name], mask=columns[name] == -1)
    return columns


def sensor_columns(sensors: Sensors, rows: Any) -> dict[str, Any]:
    """The rows as columns of the table."""
    columns: dict[str, Any] = {"row": rows}
    columns |= {name: sensors.texts[name].take(pa.array(rows)).cast(pa.string()) for name in SENSOR_TEXTS}
    columns |= {name: getattr(sensors, name)[rows] for name in diff.SENSOR_NUMBERS if name != "asset"}
    columns["installed_at"] = pa.array(columns["installed_at"], mask=columns["installed_at"] == 0)
    bound = sensors.asset[rows]
    columns["asset_row"] = pa.array(bound, mask=bound == UNBOUND)
    return columns


def _faults_of(tables: Sequence[TextTable | None]) -> list[Fault]:
    """Faults of the cells of those files that could be read, without judging bindings."""
    faults: list[Fault] = []
    try:
        if tables[0] is not None:
            assets_of(_unjudged(tables[0]))
    except FaultsError as error:
        faults += error.faults
    try:
        if tables[1] is not None:
            sensors_of(_unjudged(tables[1]), None)
    except FaultsError as error:
        faults += error.faults
    return faults


def _unjudged(table: TextTable) -> TextTable:
    """The same cells with an empty list of faults: a plan may be made more than once."""
    return replace(table, faults=replace(table.faults, faults=[], more=0))


def _counter(plan: Plan, progress: Progress | None) -> bulk.Progress:
    counts = plan.counts
    sensors = counts["sensors_new"]
    total = counts["assets_new"] + counts["assets_changed"] + counts["sensors_changed"] + 2 * sensors
    written = 0

    def done(rows: int) -> None:
        nonlocal written
        written += rows
        if progress:
            progress(min(written, total), total)

    return done
