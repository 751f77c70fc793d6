"""Hidden dangers 隐患 that the dossier alone shows: what will hurt someone before a sensor says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from devices.models import MODELS
from devices.registry import UNBOUND, Kind, Registry, Role
from jingqiao.dossier.tables import entry

DAY_US: Final = 86_400_000_000
YEAR_DAYS: Final = 365.2425
DANGERS: Final = ("over_age", "no_fall_net", "abandoned", "not_inspected", "no_sensor", "blind")

SHOWN_BY: Final[Mapping[str, frozenset[str]]] = {
    "missing": frozenset({"tilt_deg", "tilt_x_deg", "tilt_y_deg", "tilt_alarm", "open"}),
    "tilted": frozenset({"tilt_deg", "tilt_x_deg", "tilt_y_deg", "tilt_alarm"}),
    "sunken": frozenset({"displacement_mm"}),
    "loose": frozenset({"tilt_deg", "tilt_x_deg", "tilt_y_deg", "displacement_mm", "vibration_g"}),
    "flooded": frozenset({"water_mm", "distance_mm", "water_alarm"}),
}
"""Hazard of a cover → quantities of which one at least must be measured to see it."""

_GONE: Final = ("abandoned", "filled", "removed")


@dataclass(frozen=True, slots=True)
class Limits:
    """inspection_days : float  A cover in use is looked at at least this often [days]."""

    inspection_days: float = 365.0


@dataclass(frozen=True, slots=True)
class Danger:
    """One danger of one asset. details : facts for the sentence, by `assets.danger.<name>`."""

    asset: int
    name: str
    details: Mapping[str, Any]


def dangers(
    registry: Registry, inspected: npt.NDArray[np.int64], now: int, limits: Limits
) -> Iterator[Danger]:
    """Every danger of every asset. inspected : int64[assets]  last inspection [µs], 0 = none on record."""
    assets = registry.assets
    if not len(assets):
        return
    masks, gone, watched = _masks(registry, inspected, now, limits)
    today = now // DAY_US
    years = assets.design_life_years.astype(np.float64)
    for row in np.flatnonzero(masks["over_age"]):
        age = (today - int(assets.installed_on[row])) / YEAR_DAYS
        details = {"age_years": round(age, 1), "design_life_years": float(years[row])}
        yield Danger(int(row), "over_age", details)
    for row in np.flatnonzero(masks["no_fall_net"]):
        yield Danger(int(row), "no_fall_net", {"known": bool(assets.fall_net[row] == 0)})
    for row in np.flatnonzero(masks["abandoned"]):
        yield Danger(int(row), "abandoned", {})
    for row in np.flatnonzero(masks["not_inspected"]):
        days = None if inspected[row] == 0 else round((now - int(inspected[row])) / DAY_US)
        yield Danger(int(row), "not_inspected", {"days": days, "interval_days": limits.inspection_days})
    for row in np.flatnonzero(masks["no_sensor"]):
        yield Danger(int(row), "no_sensor", {})
    yield from _blind(registry, ~gone & watched & (assets.kind == Kind.COVER))


def _masks(
    registry: Registry, inspected: npt.NDArray[np.int64], now: int, limits: Limits
) -> tuple[dict[str, npt.NDArray[np.bool_]], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Danger → bool[assets], all but `blind`; who is gone; who has a sensor."""
    assets = registry.assets
    status = assets.texts["status"].cast(pa.string())
    gone = pc.is_in(status, pa.array(_GONE)).to_numpy(zero_copy_only=False)
    today = now // DAY_US
    years = assets.design_life_years.astype(np.float64)
    watched = np.zeros(len(assets), bool)
    watched[registry.sensors.asset[registry.sensors.asset != UNBOUND]] = True
    with np.errstate(invalid="ignore"):
        over = ~gone & (assets.installed_on != -1) & (assets.installed_on + years * YEAR_DAYS < today)
    masks = {
        "over_age": over,
        "no_fall_net": ~gone & (assets.low_lying == 1) & (assets.fall_net != 1),
        "abandoned": pc.equal(status, "abandoned").to_numpy(zero_copy_only=False),
        "not_inspected": ~gone & (inspected < now - limits.inspection_days * DAY_US),
        "no_sensor": ~gone & ~watched,
    }
    return masks, gone, watched


