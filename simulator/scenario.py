"""Scenarios: what the weather, the traffic and the radio do, and what happens to which asset when (TOML)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from config import toml_file
from config.faults import Fault, FaultsError

_OFFSET = re.compile(r"^(?:(\d+)d)?\s*(?:(\d{1,2}):(\d{2})(?::(\d{2}))?)?$")

# kind → (what it concerns, hazard in the truth or "" for what must stay quiet, parameters it knows)
KINDS: Final[Mapping[str, tuple[str, str, frozenset[str]]]] = MappingProxyType(
    {
        "theft": ("lid", "missing", frozenset({"mode", "silence_after_s"})),
        "tilt": ("lid", "tilted", frozenset({"tilt_deg", "minutes"})),
        "sink": ("lid", "sunken", frozenset({"to_mm", "days", "curve"})),
        "loose": ("lid", "loose", frozenset({"to_mm", "days"})),
        "damage": ("lid", "damaged", frozenset({"tilt_deg"})),
        "flood": ("well", "flooded", frozenset({"level_mm", "minutes", "hours"})),
        "silence": ("sensor", "silent", frozenset({"hours", "days"})),
        "battery": ("sensor", "battery_low", frozenset({"pct"})),
        "sensor_drift": ("sensor", "sensor_fault", frozenset({"per_day", "channel"})),
        "sensor_stuck": ("sensor", "sensor_fault", frozenset({"days"})),
        "sensor_spike": ("sensor", "sensor_fault", frozenset({"value", "channel"})),
        "sensor_noise": ("sensor", "sensor_fault", frozenset({"factor", "days"})),
        "sensor_clock": ("sensor", "sensor_fault", frozenset({"offset_s", "days"})),
        "wrong_setup": ("sensor", "sensor_fault", frozenset({"tilt_deg"})),
        "permit": ("lid", "", frozenset({"minutes"})),
        "roadworks": ("lid", "", frozenset({"hours"})),
        "gateway_outage": ("gateway", "silent", frozenset({"hours", "gateway", "backfill"})),
        "settlement": ("bridge", "drift", frozenset({"ue", "minutes", "section"})),
        "drift": ("bridge", "drift", frozenset({"ue", "days", "section"})),
        "overload": ("bridge", "overload", frozenset({"factor"})),
        "standing_load": ("bridge", "", frozenset({"ue", "minutes"})),
    }
)


def offset_s(text: str) -> float:
    """Seconds since the scenario's start of `"3d 02:13"`, `"02:13:20"` or `"3d"`.

    Raises ValueError when it is none of these.
    """
    match = _OFFSET.match(text.strip())
    if not match or not any(match.groups()):
        raise ValueError('write it as "3d 02:13": days and time since the start')
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("hours go to 23, minutes and seconds to 59")
    return float(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())


def _offset(value: object) -> object:
    return offset_s(value) if isinstance(value, str) else value


Offset = Annotated[float, BeforeValidator(_offset), Field(ge=0)]
"""Seconds since the scenario's start, written "3d 02:13"."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cloudburst(_Strict):
    """A short heavy rain that fills wells and shakes lids.

    at : seconds since start ("3d 14:00");  minutes, mm_per_h : length and strength.
    """

    at: Offset
    minutes: float = Field(default=60, gt=0)
    mm_per_h: float = Field(default=60, gt=0)


class Weather(_Strict):
    """Weather of a subtropical river city.

    mean_c, season_c : annual mean and half the annual swing of air temperature [°C].
    daily_c : half the swing of a clear day [°C].  front_c : spread of what fronts bring [°C].
    wet_days : share of days with rain.  cloudburst : staged ones.
    """

    mean_c: float = 17.5
    season_c: float = 12.0
    daily_c: float = 4.5
    front_c: float = 3.0
    wet_days: float = Field(default=0.3, ge=0, le=1)
    cloudburst: tuple[Cloudburst, ...] = ()


class Traffic(_Strict):
    """Vehicles over lids.

    peak_per_h : busiest lid's crossings an hour (172 was measured on a real road).
    weekend : weekend's share of a work day.
    """

    peak_per_h: float = Field(default=172, ge=0)
    weekend: float = Field(default=0.75, ge=0)


class Radio(_Strict):
    """What happens between sensor and broker.

    loss, duplicate, late : shares of messages.  late_s : mean delay of the late ones.
    gateways : how many serve the city.
    """

    loss: float = Field(default=0.01, ge=0, lt=1)
    duplicate: float = Field(default=0.01, ge=0, le=1)
    late: float = Field(default=0.01, ge=0, le=1)
    late_s: float = Field(default=900, ge=0)
    gateways: int = Field(default=8, ge=1)


