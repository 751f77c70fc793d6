"""Which ten minutes can be analysed, with which sensors, and why not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from jingqiao.archive.contract import BLOCKS
from jingqiao.modal.window import NoWindow, Window, window_of

START = 1_704_067_200_000_000
TEN_MIN = 600_000_000


def blocks(
    sensor: str,
    *,
    rate_hz: float = 20.0,
    since: int = START,
    seconds: float = 600.0,
    block_s: float = 10.0,
    values: npt.NDArray[np.float64] | None = None,
    skip: tuple[int, ...] = (),
) -> pa.Table:
    """Blocks of one sensor end to end, some of them missing."""
    size, step = round(block_s * rate_hz), round(block_s * 1e6)
    count = int(seconds / block_s)
    if values is None:
        values = np.random.default_rng(len(sensor) + ord(sensor[-1])).normal(size=count * size)
    some = [i for i in range(count) if i not in skip]
    columns = {
        "sensor_id": [sensor] * len(some),
        "start": [since + i * step for i in some],
        "rate_hz": [rate_hz] * len(some),
        "strain_ue": [None] * len(some),
        "acceleration_g": [values[i * size : (i + 1) * size] for i in some],
    }
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in BLOCKS}, schema=BLOCKS)


def test_whole_blocks_of_two_sensors_are_a_window_without_their_means() -> None:
    table = pa.concat_tables([blocks("A"), blocks("B", values=np.arange(12_000) % 100.0)])
    found = window_of(table, ("A", "B"), START)
    assert isinstance(found, Window)
    assert (found.samples.shape, found.rate_hz, found.sensor_ids) == ((12_000, 2), 20.0, ("A", "B"))
    assert np.abs(found.samples.mean(axis=0)).max() < 1e-9


def test_a_block_that_began_before_the_window_reaches_into_it() -> None:
    table = pa.concat_tables(
        [blocks(s, since=START - 5_000_000, seconds=620, block_s=20) for s in ("A", "B")]
    )
    assert isinstance(window_of(table, ("A", "B"), START), Window)


def test_clocks_that_tick_between_each_other_are_put_on_one_grid() -> None:
    def wave(offset_s: float) -> npt.NDArray[np.float64]:
        return np.sin(2 * np.pi * 0.5 * (np.arange(12_200) / 20 + offset_s))

    table = pa.concat_tables(
        [
            blocks("A", since=START - 10_000_000, seconds=610, values=wave(0.0)),
            blocks("B", since=START - 9_980_000, seconds=610, values=wave(0.02)),
        ]
    )
    found = window_of(table, ("A", "B"), START)
    assert isinstance(found, Window)
    assert np.abs(found.samples[:, 0] - found.samples[:, 1]).max() < 0.01


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (blocks("B", skip=(30,)), "gaps"),
        (blocks("B", seconds=590), "gaps"),
        (blocks("B", rate_hz=5.0), "rate"),
        (blocks("B", values=np.zeros(12_000)), "still"),
    ],
)
def test_with_one_good_sensor_there_is_no_window_and_the_other_is_named(second: pa.Table, why: str) -> None:
    found = window_of(pa.concat_tables([blocks("A"), second]), ("A", "B"), START)
    assert found == NoWindow(START, "channels", {"B": why})


def test_a_sensor_of_another_rate_is_left_out_by_name() -> None:
    table = pa.concat_tables([blocks("A"), blocks("B"), blocks("C", rate_hz=25.0)])
    found = window_of(table, ("A", "B", "C"), START)
    assert isinstance(found, Window)
    assert (found.sensor_ids, found.left_out) == (("A", "B"), {"C": "rate"})


def test_two_sensors_of_different_rates_are_no_window() -> None:
    table = pa.concat_tables([blocks("A"), blocks("B", rate_hz=25.0)])
    assert window_of(table, ("A", "B"), START) == NoWindow(START, "channels", {"A": "rate"})


def test_rates_that_differ_as_crystals_do_are_one() -> None:
    table = pa.concat_tables([blocks("A"), blocks("B", rate_hz=20.005)])
    assert isinstance(window_of(table, ("A", "B"), START), Window)


def test_a_lost_second_of_ten_minutes_is_bridged() -> None:
    table = pa.concat_tables([blocks("A", block_s=0.5, skip=(500,)), blocks("B", block_s=0.5)])
    assert isinstance(window_of(table, ("A", "B"), START), Window)


def test_blocks_that_came_twice_count_once() -> None:
    table = pa.concat_tables([blocks("A"), blocks("A"), blocks("B")])
    found = window_of(table, ("A", "B"), START)
    assert isinstance(found, Window)
    assert found.samples.shape == (12_000, 2)


def test_without_blocks_there_is_no_window() -> None:
    assert window_of(BLOCKS.empty_table(), ("A", "B"), START) == NoWindow(
        START, "gaps", {"A": "gaps", "B": "gaps"}
    )
