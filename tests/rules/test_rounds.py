"""Rounds of a frame against their slow twin: a queue for every sensor."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.rounds import rounds


def slow_rounds(sensors: list[int]) -> list[list[int]]:
    """Again and again the first row that waits of every sensor, by sensor."""
    queues: dict[int, list[int]] = defaultdict(list)
    for row, sensor in enumerate(sensors):
        queues[sensor].append(row)
    result = []
    while any(queues.values()):
        result.append([queues[sensor].pop(0) for sensor in sorted(queues) if queues[sensor]])
    return result


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**31 - 1)), min_size=1, max_size=60))
def test_rounds_are_those_of_the_slow_twin(sensors: list[int]) -> None:
    fast = [rows.tolist() for rows in rounds(np.array(sensors, np.int32))]
    assert fast == slow_rounds(sensors)