class Bridge(_Strict):
    """How the gauges report.

    mode : `readings` (one median-filtered sample each `every_s`) or `blocks` (`block_s` of samples at
        `rate_hz`, each `every_s`).
    """

    mode: Literal["readings", "blocks"] = "readings"
    every_s: float = Field(default=600, gt=0)
    rate_hz: float = Field(default=20, gt=0, le=100)
    block_s: float = Field(default=10, gt=0)
    vehicles_per_h: float = Field(default=240, ge=0)


class Faults(_Strict):
    """Faults that nobody stages, each as a rate per sensor and year."""

    drift: float = Field(default=0, ge=0)
    stuck: float = Field(default=0, ge=0)
    spike: float = Field(default=0, ge=0)
    noise: float = Field(default=0, ge=0)
    clock: float = Field(default=0, ge=0)
    wrong_setup: float = Field(default=0, ge=0, le=1)


class Event(_Strict):
    """One thing that happens. Which parameters a kind knows is in `KINDS`; the rest must be absent."""

    at: Offset
    kind: str
    asset: str | None = None
    sensor: str | None = None
    pick: str | None = Field(default=None, pattern=r"^random:\d+$")
    mode: Literal["lift", "drag", "flip"] | None = None
    curve: Literal["linear", "accelerating", "step"] | None = None
    channel: str | None = None
    section: str | None = None
    gateway: int | None = Field(default=None, ge=0)
    backfill: bool | None = None
    tilt_deg: float | None = Field(default=None, gt=0, le=180)
    to_mm: float | None = Field(default=None, gt=0)
    level_mm: float | None = Field(default=None, gt=0)
    ue: float | None = None
    factor: float | None = Field(default=None, gt=0)
    pct: float | None = Field(default=None, ge=0, le=100)
    per_day: float | None = None
    value: float | None = None
    offset_s: float | None = None
    silence_after_s: float | None = Field(default=None, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    hours: float | None = Field(default=None, gt=0)
    days: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Event:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind}; known: {', '.join(KINDS)}")
        target, _, known = KINDS[self.kind]
        extra = sorted(set(self.parameters()) - known)
        if extra:
            raise ValueError(
                f"{self.kind} does not take {', '.join(extra)}; it takes {', '.join(sorted(known))}"
            )
        if target != "gateway" and sum(x is not None for x in (self.asset, self.sensor, self.pick)) != 1:
            raise ValueError("name exactly one of asset, sensor, pick")
        return self

    def parameters(self) -> dict[str, Any]:
        """The parameters that are set; `gateway` narrows a pick where the event is not the gateway's own."""
        common = {"at", "kind", "asset", "sensor", "pick"}
        if KINDS[self.kind][0] != "gateway":
            common.add("gateway")
        return {k: v for k, v in self.model_dump(exclude=common).items() if v is not None}


class Scenario(_Strict):
    """A stage for a fleet.

    start : datetime  With a zone.
    days : float  Length.
    seed : int  Used where the caller gives none.
    """

    name: str
    start: AwareDatetime
    days: float = Field(gt=0)
    seed: int = Field(default=1, ge=0)
    weather: Weather = Weather()
    traffic: Traffic = Traffic()
    radio: Radio = Radio()
    bridge: Bridge = Bridge()
    faults: Faults = Faults()
    event: tuple[Event, ...] = ()
    _file: str = PrivateAttr(default="")
    _lines: Mapping[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    def fault(self, number: int, field: str, problem: str, remedy: str) -> Fault:
        """A fault in the event of that number, with its file and line where the scenario has one."""
        lines = self._lines
        line = lines.get(("event", number, field), lines.get(("event", number)))
        return Fault(self._file or self.name, line, f"event.{number}.{field}", problem, remedy)

    @property
    def start_us(self) -> int:
        """Start [µs since 1970 UTC]."""
        return int((self.start - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000

    @property
    def end_us(self) -> int:
        """End [µs since 1970 UTC]."""
        return self.start_us + int(self.days * 86_400e6)

    @property
    def zone_s(self) -> float:
        """Local time minus UTC [s]."""
        offset = self.start.utcoffset()
        return offset.total_seconds() if offset else 0.0


def load(path: Path) -> Scenario:
    """The scenario in a file. Raises FaultsError with every fault, its line and remedy."""
    document, lines = toml_file.read(path, {})
    try:
        scene = Scenario.model_validate(document)
    except ValidationError as error:
        raise FaultsError(toml_file.faults_of(error, str(path), lines, Scenario)) from None
    scene._file, scene._lines = str(path), lines
    return scene
