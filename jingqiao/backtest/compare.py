"""Two rule sets over the same readings: what each rang for, and which was earlier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jingqiao.backtest.rung import Key, Rung, rung
from jingqiao.incidents.view import rfc3339
from rules.alarm import AlarmChange

Numbered = tuple[Key, int]


def compare(first: Sequence[AlarmChange], second: Sequence[AlarmChange]) -> dict[str, Any]:
    """JSON-ready: counts by hazard and severity, alarms of only one, and delays of the second [s].

    An alarm is the same when asset and hazard are; the n-th time it rings is compared with the n-th. It
    counts by the gravest that it came to. `delays` compare its first word, `paging_delays` the first that was
    orange or red, where both were; `severities` names those that came to another.
    """
    one, two = rung(first), rung(second)
    both = [key for key in one if key in two]
    return {
        "alarms": {"first": _counts(one.values()), "second": _counts(two.values())},
        "only_first": [_named(key, one[key]) for key in one if key not in two],
        "only_second": [_named(key, two[key]) for key in two if key not in one],
        "delays": _delays({key: (one[key].began, two[key].began) for key in both}),
        "paging_delays": _delays({key: (one[key].paged, two[key].paged) for key in both}),
        "severities": [
            {**_named(key), "first": one[key].gravest.colour, "second": two[key].gravest.colour}
            for key in both
            if one[key].gravest != two[key].gravest
        ],
    }


def _delays(times: Mapping[Numbered, tuple[int | None, int | None]]) -> list[dict[str, Any]]:
    return [
        {**_named(key), "delay_s": (after - before) / 1e6}
        for key, (before, after) in times.items()
        if before is not None and after is not None and before != after
    ]


def _counts(alarms: Iterable[Rung]) -> dict[str, int]:
    counts = Counter(f"{alarm.hazard} {alarm.gravest.colour}" for alarm in alarms)
    return dict(sorted(counts.items()))


def _named(key: Numbered, alarm: Rung | None = None) -> dict[str, Any]:
    (asset_id, hazard, sensor_ids), number = key
    named = {"asset_id": asset_id, "sensor_ids": list(sensor_ids), "hazard": hazard, "number": number + 1}
    if alarm is not None:
        named |= {
            "sensor_ids": list(alarm.sensor_ids),
            "event_at": rfc3339(alarm.began),
            "severity": alarm.gravest.colour,
        }
    return named
