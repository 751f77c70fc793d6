"""What the figures mean, in sentences that an inspector can check and sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from config.messages import Language, text

POOR: Final = 0.9
"""Availability below which a sensor's month is called incomplete."""

Rows = Sequence[Mapping[str, Any]]


def conclusions(found: Mapping[str, Any], language: Language) -> tuple[list[str], list[str]]:
    """(conclusions, advice) from the summary's figures."""

    def say(key: str, **values: object) -> str:
        return text(f"bridge_report.{key}", language, **values)

    said, advice = [], []
    sensors: Rows = found["sensors"]
    poor = [s["sensor_id"] for s in sensors if s["availability"] is None or s["availability"] < POOR]
    said.append(
        say("concludes.data_poor", count=len(poor), total=len(sensors), names=_names(poor, language))
        if poor
        else say("concludes.data_good", total=len(sensors), share=round(100 * POOR))
    )
    if poor:
        advice.append(say("advises.data", names=_names(poor, language)))
    faulty = sorted({f["sensor_id"] for f in found["faults"]})
    if faulty:
        said.append(say("concludes.faults", count=len(faulty), names=_names(faulty, language)))
        advice.append(say("advises.faults", names=_names(faulty, language)))
    said += _strain(found, say)
    said += _movements(found, say)
    said += _live(found, say, advice)
    said += _drift(found, say, advice, language)
    said += _modal(found["modal"], advice, language)
    grave = [e for e in found["events"] if e["severity"] in ("red", "orange") and e["state"] == "firing"]
    said.append(say("concludes.events", count=len(found["events"]), grave=len(grave)))
    if grave:
        advice.append(say("advises.grave", count=len(grave)))
    if not advice:
        advice.append(say("advises.nothing"))
    return said, advice


def _strain(found: Mapping[str, Any], say: Any) -> list[str]:
    rows: Rows = [s for s in found["strain"] if s["peak_greatest"] is not None]
    if not rows:
        return [say("concludes.no_strain")]
    judged = [s for s in rows if s["share"] is not None]
    if not judged:
        return [say("concludes.no_design", count=len(rows))]
    most = max(judged, key=lambda s: s["share"])
    key = "concludes.strain_over" if most["share"] > 100 else "concludes.strain_within"
    return [say(key, sensor=most["sensor_id"], share=most["share"], count=len(judged))]


def _movements(found: Mapping[str, Any], say: Any) -> list[str]:
    judged = [m for m in found["movements"] if m["share"] is not None]
    if not judged:
        return []
    most = max(judged, key=lambda m: m["share"])
    key = "over" if most["share"] > 100 else "near" if most["share"] >= 80 else "within"
    return [say(f"concludes.movement_{key}", sensor=most["sensor_id"], share=most["share"])]


def _live(found: Mapping[str, Any], say: Any, advice: list[str]) -> list[str]:
    rows = [s for s in found["strain"] if s["live_greatest"] is not None]
    if not rows:
        return [say("concludes.no_live")]
    most = max(rows, key=lambda s: (s["live_times"] or 0, s["live_greatest"]))
    over = sum(s["over_1"] for s in rows)
    said = [
        say(
            "concludes.live" if most["live_unit_is_design"] else "concludes.live_usual",
            sensor=most["sensor_id"],
            peak=most["live_greatest"],
            times=most["live_times"] if most["live_times"] is not None else "–",
            over=over,
        )
    ]
    if over and most["live_unit_is_design"]:
        advice.append(say("advises.overload"))
    if not all(s["live_unit_is_design"] for s in rows):
        advice.append(say("advises.design_live"))
    return said


def _drift(found: Mapping[str, Any], say: Any, advice: list[str], language: Language) -> list[str]:
    rows: Rows = found["drift"]
    moved = [d["sensor_id"] for d in rows if d["moved"]]
    learning = [d["sensor_id"] for d in rows if d["state"] == "learning"]
    provisional = [d for d in rows if d["state"] == "provisional"]
    said = []
    if moved:
        said.append(say("concludes.drift", count=len(moved), names=_names(moved, language)))
        advice.append(say("advises.drift", names=_names(moved, language)))
    elif len(learning) < len(rows):
        said.append(say("concludes.no_drift", count=len(rows) - len(learning)))
    if learning:
        said.append(say("concludes.learning", count=len(learning), names=_names(learning, language)))
    if provisional:
        said.append(say("concludes.provisional", count=len(provisional)))
    return said


def _modal(found: Mapping[str, Any] | None, advice: list[str], language: Language) -> list[str]:
    """Nothing is concluded while frequencies are being learned."""
    if found is None or found["stiffness"]["verdict"] == "unknown":
        return []
    from jingqiao.modal import summary  # noqa: PLC0415 - with scipy

    if (wanted := summary.advice(found, language)) is not None:
        advice.append(wanted)
    return [" ".join(summary.verdict(found, language))]


def _names(ids: Sequence[str], language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(ids[:8]) + (f" … ({len(ids)})" if len(ids) > 8 else "")
