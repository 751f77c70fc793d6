"""Facts of the dossier as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.messages import Language, text


def danger_text(danger: Mapping[str, Any], spoken: Language) -> str:
    """One danger as a sentence."""
    name, values = danger["danger"], dict(danger)
    if name == "not_inspected" and danger["days"] is None:
        name = "never_inspected"
    if name == "no_fall_net" and not danger["known"]:
        name = "fall_net_unknown"
    if "hazards" in values:
        values["hazards"] = [text(f"notify.hazard.{hazard}", spoken) for hazard in values["hazards"]]
    for key in ("hazards", "models"):
        if key in values:
            values[key] = "、".join(values[key]) if spoken == "zh" else ", ".join(values[key])
    for key, value in values.items():
        if isinstance(value, float):
            values[key] = f"{value:g}"
    return text(f"assets.danger.{name}", spoken, **values)
