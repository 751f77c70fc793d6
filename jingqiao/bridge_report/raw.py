"""Raw strain blocks around an event as plain rows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

LONGEST_BLOCK_US: Final = 600_000_000
"""A block that starts so long before an event may still reach into it."""


def write_samples(blocks: pa.Table, since: int, until: int, path: Path) -> int:
    """Samples of `Archive.blocks` in `since` ≤ t < `until` [µs] as CSV: `sensor_id, t, strain_ue`, `t` in
    milliseconds where all samples lie on them, else RFC 3339. Returns their number. Raises OSError.
    """
    lengths = np.array([len(cell) for cell in blocks["strain_ue"]], np.int64)
    if lengths.sum() == 0:
        return 0
    start = blocks["start"].cast(pa.int64()).to_numpy()
    rate = blocks["rate_hz"].to_numpy()
    owner = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    time = start[owner] + np.round(place * 1e6 / rate[owner]).astype(np.int64)
    inside = (time >= since) & (time < until)
    order = np.flatnonzero(inside)[np.argsort(time[inside], kind="stable")]
    flat = pa.chunked_array(blocks["strain_ue"]).combine_chunks().flatten()
    moments = (
        pa.array(time[order] // 1000)
        if (time[order] % 1000 == 0).all()
        else pa.array(time[order], pa.timestamp("us", "UTC")).cast(pa.string())
    )
    table = pa.table(
        {
            "sensor_id": blocks["sensor_id"].take(pa.array(owner[order])),
            "t": moments,
            "strain_ue": flat.take(pa.array(order)),
        }
    )
    pa.csv.write_csv(table, path)
    return len(order)
