"""Which limits hold for which sensor: overrides resolved to a few distinct rule sets and a class a sensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from config.faults import Fault, FaultsError
from config.rules import Override, RuleSet, Where
from devices.registry import ASSET_TEXTS, UNBOUND, Kind, Registry

PARTS = ("lid", "bridge", "health")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of one part (lid, bridge or health).

    sets : Sequence[BaseModel]  Distinct rule sets; row 0 is the one without overrides.
    class_of : uint16[n_sensors]  Row of `sets` by sensor.
    """

    sets: Sequence[Any]
    class_of: npt.NDArray[np.uint16]


def resolve(
    rules: RuleSet, registry: Registry, active: Sequence[bool] | None = None
) -> Mapping[str, Thresholds]:
    """Limits of every part. Raises FaultsError for keys that no part knows and values that it refuses.

    active : Sequence[bool] | None  Which overrides hold now; None = all.
    """
    if faults := check(rules):  # also of overrides that meet no asset, and of those out of their hours
        raise FaultsError(faults)
    holds = [True] * len(rules.override) if active is None else active
    matches = [
        _assets(override.where, registry) & held for override, held in zip(rules.override, holds, strict=True)
    ]
    resolved = {part: _resolve(part, rules, registry, matches, faults) for part in PARTS}
    if faults:
        raise FaultsError(faults)
    return resolved


def check(rules: RuleSet) -> list[Fault]:
    """Faults of all overrides, without a registry."""
    faults = _strangers(rules.override)
    for part in PARTS:
        for number, override in enumerate(rules.override):
            _merge(getattr(rules, part), part, number, override, faults)
    return faults


def meet_nothing(rules: RuleSet, registry: Registry) -> list[int]:
    """Numbers, from 0, of overrides whose `where` is true of no asset: most often a name mistyped."""
    return [
        number
        for number, override in enumerate(rules.override)
        if not _assets(override.where, registry).any()
    ]


def _resolve(
    part: str,
    rules: RuleSet,
    registry: Registry,
    matches: Sequence[npt.NDArray[np.bool_]],
    faults: list[Fault],
) -> Thresholds:
    sets: list[BaseModel] = [getattr(rules, part)]
    class_of_asset = np.zeros(len(registry.assets), np.uint16)
    for number, (override, match) in enumerate(zip(rules.override, matches, strict=True)):
        if not _own(override, part):
            continue
        for old in np.unique(class_of_asset[match]).tolist():
            merged = _merge(sets[old], part, number, override, faults)
            if merged not in sets:
                sets.append(merged)
            if len(sets) > np.iinfo(np.uint16).max:
                problem = "more than 65,535 different sets of limits"
                raise FaultsError([Fault("", None, "override", problem, "use fewer overrides")])
            class_of_asset[match & (class_of_asset == old)] = sets.index(merged)
    asset = registry.sensors.asset
    class_of = np.zeros(len(registry.sensors), np.uint16)
    bound = asset != UNBOUND
    class_of[bound] = class_of_asset[asset[bound]]
    return Thresholds(tuple(sets), class_of)


def _assets(where: Where, registry: Registry) -> npt.NDArray[np.bool_]:
    assets = registry.assets
    match = np.ones(len(assets), bool)
    for name, wanted in where.model_dump(exclude_none=True).items():
        if name in ASSET_TEXTS:
            match &= pc.equal(assets.texts[name], pa.scalar(wanted)).to_numpy(zero_copy_only=False)
        elif name == "kind":
            match &= assets.kind == int(Kind[wanted.upper()])
        elif name == "low_lying":
            match &= assets.low_lying == int(wanted)
    return match


def _own(override: Override, part: str) -> dict[str, Any]:
    return {
        key.removeprefix(part + "."): value
        for key, value in override.set.items()
        if key.startswith(part + ".")
    }


def _merge(base: BaseModel, part: str, number: int, override: Override, faults: list[Fault]) -> BaseModel:
    changes = _own(override, part)
    if not changes:
        return base
    document = base.model_dump()
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = document
        for name in tables:
            table = table.get(name, {})
        if last not in table:
            remedy = f"keys of {part}: {', '.join(type(base).model_fields)}"
            faults.append(Fault("rules", None, f"override.{number}.set.{part}.{key}", "unknown key", remedy))
        else:
            table[last] = value
    try:
        return type(base).model_validate(document)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            field = f"override.{number}.set.{part}." + ".".join(str(x) for x in item["loc"])
            faults.append(Fault("rules", None, field, f"{item['input']!r}: {item['msg']}", ""))
        return base


def _strangers(overrides: Sequence[Override]) -> list[Fault]:
    return [
        Fault("rules", None, f"override.{number}.set.{key}", "unknown key", f"begin with {', '.join(PARTS)}")
        for number, override in enumerate(overrides)
        for key in override.set
        if key.split(".", maxsplit=1)[0] not in PARTS
    ]
