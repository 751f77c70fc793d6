"""Limits of the bridge's detectors: faults of gauges, levels, overload, drift in minutes and in months."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Colour = Literal["blue", "yellow", "orange", "red"]


class FaultLimits(BaseModel):
    """When a gauge or a thermometer is not believed.

    range_ue : Strain beyond this is no strain of a standing bridge (Q345 yields at 1675 µε) [±µε].
    rate_ue : A step between two readings that no structure makes [µε].
    spike_ue : Least height of a spike [µε]. spikes_a_day : more than this is a fault.
    stuck_s, stuck_readings : A value that does not move at all for this long and so many readings.
    noise_ratio : Noise this many times above or below what was learned.
    gap_share : Share of a fast gauge's samples that may be missing.
    temperature_low_c, temperature_high_c, temperature_rate_c : believable range [°C], change in 10 min [°C].
    temperature_lost_s : A thermometer silent this long while its gauges report.
    movement_range_mm, movement_range_deg, movement_range_g : What no deflection or displacement (nor thrice
        its design value), no tilt, no acceleration can be [± mm, °, g].
    movement_jump_mm, movement_jump_deg : A lone reading so far off is a spike, if no design value is known.
    movement_stuck_s : The same as stuck_s for these, and four times longer than it ever stood before.
    heal_s : How long all must be well before a channel is believed again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    range_ue: float = Field(default=3000, gt=0)
    rate_ue: float = Field(default=400, gt=0)
    spike_ue: float = Field(default=60, gt=0)
    spikes_a_day: int = Field(default=5, ge=1)
    stuck_s: float = Field(default=600, gt=0)
    stuck_readings: int = Field(default=24, ge=3)
    noise_ratio: float = Field(default=5, gt=1)
    gap_share: float = Field(default=0.5, gt=0, le=1)
    temperature_low_c: float = -50
    temperature_high_c: float = 85
    temperature_rate_c: float = Field(default=15, gt=0)
    temperature_lost_s: float = Field(default=10_800, gt=0)
    movement_range_mm: float = Field(default=3000, gt=0)
    movement_range_deg: float = Field(default=200, gt=0)
    movement_range_g: float = Field(default=16, gt=0)
    movement_jump_mm: float = Field(default=50, gt=0)
    movement_jump_deg: float = Field(default=2, gt=0)
    movement_stuck_s: float = Field(default=21_600, gt=0)
    heal_s: float = Field(default=3600, gt=0)


class LevelLimits(BaseModel):
    """Levels of JT/T 1037-2022 table 9; its 一级 is the mildest.

    strain_1, strain_2 : grade of strain above the historical maximum, and above the design worst case.
    reference_days : How long the historical maximum is learned before it is frozen.
    history_margin : Excess above the historical maximum, as a share of the historical range.
    history_margin_ue : … and at least this [µε].
    season_ue : … and so much more until a year is in, while extremes go on being learned: a reference of
        winter days knows no summer [µε].
    labels : What the client calls level 1, 2, 3.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strain_1: Colour = "yellow"
    strain_2: Colour = "red"
    reference_days: float = Field(default=30, gt=0)
    history_margin: float = Field(default=0.1, ge=0)
    history_margin_ue: float = Field(default=15, ge=0)
    season_ue: float = Field(default=200, ge=0)
    labels: tuple[str, str, str] = ("一级", "二级", "三级")


class MovementLimits(BaseModel):
    """Levels of JT/T 1037-2022 table 9 for what is no strain: deflection, displacement, tilt, temperature.

    level_1, level_2, level_3 : grade of each level; 一级 is the mildest.
    near : Share of the design value that is level 2; the whole of it is level 3.
    many, month_days : So many level-2 events of a deflection in so many days are level 3.
    apart_s : Excesses closer than this are one event [s].
    reference_h : How long the attitude is learned from which a tilt counts [h].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    level_1: Colour = "yellow"
    level_2: Colour = "orange"
    level_3: Colour = "red"
    near: float = Field(default=0.8, gt=0, le=1)
    many: int = Field(default=10, ge=2, le=32)
    month_days: float = Field(default=30, gt=0)
    apart_s: float = Field(default=60, gt=0)
    reference_h: float = Field(default=24, gt=0)


