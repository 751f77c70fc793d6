"""Limits of the lid detectors: when a cover counts as missing, tilted, sunken, loose, damaged or flooded."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class LidRules(BaseModel):
    """Limits of all lid hazards. Changes are against the commissioned baseline of each sensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commission_readings: int = Field(default=5, ge=1, le=1000)
    commission_hours: float = Field(default=24, ge=0, le=24 * 60)
    """The baseline is learned until both are reached, then frozen. A day sees the thermal cycle once."""

    desk_days: float = Field(default=7, ge=0, le=90)
    """What a sensor reads before its `installed_at` counts for nothing, but for no longer than this: a
    date that is further ahead is a slip in the registry, told as such, and must not silence a lid."""

    open_deg: float = Field(default=50, gt=0, le=180)
    """A lid at this angle is open, whatever it leans on. Devices use 90–120 [vendor] for upside down."""
    carried_deg: float = Field(default=30, gt=0, le=180)
    """From this angle on, an angle that goes on changing is a lid in somebody's hands."""
    gone_mm: float = Field(default=100, gt=0, le=2000)
    """A surface this far from its frame, up or down, is not a lid on its seat."""
    theft_deg: float = Field(default=20, gt=0, le=180)
    """Silence after a movement this large is suspected theft."""
    theft_silence_gaps: float = Field(default=2.2, gt=1, le=100)
    theft_silence_least_s: float = Field(default=60, gt=0)

    tilt_attention_deg: float = Field(default=10, gt=0, le=180)
    tilt_defect_deg: float = Field(default=15, gt=0, le=180)
    tilt_urgent_deg: float = Field(default=30, gt=0, le=180)
    tilt_hysteresis_deg: float = Field(default=1.5, ge=0, le=30)
    raised_mm: float = Field(default=15, gt=0, le=500)
    creep_deg_per_day: float = Field(default=1.0, gt=0, le=10)
    """Slower than this, smoothly, no seat gives way: the sensor drifts."""

    sunk_attention_mm: float = Field(default=5, gt=0, le=500)
    sunk_defect_mm: float = Field(default=15, gt=0, le=500)
    """Road inspection code: lid against road surface ≥ 15 mm is a defect."""
    sunk_urgent_mm: float = Field(default=30, gt=0, le=500)
    sunk_hysteresis_mm: float = Field(default=1.0, ge=0, le=50)
    forecast_days: float = Field(default=21, ge=0, le=365)
    """A settlement that reaches the defect limit within this time is told before."""
    forecast_least_mm: float = Field(default=3, ge=0, le=500)

    window_hours: float = Field(default=4, gt=0, le=168)
    """Peak shocks and mean steps are taken over windows of this length: how chatty a sensor is does not
    matter."""
    reference_windows: int = Field(default=16, ge=4, le=1000)
    loose_allowance: float = Field(default=0.5, gt=0, le=5)
    loose_limit: float = Field(default=8, gt=0, le=100)
    """CUSUM of the standardized peaks: each window above its allowance adds, at most 3 less the allowance."""

    shock_g: float = Field(default=5, gt=0, le=400)
    shock_ratio: float = Field(default=2.5, ge=1, le=100)
    """A violent shock is at least `shock_g` and this many times the lid's usual peak."""
    damage_deg: float = Field(default=0.8, gt=0, le=45)
    damage_mm: float = Field(default=2.5, gt=0, le=100)

    flood_mm: float = Field(default=300, gt=0, le=50_000)
    flood_urgent_mm: float = Field(default=1000, gt=0, le=50_000)
    flood_hysteresis_mm: float = Field(default=30, ge=0, le=5_000)

    chatty_share: float = Field(default=0.15, ge=0, le=1)
    """A sensor of whose messages more than this come off schedule says little by waking once more."""
    burst_s: float = Field(default=20, gt=0, le=300)
    """A sensor that reports at least this often is asked twice: its next reading comes within the budget."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.tilt_attention_deg <= self.tilt_defect_deg <= self.tilt_urgent_deg:
            raise ValueError("tilt limits must rise: attention, defect, urgent")
        if not self.sunk_attention_mm <= self.sunk_defect_mm <= self.sunk_urgent_mm:
            raise ValueError("sinking limits must rise: attention, defect, urgent")
        if self.flood_mm > self.flood_urgent_mm:
            raise ValueError("flood limits must rise")
        return self
