"""What is known of one lid sensor, in words and numbers: baseline, latest features, conditions, sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rules.alarm import Hazard, Reason
from rules.lid.angle import CREPT_FAR_DEG, allowance, possible_turn
from rules.lid.forecast import forecast
from rules.lid.judge import STILL_MOVES, STILL_READINGS
from rules.lid.limits import Limits
from rules.lid.settlement import warmth
from rules.lid.state import EPOCH_US, HOUR_US, OPEN_RUN, SENT, WATCH, LidState, Shock, Sink, Tilt, Water


def evidence_of(
    state: LidState, sensor: int, hazard: Hazard, limits: Limits, burns_us: int | None = None
) -> tuple[Reason, Mapping[str, Any]]:
    """Evidence and conditions behind the verdicts on a hazard (slow path).

    burns_us : When this hazard will be said of the sensor if nothing more comes [µs]; None = it won't.
    """
    tilt, sink, shock, water = (
        state.tilt[sensor],
        state.sink[sensor],
        state.shock[sensor],
        state.water[sensor],
    )

    def limit(name: str) -> float:
        return float(limits[name][0])

    def row(name: str, value: float, limited_by: str | float, unit: str, also: bool = True) -> dict[str, Any]:
        bound = limit(limited_by) if isinstance(limited_by, str) else limited_by
        return {
            "name": name,
            "value": _number(value),
            "limit": bound,
            "unit": unit,
            "holds": bool(value >= bound) and also,
        }

    evidence: dict[str, Any] = {}
    conditions: list[dict[str, Any]] = []
    angle, level = float(tilt[Tilt.CHANGE]), float(sink[Sink.LEVEL])
    has_tilt, has_mm = tilt[Tilt.COUNT] > 0, sink[Sink.COUNT] > 0
    provisional = _is_provisional(state, sensor, limits)
    if has_tilt or has_mm:
        # Whether a message is an event or a sample decides how much one of them is believed.
        evidence["pace_s"] = _number(float(state.pace[sensor])) or None
        evidence["off_schedule_share"] = _number(float(state.events[sensor]))
    if hazard in (Hazard.MISSING, Hazard.TILTED, Hazard.SENSOR_FAULT) and has_tilt:
        evidence |= {
            "baseline_tilt_deg": _number(float(tilt[Tilt.BASE])),
            "turned_deg": _number(angle),
            "crept_deg": _number(float(tilt[Tilt.CREEP])),
            "raised_by_swing_deg": _number(float(allowance(tilt[None, :])[0])),
            "readings_leaning": _number(float(tilt[Tilt.RUN])),
            "wheels_share": _number(float(tilt[Tilt.PASSES])),
            "possible_turn_deg": _number(float(possible_turn(tilt[None, :])[0])),
        }
        keys = {
            Hazard.MISSING: ("open_deg",),
            Hazard.TILTED: ("tilt_attention_deg", "tilt_defect_deg", "tilt_urgent_deg"),
        }.get(hazard, ())
        conditions += [row("turned", angle, key, "°") for key in keys]
    if hazard == Hazard.SENSOR_FAULT and has_tilt:
        # Of a scale so coarse that readings seldom differ nothing is known when they are alike.
        alike = float(tilt[Tilt.STILL]) if tilt[Tilt.MOVES] >= STILL_MOVES else np.nan
        conditions += [
            row("crept", float(tilt[Tilt.CREEP] + tilt[Tilt.OFF]), float(CREPT_FAR_DEG), "°"),
            row("alike", alike, float(STILL_READINGS), ""),
        ]
    if hazard in (Hazard.MISSING, Hazard.TILTED, Hazard.SUNKEN) and has_mm:
        evidence |= {
            "baseline_displacement_mm": _number(float(sink[Sink.BASE])),
            "sunk_mm": _number(level),
            "latest_mm": _number(float(sink[Sink.B])),
            "raised_by_swing_mm": _number(float(warmth(sink[None, :])[0])),
        }
    if hazard == Hazard.MISSING:
        conditions = _of_missing(conditions, row, state, sensor, burns_us is not None)
    evidence |= {"silence_decides_us": burns_us} if burns_us is not None else {}
    if hazard == Hazard.TILTED and has_mm:
        conditions.append(row("raised", -level, "raised_mm", "mm"))
    if hazard == Hazard.DAMAGED:
        hit, leans, sits = _since_shock(state, sensor)
        evidence["hit_us"] = hit
        conditions += [row("moved_by_shock", leans, "damage_deg", "°")] if has_tilt else []
        conditions += [row("moved_by_shock", sits, "damage_mm", "mm")] if has_mm else []
    if hazard == Hazard.SUNKEN and has_mm:
        rate, likely, earliest, latest = (
            float(part[0]) for part in forecast(sink[None, :], limits["sunk_defect_mm"])
        )
        evidence |= {
            "rate_mm_per_day": _number(rate),
            "days_to_limit": _number(likely),
            "days_to_limit_earliest": _number(earliest),
            "days_to_limit_latest": _number(latest),
        }
        conditions += [
            row("sunk", float(sink[Sink.SLOW]), "sunk_attention_mm", "mm"),
            row("sunk", level, "sunk_defect_mm", "mm"),
            row("sunk", level, "sunk_urgent_mm", "mm"),
        ]
    if hazard == Hazard.LOOSE:
        score, steps = float(shock[Shock.SCORE]), float(shock[Shock.STEP_SCORE])
        evidence |= {
            "usual_peak_g": _number(float(np.exp(shock[Shock.MEAN]))) if shock[Shock.COUNT] else None,
            "reference_windows": _number(float(shock[Shock.COUNT])),
        }
        conditions += [row("shocks", score, "loose_limit", ""), row("steps", steps, "loose_limit", "")]
        provisional = bool(max(shock[Shock.COUNT], shock[Shock.STEP_COUNT]) < limit("reference_windows"))
    if hazard == Hazard.FLOODED:
        if water[Water.DRY_COUNT] > 0:
            evidence["dry_distance_mm"] = _number(float(water[Water.DRY]))
        level_mm = float(water[Water.LEVEL]) if water[Water.COUNT] > 0 else np.nan
        evidence["water_mm"] = _number(level_mm)
        conditions.append(row("water", level_mm, "flood_mm", "mm"))
        provisional = bool(water[Water.COUNT] <= 1)
    evidence |= {"provisional": provisional, "conditions": conditions}
    return Reason("rules_lid.none"), evidence


def _of_missing(
    conditions: list[dict[str, Any]],
    row: Callable[..., dict[str, Any]],
    state: LidState,
    sensor: int,
    burns: bool,
) -> list[dict[str, Any]]:
    """All ways in which a lid is found missing. burns : silence will say it if nothing more comes."""
    tilt, sink, word = state.tilt[sensor], state.sink[sensor], int(state.said[sensor, WATCH])
    if word & SENT["open"]:
        conditions = [row("contact", float(word >> OPEN_RUN & 3 > 0), 1.0, ""), *conditions]
    if tilt[Tilt.COUNT] > 0:
        # These two need more than their angle: that it goes on changing, that nothing more comes.
        angle, moves = float(tilt[Tilt.CHANGE]), bool(state.said[sensor, 0] > 0 and tilt[Tilt.RUN] >= 2)
        conditions.append(row("carried", angle, "carried_deg", "°", moves))
        conditions.append(row("then_silent", angle, "theft_deg", "°", burns))
    if sink[Sink.COUNT] > 0:
        conditions.append(row("off_frame", abs(float(sink[Sink.B])), "gone_mm", "mm"))
    return conditions


def _is_provisional(state: LidState, sensor: int, limits: Limits) -> bool:
    """Whether its baselines are still being learned."""
    tilt, sink = state.tilt[sensor], state.sink[sensor]
    known = [
        (float(count), float(since))
        for count, since in ((tilt[Tilt.COUNT], tilt[Tilt.SINCE]), (sink[Sink.COUNT], sink[Sink.SINCE]))
        if count > 0
    ]
    if not known:
        # A contact needs no baseline; but the first word of all may be of a sensor in its box.
        return bool(state.gap[sensor] == 0)
    hours = (int(state.last[sensor]) - EPOCH_US) / HOUR_US
    few = min(count for count, _ in known) < float(limits["commission_readings"][0])
    return few or hours - max(since for _, since in known) < float(limits["commission_hours"][0])


def _since_shock(state: LidState, sensor: int) -> tuple[int | None, float, float]:
    """When a violent shock came [µs], and how far tilt [°] and height [mm] are from before it."""
    tilt, sink, shock = state.tilt[sensor], state.sink[sensor], state.shock[sensor]
    if not shock[Shock.HIT] > 0:
        return None, np.nan, np.nan
    at = EPOCH_US + int(float(shock[Shock.HIT]) * HOUR_US)
    leans = abs(float(tilt[Tilt.CHANGE]) - float(shock[Shock.HIT_TILT]))
    return at, leans, abs(float(sink[Sink.SLOW]) - float(shock[Shock.HIT_MM]))


def sees(state: LidState, sensor: int) -> Mapping[Hazard, str]:
    """Which hazards the channels that this sensor has sent can show."""
    tilt = state.tilt[sensor, Tilt.COUNT] > 0
    # Of one axis the other is not known: a turn about the one that is measured is not seen.
    axis = tilt and bool(np.isnan(state.tilt[sensor, [Tilt.LAST_X, Tilt.LAST_Y]]).any())
    axis &= bool(np.isnan(state.tilt[sensor, Tilt.BASE]))
    mm = state.sink[sensor, Sink.COUNT] > 0
    shock = state.shock[sensor, Shock.COUNT] > 0 or state.shock[sensor, Shock.PEAK] > 0
    water = state.water[sensor, Water.COUNT] > 0
    contact = bool(state.said[sensor, WATCH] & SENT["open"])
    float_switch = bool(state.said[sensor, WATCH] & SENT["water_alarm"])

    def by(*ways: tuple[bool, str], blind: str) -> str:
        return next((f"rules_lid.sees.{way}" for has, way in ways if has), f"rules_lid.blind.{blind}")

    return {
        Hazard.MISSING: by(
            (contact, "contact"), (axis, "axis"), (tilt, "tilt"), (mm, "displacement"), blind="tilt"
        ),
        Hazard.TILTED: by((axis, "axis"), (tilt, "tilt"), (mm, "displacement"), blind="tilt"),
        Hazard.SUNKEN: by((mm, "displacement"), blind="displacement"),
        Hazard.LOOSE: by((shock, "vibration"), (axis, "axis"), (tilt, "tilt"), blind="vibration"),
        Hazard.DAMAGED: by((axis, "axis"), (tilt, "tilt"), (mm, "displacement"), blind="tilt"),
        Hazard.SENSOR_FAULT: by((axis, "axis"), (tilt, "tilt"), (mm, "displacement"), blind="tilt"),
        Hazard.FLOODED: by((water, "water"), (float_switch, "water_alarm"), blind="water"),
    }


def _number(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