class ShakingLimits(BaseModel):
    """Acceleration of a girder, root mean square of 10 min (JT/T 1037-2022 table 9).

    level_1_cm_s2, level_1_s : Level 1 when it lies above this for longer than this [cm/s², s].
    level_2_cm_s2 : Level 2 [cm/s²]. growing : level 3 when it also grows so many times in each 10 min.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    level_1_cm_s2: float = Field(default=31.5, gt=0)
    level_1_s: float = Field(default=1800, ge=0)
    level_2_cm_s2: float = Field(default=50, gt=0)
    growing: float = Field(default=1.1, gt=1)


class SagLimits(BaseModel):
    """Persistent sag: a deflection that goes on growing with temperature removed; any of it is level 3.

    least_days : Days of data before it is judged. least_mm, least_share : least growth, in mm and as a
        share of the design value. certainty : growth over its standard error, memory of the days included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_days: int = Field(default=60, ge=14, le=365)
    least_mm: float = Field(default=4, gt=0)
    least_share: float = Field(default=0.1, ge=0)
    certainty: float = Field(default=6, gt=0)


class OverloadLimits(BaseModel):
    """Live-load peaks against what is usual, or against the design vehicle's where that is known.

    design_live_ue : Strain of the design vehicle [µε]; None = the greatest peak of the reference period.
    level_1, level_2 : Multiples that are overload (JT/T 1037: 1.5 and 2.0 × the design vehicle).
    reference_days : How long usual peaks are learned.
    least_ue : Peaks below this are never overload [µε].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    design_live_ue: float | None = Field(default=None, gt=0)
    level_1: float = Field(default=1.5, gt=1)
    level_2: float = Field(default=2.0, gt=1)
    reference_days: float = Field(default=3, gt=0)
    least_ue: float = Field(default=30, gt=0)


class FastDriftLimits(BaseModel):
    """An imposed settlement: tens of µε within minutes that stay.

    limit_ue : Least shift [µε]. cap_ue : the limit never grows above this on a restless gauge [µε].
    sigma : The limit is at least so many times the usual error of the prediction.
    hold_s : A shift must stand this long since its onset: longer than a standing load [s].
    smooth_hold_s : … or this long, when it came so smoothly that no vehicle brought it [s].
    red_ue : A confirmed shift of this size is of the gravest grade [µε].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit_ue: float = Field(default=14, gt=0)
    cap_ue: float = Field(default=22, gt=0)
    sigma: float = Field(default=6.5, gt=0)
    hold_s: float = Field(default=720, gt=0)
    smooth_hold_s: float = Field(default=300, gt=0)
    red_ue: float = Field(default=100, gt=0)


class SlowDriftLimits(BaseModel):
    """Movement over days to months, with temperature and its lag removed.

    training_days : Days of data before a first model is frozen. year_days : days until alarms are final.
    cusum_k, cusum_h : Reference value and limit of the two-sided CUSUM on whitened daily residuals [σ]:
        0.25 and 12.6 give one false alarm per channel in 10 years.
    pair_h : Limit when two gauges elsewhere on the bridge move with it [σ].
    joint_p : Chance of a look at a section's gauges together to be beyond its limit by weather alone.
    joint_others_p : … of what is left when the gauge that explains most is set free: then it is structure.
    joint_others_alone_p : … once one gauge of the section was seen to move by itself.
    alone_sigma : Limit of a gauge of a section against its neighbours [σ].
    ewma_lambda, ewma_limit : Second opinion [σ of the EWMA].
    least_ue : Movements below this are never drift [µε]. sigma_floor_ue : least believable noise [µε].
    stiffness_share : Change of a gauge's share of its section's live load that is told.
    red_ue : A confirmed movement of this size is of the gravest grade [µε].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    training_days: float = Field(default=10, ge=2)
    year_days: float = Field(default=365, gt=0)
    cusum_k: float = Field(default=0.25, gt=0)
    cusum_h: float = Field(default=12.6, gt=0)
    pair_h: float = Field(default=10, gt=0)
    joint_p: float = Field(default=0.0006, gt=0, lt=1)
    joint_others_p: float = Field(default=0.01, gt=0, lt=1)
    joint_others_alone_p: float = Field(default=0.01, gt=0, lt=1)
    alone_sigma: float = Field(default=3.5, gt=0)
    ewma_lambda: float = Field(default=0.2, gt=0, lt=1)
    ewma_limit: float = Field(default=4.5, gt=0)
    least_ue: float = Field(default=1.5, ge=0)
    sigma_floor_ue: float = Field(default=0.5, gt=0)
    stiffness_share: float = Field(default=0.06, gt=0)
    red_ue: float = Field(default=100, gt=0)


class BridgeRules(BaseModel):
    """Limits of all bridge detectors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: FaultLimits = FaultLimits()
    level: LevelLimits = LevelLimits()
    movement: MovementLimits = MovementLimits()
    shaking: ShakingLimits = ShakingLimits()
    sag: SagLimits = SagLimits()
    overload: OverloadLimits = OverloadLimits()
    fast: FastDriftLimits = FastDriftLimits()
    slow: SlowDriftLimits = SlowDriftLimits()
