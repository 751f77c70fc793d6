"""Readings wait here until their block of 20 s is over, then become one cell a channel and block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.strain import medians_of_blocks

BLOCK_US: Final = 20_000_000
"""Length of a base block [µs]: long enough that the median leaves out a vehicle's crossing."""

SECONDS: Final = BLOCK_US // 1_000_000
QUARTERS: Final = 4
QUARTER_US: Final = BLOCK_US // QUARTERS
"""Parts of a block that show the course of a movement: a vehicle comes to stand within seconds [µs]."""

SPIKE_SHARE: Final = 0.85
"""One sample that stands alone has (max - median) = std · √n; a vehicle has far less."""

LEAST_SAMPLES: Final = 16

_FIELDS: Final = ("channel", "time", "value", "low", "high", "std", "n", "temperature")


@dataclass(frozen=True, slots=True)
class Cells:
    """What the channels measured in one block; each channel at most once.

    block : int  Event time // BLOCK_US. channel : int32[k]
    value : float64[k]  Median: strain [µε], or [°C] of a thermometer; NaN when nothing was measured.
    low, high : float64[k]  Least and greatest sample, single-sample spikes left out.
    last : float64[k]  The newest reading.
    std : float64[k]  Spread within the readings' own blocks; NaN = unknown.
    n : float64[k]  Samples. rows : int64[k]  Readings. spikes : int64[k]  Spikes left out.
    temperature : float64[k]  The gauge's own temperature [°C]; NaN = not measured.
    time : int64[k]  Event time of the newest reading [µs].
    quarters : float64[k, QUARTERS]  Median of each quarter of the block; NaN where nothing was measured.
    seconds : float32[k, SECONDS]  What was measured in each second (its last reading); NaN where nothing was.
    """

    block: int
    channel: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]
    n: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.int64]
    temperature: npt.NDArray[np.float64]
    time: npt.NDArray[np.int64]
    quarters: npt.NDArray[np.float64]
    seconds: npt.NDArray[np.float32]

    def at(self, rows: npt.NDArray[np.int64]) -> Cells:
        """The cells at some rows."""
        return Cells(self.block, *(getattr(self, name)[rows] for name in Cells.__slots__[1:]))


