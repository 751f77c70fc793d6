"""Frame: columns that belong together, and their bytes."""

import numpy as np
import pytest

from devices.frame import NO_SEQ, Flag, Frame, concat, empty


def frame(n: int = 3, **columns: list[float]) -> Frame:
    return Frame(
        np.arange(n, dtype=np.int32),
        np.arange(n, dtype=np.int64) * 1_000_000,
        np.arange(n, dtype=np.int64) * 1_000_000 + 5,
        np.full(n, NO_SEQ, np.int64),
        np.full(n, Flag.GOOD, np.uint8),
        {name: np.array(values, np.float32) for name, values in columns.items()},
    )


def test_a_frame_comes_back_from_its_bytes_as_it_was() -> None:
    there = frame(3, tilt_deg=[1.0, np.nan, 3.0])
    back = Frame.from_ipc(there.to_ipc())
    for name in ("sensor", "time", "received", "seq", "flag"):
        np.testing.assert_array_equal(getattr(back, name), getattr(there, name))
    np.testing.assert_array_equal(back.columns["tilt_deg"], there.columns["tilt_deg"])


def test_concat_fills_what_a_frame_does_not_have_with_nan() -> None:
    joined = concat([frame(1, tilt_deg=[1.0]), frame(2, water_mm=[5.0, 6.0])])
    np.testing.assert_array_equal(joined.columns["tilt_deg"], np.array([1, np.nan, np.nan], np.float32))
    np.testing.assert_array_equal(joined.columns["water_mm"], np.array([np.nan, 5, 6], np.float32))
    assert len(concat([])) == len(empty()) == 0


def test_a_column_of_another_length_or_of_no_known_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="column tilt_deg has 2 rows"):
        frame(3, tilt_deg=[1.0, 2.0])
    with pytest.raises(ValueError, match="unknown quantity colour"):
        frame(1, colour=[1.0])