def danger_rows(
    registry: Registry, inspected: npt.NDArray[np.int64], now: int, limits: Limits
) -> dict[str, npt.NDArray[np.int64]]:
    """Danger → int64[k] rows of the assets that have it: `dangers` for a million assets, without details."""
    if not len(registry.assets):
        return {name: np.empty(0, np.int64) for name in DANGERS}
    masks, gone, watched = _masks(registry, inspected, now, limits)
    rows = {name: np.flatnonzero(masks[name]) for name in DANGERS if name != "blind"}
    covers = ~gone & watched & (registry.assets.kind == Kind.COVER)
    return rows | {"blind": _blind_rows(registry, covers)}


def blind_to(models: Sequence[str], low_lying: bool) -> list[str]:
    """Hazards that none of these models can show; none where one of them measures what we cannot know."""
    quantities: set[str] = set()
    for model in models:
        known = MODELS.get(model, ())
        if not known:
            return []
        quantities |= set(known)
    wanted = [hazard for hazard in SHOWN_BY if hazard != "flooded" or low_lying]
    return [hazard for hazard in wanted if not quantities & SHOWN_BY[hazard]]


def last_inspections(connection: sa.Connection, assets: int) -> npt.NDArray[np.int64]:
    """int64[assets]  When each was last inspected or repaired [µs]; 0 = no such entry."""
    latest = np.zeros(assets, np.int64)
    query = (
        sa.select(entry.c.asset_row, sa.func.max(entry.c.at))
        .where(entry.c.what.in_(("inspection", "repair")), entry.c.asset_row.is_not(None))
        .group_by(entry.c.asset_row)
    )
    for row, at in connection.execute(query):
        latest[row] = at
    return latest


def of_asset(
    facts: Mapping[str, Any],
    sensors: Sequence[Mapping[str, Any]],
    entries: Sequence[Mapping[str, Any]],
    now: int,
    limits: Limits,
) -> list[dict[str, Any]]:
    """Dangers of one asset from its rows: the same judgement as for the whole city."""
    one = Registry.of(
        [{**facts, "kind": Kind(facts["kind"])}],
        [{**s, "role": Role(s["role"]), "asset_id": facts["asset_id"]} for s in sensors],
    )
    looked = [e["at"] for e in entries if e["what"] in ("inspection", "repair")]
    found = dangers(one, np.array([max(looked, default=0)], np.int64), now, limits)
    return [{"danger": danger.name, **danger.details} for danger in found]


def _blind(registry: Registry, covers: npt.NDArray[np.bool_]) -> Iterator[Danger]:
    sensors = registry.sensors
    encoded = sensors.texts["model"].dictionary_encode()
    names = encoded.dictionary.to_pylist()
    models = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    bound = np.flatnonzero(sensors.asset != UNBOUND)
    order = bound[np.argsort(sensors.asset[bound], kind="stable")]
    asset_of = sensors.asset[order]
    rows, starts = np.unique(asset_of, return_index=True)
    ends = np.append(starts, len(order))[1:]
    judged: dict[tuple[tuple[int, ...], bool], list[str]] = {}
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if not covers[row]:
            continue
        key = (
            tuple(sorted(set(models[order[start:end]].tolist()))),
            bool(registry.assets.low_lying[row] == 1),
        )
        if key not in judged:
            judged[key] = blind_to([names[model] for model in key[0]], key[1])
        if judged[key]:
            yield Danger(row, "blind", {"hazards": judged[key], "models": [names[model] for model in key[0]]})


def _blind_rows(registry: Registry, covers: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """int64[k]  Covers that `_blind` names. A cover with one sensor is judged by its model alone, which is
    looked up once; only the few with several are gone through."""
    sensors, assets = registry.sensors, registry.assets
    bound = np.flatnonzero(sensors.asset != UNBOUND)
    count = np.bincount(sensors.asset[bound], minlength=len(assets))
    encoded = sensors.texts["model"].dictionary_encode()
    names = encoded.dictionary.to_pylist()
    model = encoded.indices.to_numpy(zero_copy_only=False)
    single = bound[count[sensors.asset[bound]] == 1]
    blind = np.zeros((2, len(names)), bool)
    for low in (0, 1):
        blind[low] = [bool(blind_to([name], bool(low))) for name in names]
    asset = sensors.asset[single]
    found = asset[covers[asset] & blind[(assets.low_lying[asset] == 1).astype(int), model[single]]]
    several = np.array([danger.asset for danger in _blind(registry, covers & (count > 1))], np.int64)
    return np.unique(np.concatenate([found.astype(np.int64), several]))
