"""What a bridge's frequencies say: figures for JSON, page and plots, and the sentences for people."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from config.messages import Language, text
from jingqiao.modal.judging import (
    DAY_US,
    LEAST_PERCENT,
    RECENT,
    TRAINING_DAYS,
    Judged,
    days_of,
    judge,
    of_frequency,
)
from jingqiao.modal.observation import Observation
from jingqiao.modal.tracking import Track, tracks_of

Works = Sequence[tuple[int, int]]
"""(from, to) of interventions and new baselines [µs]."""

SEEN_BY: Final = (0.45, 0.8, 0.95)
"""Confidence at most, by how many modes fell: 1, 2, more."""

STATES: Final = ("judged", "provisional", "unknown_temperature", "old", "learning")
"""From what says most to what says least."""
OLD_DAYS: Final = 10
"""What was judged longer ago is not said of now."""
_OLD: Final[Mapping[str, Any]] = {"change_percent": None, "found": False, "level": 0, "state": "old"}


def summary_of(
    asset_id: str,
    observations: Sequence[Observation],
    works: Works,
    labels: Sequence[str],
    until: int | None = None,
) -> dict[str, Any]:
    """Figures of a bridge's observations, JSON-ready; times in µs.

    works : After the latest that is over all is learned anew; hours while one goes on do not count.
    labels : What the client calls level 1, 2, 3. until : For when they are meant [µs]; where nothing was
    judged in the days before, nothing is said of now.
    """
    last = observations[-1].start if observations else 0
    over = [to for _, to in works if to <= last]
    begun = max(over, default=0)
    own = [
        one
        for one in observations
        if one.start >= begun and not any(since <= one.start < to for since, to in works)
    ]
    rows = [
        _mode(number, track, judge(days_of(track)), labels) for number, track in enumerate(tracks_of(own), 1)
    ]
    return {
        "asset_id": asset_id,
        "from": own[0].start if own else None,
        "to": own[-1].start if own else None,
        "begun_anew_at": begun or None,
        "hours": sum(not one.problem for one in own),
        "problems": dict(Counter(one.problem for one in own if one.problem)),
        "sensors": sorted({sensor for one in own for sensor in one.sensor_ids}),
        "left_out": _left_out(own),
        "with_temperature": any(one.temperature_c is not None for one in own),
        "modes": rows,
        "stiffness": _stiffness(_of_now(rows, until), labels),
    }


def _mode(number: int, track: Track, judged: Judged, labels: Sequence[str]) -> dict[str, Any]:
    days = judged.days
    recent = track.start > track.start[-1] - RECENT * DAY_US
    now, change = float(np.mean(track.frequency_hz[recent])), judged.change_percent
    return {
        "mode": number,
        "frequency_hz": round(now, 4),
        "deviation_hz": round(float(np.median(track.deviation_hz[recent])), 4),
        "expected_hz": None if change is None else round(now / (1 + change / 100), 4),
        "reference_hz": round(track.hz, 4),
        "damping_percent": round(100 * float(np.median(track.damping[recent])), 2),
        "seen_percent": round(100 * track.seen),
        "windows": len(track.start),
        "days": len(days.day),
        "state": judged.state,
        "change_percent": _number(change),
        "change_error_percent": _number(judged.change_error),
        "sigmas": _number(judged.sigmas, 1),
        "percent_per_degree": _number(judged.per_degree, 3),
        "found": judged.found,
        "found_since": None if judged.found_since is None else judged.found_since * DAY_US,
        "level": judged.level,
        "label": labels[judged.level - 1] if judged.level else "",
        "shape": {sensor: round(part, 3) for sensor, part in track.shape.items()},
        "daily": [
            {
                "day": int(day) * DAY_US,
                "frequency_hz": round(track.hz * math.exp(percent / 100), 4),
                "temperature_c": _number(warm, 1),
                "compensated_percent": _number(of_frequency(left)),
                "error_percent": _number(error),
            }
            for day, percent, warm, left, error in zip(
                days.day.tolist(),
                days.percent.tolist(),
                days.warm.tolist(),
                judged.compensated.tolist(),
                judged.error.tolist(),
                strict=True,
            )
        ],
    }


def _of_now(rows: Sequence[Mapping[str, Any]], until: int | None) -> list[Mapping[str, Any]]:
    """Modes that were judged lately."""
    if until is None:
        return list(rows)
    return [
        row if row["daily"] and until - row["daily"][-1]["day"] <= OLD_DAYS * DAY_US else {**row, **_OLD}
        for row in rows
    ]


def _stiffness(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, Any]:
    """The indicator: what the mode that fell most says of the whole.

    Frequency goes with the root of stiffness over mass: stiffness changes by (1 + change)² − 1.
    """
    states = [row["state"] for row in rows]
    judged = [row for row in rows if row["change_percent"] is not None]
    fallen = [row for row in judged if row["found"] and row["change_percent"] < 0]
    risen = [row for row in judged if row["found"] and row["change_percent"] > 0]
    told = fallen or risen
    found: dict[str, Any] = {
        "state": next((state for state in STATES if state in states), "none"),
        "verdict": "fell" if fallen else "rose" if risen else "steady" if judged else "unknown",
        "modes": [row["mode"] for row in told],
        "level": max((row["level"] for row in rows), default=0),
        "frequency_change_percent": None,
        "stiffness_change_percent": None,
        "stiffness_error_percent": None,
        "confidence": None,
    }
    found["label"] = labels[found["level"] - 1] if found["level"] else ""
    if told:
        most = max(told, key=lambda row: abs(row["change_percent"]))
        change = most["change_percent"]
        found["frequency_change_percent"] = change
        found["stiffness_change_percent"] = round(100 * ((1 + change / 100) ** 2 - 1), 1)
        found["stiffness_error_percent"] = round(2 * most["change_error_percent"], 1)
        far = min(abs(most["sigmas"]) / 10, 1.0)
        young = 1.0 if most["state"] == "judged" else 0.75
        found["confidence"] = round(SEEN_BY[min(len(told), 3) - 1] * (0.6 + 0.4 * far) * young, 2)
    return found


def sentences(found: Mapping[str, Any], language: Language) -> list[str]:
    """What the figures mean, for whoever signs a report."""

    def say(key: str, **values: object) -> str:
        return text(f"modal.{key}", language, **values)

    if not found["hours"]:
        if not found["problems"]:
            return [say("says.nothing")]
        worst = max(found["problems"], key=found["problems"].get)
        return [say(f"problem.{worst}"), *_left_out_said(found, say)]
    if not found["modes"]:
        return [say("says.no_modes", hours=found["hours"])]
    return [
        say("says.modes", count=len(found["modes"]), hours=found["hours"], hz=_hertz(found)),
        *verdict(found, language),
        *_left_out_said(found, say),
    ]


def verdict(found: Mapping[str, Any], language: Language) -> list[str]:
    """Whether frequencies changed, or why that is not known; of figures that have modes."""

    def say(key: str, **values: object) -> str:
        return text(f"modal.says.{key}", language, **values)

    stiffness = found["stiffness"]
    if stiffness["verdict"] == "unknown":
        days = max(row["days"] for row in found["modes"])
        state = stiffness["state"]
        key = {"unknown_temperature": "no_temperature", "old": "old"}.get(state, "learning")
        if key == "old" and days < TRAINING_DAYS:
            key = "learning"
        return [say(key, days=days, needed=TRAINING_DAYS, old=OLD_DAYS)]
    most = max(
        (row for row in found["modes"] if row["change_percent"] is not None),
        key=lambda row: (row["mode"] in stiffness["modes"], abs(row["change_percent"])),
    )
    said = [
        say(
            stiffness["verdict"],
            mode=most["mode"],
            modes=("、" if language == "zh" else ", ").join(map(str, stiffness["modes"])),
            change=abs(most["change_percent"]),
            error=2 * most["change_error_percent"],
            stiffness=abs(stiffness["stiffness_change_percent"] or 0.0),
            confidence=stiffness["confidence"],
            least=LEAST_PERCENT,
        )
    ]
    if stiffness["level"]:
        said.append(say(f"level_{stiffness['level']}", label=stiffness["label"]))
    if stiffness["state"] == "provisional":
        said.append(say("provisional"))
    return said


def advice(found: Mapping[str, Any], language: Language) -> str | None:
    """What to do about a fall; None where there is nothing to do."""
    if found["stiffness"]["verdict"] != "fell":
        return None
    alike = len(found["stiffness"]["modes"]) > 1 and len(found["stiffness"]["modes"]) == len(found["modes"])
    return text("modal.advises.alike" if alike else "modal.advises.inspect", language)


def _left_out_said(found: Mapping[str, Any], say: Any) -> list[str]:
    return [
        say(f"left_out.{row['reason']}", sensor=row["sensor_id"], hours=row["hours"])
        for row in found["left_out"]
        if row["often"]
    ]


def _left_out(own: Sequence[Observation]) -> list[dict[str, Any]]:
    counts = Counter((sensor, why) for one in own for sensor, why in one.left_out.items())
    return [
        {"sensor_id": sensor, "reason": why, "hours": hours, "often": hours * 10 >= len(own)}
        for (sensor, why), hours in sorted(counts.items())
    ]


def _hertz(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{row['frequency_hz']:.2f}" for row in found["modes"])


def _number(value: float | None, digits: int = 2) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def state_of(row: Mapping[str, Any], language: Language) -> str:
    """Where a mode stands, in a word or three: `provisional, fell, 二级`."""
    words = [text(f"modal.state.{row['state']}", language)]
    if row["found"]:
        words.append(text(f"modal.state.{'fell' if row['change_percent'] < 0 else 'rose'}", language))
    if row["label"]:
        words.append(row["label"])
    return ("，" if language == "zh" else ", ").join(words)