class Pending:
    """Readings of blocks that are not over yet."""

    def __init__(self, spike_ue: float) -> None:
        self.spike_ue = spike_ue
        self.rows = 0
        self.earliest = np.iinfo(np.int64).max
        self._parts: dict[str, list[npt.NDArray[Any]]] = {}
        self._clear()

    def add(
        self,
        channel: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        value: npt.NDArray[np.float32],
        columns: Mapping[str, npt.NDArray[np.float32]],
    ) -> None:
        """Take readings; `columns` may have block features and the gauge's own temperature."""
        missing = np.full(len(channel), np.nan)
        own = {"low": "strain_min_ue", "high": "strain_max_ue", "std": "strain_std_ue", "n": "strain_n"}
        self._parts["channel"].append(channel.astype(np.int64))
        self._parts["time"].append(time)
        self._parts["value"].append(value.astype(np.float64))
        for name, column in own.items():
            self._parts[name].append(columns[column].astype(np.float64) if column in columns else missing)
        temperature = columns.get("temperature_c")
        self._parts["temperature"].append(missing if temperature is None else temperature.astype(np.float64))
        self.rows += len(channel)
        self.earliest = min(self.earliest, int(time.min()))

    def take(self, until: int) -> Iterator[Cells]:
        """Cells of all blocks that end at or before `until` [µs], in the order of time."""
        if self.earliest // BLOCK_US * BLOCK_US + BLOCK_US > until:
            return
        table = self.state()
        ready = table["time"] // BLOCK_US * BLOCK_US + BLOCK_US <= until
        self._clear()
        if not ready.all():
            self.restore({name: column[~ready] for name, column in table.items()})
            table = {name: column[ready] for name, column in table.items()}
        order = np.lexsort((table["time"], table["channel"], table["time"] // BLOCK_US))
        yield from _cells({name: column[order] for name, column in table.items()}, self.spike_ue)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All rows as named arrays."""
        whole = ("channel", "time")
        return {
            name: np.concatenate(parts) if parts else np.empty(0, np.int64 if name in whole else np.float64)
            for name, parts in self._parts.items()
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The rows that `state` gave."""
        self._clear()
        self.rows = len(state["time"])
        if self.rows:
            self._parts = {name: [np.asarray(state[name])] for name in _FIELDS}
            self.earliest = int(state["time"].min())

    def _clear(self) -> None:
        self._parts = {name: [] for name in _FIELDS}
        self.rows = 0
        self.earliest = np.iinfo(np.int64).max


def _cells(table: Mapping[str, npt.NDArray[Any]], spike_ue: float) -> Iterator[Cells]:
    """Cells of rows that lie by block, channel and time."""
    channel, block = table["channel"], table["time"] // BLOCK_US
    value, n, std = table["value"], table["n"], table["std"]
    low, high, spiked = _without_spikes(table, spike_ue)
    starts = np.flatnonzero(
        np.concatenate(([True], (channel[1:] != channel[:-1]) | (block[1:] != block[:-1])))
    )
    lengths = np.diff(np.append(starts, len(channel)))
    ends = starts + lengths - 1
    samples = np.where(np.isfinite(n), n, np.isfinite(value)).astype(np.float64)
    if len(starts) == len(channel):  # slow loggers: what one reading says is what its cell says
        whole = _single(table, samples, low, high, spiked)
        yield from _by_block(whole, block)
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = np.add.reduceat(samples, starts)
        variance = np.add.reduceat(np.nan_to_num(std) ** 2, starts) / np.add.reduceat(
            np.isfinite(std), starts
        )
    whole = Cells(
        0,
        channel[starts].astype(np.int32),
        medians_of_blocks(value, lengths),
        np.fmin.reduceat(low, starts),
        np.fmax.reduceat(high, starts),
        value[ends],
        np.sqrt(variance),
        samples,
        lengths,
        np.add.reduceat(spiked, starts),
        medians_of_blocks(table["temperature"], lengths),
        table["time"][ends].astype(np.int64),
        _quarters(table, starts, lengths),
        _seconds(table, lengths),
    )
    yield from _by_block(whole, block[starts])


def _by_block(whole: Cells, block: npt.NDArray[np.int64]) -> Iterator[Cells]:
    borders = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(block)]
    for first, end in pairwise(borders):
        yield Cells(int(block[first]), *(getattr(whole, name)[first:end] for name in Cells.__slots__[1:]))


def _single(
    table: Mapping[str, npt.NDArray[Any]],
    samples: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    spiked: npt.NDArray[np.int64],
) -> Cells:
    """Cells of one reading each."""
    value, k = table["value"], len(samples)
    rows, into = np.arange(k), table["time"] % BLOCK_US
    finite, warm = np.isfinite(value), table["temperature"]
    quarters = np.full((k, QUARTERS), np.nan)
    seconds = np.full((k, SECONDS), np.nan, np.float32)
    quarters[rows, into // QUARTER_US] = seconds[rows, into // 1_000_000] = value
    return Cells(
        0,
        table["channel"].astype(np.int32),
        np.where(finite, value, np.nan),
        low,
        high,
        value,
        np.where(np.isfinite(table["std"]), table["std"], np.nan),
        samples,
        np.ones(k, np.int64),
        spiked,
        np.where(np.isfinite(warm), warm, np.nan),
        table["time"].astype(np.int64),
        quarters,
        seconds,
    )


def _quarters(
    table: Mapping[str, npt.NDArray[Any]], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """float64[k, QUARTERS]  Medians of the quarters of cells: `lengths` rows from `starts` on."""
    out = np.full((len(starts), QUARTERS), np.nan)
    cell = np.repeat(np.arange(len(starts)), lengths)
    place = cell * QUARTERS + table["time"] % BLOCK_US // QUARTER_US
    first = np.flatnonzero(np.append(True, np.diff(place) != 0))
    found = medians_of_blocks(table["value"], np.diff(np.append(first, len(place))))
    out.flat[place[first]] = found
    return out


def _seconds(
    table: Mapping[str, npt.NDArray[Any]], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """float32[k, SECONDS]  The last reading of each second of cells of `lengths` rows."""
    out = np.full((len(lengths), SECONDS), np.nan, np.float32)
    cell = np.repeat(np.arange(len(lengths)), lengths)
    out[cell, table["time"] % BLOCK_US // 1_000_000] = table["value"]
    return out


def _without_spikes(
    table: Mapping[str, npt.NDArray[Any]], spike_ue: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    value, n = table["value"], table["n"]
    low = np.where(np.isfinite(table["low"]), table["low"], value)
    high = np.where(np.isfinite(table["high"]), table["high"], value)
    lone = SPIKE_SHARE * table["std"] * np.sqrt(n)
    many = n >= LEAST_SAMPLES
    up = many & (high - value > spike_ue) & (high - value >= lone)
    down = many & (value - low > spike_ue) & (value - low >= lone)
    return np.where(down, value, low), np.where(up, value, high), (up.astype(np.int64) + down)
