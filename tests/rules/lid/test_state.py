"""The table of lid sensors: parts that are views of one row, moved as one piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.lid.state import LidState, Sink

MOST_BYTES = 400
"""A sensor's state, all detectors together, is at most this (issue 2); the lid's own part must leave room."""


def filled(n: int, seed: int) -> LidState:
    state, rng = LidState(n), np.random.default_rng(seed)
    for array in state.arrays().values():
        array[:] = rng.integers(0, 200, array.shape)
    return state


def same(a: LidState, b: LidState) -> bool:
    return all(np.array_equal(x, b.arrays()[name]) for name, x in a.arrays().items())


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.data())
def test_rows_that_are_taken_changed_and_put_back_change_nothing_else(n: int, data: st.DataObject) -> None:
    """Part by part, as separate arrays would do it."""
    chosen = data.draw(st.lists(st.integers(0, n - 1), unique=True, min_size=1))
    sensors = np.array(chosen, np.int32)
    state = filled(n, 1)
    slow = {name: array.copy() for name, array in state.arrays().items()}
    rows = state.take(sensors)
    other = filled(len(sensors), 2)
    for name, array in rows.arrays().items():
        assert np.array_equal(array, slow[name][sensors])
        array[:] = other.arrays()[name]
        slow[name][sensors] = other.arrays()[name]
    assert all(
        np.array_equal(state.arrays()[name][sensors], filled(n, 1).arrays()[name][sensors]) for name in slow
    )
    state.put(sensors, rows)
    assert all(np.array_equal(array, slow[name]) for name, array in state.arrays().items())


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 20), st.data())
def test_rows_that_are_out_for_some_rounds_change_as_those_of_the_table(n: int, data: st.DataObject) -> None:
    """Whatever rows are asked for: all, the first, neighbours or any."""
    chosen = st.lists(st.integers(0, n - 1), unique=True, min_size=1)
    out = np.array(data.draw(chosen), np.int32)
    quick, slow = filled(n, 1), filled(n, 1)
    quick.take_out(out)
    picks = st.one_of(
        st.integers(1, len(out)).map(np.arange),
        st.integers(0, len(out) - 1).map(lambda start: np.arange(start, len(out))),
        st.lists(st.integers(0, len(out) - 1), unique=True, min_size=1).map(np.array),
    )
    for seed, pick in enumerate(data.draw(st.lists(picks, max_size=5))):
        sensors = out[pick]
        rows, twin = quick.take(sensors), slow.take(sensors)
        assert same(rows, twin)
        other = filled(len(sensors), seed)
        for name in other.arrays():
            rows.arrays()[name][:] = other.arrays()[name]
            twin.arrays()[name][:] = other.arrays()[name]
        quick.put(sensors, rows)
        slow.put(sensors, twin)
        for i, sensor in enumerate(sensors.tolist()):
            state, at = quick.find(sensor)
            assert np.array_equal(state.tilt[at], other.tilt[i])
    quick.put_back()
    assert same(quick, slow)


def test_a_grown_table_keeps_what_it_had_and_knows_nothing_of_the_new() -> None:
    state = filled(3, 1)
    state.grow(5)
    assert same(state.take(np.arange(3)), filled(3, 1))
    assert same(state.take(np.arange(3, 5)), LidState(2))


def test_what_is_forgotten_is_unknown_but_for_what_was_said() -> None:
    state = filled(4, 1)
    state.forget(np.array([1, 2]))
    before, blank = filled(4, 1), LidState(4)
    for name, array in state.arrays().items():
        kept = name in ("said", "last")
        assert np.array_equal(array[1:3], (before if kept else blank).arrays()[name][1:3])
        assert np.array_equal(array[[0, 3]], before.arrays()[name][[0, 3]])


def test_a_state_of_other_parts_is_refused() -> None:
    arrays = {name: array.copy() for name, array in filled(3, 1).arrays().items()}
    assert same(LidState.of(arrays), filled(3, 1))
    with pytest.raises(ValueError, match="different lengths"):
        LidState.of({**arrays, "gap": arrays["gap"][:2]})
    with pytest.raises(ValueError, match="tilt does not fit"):
        LidState.of({**arrays, "tilt": arrays["tilt"][:, :-1]})
    older = arrays["sink"].copy()
    older[0, Sink.MEAN_DAY] = -3
    with pytest.raises(ValueError, match="older release"):
        LidState.of({**arrays, "sink": older})
    with pytest.raises(ValueError, match="water does not fit"):
        LidState.of({name: array for name, array in arrays.items() if name != "water"})


def test_a_sensor_s_row_leaves_room_for_the_other_detectors() -> None:
    row = sum(array[:1].nbytes for array in LidState(1).arrays().values())
    assert row <= MOST_BYTES - 100
