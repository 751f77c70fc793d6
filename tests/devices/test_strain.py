"""Block features: what is left of a fast gauge's samples, and what is never touched."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.frame import NO_SEQ, Flag, Frame
from devices.strain import block_features, reduce_rows

SAMPLES = st.lists(st.floats(-2000, 2000, width=32) | st.sampled_from([np.nan, np.inf, -np.inf]), max_size=12)


def frame(
    sensor: list[int], time_s: list[float], flag: list[int] | None = None, **columns: list[float]
) -> Frame:
    n = len(sensor)
    time = np.round(np.array(time_s) * 1e6).astype(np.int64)
    return Frame(
        np.array(sensor, np.int32),
        time,
        time + 7,
        np.full(n, NO_SEQ, np.int64),
        np.full(n, Flag.GOOD, np.uint8) if flag is None else np.array(flag, np.uint8),
        {name: np.array(values, np.float32) for name, values in columns.items()},
    )


def naive_features(block: list[float]) -> list[float]:
    samples = np.array([x for x in np.array(block, np.float32) if np.isfinite(x)], np.float64)
    if len(samples) == 0:
        return [np.nan, np.nan, np.nan, np.nan, 0.0]
    return [np.median(samples), samples.min(), samples.max(), samples.std(), len(samples)]


@given(st.lists(SAMPLES, max_size=8))
@settings(max_examples=60, deadline=None)
def test_features_are_those_of_the_slow_obvious_twin(blocks: list[list[float]]) -> None:
    features = block_features([np.array(block, np.float32) for block in blocks])
    for i, block in enumerate(blocks):
        found = [features[name][i] for name in features]
        np.testing.assert_allclose(found, naive_features(block), rtol=1e-4, atol=2e-3)


def test_a_second_of_samples_becomes_one_row_at_its_last_sample() -> None:
    time = [i / 100 for i in range(300)]
    strain = [float(i % 100) for i in range(300)]
    out = reduce_rows(frame([4] * 300, time, strain_ue=strain, temperature_c=[20.0] * 300))
    assert out.sensor.tolist() == [4, 4, 4]
    assert out.time.tolist() == [990_000, 1_990_000, 2_990_000]
    assert out.columns["strain_ue"].tolist() == [49.5] * 3
    assert out.columns["strain_min_ue"].tolist() == [0.0] * 3
    assert out.columns["strain_max_ue"].tolist() == [99.0] * 3
    assert out.columns["strain_n"].tolist() == [100.0] * 3
    assert out.columns["temperature_c"].tolist() == [20.0] * 3


def test_slow_loggers_lids_and_ready_features_stay_as_they_are() -> None:
    slow = frame([1, 1, 1], [0, 3, 6], strain_ue=[1.0, 2.0, 3.0])
    assert reduce_rows(slow) is slow
    lid = frame([1, 1, 1], [0, 0.5, 1], tilt_deg=[1.0, 2.0, 3.0], temperature_c=[1.0, 2.0, 3.0])
    assert reduce_rows(lid) is lid
    ready = frame([1, 1], [0, 1], strain_ue=[1.0, 2.0], strain_n=[50.0, 50.0])
    assert reduce_rows(ready) is ready


def test_fast_and_slow_sensors_in_one_frame_keep_their_order_of_arrival() -> None:
    rows = frame(
        [7, 1, 1, 8, 1, 1, 8],
        [0, 0.0, 0.5, 0.6, 1.0, 1.5, 9.0],
        strain_ue=[np.nan, 1, 2, np.nan, 3, 4, np.nan],
        tilt_deg=[5, np.nan, np.nan, 6, np.nan, np.nan, 7],
    )
    out = reduce_rows(rows)
    assert out.sensor.tolist() == [7, 1, 8, 1, 8]
    np.testing.assert_array_equal(
        out.columns["strain_ue"], np.array([np.nan, 1.5, np.nan, 3.5, np.nan], np.float32)
    )
    np.testing.assert_array_equal(out.columns["tilt_deg"], np.array([5, np.nan, 6, np.nan, 7], np.float32))


def test_a_thermometer_at_full_rate_is_reduced_as_well() -> None:
    out = reduce_rows(frame([2] * 200, [i / 100 for i in range(200)], temperature_c=[15.0] * 200))
    assert out.sensor.tolist() == [2, 2]
    assert out.columns["temperature_c"].tolist() == [15.0, 15.0]


def test_samples_that_failed_their_check_do_not_count() -> None:
    rows = frame([1] * 4, [0, 0.2, 0.4, 0.6], flag=[1, 4, 9, 3], strain_ue=[1.0, 900.0, -900.0, 3.0])
    out = reduce_rows(rows)
    assert (out.columns["strain_ue"].tolist(), out.columns["strain_n"].tolist()) == ([2.0], [2.0])
    assert out.flag.tolist() == [Flag.GOOD]


@given(st.permutations(range(40)), st.lists(st.integers(0, 39), max_size=10))
@settings(max_examples=40, deadline=None)
def test_disorder_and_gaps_within_a_frame_change_no_feature(order: list[int], lost: list[int]) -> None:
    kept = [i for i in range(40) if i not in lost]
    straight = frame([i % 2 for i in kept], [i * 0.1 for i in kept], strain_ue=[np.sin(i) for i in kept])
    shuffled_order = [i for i in order if i not in lost]
    shuffled = frame(
        [i % 2 for i in shuffled_order],
        [i * 0.1 for i in shuffled_order],
        strain_ue=[np.sin(i) for i in shuffled_order],
    )

    def rows(out: Frame) -> list[tuple[float, ...]]:
        table = zip(
            out.sensor.tolist(), out.time.tolist(), *(c.tolist() for c in out.columns.values()), strict=True
        )
        return sorted(table)

    np.testing.assert_allclose(rows(reduce_rows(shuffled)), rows(reduce_rows(straight)))
