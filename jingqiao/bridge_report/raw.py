"""Raw blocks of strain and acceleration around an event as plain rows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from jingqiao.archive.samples import samples_of

LONGEST_BLOCK_US: Final = 600_000_000
"""A block that starts so long before an event may still reach into it."""


def write_samples(blocks: pa.Table, since: int, until: int, path: Path) -> int:
    """Samples of `Archive.blocks` in `since` ≤ t < `until` [µs] as CSV: `sensor_id, t` and `strain_ue`,
    `acceleration_g` or both, `t` in milliseconds where all samples lie on them, else RFC 3339. Returns their
    number. Raises OSError.
    """
    parts = [
        _samples(blocks, name, since, until)
        for name in ("strain_ue", "acceleration_g")
        if blocks[name].null_count < len(blocks)
    ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return 0
    table = pa.concat_tables(parts, promote_options="default")
    table = table.take(pa.array(np.argsort(table["t"].to_numpy(), kind="stable")))
    time: npt.NDArray[np.int64] = table["t"].to_numpy()
    moments = (
        pa.array(time // 1000)
        if (time % 1000 == 0).all()
        else pa.array(time, pa.timestamp("us", "UTC")).cast(pa.string())
    )
    pa.csv.write_csv(table.set_column(1, "t", moments), path)
    return len(table)


def _samples(blocks: pa.Table, name: str, since: int, until: int) -> pa.Table:
    """`sensor_id, t` [µs] and one quantity of the samples in a span."""
    own = blocks.filter(pa.compute.is_valid(blocks[name]))
    owner, time, values = samples_of(own, name)
    inside = np.flatnonzero((time >= since) & (time < until))
    return pa.table(
        {
            "sensor_id": own["sensor_id"].take(pa.array(owner[inside])),
            "t": pa.array(time[inside]),
            name: pa.array(values[inside]),
        }
    )
