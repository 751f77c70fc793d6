"""Baselines that the rules have learned, written down when a sensor is commissioned and when that is redone.

They are read from the engine's snapshots, so that the rules stay free of any database.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.dossier import bulk
from jingqiao.dossier.tables import baseline
from rules.lid.state import EPOCH_US, HOUR_US, Sink, Tilt
from rules.snapshot import unpack

WHO: Final = "rules"
_SAME: Final = 1e-3
"""Baselines closer than this [° or mm] are one and the same: float32 through a database."""

_Learned = dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]]


class BaselineBook:
    """Knows what was written down last, and adds what has changed.

    database : the dossier's.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._known: dict[str, npt.NDArray[np.float64]] = {}
        with reading(database) as connection:
            stored = bulk.select(connection, baseline, "id")
        rows = stored["sensor_row"].to_numpy(zero_copy_only=False)
        values = stored["value"].to_numpy(zero_copy_only=False)
        quantities = np.array(stored["quantity"].to_pylist(), object)
        for quantity in dict.fromkeys(quantities.tolist()):
            mine = quantities == quantity
            known = np.full(int(rows[mine].max()) + 1, np.nan)
            known[rows[mine]] = values[mine]  # the last one of a sensor wins
            self._known[quantity] = known

    def note(self, snapshot: bytes, at: int) -> int:
        """Write down baselines that are complete and not yet known; returns how many. at : now [µs]."""
        fresh: dict[str, list[Any]] = {"sensor_row": [], "quantity": [], "value": [], "samples": []}
        for quantity, (values, samples, complete) in learned(snapshot).items():
            known = self._known.get(quantity, np.empty(0))
            if len(known) < len(values):
                known = np.concatenate([known, np.full(len(values) - len(known), np.nan)])
            with np.errstate(invalid="ignore"):
                new = np.flatnonzero(complete & ~(np.abs(values - known[: len(values)]) <= _SAME))
            known[new] = values[new]
            self._known[quantity] = known
            fresh["sensor_row"].append(new)
            fresh["quantity"] += [quantity] * len(new)
            fresh["value"].append(np.round(values[new], 4))
            fresh["samples"].append(samples[new])
        count = len(fresh["quantity"])
        if count:
            with writing(self._database) as connection:
                bulk.insert(
                    connection,
                    baseline,
                    {
                        "sensor_row": np.concatenate(fresh["sensor_row"]),
                        "quantity": pa.array(fresh["quantity"]),
                        "value": np.concatenate(fresh["value"]),
                        "samples": np.concatenate(fresh["samples"]),
                        "at": np.full(count, at),
                        "who": pa.array([WHO] * count),
                    },
                )
        return count


def learned(snapshot: bytes) -> _Learned:
    """Quantity → (float64[n] baseline, int64[n] readings in it, bool[n] commissioning is over) by sensor row.

    Raises ValueError for what is no snapshot.
    """
    header, arrays = unpack(snapshot)
    rules = header["rules"]["lid"]
    tilt, sink = arrays["detector.lid.tilt"], arrays["detector.lid.sink"]
    hours = (arrays["detector.lid.last"] - EPOCH_US) / HOUR_US
    result: _Learned = {}
    for quantity, state, base, count, since in (
        ("tilt_deg", tilt, Tilt.BASE, Tilt.COUNT, Tilt.SINCE),
        ("displacement_mm", sink, Sink.BASE, Sink.COUNT, Sink.SINCE),
    ):
        values = state[:, base].astype(np.float64)
        complete = state[:, count] >= rules["commission_readings"]
        complete &= hours - state[:, since] >= rules["commission_hours"]
        result[quantity] = (values, state[:, count].astype(np.int64), complete & ~np.isnan(values))
    return result
