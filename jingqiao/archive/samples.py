"""Raw blocks as single samples with their times."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute


def samples_of(
    blocks: pa.Table, quantity: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """(row of the block, time [µs], value) of each sample of blocks that all have the quantity.

    blocks : `Archive.blocks`. quantity : `strain_ue` or `acceleration_g`.
    """
    lengths: Any = pa.compute.list_value_length(blocks[quantity]).to_numpy().astype(np.int64)
    start, rate = blocks["start"].cast(pa.int64()).to_numpy(), blocks["rate_hz"].to_numpy()
    owner = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    time = start[owner] + np.round(place * 1e6 / rate[owner]).astype(np.int64)
    return owner, time, pa.chunked_array(blocks[quantity]).combine_chunks().flatten().to_numpy()
