"""What the engine says: hazards, severities, and changes of alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from rules.windows import Window


class Hazard(StrEnum):
    """What can be wrong. The order is that of the engine's state columns; append only."""

    MISSING = "missing"
    TILTED = "tilted"
    SUNKEN = "sunken"
    LOOSE = "loose"
    DAMAGED = "damaged"
    FLOODED = "flooded"
    OVERLOAD = "overload"
    DRIFT = "drift"
    STRAIN_LIMIT = "strain_limit"
    SILENT = "silent"
    SENSOR_FAULT = "sensor_fault"
    BATTERY_LOW = "battery_low"


HAZARDS: tuple[Hazard, ...] = tuple(Hazard)


class Severity(IntEnum):
    """Ordinal grade; the colour is a mapping (红 is the gravest, as in the emergency law's order)."""

    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def colour(self) -> str:
        """The public name: red, orange, yellow, blue."""
        return self.name.lower()


class AlarmState(StrEnum):
    """Life of an alarm: pending (seen, not yet held long enough), firing, clear."""

    PENDING = "pending"
    FIRING = "firing"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a full key of the catalogue and its values, to be told in any language."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One change of one alarm of one asset. Immutable, deterministic, complete in itself.

    asset_id : str  The asset; "" for a sensor bound to none (then the sensor is named in sensor_ids).
    state : AlarmState  FIRING is also sent again when severity rises or falls.
    event_at : int  When it happened by the sensors' own time [µs since 1970 UTC].
    value, limit : float  Measured value and the limit that it passed, in `unit`; NaN where there is none.
    sensor_ids : tuple[str, ...]  The sensors that say so.
    provisional : bool  Raised before the reference period was complete.
    historical : bool  Found in back-filled data: recorded, never paged.
    evidence : Mapping[str, Any]  JSON-ready facts behind it (baseline, rate, forecast, neighbours, …).
    """

    asset_id: str
    hazard: Hazard
    severity: Severity
    state: AlarmState
    event_at: int
    value: float
    limit: float
    unit: str
    reason: Reason
    sensor_ids: tuple[str, ...]
    provisional: bool = False
    historical: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MutedAlarm:
    """What announced work kept from being told, as one sensor would have said it without the work.

    change : AlarmChange  FIRING where it is graver than what people were told, CLEAR where it no longer is.
        What still stands when the work ends has no CLEAR: it is told then.
    detector : str  Which of several that judge the same hazard.
    permits : tuple[Window, ...]  The announced work that held at that time.
    """

    change: AlarmChange
    detector: str
    permits: tuple[Window, ...]
