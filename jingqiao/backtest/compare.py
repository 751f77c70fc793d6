"""Two rule sets over the same readings: what each rang for, and which was earlier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rules.alarm import AlarmChange, AlarmState

Key = tuple[str, str, tuple[str, ...]]


def compare(first: Sequence[AlarmChange], second: Sequence[AlarmChange]) -> dict[str, Any]:
    """JSON-ready: counts by hazard and severity, alarms of only one, and delays of the second [s].

    An alarm is the same when asset and hazard are; the n-th time it rings is compared with the n-th.
    """
    one, two = _firings(first), _firings(second)
    both = [key for key in one if key in two]
    delays = [
        {**_named(key), "delay_s": (two[key].event_at - one[key].event_at) / 1e6}
        for key in both
        if two[key].event_at != one[key].event_at
    ]
    graver = [
        {**_named(key), "first": one[key].severity.colour, "second": two[key].severity.colour}
        for key in both
        if one[key].severity != two[key].severity
    ]
    return {
        "alarms": {"first": _counts(one.values()), "second": _counts(two.values())},
        "only_first": [_named(key) for key in one if key not in two],
        "only_second": [_named(key) for key in two if key not in one],
        "delays": delays,
        "severities": graver,
    }


def _firings(changes: Sequence[AlarmChange]) -> dict[tuple[Key, int], AlarmChange]:
    """Each alarm once, as it was when it was gravest, at the time when it began; numbered from 0."""
    alarms: dict[tuple[Key, int], AlarmChange] = {}
    open_as: dict[Key, tuple[Key, int]] = {}
    rung: Counter[Key] = Counter()
    for change in changes:
        key = (change.asset_id, change.hazard.value, () if change.asset_id else change.sensor_ids)
        if change.state is AlarmState.CLEAR:
            open_as.pop(key, None)
        elif change.state is AlarmState.FIRING and not change.historical and key not in open_as:
            open_as[key] = (key, rung[key])
            alarms[open_as[key]] = change
            rung[key] += 1
    return alarms


def _counts(alarms: Any) -> dict[str, int]:
    counts = Counter(f"{alarm.hazard.value} {alarm.severity.colour}" for alarm in alarms)
    return dict(sorted(counts.items()))


def _named(key: tuple[Key, int]) -> dict[str, Any]:
    (asset_id, hazard, sensor_ids), number = key
    return {"asset_id": asset_id, "sensor_ids": list(sensor_ids), "hazard": hazard, "number": number + 1}
