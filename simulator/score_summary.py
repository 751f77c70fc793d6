"""A score as what `jingqiao score --json` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.score import PAGING, Found, Rate, Score
from simulator.truth import rfc3339


def summary(result: Score) -> dict[str, Any]:
    """JSON-ready: totals, by hazard, by hazard and severity of onset, false alarms, confusion."""
    required = [f for f in result.found if f.event.required]
    hazards = sorted({f.event.hazard for f in result.found})
    onsets = sorted({(f.event.hazard, f.event.severity) for f in result.found})
    return {
        "events": len(result.found),
        "alarms": len(result.alarms),
        "recall": _share(sum(f.alarm is not None for f in required), len(required)),
        "precision": _share(len(result.alarms) - len(result.false), len(result.alarms)),
        "lid_years": _number(result.lid_years),
        "false_alarms": _rate(result.false_rate()),
        "false_paging_alarms": _rate(result.false_rate(PAGING)),
        "false_by_hazard": dict(sorted(Counter(a.hazard for a in result.false).items())),
        "by_hazard": {h: _part([f for f in result.found if f.event.hazard == h]) for h in hazards},
        "by_hazard_and_onset": {
            f"{h}/{s}": _part([f for f in result.found if (f.event.hazard, f.event.severity) == (h, s)])
            for h, s in onsets
        },
        "confusion": {f"{was} → {said}": n for (was, said), n in sorted(result.confusion.items())},
        "missed": [f.event.to_json() for f in required if f.alarm is None],
        "false": [
            {
                "asset_id": a.asset_id,
                "sensor_ids": list(a.sensor_ids),
                "hazard": a.hazard,
                "severity": a.severity,
                "event_at": rfc3339(a.at),
            }
            for a in result.false
        ],
    }


def _part(found: Sequence[Found]) -> dict[str, Any]:
    required = [f for f in found if f.event.required]
    hits = [f for f in required if f.alarm is not None]
    delays, paged, ahead = (
        values[~np.isnan(values)]
        for values in (
            np.array([f.delay_s for f in hits]),
            np.array([f.paged_s for f in hits]),
            np.array([f.ahead_s for f in hits]),
        )
    )
    return {
        "required": len(required),
        "found": len(hits),
        "recall": _share(len(hits), len(required)),
        "paged": len(paged),
        "paged_median_s": _percentile(paged, 50),
        "paged_p90_s": _percentile(paged, 90),
        "optional": len(found) - len(required),
        "delay_median_s": _percentile(delays, 50),
        "delay_p90_s": _percentile(delays, 90),
        "ahead_of_limit_median_s": _percentile(ahead, 50),
        "ahead_of_limit_p10_s": _percentile(ahead, 10),
    }


def _percentile(values: np.ndarray[Any, np.dtype[np.float64]], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 3) if len(values) else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "count": rate.count,
        "per_1000_lid_years": _number(rate.per_thousand),
        "low_95": _number(rate.low),
        "high_95": _number(rate.high),
    }
