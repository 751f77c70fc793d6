"""Small frames from rows, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from devices.frame import NO_GATEWAY, NO_SEQ, Flag, Frame

T0 = 1_790_000_000_000_000
SECOND = 1_000_000
HOUR = 3600 * SECOND


def frame_of(rows: Sequence[Mapping[str, Any]]) -> Frame:
    """A frame of rows {sensor (index), t, received (s after T0; default t), flag, gateway, quantities…}."""
    meta = {"sensor", "t", "received", "flag", "gateway"}
    names = list(dict.fromkeys(key for row in rows for key in row if key not in meta))
    time = np.array([T0 + round(row["t"] * SECOND) for row in rows], np.int64)
    received = np.array([T0 + round(row.get("received", row["t"]) * SECOND) for row in rows], np.int64)
    return Frame(
        np.array([row["sensor"] for row in rows], np.int32),
        time,
        received,
        np.full(len(rows), NO_SEQ, np.int64),
        np.array([row.get("flag", Flag.GOOD) for row in rows], np.uint8),
        {name: np.array([row.get(name, np.nan) for row in rows], np.float32) for name in names},
        np.array([row.get("gateway", NO_GATEWAY) for row in rows], np.int32),
    )
