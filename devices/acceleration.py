"""High-rate acceleration, reduced to block features: what the rules see of a fast accelerometer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def shaking_features(blocks: Sequence[npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float32]]:
    """Root mean square and peak about each block's own mean, one entry each.

    blocks : float32[m] each  Samples [g]; lengths may differ; samples that are not finite do not count.
    Returns `acceleration_rms_g`, `vibration_g` → float32[n]; NaN for a block without a finite sample. The
    mean is gravity and the sensor's own offset; with it goes what swings slower than the block lasts.
    """
    out = {name: np.full(len(blocks), np.nan, np.float32) for name in ("acceleration_rms_g", "vibration_g")}
    for i, block in enumerate(blocks):
        samples = np.asarray(block, np.float64)
        samples = samples[np.isfinite(samples)]
        if len(samples):
            swing = samples - samples.mean()
            out["acceleration_rms_g"][i] = np.sqrt(np.mean(swing**2))
            out["vibration_g"][i] = np.abs(swing).max()
    return out
