"""Rounds of a frame against their slow twin: a queue for every sensor."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.rounds import in_rounds


def slow_rounds(sensors: list[int]) -> list[list[int]]:
    """Again and again the first row that waits of every sensor, of whoever occurs most often first."""
    queues: dict[int, list[int]] = defaultdict(list)
    for row, sensor in enumerate(sensors):
        queues[sensor].append(row)
    turn = sorted(queues, key=lambda sensor: (-len(queues[sensor]), sensor))
    result = []
    while any(queues.values()):
        result.append([queues[sensor].pop(0) for sensor in turn if queues[sensor]])
    return result


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**31 - 1)), min_size=1, max_size=60))
def test_rounds_are_those_of_the_slow_twin(sensors: list[int]) -> None:
    fast = in_rounds(np.array(sensors, np.int32))
    rounds = [part.tolist() for part in np.split(fast.rows, np.cumsum(fast.sizes)[:-1])]
    assert rounds == slow_rounds(sensors)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_each_row_knows_the_one_before_it_of_the_same_sensor(sensors: list[int]) -> None:
    fast = in_rounds(np.array(sensors, np.int32))
    later = fast.rows[fast.sizes[0] :].tolist()
    for row, before in zip(later, fast.rows[fast.before()].tolist(), strict=True):
        assert before == max(other for other in range(row) if sensors[other] == sensors[row])
