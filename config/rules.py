"""The rule set: limits of all detectors, holds of the alarm machine, and where other limits hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from config.bridge_rules import BridgeRules
from config.health_rules import HealthRules
from config.lid_rules import LidRules
from config.toml_file import load

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Colour = Literal["blue", "yellow", "orange", "red"]
HazardName = Literal[
    "missing",
    "tilted",
    "sunken",
    "loose",
    "damaged",
    "flooded",
    "overload",
    "drift",
    "strain_limit",
    "silent",
    "sensor_fault",
    "battery_low",
]


class Hold(BaseModel):
    """How long a condition must last before an alarm changes [s of event time].

    for_s : before it fires. clear_for_s : before it clears or is lowered.
    by_severity : other `for_s` for single severities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    for_s: float = Field(default=0, ge=0, le=30 * 86_400)
    clear_for_s: float = Field(default=0, ge=0, le=30 * 86_400)
    by_severity: dict[Colour, float] = Field(default_factory=dict)


DEFAULT_HOLDS: Final[Mapping[HazardName, Hold]] = {
    # A wheel on the rim lifts a lid for less than 2 s; devices in the field hold 3 s [vendor]. 5 s leave
    # the recovery message of a slow radio time to arrive, and 25 s of GB/T 41401's 30 s to spare.
    "missing": Hold(for_s=5, clear_for_s=60),
    "tilted": Hold(for_s=10, clear_for_s=60),
    "flooded": Hold(for_s=5, clear_for_s=600),
    "sunken": Hold(for_s=5, clear_for_s=3600),
    "loose": Hold(clear_for_s=86_400),
    "damaged": Hold(clear_for_s=3600),
    "overload": Hold(clear_for_s=600),
    "drift": Hold(clear_for_s=3600),
    "strain_limit": Hold(clear_for_s=600),
    "silent": Hold(),
    "sensor_fault": Hold(clear_for_s=3600),
    "battery_low": Hold(clear_for_s=3600),
}


class AlarmRules(BaseModel):
    """What the alarm machine does with verdicts, whatever they are of.

    lateness_s : A reading older than this when it arrives completes history and never pages. Long enough
        that what queued at the broker while the service was down still rings.
    holds : Hazard → hold; hazards that are not named keep their default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lateness_s: float = Field(default=21_600, gt=0)
    holds: dict[HazardName, Hold] = Field(default_factory=dict)

    def hold(self, hazard: str) -> Hold:
        """The hold of a hazard."""
        return self.holds.get(hazard) or DEFAULT_HOLDS[hazard]  # type: ignore[call-overload,index]


class Where(BaseModel):
    """Which assets an override is for: all cells that are named must match."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asset_id: str | None = None
    kind: Literal["cover", "bridge"] | None = None
    category: str | None = None
    district: str | None = None
    road: str | None = None
    load_class: str | None = None
    material: str | None = None
    low_lying: bool | None = None


class Hours(BaseModel):
    """Time of day, in the office's zone, in which an override holds: `{from = "22:00", to = "06:00"}`.

    weekdays : days on which the hours begin; empty = every day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    start: time = Field(alias="from")
    end: time = Field(alias="to")
    weekdays: tuple[Weekday, ...] = ()


class Override(BaseModel):
    """Other limits for some assets, always or in some hours; later overrides win over earlier ones.

    set : `lid.<key>`, `bridge.<key>` or `health.<key>` → value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Where = Where()
    when: Hours | None = None
    set: dict[str, Any]


class RuleSet(BaseModel):
    """All rules, complete: a replay needs nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lid: LidRules = LidRules()
    bridge: BridgeRules = BridgeRules()
    health: HealthRules = HealthRules()
    alarms: AlarmRules = AlarmRules()
    override: tuple[Override, ...] = ()
    timezone: str = "Asia/Shanghai"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("no time zone of that name; for example Asia/Shanghai") from None
        return value

    def version(self) -> str:
        """Twelve hex digits of the content: the same rules have the same version everywhere."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def load_rules(path: Path) -> RuleSet:
    """The rule set of a TOML file; what is not in it keeps its default. Raises FaultsError."""
    return load(path, RuleSet)
