"""Whether what a codec read can be: values against the ranges of `devices.quantities`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from devices.codecs.contract import Decoded
from devices.quantities import QUANTITIES


def unbelievable(decoded: Decoded) -> Mapping[int, str]:
    """Payload row → why a value of it is not believed; payloads that are fine are not in it."""
    reasons: dict[int, str] = {}
    for name, column in decoded.columns.items():
        quantity = QUANTITIES[name]
        if len(column) == 0:
            continue
        # NaN compares false, so that what was not measured is no fault.
        low, high = np.nanmin(column, initial=np.inf), np.nanmax(column, initial=-np.inf)
        if low >= quantity.low and high <= quantity.high:
            continue
        for index in np.flatnonzero((column < quantity.low) | (column > quantity.high)):
            reasons.setdefault(
                int(decoded.row[index]),
                f"{name} is {column[index]:g} {quantity.unit}".rstrip()
                + f"; believable is {quantity.low:g} to {quantity.high:g}",
            )
    return reasons


def without(decoded: Decoded, payload_rows: Mapping[int, str]) -> Decoded:
    """What is left without the readings of some payloads, which become errors."""
    if not payload_rows:
        return decoded
    keep: npt.NDArray[np.bool_] = ~np.isin(decoded.row, list(payload_rows))
    return Decoded(
        decoded.row[keep],
        decoded.time[keep],
        {name: column[keep] for name, column in decoded.columns.items()},
        {**decoded.errors, **payload_rows},
        decoded.notices,
        decoded.versions,
    )
