"""Points that a platform states by time and name, taken as readings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.envelopes.collect import Collector, Stated
from ingest.envelopes.named_values import WrongTypeError, quantities, versions

MAX_TIME_US: Final = 2**62
"""Greatest time that our columns hold with room for sums [µs]."""


def take(
    collector: Collector, i: int, ids: tuple[str, ...], points: Iterator[tuple[int, str, object]]
) -> None:
    """Take (time, name, value) points as readings, one for each time, the earliest first."""
    by_time: dict[int, list[tuple[str, object]]] = {}
    for time, name, value in points:
        by_time.setdefault(time, []).append((name, value))
    readings: list[Stated] = []
    unknown_keys = 0
    try:
        for time in sorted(by_time):
            if (said := versions(by_time[time])) is not None:
                collector.introduces(i, int(collector.sensors([ids])[0]), said, time)
            values, unknown = quantities(by_time[time])
            unknown_keys += unknown
            if values:
                readings.append(Stated(i, ids, time, values))
    except WrongTypeError as fault:
        collector.dead(i, "envelope", str(fault))
        return
    collector.unknown_keys += unknown_keys
    if readings:
        collector.stated += readings
    else:
        collector.notices += 1
