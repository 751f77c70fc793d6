"""What an import would change: rows that are new, rows that differ, and in which columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, Assets, Sensors

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ASSET_NUMBERS = ("kind", "lon", "lat", "installed_on", "design_life_years", "low_lying", "fall_net")
SENSOR_NUMBERS = (
    "asset",
    "role",
    "heartbeat_s",
    "installed_at",
    "e_gpa",
    "alpha_per_c",
    "strain_min_ue",
    "strain_max_ue",
    "design_live_ue",
    "design_min",
    "design_max",
)


@dataclass(frozen=True, slots=True)
class TableDiff:
    """Difference of a file against what the database has.

    new : int64[a]  Rows of the file that the database has not.
    known : int64[b]  Rows of the file that the database has …
    old : int64[b]  … and their rows there.
    changed : column → bool[b]  Where they differ; columns that the file leaves out are not compared.
    """

    new: Rows
    known: Rows
    old: Rows
    changed: Mapping[str, Mask]

    @property
    def any_changed(self) -> Mask:
        """bool[b]  Rows that differ in any column."""
        mask = np.zeros(len(self.known), bool)
        for column in self.changed.values():
            mask |= column
        return mask


NOTHING = TableDiff(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), {})
"""The difference where no file is given."""


@dataclass(frozen=True, slots=True)
class Change:
    """One known row that the file has otherwise."""

    row: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def assets_diff(old: Assets, fresh: Assets, columns: Sequence[str]) -> TableDiff:
    """Compare assets. columns : those that the file has."""
    return _diff(old, fresh, "asset_id", ASSET_TEXTS, ASSET_NUMBERS, columns)


def sensors_diff(old: Sensors, fresh: Sensors, columns: Sequence[str]) -> TableDiff:
    """Compare sensors, and which asset each sits on; both count assets by the same rows."""
    names = ["asset" if name == "asset_id" else name for name in columns]
    return _diff(old, fresh, "sensor_id", SENSOR_TEXTS, SENSOR_NUMBERS, names)


def merged_assets(old: Assets, fresh: Assets, diff: TableDiff) -> Assets:
    """The old rows in their places, with what the file has otherwise, and the new rows behind them."""
    return Assets(**_merged(old, fresh, ASSET_TEXTS, ASSET_NUMBERS, diff))


def merged_sensors(old: Sensors, fresh: Sensors, diff: TableDiff) -> Sensors:
    """The same of sensors."""
    return Sensors(**_merged(old, fresh, SENSOR_TEXTS, SENSOR_NUMBERS, diff))


def changes(
    diff: TableDiff, before: Any, after: Any, cell: Callable[[Any, str, int], Any]
) -> Iterator[Change]:
    """Each known row that differs, with the columns that do.

    before, after : the old rows and the merged ones. cell : (rows, column, row) → plain value.
    """
    for i in np.flatnonzero(diff.any_changed):
        row = int(diff.old[i])
        names = [name for name, mask in diff.changed.items() if mask[i]]
        yield Change(
            row,
            {name: cell(before, name, row) for name in names},
            {name: cell(after, name, row) for name in names},
        )


def _diff(
    old: Any, fresh: Any, key: str, texts: Sequence[str], numbers: Sequence[str], columns: Sequence[str]
) -> TableDiff:
    found = pc.index_in(fresh.texts[key], old.texts[key])
    places = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    known = np.flatnonzero(places >= 0)
    rows = places[known]
    changed: dict[str, Mask] = {}
    for name in columns:
        if name in texts and name != key:
            before = old.texts[name].take(pa.array(rows)).cast(pa.string())
            after = fresh.texts[name].take(pa.array(known)).cast(pa.string())
            changed[name] = pc.not_equal(before, after).to_numpy(zero_copy_only=False)
        elif name in numbers:
            x, y = getattr(old, name)[rows], getattr(fresh, name)[known]
            same = x == y
            if x.dtype.kind == "f":
                same |= np.isnan(x) & np.isnan(y)
            changed[name] = ~same
    return TableDiff(np.flatnonzero(places < 0), known, rows, changed)


def _merged(
    old: Any, fresh: Any, texts: Sequence[str], numbers: Sequence[str], diff: TableDiff
) -> dict[str, Any]:
    count = len(old)

    def places(name: str) -> Rows:
        """Where in old-then-fresh each row of the result comes from."""
        kept = np.arange(count, dtype=np.int64)
        mask = diff.changed.get(name)
        if mask is not None:
            kept[diff.old[mask]] = count + diff.known[mask]
        return np.concatenate([kept, count + diff.new])

    result: dict[str, Any] = {
        "texts": {
            name: pa.concat_arrays([part.texts[name].cast(pa.string()) for part in (old, fresh)]).take(
                pa.array(places(name))
            )
            for name in texts
        }
    }
    for name in numbers:
        result[name] = np.concatenate([getattr(old, name), getattr(fresh, name)])[places(name)]
    return result
