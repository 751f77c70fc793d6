"""Why a lid detector speaks: keys of the catalogue, in the order that `Verdicts.reason` counts."""

from __future__ import annotations

from typing import Final

REASONS: Final = (
    "rules_lid.none",
    "rules_lid.missing.contact",
    "rules_lid.missing.angle",
    "rules_lid.missing.gone_mm",
    "rules_lid.missing.carried",
    "rules_lid.missing.silent_after_movement",
    "rules_lid.missing.unconfirmed",
    "rules_lid.tilted.angle",
    "rules_lid.tilted.raised_mm",
    "rules_lid.tilted.unconfirmed",
    "rules_lid.sunken.level_mm",
    "rules_lid.sunken.step_mm",
    "rules_lid.sunken.unconfirmed_mm",
    "rules_lid.sunken.forecast_mm",
    "rules_lid.loose.shocks",
    "rules_lid.loose.steps",
    "rules_lid.damaged.offset",
    "rules_lid.flooded.level_mm",
    "rules_lid.flooded.unconfirmed_mm",
    "rules_lid.flooded.alarm",
    "rules_lid.sensor_fault.creep",
    "rules_lid.sensor_fault.noisy",
    "rules_lid.sensor_fault.stuck",
    "rules_lid.missing.contact_unconfirmed",
    "rules_lid.tilted.askew",
    "rules_lid.sensor_fault.fitted_ahead",
    "rules_lid.sunken.set_up_mm",
    "rules_lid.sensor_fault.reset",
    "rules_lid.last_word",
)

ROW: Final = {key.removeprefix("rules_lid."): row for row, key in enumerate(REASONS)}
"""Short key → row."""
